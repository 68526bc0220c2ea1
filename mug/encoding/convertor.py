"""Charts to note tensors and back, side by side.

`docs/note_tensor.md` draws the tensor. In each column a frame has room for one start and one end:

- a tap sets start and start_offset;
- a hold also sets holding from the frame after its start to the frame of its end, and end_offset
  there. A hold that ends within its first frame sets holding in that frame;
- where a frame has both a start and holding, the offsets tell which hold ends there: the one that
  came in when `end_offset <= start_offset`, else the one that starts there.

The encoder says which objects the grid cannot hold, and which it had to bend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.clock import FrameClock
from mug.encoding.reference import decode_reference, encode_reference
from mug.encoding.transform import IDENTITY, Transform
from mug.errors import DataError
from mug.notes import NoteLayout

MIN_HOLD_MS = 1.0
"""Holds that are shorter than this become taps."""

NEGATIVE_TIME = "before the first frame"
TOO_LATE = "beyond the last frame"
NO_COLUMN = "outside the columns"
CELL_TAKEN = "another note of the column starts in the same frame"
CUT = "cut where the next note of the column starts"
ENDS_LATE = "cut at the last frame"
NO_DURATION = "a hold without duration became a tap"
END_TAKEN = "a hold became a tap, since another one ends in its frame"


@dataclass(frozen=True, slots=True)
class LostObject:
    """An object that the grid cannot hold at all.

    Args:
        object: as it was given.
        reason: one of the constants of this module.
    """

    object: HitObject
    reason: str


@dataclass(frozen=True, slots=True)
class BentObject:
    """An object that the grid holds with another end.

    Args:
        object: as it was given.
        kept: what the grid holds instead, in the same time base as `object` after rate and offset.
        reason: one of the constants of this module.
    """

    object: HitObject
    kept: HitObject
    reason: str


@dataclass(frozen=True)
class Encoded:
    """A chart as a tensor, and what the tensor does not say.

    Args:
        note: `[4 * keys, max_frames]`.
        valid: 1 from the first frame to the last one with a note, 0 after it.
        lost: objects that are not in the tensor.
        bent: objects that are there with another end.
    """

    note: Float[np.ndarray, "c t"]
    valid: Float[np.ndarray, " t"]
    lost: tuple[LostObject, ...] = ()
    bent: tuple[BentObject, ...] = ()


@dataclass
class _Report:
    lost: list[LostObject] = field(default_factory=list)
    bent: list[BentObject] = field(default_factory=list)


@dataclass
class _Placed:
    """An object on its way into a column: as given, and as the grid will hold it."""

    given: HitObject
    kept: HitObject


class ManiaConvertor:
    """Hit objects to note tensors and back.

    Args:
        clock: length of a note frame.
        keys: number of columns.
        max_frames: note frames of a tensor.
        reference: does as the original did, quirks included (B10, B36, B37 of docs/parity.md):
            needed for its checkpoints and for comparisons.
    """

    def __init__(
        self,
        clock: FrameClock | None = None,
        keys: int = 4,
        max_frames: int = 4096,
        *,
        reference: bool = False,
    ) -> None:
        if max_frames < 1:
            raise DataError("encoding.note_tensor_has_at_least_one", value=max_frames)
        self.clock = clock or FrameClock()
        self.layout = NoteLayout(keys)
        self.max_frames = max_frames
        self.reference = reference

    def encode(self, notes: Sequence[HitObject], transform: Transform = IDENTITY) -> Encoded:
        """The note tensor of a chart.

        Args:
            notes: in any order (the reference mode depends on the order).
            transform: rate, offset and column changes on the way.
        """
        if self.reference:
            note, valid, lost = encode_reference(
                notes, self.clock, self.layout, self.max_frames, transform
            )
            return Encoded(note, valid, tuple(LostObject(*pair) for pair in lost))
        report = _Report()
        columns = self._place(notes, transform, report)
        tensor = np.zeros((self.layout.channels, self.max_frames), np.float32)
        for column, placed in enumerate(columns):
            self._write_column(tensor, column, _fit(placed, self.clock, report), report)
        valid = np.zeros(self.max_frames, np.float32)
        used = tensor[self.layout.start].any(0) | tensor[self.layout.holding].any(0)
        if used.any():
            valid[: np.flatnonzero(used)[-1] + 1] = 1
        return Encoded(tensor, valid, tuple(report.lost), tuple(report.bent))

    def decode(
        self,
        note: Float[np.ndarray, "c t"],
        *,
        from_logits: bool = False,
        whole_ms: bool = True,
    ) -> list[HitObject]:
        """Hit objects of a note tensor, by time, then column.

        Args:
            note: a tensor of any length.
            from_logits: start and holding are logits (yes above 0) rather than 0 ... 1 (above 0.5).
            whole_ms: rounds times to whole milliseconds, as `.osu` files have them.
        """
        if note.shape[0] != self.layout.channels:
            raise DataError(
                "encoding.expected_channels", channels=self.layout.channels, value=note.shape
            )
        if self.reference:
            return decode_reference(note, self.clock, self.layout, from_logits=from_logits)
        threshold = 0.0 if from_logits else 0.5
        found: list[HitObject] = []
        for column in range(self.layout.keys):
            found += self._read_column(note[column :: self.layout.keys], column, threshold)
        if whole_ms:
            found = [_rounded(one) for one in found]
        return sorted(found, key=lambda one: (one.start_ms, one.column))

    def _place(
        self, notes: Sequence[HitObject], transform: Transform, report: _Report
    ) -> list[list[_Placed]]:
        """Objects by new column, in order of time."""
        columns: list[list[_Placed]] = [[] for _ in range(self.layout.keys)]
        mapping, last_frame = transform.columns(self.layout.keys), 0
        end_ms = self.clock.join_ms(self.max_frames)
        for note in sorted(notes, key=lambda one: (one.start_ms, one.column)):
            start_ms = transform.time(note.start_ms)
            if not 0 <= note.column < self.layout.keys:
                report.lost.append(LostObject(note, NO_COLUMN))
            elif not 0 <= start_ms < end_ms:
                report.lost.append(LostObject(note, NEGATIVE_TIME if start_ms < 0 else TOO_LATE))
            else:
                frame = self.clock.split_ms(start_ms)[0]
                if transform.mirrors_here(frame - last_frame):
                    mapping = [self.layout.keys - 1 - column for column in mapping]
                kept = transform.move(note, mapping[note.column])
                if isinstance(kept, LongNote) and kept.end_ms > end_ms:
                    kept = replace(kept, end_ms=end_ms)
                    report.bent.append(BentObject(note, kept, ENDS_LATE))
                last_frame = max(last_frame, self.clock.split_ms(kept.last_ms)[0])
                columns[kept.column].append(_Placed(note, kept))
        return columns

    def _split(self, time_ms: float) -> tuple[int, float]:
        frame, offset = self.clock.split_ms(time_ms)
        if frame >= self.max_frames:  # the end of the last frame
            return self.max_frames - 1, 1.0
        return frame, min(max(offset, 0.0), 1.0)

    def _write_column(
        self, tensor: np.ndarray, column: int, placed: list[_Placed], report: _Report
    ) -> None:
        """Write objects of a column that do not overlap and start in different frames."""
        starts, start_offsets, holding, end_offsets = tensor[column :: self.layout.keys]
        last_end = -1
        for one in placed:
            first, offset = self._split(one.kept.start_ms)
            starts[first], start_offsets[first] = 1, offset
            if not isinstance(one.kept, LongNote):
                continue
            last, end_offset = self._split(one.kept.end_ms)
            if last == first == last_end:  # the frame's one place for an end is taken
                report.bent.append(BentObject(one.given, _tap(one.kept), END_TAKEN))
                continue
            holding[min(first + 1, last) : last + 1] = 1
            end_offsets[last], last_end = end_offset, last

    def _read_column(self, rows: np.ndarray, column: int, threshold: float) -> list[HitObject]:
        """Objects of a column; the inverse of `_write_column`."""
        starts, holding = rows[0] > threshold, rows[2] > threshold
        offsets = np.clip(rows[[1, 3]].astype(np.float64), 0, 1)
        # Where a hold that starts in this very frame, rather than one that came in, ends.
        ends_own = starts & holding & (offsets[1] > offsets[0])
        found: list[HitObject] = []
        for first in map(int, np.flatnonzero(starts)):
            last = first
            while last + 1 < len(starts) and holding[last + 1] and not ends_own[last + 1]:
                last += 1
                if starts[last]:
                    break
            start_ms = self.clock.join_ms(first, float(offsets[0, first]))
            end_ms = self.clock.join_ms(last, float(offsets[1, last]))
            if last > first or ends_own[first]:
                found.append(LongNote(column, start_ms, end_ms))
            else:
                found.append(Rice(column, start_ms))
        return found


def _fit(placed: list[_Placed], clock: FrameClock, report: _Report) -> list[_Placed]:
    """One start a frame, no overlaps, no holds without duration."""
    fitting: list[_Placed] = []
    for one in placed:
        before = fitting[-1] if fitting else None
        if (
            before
            and clock.split_ms(before.kept.start_ms)[0] == clock.split_ms(one.kept.start_ms)[0]
        ):
            report.lost.append(LostObject(one.given, CELL_TAKEN))
            continue
        if before and isinstance(before.kept, LongNote) and before.kept.end_ms > one.kept.start_ms:
            before.kept = replace(before.kept, end_ms=one.kept.start_ms)
            report.bent.append(BentObject(before.given, before.kept, CUT))
        fitting.append(one)
    for one in fitting:
        if isinstance(one.kept, LongNote) and one.kept.end_ms - one.kept.start_ms < MIN_HOLD_MS:
            one.kept = _tap(one.kept)
            report.bent.append(BentObject(one.given, one.kept, NO_DURATION))
    return fitting


def _tap(note: HitObject) -> Rice:
    return Rice(note.column, note.start_ms, note.hitsound, note.sample, note.new_combo)


def _rounded(note: HitObject) -> HitObject:
    start_ms = float(round(note.start_ms))
    if isinstance(note, LongNote) and round(note.end_ms) > start_ms:
        return replace(note, start_ms=start_ms, end_ms=float(round(note.end_ms)))
    return replace(_tap(note), start_ms=start_ms)
