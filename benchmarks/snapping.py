"""Measures snapping: how many notes come back to their exact place after jitter and outliers.

    MUG_REAL_DATA=... python benchmarks/snapping.py

Composed charts, and human ones where MUG_REAL_DATA names their folder, are given Gaussian jitter
(each note its own) or outliers (one note in fifty 60 ms off, with 4 ms of jitter), snapped with
their own timing points and their own star rating's tier, and compared with the exact notes:
`snap_chart` against `snap_to_grid` with its default divisors and against no snapping. Prints a
Markdown table. The same seed gives the same numbers. With `--tiers`: how many notes of the human
charts lie on lines that the tier of their star rating allows. With `--voices`: how many notes of
straight lines are put on triplet lines after jitter, and the other way round.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mug.beatmap.beat_lines import BeatLines
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.compose.charts import make_charts
from mug.compose.composer import compose_song
from mug.compose.style import SongStyle
from mug.difficulty.stars import star_rating
from mug.errors import BeatmapError
from mug.snapping.lines import voice
from mug.snapping.nearest import SnapOptions, snap_chart, snap_to_grid
from mug.snapping.options import DIVISORS, TIERS

OUTLIERS = "4 + outliers"
DAMAGES: dict[str, tuple[float, float]] = {
    "0": (0.0, 0.0),
    "4": (4.0, 0.0),
    "8": (8.0, 0.0),
    "16": (16.0, 0.0),
    OUTLIERS: (4.0, 0.02),
}
OUTLIER_MS = 60.0
# Composed charts are rounded and human ones were cut to whole ms, up to twice: as near is exact.
EXACT_MS = 2.0

Snapper = Callable[[Sequence[HitObject], Beatmap, float], dict[int, HitObject]]


@dataclass
class Tally:
    """Sums over charts."""

    notes: int = 0
    exact: int = 0
    lost: int = 0
    collisions: int = 0
    error_ms: float = 0.0
    placed: int = 0
    tails: int = 0
    exact_tails: int = 0

    def add(self, truth: Sequence[HitObject], got: dict[int, HitObject], damaged: set[int]) -> None:
        """Count a chart; damaged notes, which are off by design, are not judged."""
        for index, note in enumerate(truth):
            if index in damaged:
                continue
            self.notes += 1
            after = got.get(index)
            if after is None:
                self.lost += 1
                continue
            error = after.start_ms - note.start_ms
            self.placed += 1
            self.error_ms += error
            self.exact += abs(error) <= EXACT_MS
            if isinstance(note, LongNote):
                self.tails += 1
                self.exact_tails += abs(after.last_ms - note.last_ms) <= EXACT_MS
        self.collisions += collisions(list(got.values()))

    def row(self) -> str:
        """Cells of the table."""
        tails = f"{100 * self.exact_tails / self.tails:.2f} %" if self.tails else "none"
        return (
            f"{100 * self.exact / max(self.notes, 1):.2f} % | {tails} | "
            f"{self.error_ms / max(self.placed, 1):+.3f} | {self.collisions} | {self.lost}"
        )


def collisions(notes: Sequence[HitObject]) -> int:
    """Neighbours of a column that meet, and holds without length, in whole ms."""
    count = 0
    columns: dict[int, list[tuple[int, int]]] = {}
    for note in notes:
        span = (round(note.start_ms), round(note.last_ms))
        count += isinstance(note, LongNote) and span[1] <= span[0]
        columns.setdefault(note.column, []).append(span)
    for spans in columns.values():
        spans.sort()
        count += sum(b[0] <= a[1] for a, b in itertools.pairwise(spans))
    return count


def damage(
    notes: Sequence[HitObject], jitter_ms: float, outliers: float, rng: np.random.Generator
) -> tuple[list[HitObject], set[int]]:
    """Notes with jitter, heads and tails apart, and the indices of the outliers."""
    raw: list[HitObject] = []
    far = {int(i) for i in np.flatnonzero(rng.random(len(notes)) < outliers)}
    for index, note in enumerate(notes):
        by = rng.normal(0, jitter_ms) if jitter_ms else 0.0
        by += OUTLIER_MS * rng.choice([-1.0, 1.0]) if index in far else 0.0
        start = note.start_ms + by
        if isinstance(note, LongNote):
            end = note.end_ms + (rng.normal(0, jitter_ms) if jitter_ms else 0.0)
            raw.append(replace(note, start_ms=start, end_ms=max(end, start + 10.0)))
        else:
            raw.append(replace(note, start_ms=start))
    return raw, far


def by_voice(notes: Sequence[HitObject], chart: Beatmap, stars: float) -> dict[int, HitObject]:
    """`snap_chart` with the tier of the chart's star rating."""
    got = snap_chart(notes, chart.red_lines, SnapOptions(star_rating=stars))
    return dict(zip(got.sources, got.hit_objects, strict=True))


