"""Note sources of a chart: rows that the model made, and onsets of the sound.

A spread never invents a rhythm. A row is added only where another chart of the same song has one,
or where the sound itself has an onset on a line that the tier may use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from mug.beatmap.hit_objects import HitObject
from mug.pipeline.finish.cleanup import NEAREST_DIVISORS
from mug.pipeline.finish.options import FinishOptions
from mug.snapping.lines import Allowed, BeatLines, Times
from mug.snapping.nearest import SnapOptions
from mug.timing.chart_offset import SongOnsets, song_onsets

ONSET_MS = 15.0
"""Largest distance of an onset of the sound from its line, ms."""

LEAST_STRENGTH = 1.0
"""Weakest onset that a note may be put on; 1 is the mean of the sound's onset strength.

Of the rows of six real songs' hardest human charts 65 to 97 % have one within `ONSET_MS`, of the
quarters of beats that these charts leave free 9 to 32 % (67 % in one that leaves hardly any).
"""

_APART_FRAMES = 31  # ms: least distance of two onsets of the sound, less one
_WHOLE_MS = 1.0
_STRAIGHT, _TRIPLET = (4, 2, 1), (3, 1)


@dataclass(frozen=True, eq=False)
class OnsetTimes:
    """Onsets of a song's sound.

    Args:
        times_ms: when, rising.
        strength: how clear each is; 1 is the mean of the song.
    """

    times_ms: Float64[np.ndarray, " onsets"]
    strength: Float64[np.ndarray, " onsets"]

    @classmethod
    def nothing(cls) -> OnsetTimes:
        """A song that was not listened to."""
        return cls(np.zeros(0), np.zeros(0))

    def accents(self, times_ms: Times) -> Float64[np.ndarray, " n"]:
        """Rank of the strength of the onset at each time: 0 none ... 1 the strongest."""
        if not len(self.times_ms):
            return np.zeros(len(times_ms))
        after = np.searchsorted(self.times_ms, times_ms)
        found = np.zeros(len(times_ms))
        ranked = np.sort(self.strength)
        for index in (after - 1, after):
            near = np.clip(index, 0, len(self.times_ms) - 1)
            close = np.abs(self.times_ms[near] - times_ms) <= ONSET_MS
            share = np.searchsorted(ranked, self.strength[near], side="right") / len(ranked)
            found = np.maximum(found, np.where(close, share, 0.0))
        return found


def find_onsets(wave: Float[np.ndarray, " samples"], sample_rate: int) -> OnsetTimes:
    """The onsets of a song that a note may be put on.

    Args:
        wave: mono.
        sample_rate: in Hz.

    Raises:
        DataError: for samples that are not finite.
    """
    return onset_times(song_onsets(wave, sample_rate))


def onset_times(onsets: SongOnsets) -> OnsetTimes:
    """The onsets of a song that a note may be put on, from its onset strength."""
    from scipy.ndimage import maximum_filter1d

    strength = onsets.strength
    if not len(strength):
        return OnsetTimes.nothing()
    top = (strength == maximum_filter1d(strength, _APART_FRAMES)) & (strength >= LEAST_STRENGTH)
    at = np.flatnonzero(top)
    return OnsetTimes(at.astype(np.float64), strength[at])


@dataclass(frozen=True)
class NoteSources:
    """Rows that a chart may take over.

    Args:
        rows: by time, the notes of other charts there; none where only the sound has an onset.
        support: by time, the share of the charts that have a row there, 0 ... 1.
    """

    rows: Mapping[float, tuple[HitObject, ...]]
    support: Mapping[float, float]


def note_sources(
    charts: Sequence[Sequence[HitObject]], onsets_ms: Sequence[float] = ()
) -> NoteSources:
    """Note sources from charts of a song and from its sound.

    Args:
        charts: notes of each.
        onsets_ms: times on the beat where the sound has an onset.
    """
    rows: dict[float, list[HitObject]] = {time: [] for time in onsets_ms}
    count: dict[float, int] = dict.fromkeys(onsets_ms, 0)
    for notes in charts:
        for time in {note.start_ms for note in notes}:
            count[time] = count.get(time, 0) + 1
        for note in notes:
            rows.setdefault(note.start_ms, []).append(note)
    share = {time: number / max(len(charts), 1) for time, number in count.items()}
    return NoteSources({time: tuple(row) for time, row in sorted(rows.items())}, share)


def allowed_lines(finish: FinishOptions, lines: BeatLines) -> Allowed:
    """Parts of a beat that a chart finished so may use, for each section; none where it is free."""
    if finish.snapping == "none":
        return tuple(() for _ in lines.beat_ms)
    if finish.snapping == "nearest":
        return tuple(finish.divisors or NEAREST_DIVISORS for _ in lines.beat_ms)
    options = SnapOptions(star_rating=finish.star_rating, divisors=finish.divisors)
    return tuple(options.allowed(beat_ms) for beat_ms in lines.beat_ms.tolist())


def onset_lines(
    onsets: OnsetTimes, lines: BeatLines, allowed: Allowed, rows_ms: Times
) -> tuple[float, ...]:
    """Lines of the beat, at whole milliseconds, on which the sound has an onset.

    Straight lines, or those of triplets where the charts' own rows between the beats are rather
    there.

    Args:
        onsets: the sound's onsets.
        lines: the beat.
        allowed: parts of a beat that may be used, see `allowed_lines`.
        rows_ms: where the charts have rows.
    """
    times, section = onsets.times_ms, lines.section(onsets.times_ms)
    found: set[float] = set()
    family = _family(lines, rows_ms)
    for index, parts in enumerate(allowed):
        own = times[section == index]
        divisor = next((d for d in family if d in parts), 0)
        if divisor and len(own):
            at, off = lines.nearest(own, divisor)
            found |= {float(round(time)) for time in at[np.abs(off) <= ONSET_MS].tolist()}
    return tuple(sorted(time for time in found if time >= 0))


def on_lines(times_ms: Times, lines: BeatLines, allowed: Allowed) -> Bool[np.ndarray, " n"]:
    """Mask of the times that may be used, whole milliseconds forgiven; all without a limit."""
    section = lines.section(times_ms)
    found: np.ndarray = np.array([not parts for parts in allowed], dtype=bool)[section]
    for divisor in sorted({d for parts in allowed for d in parts}):
        permitted = np.array([divisor in parts for parts in allowed], dtype=bool)[section]
        found |= permitted & (np.abs(lines.nearest(times_ms, divisor)[1]) <= _WHOLE_MS)
    return found


def _family(lines: BeatLines, rows_ms: Times) -> tuple[int, ...]:
    on, triplet, straight = (
        on_lines(rows_ms, lines, ((divisor,),) * len(lines.beat_ms)) for divisor in (1, 3, 4)
    )
    return _TRIPLET if (triplet & ~on).sum() > (straight & ~on).sum() else _STRAIGHT
