"""Notes for rows: how many at once, which are held, and in which columns; phrases return."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.compose.charting.columns import Fingers
from mug.compose.charting.rows import Row
from mug.compose.charting.spec import FAMILIES, LEAST_JACK_MS, ChartSpec
from mug.compose.varied.song import GRID, VariedSong

HELD_CHORDS = 0.35
"""From this share of long notes on, chords are held as a whole."""

WIDE_FROM = 2.0
"""Stars from which on more than two notes are struck at once."""

SLOW_BEAT_MS = 545.0
"""From here on, players count halves of the beat."""

_PHRASE_BARS = 2
_LONGEST_BEATS = 4
_RELEASED_EARLY = 0.12
"""Share of holds that are let go a quarter of a counted beat before the next row."""

_LEAST_HOLD_MS, _LEAST_DENSE_HOLD_MS = 190.0, 95.0
_SUSTAINED = ("lead", "vocal", "chord", "pad", "bass", "arp")


def _top(values: Sequence[float], share: float) -> set[int]:
    """Indices of the highest values, so many as the share says."""
    count = round(share * len(values))
    return set(sorted(range(len(values)), key=lambda i: (-values[i], i))[:count])


def row_sizes(rows: Sequence[Row], spec: ChartSpec, keys: int) -> list[int]:
    """Notes of each row: chords on the strongest accents."""
    accents = [row.accent for row in rows]
    family = FAMILIES[spec.family]
    wide_share = family.wide * min(1.0, spec.stars / 4) if spec.stars >= WIDE_FROM else 0.0
    chords, wide = _top(accents, spec.chord_share), _top(accents, spec.chord_share * wide_share)
    full = _top(accents, 0.12 * spec.chord_share * wide_share)
    extra = 1 if keys >= 6 and spec.stars > 2.5 else 0
    sizes = [
        1 + (i in chords) * (1 + (i in wide) * (1 + extra) + (i in full)) for i in range(len(rows))
    ]
    return [min(size, max(1, keys - 1)) for size in sizes]


class _Hold(NamedTuple):
    """A hold that a row may get.

    Args:
        ticks: its length.
        worth: how much of it sounds, in ms.
    """

    ticks: int
    worth: float


_NO_HOLD = _Hold(0, 0.0)


def _sounding_ticks(row: Row) -> int:
    """Length of the sustained sound at a row: of the voice that leads, else of another one."""
    voices = [v for v in (row.leader, *_SUSTAINED) if v in row.sounding and v in _SUSTAINED]
    if not voices:
        return 0
    length = int(row.sounding[voices[0]].duration_ms / row.part.beat_ms * GRID + 0.5)
    return min(length, 8 * GRID)


def _hold(row: Row, following: Row | None, spec: ChartSpec, draw: float) -> _Hold:
    """The hold of a row: most often up to the next one, which takes over.

    Args:
        row: where it begins.
        following: the next row.
        spec: of the chart.
        draw: 0 ... 1, of how it ends: at the next row, before it, or where the sound ends.
    """
    beat_ms = row.part.beat_ms
    line = GRID // 8 if beat_ms >= SLOW_BEAT_MS else GRID // 4
    sounding = _sounding_ticks(row)
    gap = following.tick - row.tick if following is not None else sounding
    length = min(gap, _LONGEST_BEATS * GRID)
    if draw < spec.hold_through and sounding > gap:
        length = sounding // line * line
    elif draw > 1 - _RELEASED_EARLY and length >= 3 * line:
        length -= line
    least_ms = _LEAST_DENSE_HOLD_MS if spec.ln_ratio > 0.2 else _LEAST_HOLD_MS
    if length * beat_ms / GRID < least_ms:
        return _NO_HOLD
    # A hold over silence is worth something where long notes are the chart's subject.
    sounds = min(sounding, length) + (0.35 if spec.ln_ratio > 0.15 else 0.15) * length
    return _Hold(length, sounds * beat_ms / GRID)


def hold_ends(
    song: VariedSong, rows: Sequence[Row], sizes: Sequence[int], spec: ChartSpec
) -> list[float | None]:
    """Times at which the rows' holds end, None for rows of taps: the longest sounds are held."""
    following = [*rows[1:], None]
    # The same draw wherever a phrase returns, so that it is held alike.
    draws = np.random.default_rng([spec.seed, 95]).random(_PHRASE_BARS * song.bar_ticks)
    places = [row.tick - row.part.first_bar * song.bar_ticks for row in rows]
    holds = [
        _hold(row, after, spec, float(draws[place % len(draws)]))
        for row, after, place in zip(rows, following, places, strict=True)
    ]
    # Some come to nothing where fingers are busy.
    wanted = round(1.15 * spec.ln_ratio * sum(sizes))
    order = sorted(
        range(len(rows)), key=lambda i: (-min(holds[i].worth, 1200.0), -rows[i].accent, i)
    )
    ends: list[float | None] = [None] * len(rows)
    for index in order:
        if wanted <= 0 or not holds[index].ticks:
            break
        ends[index] = song.tick_ms(rows[index].tick + holds[index].ticks)
        wanted -= sizes[index] if spec.ln_ratio > HELD_CHORDS else 1
    return ends