def as_generated(notes: Sequence[HitObject], chart: Beatmap, stars: float) -> dict[int, HitObject]:
    """`snap_chart` as charts are generated: what fits no line goes to the nearest."""
    got = snap_chart(notes, chart.red_lines, SnapOptions(star_rating=stars, unfit="move"))
    return dict(zip(got.sources, got.hit_objects, strict=True))


def by_any_voice(notes: Sequence[HitObject], chart: Beatmap, stars: float) -> dict[int, HitObject]:
    """`snap_chart` with all divisors at any tempo."""
    del stars
    got = snap_chart(notes, chart.red_lines, SnapOptions(divisors=DIVISORS))
    return dict(zip(got.sources, got.hit_objects, strict=True))


def by_nearest(notes: Sequence[HitObject], chart: Beatmap, stars: float) -> dict[int, HitObject]:
    """`snap_to_grid` as the generator has used it."""
    del stars
    return dict(enumerate(snap_to_grid(notes, chart.red_lines).hit_objects))


def unsnapped(notes: Sequence[HitObject], chart: Beatmap, stars: float) -> dict[int, HitObject]:
    """No snapping."""
    del chart, stars
    return dict(enumerate(notes))


SNAPPERS: dict[str, Snapper] = {
    "snap_chart": by_voice,
    "snap_chart, all divisors": by_any_voice,
    "snap_to_grid": by_nearest,
    "none": unsnapped,
}


def composed(songs: int, style: SongStyle) -> list[Beatmap]:
    """All difficulties of composed songs."""
    charts: list[Beatmap] = []
    for seed in range(songs):
        song = compose_song(seed, style)
        charts += make_charts(song, audio_filename="a.wav", beatmapset_id=seed)
    return charts


def measure(name: str, charts: Sequence[Beatmap], seed: int) -> None:
    """Print the rows of a group of charts."""
    stars = [star_rating(chart) for chart in charts]
    for label, (jitter_ms, outliers) in DAMAGES.items():
        for snapper, function in SNAPPERS.items():
            rng = np.random.default_rng(seed)
            tally = Tally()
            for chart, rating in zip(charts, stars, strict=True):
                raw, far = damage(chart.hit_objects, jitter_ms, outliers, rng)
                tally.add(chart.hit_objects, function(raw, chart, rating), far)
            print(f"| {name} | {label} | {snapper} | {tally.row()} |", flush=True)


def measure_tiers(charts: Sequence[Beatmap]) -> None:
    """Print the share of notes whose head and tail lie on lines that their tier allows."""
    print("| tier | charts | notes | on its lines |\n|---|---|---|---|")
    found: dict[str, list[int]] = {tier.name: [0, 0, 0] for tier in TIERS}
    for chart in charts:
        options = SnapOptions(star_rating=star_rating(chart), tolerance_ms=EXACT_MS + 0.5)
        got = snap_chart(chart.hit_objects, chart.red_lines, options)
        counts = (1, len(chart.hit_objects), len(got.unfit))
        found[options.tier.name] = [
            a + b for a, b in zip(found[options.tier.name], counts, strict=True)
        ]
    for name, (number, notes, unfit) in found.items():
        if notes:
            print(f"| {name} | {number} | {notes} | {100 * (1 - unfit / notes):.2f} % |")


# ------------------------------------------------------------------------------- voices

STRAIGHT, TRIPLET = 1, 3
CORPUS_NOTES = 100
MIXED_SHARE = 0.05  # a chart with more of both voices mixes them
VOICE_JITTERS_MS = (0.0, 4.0, 8.0, 12.0, 16.0)


def voices_of(notes: Sequence[HitObject], chart: Beatmap) -> np.ndarray:
    """The voice of each head by the coarsest line within 2 ms; 0 for beats and for no line."""
    lines = BeatLines(chart.red_lines)
    times = np.array([note.start_ms for note in notes], np.float64)
    found = np.zeros(len(times), np.int64)
    for divisor in sorted(DIVISORS, reverse=True):
        near = np.abs(lines.nearest(times, divisor)[1]) <= EXACT_MS
        found[near] = voice(divisor) if divisor > 1 else 0
    return found


def half_swung(chart: Beatmap) -> Beatmap:
    """A straight chart whose second half swings: off-beats at 2/3, finer notes left out."""
    lines = BeatLines(chart.red_lines)
    middle = (chart.hit_objects[0].start_ms + chart.hit_objects[-1].start_ms) / 2
    notes: list[HitObject] = []
    for note in chart.hit_objects:
        beat_ms = float(lines.beat_ms[lines.section(np.array([note.start_ms]))[0]])
        before = lines.around(note.start_ms - EXACT_MS, [1])[0][0]
        part = (note.start_ms - before) / beat_ms
        if note.start_ms < middle or abs(part % 1) * beat_ms <= EXACT_MS:
            notes.append(note)
        elif abs(part - 1 / 2) * beat_ms <= EXACT_MS and not isinstance(note, LongNote):
            notes.append(replace(note, start_ms=before + 2 / 3 * beat_ms))
    return chart.with_objects(notes)


