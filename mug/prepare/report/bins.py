"""Distributions as bars: what a report and the documentation draw."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mug.features import BOOL, NUMERIC, Feature, FeatureSchema
from mug.render.scale import round_step

_MOST_BARS = 30
_SKILLS: Mapping[str, str] = {
    "stamina": "Stamina",
    "stream": "Stream",
    "jumpstream": "Jumpstream",
    "handstream": "Handstream",
    "jackspeed": "Jackspeed",
    "chordjack": "Chordjack",
    "technical": "Technical",
}
TITLES: Mapping[str, str] = {
    "sr": "Star rating",
    "rank_status": "Rank status",
    "ln_ratio": "Share of long notes",
    "rc": "Rice chart",
    "hb": "Hybrid chart",
    "ln": "Long-note chart",
    "ett": "MSD, overall",
    **{f"{name}_ett": f"MSD, {title.lower()}" for name, title in _SKILLS.items()},
    **{name: f"{title}: a main skill" for name, title in _SKILLS.items()},
}
"""Display names of the features of the shipped configuration."""


@dataclass(frozen=True)
class Distribution:
    """Histogram of values.

    Args:
        title: what is counted.
        labels: of the bars; numeric bars have their lower edge.
        counts: of the bars.
        unknown: values that are not known, in no bar.
        note: one line about the values, e.g. their median.
        numeric: whether the bars are an axis; otherwise they are categories.
    """

    title: str
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    unknown: int = 0
    note: str = ""
    numeric: bool = True

    @property
    def known(self) -> int:
        """Values in all bars."""
        return sum(self.counts)


def feature_distribution(feature: Feature, values: Iterable[object]) -> Distribution:
    """Values by the bins that the model sees; a numeric value beyond the range is in the last.

    Raises:
        ConfigError: for a value that the feature cannot have.
    """
    rows = [0] * (feature.bins + 1)
    numbers = []
    for value in values:
        rows[feature.row(value)] += 1
        if feature.kind == NUMERIC and value is not None:
            numbers.append(float(str(value)))
    if feature.kind == NUMERIC:
        edges = [feature.minimum + feature.step * index for index in range(feature.bins)]
        labels = tuple(f"{edge:.10g}" for edge in edges)
    else:
        labels = ("no", "yes") if feature.kind == BOOL else feature.choices
    known = sum(rows[1:])
    note = _spread(numbers) if numbers else f"{known} charts" if known else ""
    return Distribution(
        title=TITLES.get(feature.name, feature.name),
        labels=labels,
        counts=tuple(rows[1:]),
        unknown=rows[0],
        note=note,
        numeric=feature.kind == NUMERIC,
    )


def feature_distributions(
    schema: FeatureSchema, rows: Sequence[Mapping[str, object]]
) -> dict[str, Distribution]:
    """One a feature by name; features that a row lacks are unknown in it."""
    return {
        feature.name: feature_distribution(feature, (row.get(feature.name) for row in rows))
        for feature in schema.features
    }


def number_distribution(
    title: str, values: Iterable[float | None], *, unit: str = "", whole: bool = False
) -> Distribution:
    """Numbers by bins of a round width, at most 30 of them.

    Args:
        title: what is counted.
        values: finite numbers; None is unknown.
        unit: written behind the numbers of the note.
        whole: whether a bin is one whole number at least.
    """
    listed = list(values)
    numbers = [value for value in listed if value is not None and math.isfinite(value)]
    unknown = len(listed) - len(numbers)
    if not numbers:
        return Distribution(title, (), (), unknown)
    step = round_step((max(numbers) - min(numbers)) / _MOST_BARS, whole=whole)
    first = math.floor(min(numbers) / step)
    counts = [0] * (math.floor(max(numbers) / step) - first + 1)
    for number in numbers:
        counts[math.floor(number / step) - first] += 1
    places = max(-math.floor(math.log10(step) + 1e-9), 0)
    edges = (round((first + index) * step, places) for index in range(len(counts)))
    labels = tuple(f"{edge:.15g}" for edge in edges)
    return Distribution(title, labels, tuple(counts), unknown, _spread(numbers, unit))


def _spread(numbers: Sequence[float], unit: str = "") -> str:
    if not numbers:
        return ""
    low, middle, high = min(numbers), statistics.median(numbers), max(numbers)
    if low == high:
        return f"all {low:.3g}{unit}"
    return f"{_short(low)} … {_short(high)}{unit}, median {_short(middle)}"


def _short(number: float) -> str:
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.3g}"