def _directions(rows: Sequence[Row]) -> list[int]:
    """Directions of the followed voice: 1 where it rises, -1 where it falls."""
    found, last = [], None
    for row in rows:
        event = row.sounding.get(row.leader)
        pitch = event.pitch if event is not None and event.pitch else None
        found.append(0 if pitch is None or last is None else int(np.sign(pitch - last)))
        last = pitch if pitch is not None else last
    return found


def readiness_to_repeat(spec: ChartSpec) -> float:
    """Liking of a chart for the columns of the row before, -1 ... 1: easy charts avoid them."""
    repeat = FAMILIES[spec.family].repeat
    easy = 1 - float(np.clip((spec.stars - 1.0) / 2.0, 0.0, 1.0))
    return repeat - easy * (repeat + 0.8)


class NoteWriter:
    """Writes the notes of a chart row by row.

    Args:
        song: the music.
        spec: the chart.
        keys: number of columns.
    """

    def __init__(self, song: VariedSong, spec: ChartSpec, keys: int) -> None:
        self.song, self.spec, self.keys = song, spec, keys
        self.rng = np.random.default_rng([spec.seed, 94])
        least_ms = float(np.clip(230.0 - 27.0 * spec.stars, LEAST_JACK_MS, 220.0))
        release_ms = float(np.clip(150.0 - 14.0 * spec.stars, 60.0, 140.0))
        self.fingers = Fingers(keys, least_ms, release_ms, readiness_to_repeat(spec), self.rng)
        self.most_held = 1 if spec.stars < 2 else max(2, keys // 2)
        self._phrases: dict[tuple[tuple[int, int, int], ...], list[tuple[int, ...]]] = {}
        self.notes: list[HitObject] = []

    def write(self, rows: Sequence[Row]) -> list[HitObject]:
        """Hit objects by time and column, in whole ms."""
        sizes = row_sizes(rows, self.spec, self.keys)
        ends = hold_ends(self.song, rows, sizes, self.spec)
        directions = _directions(rows)
        span = _PHRASE_BARS * self.song.bar_ticks
        items = list(zip(rows, sizes, ends, directions, strict=True))
        for (part, index), group in groupby(
            items, lambda item: (item[0].part, (item[0].tick - self._start(item[0])) // span)
        ):
            phrase = list(group)
            start = part.first_bar * self.song.bar_ticks + index * span
            key = tuple(
                (row.tick - start, size, 0 if end is None else round(end - row.time_ms))
                for row, size, end, _ in phrase
            )
            self._write_phrase(key, phrase)
        return self.notes

    def _start(self, row: Row) -> int:
        return row.part.first_bar * self.song.bar_ticks

    def _write_phrase(
        self,
        key: tuple[tuple[int, int, int], ...],
        phrase: list[tuple[Row, int, float | None, int]],
    ) -> None:
        """A phrase that was played before has the same columns, or their mirror image."""
        known = self._phrases.get(key)
        shown = self._returning(known, phrase[0][0].time_ms) if known else []
        written = []
        for place, (row, size, end, direction) in enumerate(phrase):
            columns = shown[place] if shown else ()
            if not columns or not self.fingers.fits(row.time_ms, columns):
                columns = self.fingers.choose(row.time_ms, size, direction)
            self._press(row, columns, end)
            written.append(columns)
        if known is None:
            self._phrases[key] = written

    def _returning(self, known: list[tuple[int, ...]], time_ms: float) -> list[tuple[int, ...]]:
        """A phrase as it was, or mirrored: now and then, and where its first row fits so alone."""
        mirrored = [tuple(sorted(self.keys - 1 - c for c in columns)) for columns in known]
        first, second = (mirrored, known) if self.rng.random() < 0.3 else (known, mirrored)
        return first if self.fingers.fits(time_ms, first[0]) else second

    def _press(self, row: Row, columns: tuple[int, ...], end: float | None) -> None:
        time_ms = float(round(row.time_ms))
        ends: dict[int, float] = {}
        if end is not None and columns:
            room = self.most_held - self.fingers.holds_at(row.time_ms)
            count = len(columns) if self.spec.ln_ratio > HELD_CHORDS else 1
            for column in columns[: max(0, min(count, room))]:
                ends[column] = float(round(end))
        for column in columns:
            if column in ends:
                self.notes.append(LongNote(column, time_ms, ends[column]))
            else:
                self.notes.append(Rice(column, time_ms))
        self.fingers.press(row.time_ms, columns, ends)
