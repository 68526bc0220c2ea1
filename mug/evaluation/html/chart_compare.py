"""A judged chart beside the human one: where they agree, what they look like, what lint finds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from markupsafe import Markup

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.lint.findings import Finding
from mug.lint.text_report import timestamp
from mug.metrics.grid import Grid
from mug.metrics.onsets import match_onsets, onset_times
from mug.render.chart_image import HEADER, NOTE, clock_text, plan_layout, render_chart
from mug.render.html import fragment
from mug.render.png import picture_html

TOLERANCE_MS = 20.0
PART_MS = 4000.0
STRIPS = 6
"""An excerpt shows so many parts side by side."""

_LANE, _GAP, _GUTTER, _HEIGHT, _FOOT, _HEAD = 15, 12, 34, 330, 8, 20
_MOST_WIDTH, _MOST_HEIGHT, _PIXELS_PER_SECOND = 1900, 1100, 90.0
_SEVERE = {"error": (255, 86, 86), "warning": (255, 176, 58)}


@dataclass(frozen=True)
class Passage:
    """A few seconds of a song.

    Args:
        start_ms: where it begins.
        end_ms: where it is over.
        human: onsets of the human chart in it.
        judged: onsets of the judged chart.
        matched: human onsets that have a partner within 20 ms.
        findings: errors and warnings of lint that begin in it.
    """

    start_ms: float
    end_ms: float
    human: int
    judged: int
    matched: int
    findings: int

    @property
    def f1(self) -> float:
        """F1 of the onsets in it; not a number where neither chart has any."""
        total = self.human + self.judged
        return 2 * self.matched / total if total else math.nan


@dataclass(frozen=True)
class Compared:
    """Two charts of a song held side by side.

    Args:
        human: by people.
        judged: the other.
        findings: of lint in the judged one; notes are left out.
        matched: onsets that both have within 20 ms: of the human chart, of the judged one.
    """

    human: Beatmap
    judged: Beatmap
    findings: tuple[Finding, ...]
    matched: tuple[frozenset[float], frozenset[float]]

    @property
    def parts(self) -> list[Passage]:
        """The song in pieces of four seconds."""
        ours, theirs = onset_times(self.judged.hit_objects), onset_times(self.human.hit_objects)
        ends = [float(times.max()) for times in (ours, theirs) if len(times)]
        count = math.floor(max(max(ends, default=0.0), 0.0) / PART_MS) + 1
        edges = np.arange(count + 1) * PART_MS
        hits = np.array(sorted(self.matched[0]), np.float64)
        starts = np.array([f.time_ms for f in self.findings], np.float64)
        counted = [np.histogram(times, edges)[0] for times in (theirs, ours, hits, starts)]
        return [
            Passage(float(edges[i]), float(edges[i + 1]), *(int(one[i]) for one in counted))
            for i in range(count)
        ]

    def worst_start(self) -> float:
        """Start of the excerpt in which most onsets have no partner."""
        parts = self.parts

        def alone(first: int) -> int:
            shown = parts[first : first + STRIPS]
            return sum(part.human + part.judged - 2 * part.matched for part in shown)

        return parts[max(range(max(len(parts) - STRIPS, 0) + 1), key=alone)].start_ms


def compare(human: Beatmap, judged: Beatmap, findings: Sequence[Finding]) -> Compared:
    """Holds a chart against a human one.

    Args:
        human: by people.
        judged: the other.
        findings: of lint in the judged chart.
    """
    theirs, ours = onset_times(human.hit_objects), onset_times(judged.hit_objects)
    pairs = match_onsets(ours, theirs, TOLERANCE_MS)
    matched = (
        frozenset(float(theirs[j]) for _, j in pairs),
        frozenset(float(ours[i]) for i, _ in pairs),
    )
    kept = tuple(finding for finding in findings if finding.severity in _SEVERE)
    return Compared(human, judged, kept, matched)


def agreement_strip(compared: Compared) -> Markup:
    """The song from left to right: a box every four seconds, taller where the charts agree."""
    boxes = []
    for part in compared.parts:
        share = 0.0 if math.isnan(part.f1) else part.f1
        said = "no notes" if math.isnan(part.f1) else f"F1 {part.f1:.2f}"
        found = f", {part.findings} findings" if part.findings else ""
        said += f"; {part.human} onsets by people, {part.judged} judged{found}"
        boxes.append({
            "said": f"{clock_text(part.start_ms)}: {said}",
            "height": f"{100 * share:.0f}%",
            "mark": min(3 + 3 * part.findings, 14) if part.findings else None,
        })  # fmt: skip
    return fragment("mug.evaluation.html/song.html", "agreement", boxes=boxes)


def excerpt_drawing(compared: Compared, from_ms: float) -> Markup:
    """Some seconds of both charts: human left, judged right, in strips; time runs upwards.

    Notes with a partner in the other chart are full, those without are outlines; findings of lint
    are framed.
    """
    keys = max(compared.human.keys, compared.judged.keys)
    width = STRIPS * (_GUTTER + 2 * keys * _LANE + _GAP) + _GAP
    height = _HEAD + _HEIGHT + _FOOT
    about = f"{clock_text(from_ms)} to {clock_text(from_ms + STRIPS * PART_MS)}, human and judged"
    parts = [
        f'<svg class="excerpt" viewBox="0 0 {width} {height}" role="img" aria-label="{about}">'
    ]
    for number in range(STRIPS):
        strip = _Strip(number, from_ms + number * PART_MS, keys)
        parts += strip.frame(compared.human)
        for side, chart in enumerate((compared.human, compared.judged)):
            for note in chart.hit_objects:
                parts += strip.note(note, side, float(note.start_ms) in compared.matched[side])
        for finding in compared.findings:
            parts += strip.finding(finding)
    return Markup("".join([*parts, "</svg>"]))  # each text in it is escaped


@dataclass(frozen=True)
class _Strip:
    """Four seconds of both charts."""

    number: int
    start_ms: float
    keys: int

    def x(self, side: int, column: int) -> int:
        lanes = self.keys * _LANE
        place = self.number * (_GUTTER + 2 * lanes + _GAP) + _GUTTER
        return place + side * (lanes + _GAP // 2) + column * _LANE

    def y(self, time_ms: float) -> float:
        return _HEAD + _HEIGHT * (1 - (time_ms - self.start_ms) / PART_MS)

    def shows(self, start_ms: float, end_ms: float) -> bool:
        return end_ms >= self.start_ms and start_ms < self.start_ms + PART_MS

    def frame(self, human: Beatmap) -> Iterator[str]:
        """Lanes, beats of the human tempo, and the time at the foot."""
        lanes = self.keys * _LANE
        for side, name in enumerate(("human", "judged")):
            left = self.x(side, 0)
            yield f'<rect class="lane" x="{left}" y="{_HEAD}" width="{lanes}" height="{_HEIGHT}"/>'
            yield f'<text x="{left + lanes / 2}" y="13" text-anchor="middle">{name}</text>'
            end_ms = self.start_ms + PART_MS
            bars = set(Grid(human.red_lines).bars(end_ms).round(3).tolist())
            for at in Grid(human.red_lines).lines(self.start_ms, end_ms, 1).round(3).tolist():
                if self.shows(at, at):
                    kind = "bar" if at in bars else "beat"
                    yield (
                        f'<line class="{kind}" x1="{left}" x2="{left + lanes}"'
                        f' y1="{self.y(at):.1f}" y2="{self.y(at):.1f}"/>'
                    )
        foot = self.y(self.start_ms)
        yield (
            f'<text x="{self.x(0, 0) - 5}" y="{foot:.0f}" text-anchor="end">'
            f"{clock_text(self.start_ms)}</text>"
        )

    def note(self, note: HitObject, side: int, matched: bool) -> Iterator[str]:
        if not (self.shows(note.start_ms, note.last_ms) and 0 <= note.column < self.keys):
            return
        left = self.x(side, note.column) + 1
        kind = ("hit" if matched else "lone") + (
            " outer" if note.column in (0, self.keys - 1) else ""
        )
        if isinstance(note, LongNote):
            top = max(self.y(note.end_ms), _HEAD)
            foot = min(self.y(note.start_ms), _HEAD + _HEIGHT)
            yield (
                f'<rect class="body {kind}" x="{left + 2}" y="{top:.1f}" width="{_LANE - 6}"'
                f' height="{max(foot - top, 0):.1f}"/>'
            )
        if note.start_ms >= self.start_ms:
            y = self.y(note.start_ms) - NOTE / 2
            yield (
                f'<rect class="{kind}" x="{left}" y="{y:.1f}" width="{_LANE - 2}" height="{NOTE}"'
                f' rx="1.5"><title>{timestamp(note.start_ms)}</title></rect>'
            )

    def finding(self, finding: Finding) -> Iterator[str]:
        if not self.shows(finding.time_ms, finding.end_ms):
            return
        columns = [c for c in finding.columns if 0 <= c < self.keys] or [0, self.keys - 1]
        left, right = self.x(1, min(columns)), self.x(1, max(columns)) + _LANE
        top = max(self.y(finding.end_ms) - 6, _HEAD)
        foot = min(self.y(finding.time_ms) + 6, _HEAD + _HEIGHT)
        yield (
            f'<rect class="found {finding.severity}" x="{left - 1}" y="{top:.1f}"'
            f' width="{right - left + 1}" height="{max(foot - top, 1):.1f}" rx="3">'
            f"<title>{escape(f'{finding.rule}: {finding.message}')}</title></rect>"
        )


def chart_image(beatmap: Beatmap, findings: Sequence[Finding] = ()) -> Markup:
    """The whole chart as an image of the page, with its findings framed.

    Args:
        beatmap: the chart.
        findings: of lint; errors in red, warnings in orange.
    """
    from PIL import ImageDraw

    picture = render_chart(
        beatmap,
        pixels_per_second=_PIXELS_PER_SECOND,
        max_width=_MOST_WIDTH,
        max_height=_MOST_HEIGHT,
    )
    layout = plan_layout(beatmap, _PIXELS_PER_SECOND, _MOST_WIDTH, _MOST_HEIGHT)
    draw = ImageDraw.Draw(picture)
    for finding in findings:
        colour = _SEVERE.get(finding.severity)
        columns = [c for c in finding.columns if 0 <= c < beatmap.keys]
        if colour is None or not columns:
            continue
        for strip, top, bottom in layout.pieces(finding.time_ms, finding.end_ms):
            left = layout.x(strip, min(columns)) - 1
            right = layout.x(strip, max(columns)) + layout.lane
            box = (left, max(top - NOTE - 1, HEADER), right, max(bottom + 2, HEADER + 2))
            draw.rectangle(box, outline=colour)
    return picture_html(picture, beatmap.version, colours=128)
