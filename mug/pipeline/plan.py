"""Plan of a request: so many charts, the best of several candidates, or a spread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mug.errors import GenerationError
from mug.pipeline import plain
from mug.pipeline.judge.candidates import Search
from mug.pipeline.request import MAX_COUNT
from mug.pipeline.spread import SpreadTier


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
