"""A song by beats, as a network reads it: sound at lines, place in the bar, rows.

Channels of a beat, in this order: 34 of the sound for each of 12 lines (line by line), beat in the
bar (4), log length of the beat, rows (12: 1 where one is to be, else 0 or a hint), and 1 where rows
are given.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32

from mug.encoding.beat_axis import LINES, BeatAxis
from mug.encoding.line_channels import POSITION, SOUND, position_channels

SONG_CHANNELS = LINES * SOUND + POSITION
"""Channels that follow from the song alone."""

ROW_CHANNELS = LINES + 1
"""Channels of the rows, the last ones."""

CHANNELS = SONG_CHANNELS + ROW_CHANNELS


def song_lines(
    sound: Float[np.ndarray, "beats 12 34"], axis: BeatAxis, first_beat: int
) -> Float32[np.ndarray, "c beats"]:
    """The channels that follow from the song, `SONG_CHANNELS` of them.

    Args:
        sound: from `line_channels`.
        axis: of the song.
        first_beat: with which the result begins.
    """
    count = len(sound)
    parts = [sound.reshape(count, LINES * SOUND), position_channels(axis, first_beat, count)]
    lines: Float32[np.ndarray, "c beats"] = np.ascontiguousarray(
        np.concatenate(parts, axis=1).T, dtype=np.float32
    )
    return lines


def row_lines(
    rows: Float[np.ndarray, "beats 12"] | None, count: int
) -> Float32[np.ndarray, "13 beats"]:
    """The channels of rows; all 0 where none are given.

    Args:
        rows: 1 at lines with a row; elsewhere 0 or hints (`mug.encoding.bound_rows`).
        count: beats.
    """
    lines = np.zeros((ROW_CHANNELS, count), np.float32)
    if rows is not None:
        lines[:LINES], lines[LINES] = rows.T, 1
    return lines


def line_tensor(
    sound: Float[np.ndarray, "beats 12 34"],
    axis: BeatAxis,
    first_beat: int,
    rows: Float[np.ndarray, "beats 12"] | None,
) -> Float32[np.ndarray, "c beats"]:
    """All `CHANNELS`; the arguments as for `song_lines` and `row_lines`."""
    lines: Float32[np.ndarray, "c beats"] = np.concatenate(
        [song_lines(sound, axis, first_beat), row_lines(rows, len(sound))]
    )
    return lines
