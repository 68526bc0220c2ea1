"""Count of faults that no chart may have; independent of the lint that fixes charts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from mug.beatmap.beat_lines import folded_beat_ms
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.beatmap.timing_points import TimingPoint
from mug.metrics.grid import Grid

SAME_MS = 1.0
SHORTEST_BEATS = 1 / 12
_ROUNDING_MS = 1.0  # files hold whole milliseconds


@dataclass(frozen=True)
class Violations:
    """Counts of what must not be.

    Args:
        same_time: notes that start where another note of their column starts.
        inside_hold: notes that start while their column is held.
        short_hold: long notes shorter than a twelfth of a beat, the tempo taken at 120 to 240
            beats a minute, so that the same notes count alike in half and in double time.
        empty_column: columns without notes.
        after_audio: notes that end after the song.
        beside: notes beside the columns.
        wrong_kind: 1 for another game mode or number of columns than asked for.
    """

    same_time: int
    inside_hold: int
    short_hold: int
    empty_column: int
    after_audio: int
    beside: int
    wrong_kind: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(asdict(self).values())


def violations(
    beatmap: Beatmap,
    red_lines: Sequence[TimingPoint],
    *,
    keys: int | None = None,
    audio_ms: float | None = None,
) -> Violations:
    """Count what must not be in a chart.

    Args:
        beatmap: the chart.
        red_lines: the human tempo, for the shortest hold.
        keys: columns that it should have; None leaves that out.
        audio_ms: length of the song; None leaves notes after it out.
    """
    notes = beatmap.hit_objects
    columns: dict[int, list[HitObject]] = defaultdict(list)
    for note in notes:
        columns[note.column].append(note)
    counts = [_in_column(sorted(c, key=lambda n: n.start_ms)) for c in columns.values()]
    end = float("inf") if audio_ms is None else audio_ms
    return Violations(
        same_time=sum(same for same, _ in counts),
        inside_hold=sum(inside for _, inside in counts),
        short_hold=_short_holds(notes, red_lines),
        empty_column=sum(column not in columns for column in range(beatmap.keys)),
        after_audio=sum(note.last_ms > end for note in notes),
        beside=sum(not 0 <= note.column < beatmap.keys for note in notes),
        wrong_kind=int(beatmap.mode != 3 or (keys is not None and beatmap.keys != keys)),
    )


def _in_column(notes: Sequence[HitObject]) -> tuple[int, int]:
    same = inside = 0
    held_until = last = -float("inf")
    for note in notes:
        # Counted once: a double note within a hold is a double note.
        if note.start_ms - last < SAME_MS:
            same += 1
        elif note.start_ms < held_until:
            inside += 1
        last = float(note.start_ms)
        held_until = max(held_until, float(note.last_ms))
    return same, inside


def _short_holds(notes: Sequence[HitObject], red_lines: Sequence[TimingPoint]) -> int:
    holds = [note for note in notes if isinstance(note, LongNote)]
    if not holds:
        return 0
    starts = np.array([note.start_ms for note in holds], np.float64)
    ends = np.array([note.end_ms for note in holds], np.float64)
    beats = [folded_beat_ms(beat) for beat in Grid(red_lines).beat_at(starts).tolist()]
    least = np.array(beats) * SHORTEST_BEATS - _ROUNDING_MS
    return int((ends - starts < least).sum())
