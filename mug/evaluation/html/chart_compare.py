"""A judged chart beside the human one: where they agree, what they look like, what lint finds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from mug.beatmap.beatmap import Beatmap
from mug.lint.findings import Finding
from mug.lint.text_report import timestamp
from mug.metrics.grid import Grid
from mug.metrics.onsets import match_onsets, onset_times
from mug.render.chart_excerpt import Excerpt, ExcerptSide, excerpt_svg
from mug.render.chart_image import FRAMES, ChartFrame, clock_text, render_chart
from mug.render.html import fragment
from mug.render.png import picture_html

TOLERANCE_MS = 20.0
PART_MS = 4000.0
STRIPS = 6
"""An excerpt shows so many parts side by side."""

_MOST_WIDTH, _MOST_HEIGHT, _PIXELS_PER_SECOND = 1900, 1100, 90.0


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
    """Hold a chart against a human one.

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
    kept = tuple(finding for finding in findings if finding.severity in FRAMES)
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
    are framed. The beats are those of the human chart.
    """
    human, judged = compared.human, compared.judged
    until = from_ms + STRIPS * PART_MS
    frames = _frames(compared.findings)
    excerpt = Excerpt(
        sides=(
            ExcerptSide("human", human.hit_objects, compared.matched[0]),
            ExcerptSide("judged", judged.hit_objects, compared.matched[1], frames),
        ),
        keys=max(human.keys, judged.keys),
        from_ms=from_ms,
        strips=STRIPS,
        strip_ms=PART_MS,
        beats=_beats(human, from_ms),
        name_of=timestamp,
    )
    return excerpt_svg(excerpt, f"{clock_text(from_ms)} to {clock_text(until)}, human and judged")


def _beats(human: Beatmap, from_ms: float) -> list[tuple[float, bool]]:
    """Beats of each part of an excerpt, and whether each begins a bar."""
    grid, found = Grid(human.red_lines), dict[float, bool]()
    for number in range(STRIPS):
        start = from_ms + number * PART_MS
        bars = set(grid.bars(start + PART_MS).round(3).tolist())
        for at in grid.lines(start, start + PART_MS, 1).round(3).tolist():
            found[at] = at in bars
    return list(found.items())


def _frames(findings: Sequence[Finding]) -> tuple[ChartFrame, ...]:
    return tuple(
        ChartFrame(f.time_ms, f.end_ms, f.columns, f.severity, f"{f.rule}: {f.message}")
        for f in findings
    )


def chart_image(beatmap: Beatmap, findings: Sequence[Finding] = ()) -> Markup:
    """The whole chart as an image of the page, with its findings framed.

    Args:
        beatmap: the chart.
        findings: of lint; errors in red, warnings in orange.
    """
    picture = render_chart(
        beatmap,
        pixels_per_second=_PIXELS_PER_SECOND,
        max_width=_MOST_WIDTH,
        max_height=_MOST_HEIGHT,
        frames=_frames(findings),
    )
    return picture_html(picture, beatmap.version, colours=128)
