"""Plan of a request: so many charts, the best of several candidates, or a spread.

The page's server reads plans and makes no charts: what is imported here stays free of torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mug import tiers as lint_tiers
from mug.errors import GenerationError
from mug.pipeline import plain
from mug.pipeline.judge.report import misses
from mug.pipeline.request import MAX_COUNT

MAX_ATTEMPTS = 100


@dataclass(frozen=True)
class Search:
    """Options of the search for good charts.

    Args:
        candidates: charts to make an attempt, of which the best are kept; 0 makes as many as
            are asked for.
        tolerances: how far a number that was asked for may be missed, by feature.
        attempts: with tolerances, how often to make candidates at most.
        reach_stars: whether charts that are kept and miss the star rating asked for are brought to
            it, see `mug.pipeline.arrange.reach_stars`; False leaves charts as they were sampled.
    """

    candidates: int = 0
    tolerances: Mapping[str, float] = field(default_factory=dict)
    attempts: int = 1
    reach_stars: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.candidates <= MAX_COUNT:
            raise GenerationError(
                "pipeline.candidates_out_of_range", most=MAX_COUNT, value=self.candidates
            )
        if not 1 <= self.attempts <= MAX_ATTEMPTS:
            raise GenerationError(
                "pipeline.attempts_out_of_range", most=MAX_ATTEMPTS, value=self.attempts
            )
        misses({"compared": []}, self.tolerances)  # refuses impossible tolerances

    @property
    def wanted(self) -> bool:
        """Return whether there is anything to choose from."""
        return self.candidates > 0 or self.attempts > 1


@dataclass(frozen=True)
class SpreadTier:
    """One difficulty of a spread.

    Args:
        name: as the game shows it.
        star_rating: what it is asked to have.
    """

    name: str
    star_rating: float


# Within the bounds of each tier, towards the middle.
TIERS = tuple(
    SpreadTier(tier.title, stars)
    for tier, stars in zip(lint_tiers.Tier, (1.6, 2.4, 3.4, 4.6, 5.8), strict=True)
)


@dataclass(frozen=True)
class Plan:
    """Charts to make of a request.

    Args:
        search: candidates, tolerances and attempts for charts of one prompt.
        tiers: a spread of these instead, with as many candidates for each; empty for none. Its
            charts are brought to their stars in any case.

    Raises:
        GenerationError: for a spread with further attempts, or with too many candidates.
    """

    search: Search = field(default_factory=Search)
    tiers: tuple[SpreadTier, ...] = ()

    def __post_init__(self) -> None:
        if self.tiers and self.search.attempts > 1:
            raise GenerationError(
                "pipeline.spread_is_made_once_without_further",
                value=self.search.attempts,
                remedy="remedy.give_candidates_instead_charts_made",
            )
        if len(self.tiers) * self.candidates > MAX_COUNT:
            raise GenerationError(
                "pipeline.number_of_tiers_out_of_range",
                most=MAX_COUNT,
                value=(len(self.tiers), self.candidates),
            )

    @property
    def candidates(self) -> int:
        """Charts to make for each tier."""
        return max(self.search.candidates, 1)

    def to_plain(self) -> dict[str, Any]:
        """Return all fields as JSON can hold them."""
        found: dict[str, Any] = plain.to_plain(self)
        return found

    @classmethod
    def from_plain(cls, fields: Mapping[str, Any]) -> Plan:
        """Return the plan of such fields; those that are not there keep their defaults.

        Raises:
            GenerationError: for an unknown field, and a value that it cannot have.
        """
        found: Plan = plain.from_plain(cls, fields, "plan")
        return found
