"""Tiers of difficulty, their star ratings, and what each of them asks of a chart.

The bounds of the star ratings stand here alone: snapping and spreads take them from here.

Limits in ms are parts of a beat at 180 BPM, the tempo that the public ranking criteria are written
for: a slower song may be written in finer parts of its beat, a faster one in coarser. The values
were tuned on human charts; `docs/lint.md` has the rates.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from mug.beatmap.hit_objects import HitObject
from mug.errors import DataError
from mug.util import nearest

# Where the game's own difficulty icons change.
_LOWEST_STARS = (2.0, 2.7, 4.0, 5.3)

# Least squares by eye over the charts of `docs/lint.md`: star rating against the busiest 4 s.
_STARS_AT_REST, _STARS_PER_NOTE, _BUSY_MS = 0.6, 0.18, 4000.0


class Tier(IntEnum):
    """Difficulty tier, by the players that a chart is for."""

    EASY = 0
    NORMAL = 1
    HARD = 2
    INSANE = 3
    EXPERT = 4

    @property
    def title(self) -> str:
        """As it is written, e.g. `Easy`."""
        return self.name.capitalize()

    @property
    def below(self) -> float:
        """The star rating from which on a chart belongs to a harder tier; infinite for the last."""
        return (*_LOWEST_STARS, math.inf)[self]


@dataclass(frozen=True, slots=True)
class TierLimits:
    """Limits of a tier: values beyond them are too much for it.

    Args:
        mini_jack_ms: notes of a column that start closer than this are a mini-jack.
        jack_ms: repeats of a column up to this apart, with nothing between, are a jack.
        jack_notes: a jack may have so many notes.
        release_ms: least time from the end of a hold to the next note of its column.
        shield_ms: least time from a tap to the head of a hold in its column.
        hold_ms: least length of a hold.
        anchor_ms: repeats of a column up to this apart, with others between, are an anchor.
        anchor_notes: an anchor may have so many notes.
        trill_ms: alternations of two columns of a hand up to this apart are a one-hand trill.
        trill_notes: a one-hand trill may have so many notes.
        chord_share: a chord may take this share of the columns, rounded up, and two always.
        rest_s: longest time in s without a rest; infinite where none is needed.
        break_s: longest time in s without a note.
    """

    mini_jack_ms: float
    jack_ms: float
    jack_notes: int
    release_ms: float
    shield_ms: float
    hold_ms: float
    anchor_ms: float
    anchor_notes: int
    trill_ms: float
    trill_notes: int
    chord_share: float
    rest_s: float
    break_s: float

    def chord_notes(self, keys: int) -> int:
        """Notes that a chord may have in a chart with so many columns."""
        return max(min(2, keys), math.ceil(keys * self.chord_share - 1e-9))


LIMITS: Mapping[Tier, TierLimits] = MappingProxyType(
    {
        Tier.EASY: TierLimits(165, 340, 4, 120, 250, 80, 340, 4, 250, 5, 0.4, 75, 8),
        Tier.NORMAL: TierLimits(120, 200, 3, 85, 150, 80, 260, 5, 170, 6, 0.55, math.inf, 8),
        Tier.HARD: TierLimits(90, 170, 4, 70, 125, 60, 200, 6, 130, 7, 0.75, math.inf, 6),
        Tier.INSANE: TierLimits(70, 130, 5, 50, 100, 50, 170, 12, 100, 9, 0.85, math.inf, 6),
        Tier.EXPERT: TierLimits(60, 110, 6, 40, 85, 41, 140, 12, 85, 10, 1.0, math.inf, 6),
    }
)


def tier_of(star_rating: float) -> Tier:
    """The tier of a star rating, as the game draws its icons.

    Raises:
        DataError: for what is no number.
    """
    if not math.isfinite(star_rating):
        raise DataError("common.star_rating_is_number", value=star_rating)
    return Tier(bisect.bisect_right(_LOWEST_STARS, star_rating))


def tier_named(name: str) -> Tier:
    """The tier of a name, whatever its case.

    Raises:
        DataError: for another name.
    """
    names = {tier.title: tier for tier in Tier}
    if name.capitalize() not in names:
        raise DataError(
            "common.no_such_tier", value=name, remedy=nearest(name.capitalize(), list(names))
        )
    return names[name.capitalize()]


def estimated_stars(hit_objects: Sequence[HitObject]) -> float:
    """A rough star rating from the busiest four seconds, for where no calculator is at hand."""
    starts = sorted(note.start_ms for note in hit_objects)
    busiest = max(
        (bisect.bisect_left(starts, at + _BUSY_MS) - i for i, at in enumerate(starts)), default=0
    )
    return _STARS_AT_REST + _STARS_PER_NOTE * busiest / (_BUSY_MS / 1000)
