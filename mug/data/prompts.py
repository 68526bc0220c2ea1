"""Prompts of training items: database rows to embedding ids and values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from mug.beatmap.beatmap import Beatmap
from mug.data.charts import TrainingChart
from mug.data.skill_sources import source_in
from mug.difficulty.registry import COMPUTATIONS
from mug.difficulty.skills import ESTIMATE
from mug.difficulty.stars import linear_rate_star_rating
from mug.errors import ConfigError
from mug.features import FeatureSchema
from mug.util import nearest

SAME_AT_ANY_RATE = frozenset(
    {"rank_status", *(name for c in COMPUTATIONS if c.same_at_any_rate for name in c.names)}
)
"""Features that do not change when a song is played faster or slower."""

StarRatingAtRate = Callable[[TrainingChart, float, float], float]
"""Star rating of a chart at a rate, given the one at rate 1."""


def linear_star_rating(_chart: TrainingChart, rate: float, rating: float) -> float:
    """The original's rule of thumb."""
    return linear_rate_star_rating(rating, rate)


def exact_star_rating(chart: TrainingChart, rate: float, _rating: float) -> float:
    """The star rating of the faster or slower chart itself."""
    return chart.star_rating(rate)


STAR_RATINGS: Mapping[str, StarRatingAtRate] = {
    "exact": exact_star_rating,
    "linear": linear_star_rating,
}


@dataclass(frozen=True)
class Prompts:
    """Turns features into ids, some of them left out at random.

    Args:
        schema: the features.
        feature_dropout_p: probability, for each feature by itself, of being left out.
        uncond_p: probability that all features are left out: trains the unconditional half of
            classifier-free guidance.
        value_dropout_p: probability, for each of the schema's `values`, of being left out apart
            from the bins of its name; with None they are left out together.
        star_rating_at_rate: name of a rule for charts played at another speed: `exact`, `linear`.
    """

    schema: FeatureSchema
    feature_dropout_p: float = 0.0
    uncond_p: float = 0.0
    star_rating_at_rate: str = "exact"
    value_dropout_p: float | None = None

    def __post_init__(self) -> None:
        if self.star_rating_at_rate not in STAR_RATINGS:
            raise ConfigError(
                "data.unknown_rule_for_star_ratings",
                value=self.star_rating_at_rate,
                remedy=nearest(self.star_rating_at_rate, STAR_RATINGS),
            )

    def at_rate(
        self, row: Mapping[str, object], chart: TrainingChart | Beatmap, rate: float
    ) -> dict[str, object]:
        """Features of the chart played at another speed; those that cannot be known are missing.

        Etterna's numbers, and which skills are its main ones, are estimated again where our
        estimator gave those at rate 1. Others (MinaCalc's, those of another version) would be
        mixed with ours, and are missing.

        Args:
            row: features at rate 1, and under `tool_version` what measured them.
            chart: at rate 1.
            rate: speed multiplier.
        """
        if rate == 1:
            return dict(row)
        chart = TrainingChart.of(chart) if isinstance(chart, Beatmap) else chart
        values = {name: value for name, value in row.items() if name in SAME_AT_ANY_RATE}
        rating = row.get("sr")
        if rating is not None:
            rule = STAR_RATINGS[self.star_rating_at_rate]
            values["sr"] = rule(chart, rate, float(str(rating)))
        density = row.get("density")
        if density is not None:
            values["density"] = float(str(density)) * rate
        tool = source_in(str(row.get("tool_version", "")))
        if row.get("ett") is not None and tool == ESTIMATE.version:
            values |= chart.skills(rate)
        return values

    def ids(
        self, values: Mapping[str, object], rng: np.random.Generator
    ) -> Int64[np.ndarray, " n"] | Float32[np.ndarray, " n"]:
        """The network's row after drop-out: embedding ids, and behind them values where there are.

        See `mug.features.FeatureSchema.row`.
        """
        names = [feature.name for feature in self.schema.features]
        # Both are always drawn, so that one probability does not change the other's draws.
        kept = rng.random(len(names)) >= self.feature_dropout_p
        nothing = rng.random() < self.uncond_p
        shown = {
            name: values.get(name)
            for name, keep in zip(names, kept, strict=True)
            if keep and not nothing
        }
        if not self.schema.values:
            return np.array(self.schema.row(shown), np.int64)
        given = (
            {}
            if nothing
            else self._given(values, dict(zip(names, kept.tolist(), strict=True)), rng)
        )
        return np.array(self.schema.row(shown, given), np.float32)

    def _given(
        self, values: Mapping[str, object], kept: Mapping[str, bool], rng: np.random.Generator
    ) -> dict[str, object]:
        """Values that are not left out."""
        apart, given = self.value_dropout_p, {}
        chances = rng.random(len(self.schema.values))
        for one, chance in zip(self.schema.values, chances, strict=True):
            together = apart is None and one.name in kept
            own = chance >= (self.feature_dropout_p if apart is None else apart)
            if kept[one.name] if together else own:
                given[one.name] = values.get(one.name)
        return given
