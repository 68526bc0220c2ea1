"""Hit objects as arrays, and the note tensor made of them without a loop over notes.

`ManiaConvertor` says in objects what each chart loses on the grid; training asks for the tensor
alone, a thousand times an epoch. `encode_arrays` gives the very same tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.clock import FrameClock
from mug.encoding.convertor import MIN_HOLD_MS
from mug.encoding.transform import MIRROR_GAP_FRAMES, Transform
from mug.notes import NoteLayout


@dataclass(frozen=True, eq=False)
class NoteArrays:
    """Hit objects, one entry each, in any order.

    Args:
        start_ms: when each starts.
        end_ms: when each ends; of a tap its start.
        column: 0 ... keys - 1; others are allowed and fall out of the tensor.
        hold: which ones are holds.
        new_combo: the bits of `Rice.new_combo` (only the original's convertor asks).
    """

    start_ms: Float[np.ndarray, " n"]
    end_ms: Float[np.ndarray, " n"]
    column: Int[np.ndarray, " n"]
    hold: Bool[np.ndarray, " n"]
    new_combo: Int[np.ndarray, " n"]

    @classmethod
    def of(cls, notes: Sequence[HitObject]) -> NoteArrays:
        """The arrays of hit objects, in their order."""
        return cls(
            np.array([note.start_ms for note in notes], np.float64),
            np.array([note.last_ms for note in notes], np.float64),
            np.array([note.column for note in notes], np.int64),
            np.array([isinstance(note, LongNote) for note in notes], bool),
            np.array([note.new_combo for note in notes], np.int64),
        )

    def __len__(self) -> int:
        """Number of objects."""
        return len(self.start_ms)

    @cached_property
    def by_time(self) -> NoteArrays:
        """The same by start; those that start together keep their order."""
        if (np.diff(self.start_ms) >= 0).all():
            return self
        return self.take(np.argsort(self.start_ms, kind="stable"))

    def take(self, which: Int[np.ndarray, " m"] | Bool[np.ndarray, " n"] | slice) -> NoteArrays:
        """Some of the objects."""
        return NoteArrays(
            self.start_ms[which],
            self.end_ms[which],
            self.column[which],
            self.hold[which],
            self.new_combo[which],
        )

    def objects(self) -> list[HitObject]:
        """The hit objects, without their sounds."""
        return [
            LongNote(column, start, end, new_combo=combo)
            if hold
            else Rice(column, start, new_combo=combo)
            for start, end, column, hold, combo in zip(
                self.start_ms.tolist(),
                self.end_ms.tolist(),
                self.column.tolist(),
                self.hold.tolist(),
                self.new_combo.tolist(),
                strict=True,
            )
        ]


def jitter_arrays(notes: NoteArrays, spread_ms: float, rng: np.random.Generator) -> NoteArrays:
    """As `mug.encoding.transform.jitter`, with the same draws.

    Args:
        notes: hit objects.
        spread_ms: furthest move to either side.
        rng: where the amounts come from.
    """
    rounded_start, rounded_end = np.rint(notes.start_ms), np.rint(notes.end_ms)
    times = np.unique(np.concatenate([rounded_start, rounded_end]))
    moves = rng.uniform(-spread_ms, spread_ms, len(times))
    start = notes.start_ms + moves[np.searchsorted(times, rounded_start)]
    end = notes.end_ms + moves[np.searchsorted(times, rounded_end)]
    end = np.where(notes.hold, np.maximum(start + 1, end), start)
    return replace(notes, start_ms=start, end_ms=end)


def encode_arrays(
    notes: NoteArrays,
    transform: Transform,
    clock: FrameClock,
    layout: NoteLayout,
    max_frames: int,
) -> tuple[Float[np.ndarray, "c t"], Float[np.ndarray, " t"]]:
    """`note` and `valid` of `ManiaConvertor.encode`, bit for bit, with the same draws.

    Args:
        notes: in any order.
        transform: rate, offset and column changes on the way.
        clock: length of a note frame.
        layout: order of the channels.
        max_frames: note frames of the tensor.
    """
    tensor = np.zeros((layout.channels, max_frames), np.float32)
    valid = np.zeros(max_frames, np.float32)
    placed = _placed(notes, transform, clock, layout.keys, max_frames)
    kept = _fitting(placed, clock)
    if len(kept):
        _write(tensor, kept, clock, layout, max_frames)
        used = tensor[layout.start].any(0) | tensor[layout.holding].any(0)
        valid[: np.flatnonzero(used)[-1] + 1] = 1
    return tensor, valid


def _placed(
    notes: NoteArrays, transform: Transform, clock: FrameClock, keys: int, max_frames: int
) -> NoteArrays:
    """Objects inside the tensor at their new times and columns, by column, then time."""
    mapping = np.array(transform.columns(keys))
    order = np.lexsort((notes.column, notes.start_ms))
    end_ms = clock.join_ms(max_frames)
    start = notes.start_ms[order] / transform.rate + transform.offset_ms
    column = notes.column[order]
    inside = (column >= 0) & (column < keys) & (start >= 0) & (start < end_ms)
    order, start, column = order[inside], start[inside], column[inside]
    hold = notes.hold[order]
    end = np.where(hold, notes.end_ms[order] / transform.rate + transform.offset_ms, start)
    end = np.where(hold, np.minimum(end, end_ms), start)
    column = mapping[column]
    if transform.mirror_at_interval and len(order):
        column = _mirrored(column, start, end, transform, clock, keys)
    by_column = np.lexsort((np.arange(len(column)), column))
    return NoteArrays(
        start[by_column],
        end[by_column],
        column[by_column],
        hold[by_column],
        notes.new_combo[order][by_column],
    )


def _mirrored(
    column: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    transform: Transform,
    clock: FrameClock,
    keys: int,
) -> np.ndarray:
    """Columns after the pauses at which the chart was mirrored; objects are in order of time."""
    first, last = _split(start, clock)[0], _split(end, clock)[0]
    before = np.maximum.accumulate(np.concatenate([[0], last]))[:-1]
    turns = np.zeros(len(column), np.int64)
    for place in np.flatnonzero(first - before >= MIRROR_GAP_FRAMES):
        turns[place] = transform.mirrors_here(int(first[place] - before[place]))
    return np.where(np.cumsum(turns) % 2 == 1, keys - 1 - column, column)


def _split(
    time_ms: Float[np.ndarray, " n"], clock: FrameClock, max_frames: int | None = None
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """`FrameClock.split_ms` of many times; with `max_frames` held to the tensor's frames."""
    length = clock.note_frame_ms
    frame = (time_ms / length).astype(np.int64)
    offset = (time_ms - frame * length) / length
    if max_frames is None:
        return frame, offset
    beyond = frame >= max_frames  # the end of the last frame
    offset = np.where(beyond, 1.0, np.clip(offset, 0.0, 1.0))
    return np.where(beyond, max_frames - 1, frame), offset


def _fitting(notes: NoteArrays, clock: FrameClock) -> NoteArrays:
    """One start a frame and column, no overlaps, no holds without duration."""
    if not len(notes):
        return notes
    frame = _split(notes.start_ms, clock)[0]
    same = (np.diff(notes.column) == 0) & (np.diff(frame) == 0)
    kept = notes.take(np.concatenate([[True], ~same]))
    next_start = np.append(kept.start_ms[1:], np.inf)
    next_start[np.append(np.diff(kept.column) != 0, True)] = np.inf
    end = np.where(kept.hold, np.minimum(kept.end_ms, next_start), kept.start_ms)
    hold = kept.hold & ~(end - kept.start_ms < MIN_HOLD_MS)
    return replace(kept, end_ms=end, hold=hold)


def _write(
    tensor: np.ndarray,
    notes: NoteArrays,
    clock: FrameClock,
    layout: NoteLayout,
    max_frames: int,
) -> None:
    """Write objects that do not overlap and start in different frames of their columns."""
    first, offset = _split(notes.start_ms, clock, max_frames)
    tensor[layout.start][notes.column, first] = 1
    tensor[layout.start_offset][notes.column, first] = offset
    holds = notes.take(notes.hold)
    if not len(holds):
        return
    first, column = first[notes.hold], holds.column
    last, end_offset = _split(holds.end_ms, clock, max_frames)
    before = np.concatenate([[-1], np.where(np.diff(column) == 0, last[:-1], -1)])
    free = ~((last == first) & (last == before))  # else the frame's one place for an end is taken
    first, last, column, end_offset = first[free], last[free], column[free], end_offset[free]
    tensor[layout.end_offset][column, last] = end_offset
    held = np.zeros((layout.keys, max_frames + 1), np.int64)
    np.add.at(held, (column, np.minimum(first + 1, last)), 1)
    np.add.at(held, (column, last + 1), -1)
    tensor[layout.holding] = np.cumsum(held, axis=1)[:, :-1] > 0
