"""The one owner of beatmap features: names and values to rows of one embedding table.

Each feature owns a run of rows: the first says "not given", the others are its bins or values.
Source: the original's feature YAML and `feature_dict_to_embedding_ids`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mug.errors import ConfigError
from mug.messages.message import Message
from mug.util import find_file, nearest, read_yaml

NUMERIC, BOOL, CATEGORY = "numeric", "bool", "category"
CONTINUOUS = "continuous"
"""In a file: a number that is given as it is, beside or without bins of the same name."""

_KEYS = {
    NUMERIC: {"name", "type", "min", "max", "interval", "count"},
    BOOL: {"name", "type", "count"},
    CATEGORY: {"name", "type", "values", "count"},
}
_ENTRIES = {**_KEYS, CONTINUOUS: {"name", "type", "min", "max", "interval"}}
_WORDS = {"1": True, "true": True, "yes": True, "on": True}
_WORDS |= {"0": False, "false": False, "no": False, "off": False}
_MOST_BYTES, _MOST_FEATURES, _MOST_ROWS = 1 << 20, 1024, 1 << 20
"""Bytes of a file, its features, and rows of the embedding table, far above those of any model."""

_MISSING_WORDS = ("", "none", "null")

FeatureValue = float | int | bool | str


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing that a model can be asked for.

    Args:
        name: as in the YAML file, the database and on command lines.
        kind: `numeric`, `bool` or `category`.
        minimum: smallest value of a numeric feature; smaller ones count as this.
        maximum: largest value of a numeric feature; larger ones count as this.
        step: width of a bin of a numeric feature.
        choices: values of a category, in the order of their rows.
    """

    name: str
    kind: str
    minimum: float = 0.0
    maximum: float = 1.0
    step: float = 1.0
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in _KEYS:
            raise ConfigError(
                "features.feature_has_unknown_type",
                name=self.name,
                value=self.kind,
                remedy=nearest(self.kind, _ENTRIES),
            )
        finite = math.isfinite(self.maximum - self.minimum + self.step)
        if self.kind == NUMERIC and not (finite and self.maximum > self.minimum and self.step > 0):
            raise ConfigError(
                "features.feature_has_no_bins",
                name=self.name,
                value=(self.minimum, self.maximum, self.step),
                remedy="remedy.bins_need_min_max_interval",
            )
        if self.kind == CATEGORY and not self.choices:
            raise ConfigError("features.feature_lists_no_values", name=self.name)

    @property
    def bins(self) -> int:
        """Rows besides the one for "not given"."""
        if self.kind == NUMERIC:
            return math.ceil((self.maximum - self.minimum) / self.step)
        return 2 if self.kind == BOOL else len(self.choices)

    def row(self, value: object, *, clamp_top: bool = True) -> int:
        """Row within the feature's own rows; 0 is "not given" (None, or -1 of a bool).

        A numeric value goes to the bin below it by float64 division and truncation, so that 1.2
        with bins of 0.2 from 1.0 is in the first bin (0.19999... / 0.2 < 1). Trained weights
        depend on that.

        Args:
            value: number, truth value or category.
            clamp_top: puts the maximum into the last bin; otherwise it gets the row after the
                last bin, which belongs to the next feature, as in the original.

        Raises:
            ConfigError: for a value that the feature cannot have, naming what it can.
        """
        if value is None:
            return 0
        if self.kind == NUMERIC:
            clamped = min(max(self._number(value), self.minimum), self.maximum)
            index = int((clamped - self.minimum) / self.step)
            return 1 + (min(index, self.bins - 1) if clamp_top else index)
        if self.kind == BOOL:
            number = self._number(value)
            if number not in (-1.0, 0.0, 1.0):
                raise self._refuse(value, "remedy.true_or_false_or_not_given")
            return int(number) + 1
        if value not in self.choices:
            raise self._refuse(value, nearest(str(value), self.choices))
        return 1 + self.choices.index(str(value))

    def share(self, value: object) -> float:
        """Place of a number in the feature's range, 0 ... 1; beyond it, that of the nearer end.

        Raises:
            ConfigError: for a value that is no number.
        """
        clamped = min(max(self._number(value), self.minimum), self.maximum)
        return (clamped - self.minimum) / (self.maximum - self.minimum)

    def parse(self, text: str) -> FeatureValue | None:
        """The value that a person typed; `none` and the empty text mean "not given".

        Raises:
            ConfigError: when it is no value of this feature.
        """
        word = text.strip()
        if word.lower() in _MISSING_WORDS:
            return None
        if self.kind == BOOL:
            if word.lower() not in _WORDS:
                raise self._refuse(text, "remedy.write_true_false_or_none")
            return _WORDS[word.lower()]
        if self.kind == CATEGORY:
            if word not in self.choices:
                raise self._refuse(text, nearest(word, self.choices))
            return word
        return self._number(word)

    def _number(self, value: object) -> float:
        try:
            number = float(value)  # type: ignore[arg-type]  # anything else is refused below
        except (TypeError, ValueError):
            number = math.nan
        if math.isnan(number):
            raise self._refuse(
                value, Message("remedy.number_from_to", least=self.minimum, most=self.maximum)
            )
        return number

    def _refuse(self, value: object, remedy: str) -> ConfigError:
        return ConfigError(
            "common.not_value_of_feature", name=self.name, value=value, remedy=remedy
        )


