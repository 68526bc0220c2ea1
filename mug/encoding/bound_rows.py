"""Rows that bind: decoding puts a row on each given line, and none elsewhere."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32

from mug.encoding.beat_axis import LINES, NOTE_FRAMES, PHASE
from mug.notes import NoteLayout

RowTable = Float32[np.ndarray, "beats 12"]
"""1 at lines with a row; elsewhere 0, or a hint below 1 of how likely one is."""

HINT = 0.5
"""A hint is so many times the probability of a row."""

_SURE = 20.0  # logit of what is certain


def bind_rows(
    logits: Float[np.ndarray, "c t"], rows: RowTable, layout: NoteLayout
) -> Float[np.ndarray, "c t"]:
    """Logits whose starts lie exactly on the rows, at least one column each.

    A row takes the columns whose start logit is above 0; where none is, the one with the highest.

    Args:
        logits: of a note tensor on the axis of beats.
        rows: of the same beats; of two in one note frame the first counts.
        layout: order of the channels.
    """
    frames, offsets = _places(np.flatnonzero(rows.reshape(-1) >= 1))
    inside = frames < logits.shape[1]
    frames, offsets = frames[inside], offsets[inside]
    starts = logits[layout.start][:, frames]
    chosen = starts > np.minimum(0, starts.max(axis=0, initial=-_SURE) - 1e-6)
    bound = logits.copy()
    bound[layout.start] = -_SURE
    bound[layout.start.start : layout.start.stop, frames] = np.where(chosen, _SURE, -_SURE)
    bound[layout.start_offset.start : layout.start_offset.stop, frames] = offsets
    return bound


def chords_together(
    logits: Float[np.ndarray, "c t"], layout: NoteLayout
) -> Float[np.ndarray, "c t"]:
    """Logits whose starts of one note frame lie at one place: that of the likeliest.

    Two rows an eighth of a beat apart are not played; notes of a chord are meant to be together.

    Args:
        logits: of a note tensor on the axis of beats.
        layout: order of the channels.
    """
    likeliest = logits[layout.start].argmax(axis=0)
    together = logits.copy()
    offsets = logits[layout.start_offset]
    together[layout.start_offset] = offsets[likeliest, np.arange(logits.shape[1])]
    return together


def hinted_rows(
    rows: RowTable, logits: Float[np.ndarray, " lines"] | Float[np.ndarray, "beats 12"]
) -> RowTable:
    """The rows, and at all other lines hints of how likely one is.

    Args:
        rows: of each beat.
        logits: of a row at the same lines, calibrated; -inf where none may be.
    """
    share = np.exp(-np.logaddexp(0, -np.asarray(logits, np.float64).reshape(rows.shape)))
    hinted: RowTable = np.where(rows >= 1, 1, HINT * share).astype(np.float32)
    return hinted


def rows_at(beats: Float[np.ndarray, " n"], count: int) -> RowTable:
    """The table of `count` beats with a row on the line nearest to each place.

    Args:
        beats: places from the table's beginning; those outside it are left out.
        count: beats of the table.
    """
    table = np.zeros(count * LINES, np.float32)
    line = np.floor(np.asarray(beats, np.float64) * LINES + 0.5).astype(np.int64)
    table[line[(line >= 0) & (line < len(table))]] = 1
    rows: RowTable = table.reshape(count, LINES)
    return rows


def start_scores(
    logits: Float[np.ndarray, "c t"], beats: int, layout: NoteLayout
) -> Float[np.ndarray, "beats 12"]:
    """Highest start logit of any column at each line; of lines in one frame the nearer one's."""
    lines = np.arange(beats * LINES)
    frames = frame_of(lines)
    best = logits[layout.start].max(axis=0)
    column = logits[layout.start].argmax(axis=0)
    offset = logits[layout.start_offset][column, np.arange(logits.shape[1])]
    position = (lines / LINES + PHASE) * NOTE_FRAMES
    # Lines 0 and 1, 3 and 4 ... share a frame: the offset says which of them the start lies on.
    distance = np.abs(position - frames - np.clip(offset[frames], 0, 1))
    scores: np.ndarray = best[frames] - np.where(distance > 1 / 3, _SURE, 0.0)
    return scores.reshape(beats, LINES)


def frame_of(lines: np.ndarray) -> np.ndarray:
    """Note frame of each line: in whole numbers, (line / 12 + 1 / 48) * 8."""
    frames: np.ndarray = (lines * 4 + 1) * NOTE_FRAMES // (4 * LINES)
    return frames


def _places(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Note frames of lines, each once, and offsets within them."""
    frames, first = np.unique(frame_of(lines), return_index=True)
    position = (lines[first] / LINES + PHASE) * NOTE_FRAMES
    return frames, position - frames
