"""The original's conversion between charts and note tensors, quirks included.

For its checkpoints and for comparisons; `mug.encoding.convertor` has the corrected one. Kept on
purpose: negative times wrap to the end of the tensor (B36); only a hold whose type has no
new-combo bit is a hold, a note inside a hold cuts it and inherits its rest, later notes overwrite
earlier ones in a cell (B37); the last frame is left out of the valid mask (B10).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.clock import FrameClock
from mug.encoding.transform import Transform
from mug.notes import NoteLayout


def encode_reference(
    notes: Sequence[HitObject],
    clock: FrameClock,
    layout: NoteLayout,
    max_frames: int,
    transform: Transform,
) -> tuple[Float[np.ndarray, "c t"], Float[np.ndarray, " t"], list[tuple[HitObject, str]]]:
    """Note tensor, valid mask and the objects that were skipped, in file order."""
    keys, length = layout.keys, min(max_frames, int(max_frames / transform.rate))
    tensor = np.zeros((layout.channels, max_frames), np.float32)
    grid = tensor[:, :length]  # a negative index wraps to the end of this
    starts, start_offsets = grid[layout.start], grid[layout.start_offset]
    holding, end_offsets = grid[layout.holding], grid[layout.end_offset]
    mapping, last_frame = transform.columns(keys), 0
    skipped: list[tuple[HitObject, str]] = []
    for note in notes:
        first, offset = clock.split_ms(transform.time(int(note.start_ms)))
        if not 0 <= note.column < keys or first >= length:
            skipped.append((note, "outside the columns or beyond the last frame"))
            continue
        if transform.mirrors_here(first - last_frame):
            mapping = [keys - 1 - column for column in mapping]
        column = mapping[note.column]
        starts[column, first], start_offsets[column, first] = 1, offset
        last_frame = max(last_frame, first)
        if isinstance(note, LongNote) and not note.new_combo:
            last, end_offset = clock.split_ms(transform.time(int(note.end_ms)))
            if last >= length:
                last, end_offset = length - 1, 1.0
            holding[column, first + 1 : last + 1] = 1
            end_offsets[column, last] = end_offset
            last_frame = max(last_frame, last)
    valid = np.zeros(max_frames, np.float32)
    valid[:last_frame] = 1
    return tensor, valid, skipped


def decode_reference(
    note: Float[np.ndarray, "c t"], clock: FrameClock, layout: NoteLayout, *, from_logits: bool
) -> list[HitObject]:
    """Hit objects by start time; a hold ends in the last held frame before the next start."""
    threshold = 0.0 if from_logits else 0.5
    starts, holding = note[layout.start] > threshold, note[layout.holding] > threshold
    start_offsets = np.clip(note[layout.start_offset].astype(np.float64), 0, 1)
    end_offsets = np.clip(note[layout.end_offset].astype(np.float64), 0, 1)
    found: list[HitObject] = []
    for column in range(layout.keys):
        for first in map(int, np.flatnonzero(starts[column])):
            last = first
            while (
                last + 1 < note.shape[1]
                and holding[column, last + 1]
                and not starts[column, last + 1]
            ):
                last += 1
            start_ms = round(clock.join_ms(first, float(start_offsets[column, first])))
            end_ms = round(clock.join_ms(last, float(end_offsets[column, last])))
            found.append(
                LongNote(column, start_ms, end_ms) if last > first else Rice(column, start_ms)
            )
    return sorted(found, key=lambda one: one.start_ms)