@dataclass(frozen=True)
class FeatureSchema:
    """The features of a model in the order of its embedding ids.

    Args:
        features: one entry an id; an entry may occur more than once (`count` in the YAML file).
        clamp_top: see `Feature.row`; False only for checkpoints of the original.
        values: numbers that are given as they are, after the ids; `interval` says what is as good
            as equal. A name may also be among the features: then both are given.
    """

    features: tuple[Feature, ...]
    clamp_top: bool = True
    values: tuple[Feature, ...] = ()

    @classmethod
    def from_yaml(cls, path: str | Path, *, clamp_top: bool = True) -> FeatureSchema:
        """Read a list of features; a relative path as in `find_file`.

        Raises:
            ConfigError: names the file, the entry and the key that is wrong.
        """
        file = find_file(path)
        if not file.is_file() or file.stat().st_size > _MOST_BYTES:  # e.g. a device, without end
            raise ConfigError("features.expected_list_of_features", file=file)
        try:
            entries = read_yaml(file)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigError("common.not_yaml_file", file=file, value=str(error)) from error
        if not isinstance(entries, list) or not entries:
            raise ConfigError("features.expected_list_of_features", file=file, value=entries)
        features: list[Feature] = []
        values: list[Feature] = []
        for entry in entries:
            is_value = isinstance(entry, Mapping) and entry.get("type") == CONTINUOUS
            (values if is_value else features).extend(_read_entry(entry, file))
            if len(features) + len(values) > _MOST_FEATURES:
                raise ConfigError(
                    "features.too_many_features", name=_name(entry), file=file, most=_MOST_FEATURES
                )
        schema = cls(tuple(features), clamp_top, tuple(values))
        if schema.table_size > _MOST_ROWS:
            name = max(features, key=lambda feature: feature.bins).name
            raise ConfigError("features.too_many_bins", name=name, file=file, most=_MOST_ROWS)
        return schema

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each id, then of the values that have no bins."""
        binned = tuple(feature.name for feature in self.features)
        return binned + tuple(value.name for value in self.values if value.name not in binned)

    @property
    def table_size(self) -> int:
        """Rows of the embedding table."""
        return sum(feature.bins + 1 for feature in self.features)

    def ids(self, values: Mapping[str, object]) -> list[int]:
        """Embedding ids of a prompt or of a beatmap's features; other keys are not looked at.

        Args:
            values: by feature name; absent or None is "not given".

        Raises:
            ConfigError: for a value that its feature cannot have.
        """
        found, first = [], 0
        for feature in self.features:
            found.append(first + feature.row(values.get(feature.name), clamp_top=self.clamp_top))
            first += feature.bins + 1
        return found

    @property
    def width(self) -> int:
        """Numbers of a row: an id a feature, a share and a mask a value."""
        return len(self.features) + 2 * len(self.values)

    def row(
        self, asked: Mapping[str, object], values: Mapping[str, object] | None = None
    ) -> list[float] | list[int]:
        """A prompt as the network takes it: ids, then the values' shares, then 1 for each given.

        Without `values` in the schema these are the ids alone, as whole numbers.

        Args:
            asked: by feature name; absent or None is "not given".
            values: the same for the schema's `values`, where that is to be something else.

        Raises:
            ConfigError: for a value that its feature cannot have.
        """
        if not self.values:
            return self.ids(asked)
        values = asked if values is None else values
        given = [values.get(one.name) for one in self.values]
        shares = [
            0.0 if value is None else one.share(value)
            for one, value in zip(self.values, given, strict=True)
        ]
        return [*map(float, self.ids(asked)), *shares, *(float(v is not None) for v in given)]

    def missing_row(self) -> list[float] | list[int]:
        """The row of the empty prompt."""
        return self.row({})

    def describe(self, name: str) -> Feature:
        """Kind and range of a feature, for pages and command lines.

        Raises:
            ConfigError: for an unknown name, with the nearest known one.
        """
        for feature in (*self.features, *self.values):
            if feature.name == name:
                return feature
        raise ConfigError("features.no_such_feature", value=name, remedy=nearest(name, self.names))

    def parse_value(self, name: str, text: str) -> FeatureValue | None:
        """The value that `--name text` stands for; see `Feature.parse`."""
        return self.describe(name).parse(text)


def _name(entry: Any) -> str:
    return str(entry["name"])


def _read_entry(entry: Any, file: Path) -> list[Feature]:
    if not isinstance(entry, Mapping) or "name" not in entry or "type" not in entry:
        raise ConfigError("features.feature_needs_name_and_type", file=file, value=entry)
    name, kind = str(entry["name"]), str(entry["type"])
    accepted = _ENTRIES.get(kind, {"name", "type"})
    for key in entry:
        if kind in _ENTRIES and key not in accepted:
            raise ConfigError(
                "features.unknown_key_in_feature",
                name=name,
                file=file,
                value=key,
                remedy=nearest(str(key), accepted),
            )
    missing = accepted - {"count"} - set(entry)
    if missing:
        raise ConfigError(
            "features.feature_lacks_keys", name=name, file=file, value=sorted(missing)
        )
    try:
        feature = Feature(
            name,
            NUMERIC if kind == CONTINUOUS else kind,
            minimum=float(entry.get("min", 0)),
            maximum=float(entry.get("max", 1)),
            step=float(entry.get("interval", 1)),
            choices=tuple(str(value) for value in entry.get("values", ())),
        )
        return [feature] * min(operator.index(entry.get("count", 1)), _MOST_FEATURES + 1)
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(
            "features.feature_is_malformed", name=name, file=file, value=str(error)
        ) from error
