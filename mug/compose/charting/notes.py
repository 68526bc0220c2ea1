"""Notes for rows: how many at once, which are held, and in which columns; phrases return."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

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


def _lengths(row: Row, following: Row | None, spec: ChartSpec) -> tuple[int, int]:
    """Ticks for which a note of a row may be held: as long as a voice sounds, and in any case.

    Charts of long notes also hold notes that are not sustained: to the next row, at least for
    half of a counted beat.
    """
    beat_ms = row.part.beat_ms
    line = GRID // 8 if beat_ms >= SLOW_BEAT_MS else GRID // 4
    voices = [v for v in (row.leader, *_SUSTAINED) if v in row.sounding and v in _SUSTAINED]
    length = 0
    if voices:
        length = int(row.sounding[voices[0]].duration_ms / beat_ms * GRID + 0.5)
        length = min(length, 8 * GRID) // line * line
    if spec.ln_ratio < 0.15 or following is None:
        return length, 0
    gap = following.tick - row.tick
    if length > gap and row.tick // line % 2 == 0:
        length = max(gap, 2 * line) // line * line  # let go at the next row, as often as not
    return length, min(max(gap, 2 * line), 2 * GRID) // line * line


def hold_ends(
    song: VariedSong, rows: Sequence[Row], sizes: Sequence[int], spec: ChartSpec
) -> list[float | None]:
    """Times at which the rows' holds end, None for rows of taps: the longest sounds are held."""
    following = [*rows[1:], None]
    lengths = [_lengths(row, after, spec) for row, after in zip(rows, following, strict=True)]
    beat_ms = [row.part.beat_ms / GRID for row in rows]
    least_ms = 140.0 if spec.ln_ratio > 0.2 else 260.0
    sustained = [
        n * ms if n * ms >= least_ms else 0.0 for (n, _), ms in zip(lengths, beat_ms, strict=True)
    ]
    # Some come to nothing where fingers are busy.
    wanted = round(1.15 * spec.ln_ratio * sum(sizes))
    order = sorted(range(len(rows)), key=lambda i: (-min(sustained[i], 1200.0), -rows[i].accent, i))
    ends: list[float | None] = [None] * len(rows)
    for index in order:
        if wanted <= 0:
            break
        length, other = lengths[index]
        length = length if sustained[index] else other
        if length * beat_ms[index] >= 90.0:
            ends[index] = song.tick_ms(rows[index].tick + length)
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
        family = FAMILIES[spec.family]
        self.fingers = Fingers(keys, least_ms, release_ms, family.repeat, self.rng)
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
