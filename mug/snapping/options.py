"""Options of snapping: tiers, divisors, tolerance, and the treatment of notes that do not fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Literal

from mug import tiers as lint_tiers
from mug.beatmap.hit_objects import HitObject
from mug.errors import DataError
from mug.messages.message import Message
from mug.tiers import Tier

DIVISORS = (1, 2, 3, 4, 6, 8, 12, 16)
MAX_DIVISOR = 96
BASE_TOLERANCE_MS = 20.0

Unfit = Literal["keep", "move", "drop"]


@dataclass(frozen=True)
class SnapTier:
    """Finest grid of a difficulty tier.

    Args:
        tier: the difficulty; it has the star ratings.
        divisors: parts of a beat that it may use.
        least_gap_ms: a divisor whose lines lie closer than this is left out; 1 never is.
    """

    tier: Tier
    divisors: tuple[int, ...]
    least_gap_ms: float

    @property
    def name(self) -> str:
        """Of the difficulty."""
        return self.tier.title

    @property
    def below(self) -> float:
        """Star ratings under this belong to it (and not to an easier one)."""
        return self.tier.below


# Gaps from human charts (docs/snapping.md). Easy has 1/3 for the off-beat of swing and of compound
# metres; of straight divisors, none beyond 1/2.
TIERS = (
    SnapTier(Tier.EASY, (1, 2, 3), 140.0),
    SnapTier(Tier.NORMAL, (1, 2, 3, 4), 80.0),
    SnapTier(Tier.HARD, (1, 2, 3, 4, 6), 60.0),
    SnapTier(Tier.INSANE, (1, 2, 3, 4, 6, 8), 35.0),
    SnapTier(Tier.EXPERT, DIVISORS, 20.0),
)


@dataclass(frozen=True)
class SnapOptions:
    """Options for snapping a chart.

    Args:
        star_rating: asked for or measured; picks the tier and with it divisors and least gap.
            None is the last tier.
        divisors: parts of a beat to use instead of the tier's, at any tempo.
        tolerance_ms: how far from a line a note still fits; None is 20 ms or three times the
            jitter, whichever is more. Less than 1 ms counts as 1 ms, for files have whole ms.
        jitter_ms: standard deviation of the raw times around the lines; None estimates it.
        unfit: a note with no line within the tolerance stays ("keep"), goes to the nearest line
            all the same ("move") or is left out and listed ("drop").
        locked: notes that never move: a container of hit objects, or a predicate.
    """

    star_rating: float | None = None
    divisors: tuple[int, ...] | None = None
    tolerance_ms: float | None = None
    jitter_ms: float | None = None
    unfit: Unfit = "keep"
    locked: Container[HitObject] | Callable[[HitObject], bool] = ()

    def __post_init__(self) -> None:
        _check(
            self.star_rating is None or 0 <= self.star_rating < math.inf,
            "timing.star_rating_must_not_be_negative",
            self,
        )
        _check(
            self.tolerance_ms is None or 0 <= self.tolerance_ms < math.inf,
            "timing.tolerance_must_not_be_negative",
            self,
        )
        _check(
            self.jitter_ms is None or 0 <= self.jitter_ms < math.inf,
            "timing.jitter_must_not_be_negative",
            self,
        )
        _check(self.unfit in {"keep", "move", "drop"}, "timing.unfit_is_keep_move_or_drop", self)
        if self.divisors is not None:
            _check(
                len(self.divisors) > 0 and all(1 <= d <= MAX_DIVISOR for d in self.divisors),
                Message("timing.divisors_out_of_range", most=MAX_DIVISOR),
                self,
            )

    @property
    def tier(self) -> SnapTier:
        """The tier of the star rating."""
        return tier_of(self.star_rating)

    def allowed(self, beat_ms: float) -> tuple[int, ...]:
        """Divisors that may be used where a beat lasts so long, rising."""
        if self.divisors is not None:
            return tuple(sorted(set(self.divisors)))
        return allowed_divisors(self.star_rating, beat_ms)

    def is_locked(self, note: HitObject) -> bool:
        """Return whether a note must stay in its place."""
        if callable(self.locked):
            return bool(self.locked(note))
        return note in self.locked


def tier_of(star_rating: float | None) -> SnapTier:
    """The tier that a star rating belongs to; the last one where it is unknown.

    Raises:
        DataError: for what is no number.
    """
    return TIERS[-1 if star_rating is None else lint_tiers.tier_of(star_rating)]


def allowed_divisors(star_rating: float | None, beat_ms: float) -> tuple[int, ...]:
    """Divisors that a star rating may use at a tempo, rising.

    Args:
        star_rating: None where it is unknown.
        beat_ms: how long a beat lasts.
    """
    tier = tier_of(star_rating)
    return tuple(d for d in tier.divisors if d == 1 or beat_ms / d >= tier.least_gap_ms)


def _check(fine: bool, message: str, options: SnapOptions) -> None:
    if not fine:
        raise DataError(message, value=options, remedy="remedy.see_snap_options")
