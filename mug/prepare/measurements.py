"""Measurements of a chart for cleaning, cheap to compare with those of all others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from jaxtyping import Float64

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.beatmap.timing_points import TimingPoint
from mug.data.measures import ROW_TIMES, Measurements
from mug.prepare.opt_out import opts_out

_ODD = 2.0  # scroll speeds further from the usual one than this factor are odd


def measurements_of(beatmap: Beatmap, path: str) -> Measurements:
    """All measurements of a chart with objects."""
    objects = beatmap.sorted_objects()
    return Measurements(
        path=path,
        keys=beatmap.keys,
        objects=len(objects),
        first_ms=objects[0].start_ms,
        last_ms=beatmap.last_ms,
        creator=beatmap.creator,
        version=beatmap.version,
        notes_hash=notes_hash(objects),
        rows_hash=rows_hash(objects),
        row_times=row_times(objects).tobytes(),
        odd_scroll=odd_scroll(beatmap),
        disallowed=opts_out(beatmap),
    )


def notes_hash(objects: Sequence[HitObject]) -> str:
    """MD5 of the notes relative to the first one, to a millisecond.

    Args:
        objects: sorted by time, then column.
    """
    zero = objects[0].start_ms
    text = "\n".join(
        f"{round(note.start_ms - zero)} {note.column} {round(note.last_ms - zero)}"
        for note in objects
    )
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def rows_hash(objects: Sequence[HitObject]) -> str:
    """MD5 of which columns are hit together, in order, whenever that is: the same at any rate.

    Args:
        objects: sorted by time, then column.
    """
    text = "\n".join(
        " ".join(f"{note.column}{'-' * isinstance(note, LongNote)}" for note in row)
        for row in _rows(objects)
    )
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def row_times(objects: Sequence[HitObject]) -> Float64[np.ndarray, " rows"]:
    """Times of rows at evenly spaced places among all rows, the first and the last included.

    Args:
        objects: sorted by time, then column.
    """
    times = [row[0].start_ms for row in _rows(objects)]
    places = np.linspace(0, len(times) - 1, min(ROW_TIMES, len(times))).round().astype(int)
    return np.array([times[place] for place in places], np.float64)


def odd_scroll(beatmap: Beatmap) -> float:
    """Share of the playing time at which notes scroll at an odd speed.

    Scroll speed follows the tempo and the green lines; odd is more than twice, or less than half,
    the median over the playing time.
    """
    first = min((note.start_ms for note in beatmap.hit_objects), default=0.0)
    speeds, starts = [1.0], [first]
    tempo, has_tempo = 1.0, False
    # Stable: of lines at one time the red one counts first when it stands first in the file.
    for point in sorted(beatmap.timing, key=lambda point: point.time_ms):
        if isinstance(point, TimingPoint):
            tempo = _tempo(point)
            if not has_tempo:
                speeds[0], has_tempo = tempo, True
            speeds.append(tempo)
        else:
            speeds.append(tempo * max(point.velocity, 1e-6))
        starts.append(max(point.time_ms, first))
    last = beatmap.last_ms
    lengths = np.diff(np.minimum([*starts, last], last))
    if not lengths.sum() > 0:
        return 0.0
    order = np.argsort(speeds)
    middle = np.searchsorted(np.cumsum(lengths[order]), lengths.sum() / 2)
    ratio = np.array(speeds) / np.array(speeds)[order[min(middle, len(order) - 1)]]
    odd = (ratio > _ODD) | (ratio < 1 / _ODD)
    return float(lengths[odd].sum() / lengths.sum())


def _rows(objects: Sequence[HitObject]) -> Iterator[list[HitObject]]:
    for _, row in groupby(objects, key=lambda note: note.start_ms):
        yield list(row)


def _tempo(point: TimingPoint) -> float:
    """In beats a minute; stops and jumps, written as impossible tempi, stay finite."""
    return float(np.clip(60000.0 / point.beat_ms if point.beat_ms > 0 else 1e9, 1e-6, 1e9))