def measure_voices(groups: dict[str, Sequence[Beatmap]], seed: int) -> None:
    """Print off-grid notes of both kinds for groups of charts, all divisors and the tier's."""
    print("| charts | jitter (ms) | divisors | stray triplets | stray straights | heads exact |")
    print("|---|---|---|---|---|---|")
    for name, charts in groups.items():
        stars = [star_rating(chart) for chart in charts]
        for jitter_ms, (label, snapper) in itertools.product(
            VOICE_JITTERS_MS, (("tier's", as_generated), ("all", by_any_voice))
        ):
            rng = np.random.default_rng(seed)
            off_grid, of, exact, heads = {STRAIGHT: 0, TRIPLET: 0}, {STRAIGHT: 0, TRIPLET: 0}, 0, 0
            for chart, rating in zip(charts, stars, strict=True):
                raw, _ = damage(chart.hit_objects, jitter_ms, 0.0, rng)
                got = snapper(raw, chart, rating)
                there = sorted(got)
                truth = [chart.hit_objects[i] for i in there]
                placed = [got[i] for i in there]
                before, after = voices_of(truth, chart), voices_of(placed, chart)
                heads += len(there)
                for one, note in zip(truth, placed, strict=True):
                    exact += abs(one.start_ms - note.start_ms) <= EXACT_MS
                off_grid[TRIPLET] += int(((before != TRIPLET) & (after == TRIPLET)).sum())
                off_grid[STRAIGHT] += int(((before == TRIPLET) & (after == STRAIGHT)).sum())
                of[TRIPLET] += int((before != TRIPLET).sum())
                of[STRAIGHT] += int((before == TRIPLET).sum())
            shares = (
                _share(off_grid[TRIPLET], of[TRIPLET]),
                _share(off_grid[STRAIGHT], of[STRAIGHT]),
            )
            print(
                f"| {name} ({len(charts)}) | {jitter_ms:g} | {label} | {shares[0]} | {shares[1]} |"
                f" {_share(exact, heads)} |",
                flush=True,
            )


def _share(count: int, of: int) -> str:
    return f"{100 * count / of:.2f} %" if of else "none"


def corpus(folder: Path) -> list[Beatmap]:
    """The readable mania charts of other collections, of 100 notes or more."""
    charts: list[Beatmap] = []
    for path in sorted(folder.glob("corpus/**/*.osu")):
        try:
            chart = osu.read(path)
        except BeatmapError:
            continue  # the corpus has broken files and other game modes on purpose
        if chart.red_lines and len(chart.hit_objects) >= CORPUS_NOTES:
            charts.append(chart)
    return charts


def mixes(chart: Beatmap) -> bool:
    """Return whether a chart has both voices beside the beats."""
    found = voices_of(chart.hit_objects, chart)
    return all(np.mean(found == kind) > MIXED_SHARE for kind in (STRAIGHT, TRIPLET))


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--songs", type=int, default=8, help="composed songs of each kind")
    parser.add_argument("--seed", type=int, default=0, help="of the jitter")
    parser.add_argument("--tiers", action="store_true", help="human charts against the tiers")
    parser.add_argument("--voices", action="store_true", help="strays of straight and of triplet")
    given = parser.parse_args()
    folder = os.environ.get("MUG_REAL_DATA")
    human = [osu.read(p) for p in sorted(Path(folder).glob("songs/*/*.osu"))] if folder else []
    if given.tiers:
        measure_tiers(human)
        return 0
    groups: dict[str, Sequence[Beatmap]] = {
        "composed, straight": composed(given.songs, SongStyle(swing_p=0.0)),
        "composed, swing 2/3": composed(
            given.songs, SongStyle(swing_p=1.0, swing=(2 / 3, 2 / 3), metres={"4/4": 1.0})
        ),
    }
    if given.voices:
        groups["composed, second half swings"] = [
            half_swung(chart) for chart in groups["composed, straight"]
        ]
        groups["human, one voice"] = [chart for chart in human if not mixes(chart)]
        others = corpus(Path(folder)) if folder else []
        groups["human, both voices"] = [chart for chart in (*human, *others) if mixes(chart)]
        measure_voices(groups, given.seed)
        return 0
    if human:
        groups["human"] = human
    print("| charts | jitter (ms) | method | heads exact | tails exact | mean error (ms) |", end="")
    print(" collisions | lost |")
    print("|---|---|---|---|---|---|---|---|")
    for name, charts in groups.items():
        measure(f"{name} ({len(charts)})", charts, given.seed)
    if not human:
        print("MUG_REAL_DATA is not set: no human charts", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
