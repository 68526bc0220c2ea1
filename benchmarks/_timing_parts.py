"""Estimates of songs with several tempi, drift or none, against the truth, part by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from benchmarks._timing_songs import TimedSong
from mug.timing.estimate import TimingEstimate

RIGHT_SHARE = 0.002  # of the tempo; changes of half a per cent are to be seen
DRIFT_SHARE = 0.02
OCTAVES = (1.0, 0.5, 2.0, 0.25, 4.0)
SURE, UNSURE = 0.8, 0.5
NEAR_MS = 10.0


@dataclass(frozen=True)
class PartsRow:
    """Estimate of a song whose tempo is not one number.

    Args:
        song: the truth.
        found: the estimate.
        levels: found over true tempo, median of each part.
        limit: share by which a part's tempo may be wrong.
        borders: for each true change, whether a red line lies within half a beat of it.
        near: share of the true beats that lie within 10 ms of a found beat, octaves aside.
    """

    song: TimedSong
    found: TimingEstimate
    levels: tuple[float, ...]
    limit: float
    borders: tuple[bool, ...]
    near: float

    @property
    def right(self) -> bool:
        """Return whether each part has its own tempo."""
        return all(abs(level - 1) < self.limit for level in self.levels)

    @property
    def right_octaves(self) -> bool:
        """Return whether each part has its own tempo, or 1/4, 1/2, 2 or 4 times of it."""
        return all(
            min(abs(level / octave - 1) for octave in OCTAVES) < self.limit for level in self.levels
        )


def judge_parts(song: TimedSong, found: TimingEstimate) -> PartsRow:
    """Compare an estimate with a song's parts, beats and borders."""
    tempo, truth = found.tempo_map, song.truth
    lines = [line for line in truth.red_lines if line.time_ms < song.end_ms]
    drifts = len(lines) > 8  # a red line a beat: one part whose tempo wanders
    starts = [lines[0].time_ms] if drifts else [line.time_ms for line in lines]
    levels = []
    for start, end in pairwise([*starts, song.end_ms]):
        times = np.linspace(start, end, 42)[1:-1]
        ratio = [tempo.line_at(t).bpm / truth.line_at(t).bpm for t in times]
        levels.append(float(np.median(ratio)))
    found_at = np.array([line.time_ms for line in tempo.red_lines])
    borders = tuple(
        bool((np.abs(found_at - line.time_ms) < line.beat_ms / 2).any())
        for line in (() if drifts else lines[1:])
    )
    limit = DRIFT_SHARE if drifts else RIGHT_SHARE
    return PartsRow(song, found, tuple(levels), limit, borders, _near(song, found))


def _near(song: TimedSong, found: TimingEstimate) -> float:
    tempo, truth = found.tempo_map, song.truth
    last = int(truth.beat_at(song.end_ms))
    hits = []
    for beat in range(last):
        at = truth.time_of_beat(float(beat))
        line = tempo.line_at(at)
        # Counted at half the tempo, every other true beat lies between two found ones.
        step = 0.5 if line.bpm < 0.75 * truth.line_at(at).bpm else 1.0
        turns = tempo.beat_at(at) / step
        hits.append(abs(turns - round(turns)) * step * line.beat_ms <= NEAR_MS)
    return float(np.mean(hits)) if hits else 0.0


def parts_table(rows: Sequence[PartsRow]) -> str:
    """Shares of right songs by kind, and how sure the detector is of wrong ones."""
    lines = [
        "| songs | each part's tempo right | up to octaves | borders within ½ beat "
        f"| beats within {NEAR_MS:g} ms | surer than {SURE:g}, and wrong "
        f"| less sure than {UNSURE:g} | no steady beat said |",
        "|---|---|---|---|---|---|---|---|",
    ]
    kinds = list(dict.fromkeys(row.song.kind for row in rows))
    several = [kind for kind in kinds if any(r.borders for r in rows if r.song.kind == kind)]
    groups = [([kind], kind) for kind in kinds] + [(several, "all of several tempi")]
    for members, name in groups:
        chosen = [row for row in rows if row.song.kind in members]
        borders = [border for row in chosen for border in row.borders]
        count = len(chosen)
        wrong = sum(row.found.confidence > SURE and not row.right for row in chosen)
        lines.append(
            f"| {name} | {sum(row.right for row in chosen)}/{count} "
            f"| {sum(row.right_octaves for row in chosen)}/{count} "
            f"| {sum(borders)}/{len(borders)} "
            f"| {100 * np.mean([row.near for row in chosen]):.0f} % | {wrong}/{count} "
            f"| {sum(row.found.confidence < UNSURE for row in chosen)}/{count} "
            f"| {sum(not row.found.steady for row in chosen)}/{count} |"
        )
    return "\n".join(lines)


def parts_list(rows: Sequence[PartsRow]) -> str:
    """Each song that is not right, with its truth and what was found."""
    lines = []
    for row in rows:
        if not row.right:
            found = " ".join(f"{p.bpm:.2f}@{p.time_ms:.0f}" for p in row.found.tempo_map.red_lines)
            true = " ".join(f"{p.bpm:.2f}@{p.time_ms:.0f}" for p in row.song.truth.red_lines[:8])
            sure = f"{row.found.confidence:.2f}"
            lines.append(f"{row.song.kind}: {row.song.name}: {true} -> {found} ({sure})")
    return "\n".join(lines)
