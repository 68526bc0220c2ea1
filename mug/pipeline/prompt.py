"""Prompts of a model: features as controls, prompts as values, in files and from charts."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.registry import read_any
from mug.difficulty.registry import compute_features
from mug.difficulty.stars import star_rating
from mug.encoding.transform import Transform
from mug.errors import ConfigError, DataError
from mug.features import BOOL, CATEGORY, NUMERIC, Feature, FeatureSchema, FeatureValue
from mug.files import atomic_write
from mug.messages.message import Message
from mug.util import nearest

log = logging.getLogger(__name__)

NEGATIVE = "negative"
"""Key of a prompt file below which the negative prompt stands."""

_RATES = (0.1, 10.0)  # the range that the MSD estimate takes
_DIGITS = 4  # beyond them measured numbers depend on the number of threads

# unit, effect: of features that are not one of a skill set's pair
_TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "sr": ("stars", "osu! star rating: how hard the chart is as a whole"),
        "rank_status": ("", "style of charts with this status on osu!"),
        "ln_ratio": ("share", "share of long notes among all notes"),
        "rc": ("", "rice: hardly any long notes (a share below 0.1)"),
        "hb": ("", "hybrid: taps and long notes mixed (a share of 0.1 to 0.7)"),
        "ln": ("", "long-note chart (a share of 0.4 or more)"),
        "density": ("rows a second", "distinct start times from the first row to the last"),
        "ett": ("MSD", "Etterna difficulty, overall (4K)"),
    }
)
_SKILLS: Mapping[str, str] = MappingProxyType(
    {
        "stamina": "long stretches without rest",
        "stream": "single notes one after the other",
        "jumpstream": "streams with chords of two",
        "handstream": "streams with chords of three",
        "jackspeed": "the same column repeated fast",
        "chordjack": "chords whose columns repeat",
        "technical": "uneven rhythms and changes of speed",
    }
)


@dataclass(frozen=True, slots=True)
class Control:
    """One thing that can be asked for, as a command line or a page shows it.

    Args:
        name: of the feature.
        kind: `numeric`, `bool` or `category`.
        minimum: of a number; smaller ones count as this.
        maximum: of a number; larger ones count as this.
        step: of a number: what is closer together than this may mean the same to the model.
        choices: of a category.
        unit: of a number, e.g. `stars`; empty where it has none.
        effect: what it changes, in a phrase.
    """

    name: str
    kind: str
    minimum: float
    maximum: float
    step: float
    choices: tuple[str, ...]
    unit: str
    effect: str

    @property
    def values(self) -> str:
        """Accepted values: `1..8`, `true|false`, or the choices."""
        if self.kind == CATEGORY:
            return "|".join(self.choices)
        return "true|false" if self.kind == BOOL else f"{self.minimum:g}..{self.maximum:g}"


def controls(schema: FeatureSchema) -> tuple[Control, ...]:
    """A control for each feature, in the order of the schema."""
    features = [schema.describe(name) for name in dict.fromkeys(schema.names)]
    return tuple(
        Control(
            feature.name,
            feature.kind,
            feature.minimum,
            feature.maximum,
            feature.step,
            feature.choices,
            *_text(feature),
        )
        for feature in features
    )


def _text(feature: Feature) -> tuple[str, str]:
    if feature.name in _TEXTS:
        return _TEXTS[feature.name]
    skill = feature.name.removesuffix("_ett")
    what = f"{skill} ({_SKILLS[skill]})" if skill in _SKILLS else skill
    if skill != feature.name:
        return "MSD", f"Etterna difficulty of its {what}"
    if skill in _SKILLS:
        return "", f"{what} as a main skill: within 1 MSD of its hardest"
    return "", f"feature {feature.name} of the model"


@dataclass(frozen=True)
class Prompt:
    """Prompt: what a chart should be like, and what it should not be like.

    Made by `Prompt.of` or `load_prompt`, which check it; a feature that is not named is left to the
    model.

    Args:
        positive: feature name to value.
        negative: likewise; guidance steers away from these.
    """

    positive: Mapping[str, FeatureValue] = field(default_factory=dict)
    negative: Mapping[str, FeatureValue] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        schema: FeatureSchema,
        positive: Mapping[str, object],
        negative: Mapping[str, object] | None = None,
    ) -> Prompt:
        """A prompt in the order of the schema; values of None (and -1 of a bool) are left out.

        Raises:
            ConfigError: for an unknown feature, with the nearest known one, or a value that it
                cannot have.
        """
        return cls(_checked(schema, positive), _checked(schema, negative or {}))

    def beyond(self, schema: FeatureSchema) -> tuple[Message, ...]:
        """A sentence for each number that the model clips to the end of its feature's range."""
        said = []
        for values in (self.positive, self.negative):
            for name, value in values.items():
                feature = schema.describe(name)
                if feature.kind != NUMERIC:
                    continue
                within = min(max(float(value), feature.minimum), feature.maximum)
                if within != value:
                    said.append(
                        Message("pipeline.beyond_range", feature=name, asked=value, heard=within)
                    )
        return tuple(said)

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, as in a prompt file."""
        found: dict[str, Any] = dict(self.positive)
        if self.negative:
            found[NEGATIVE] = dict(self.negative)
        return found


def _checked(schema: FeatureSchema, values: Mapping[str, object]) -> dict[str, FeatureValue]:
    for name in values:
        schema.describe(name)
    found = {}
    for name in dict.fromkeys(schema.names):
        value = _value(schema.describe(name), values.get(name))
        if value is not None:
            found[name] = value
    return found


def _value(feature: Feature, value: object) -> FeatureValue | None:
    """The value in its own type; None for "not given"."""
    row = feature.row(value)
    if row == 0:
        return None
    if feature.kind == BOOL:
        return row == 2
    if feature.kind == CATEGORY:
        return str(value)
    number = float(value)  # type: ignore[arg-type]  # `row` refuses what is no number
    if isinstance(value, bool) or not math.isfinite(number):
        raise ConfigError(
            "common.not_value_of_feature",
            name=feature.name,
            value=value,
            remedy=Message("remedy.number_from_to", least=feature.minimum, most=feature.maximum),
        )
    return value if isinstance(value, int) else number


# ------------------------------------------------------------------------------- files


def load_prompt(path: Path, schema: FeatureSchema) -> Prompt:
    """The prompt in a YAML file: `name: value` lines, those below `negative:` to be avoided.

    Files of the original's `configs/mapping_config` are of this form.

    Raises:
        ConfigError: names the file, the line and the key: for unknown and repeated keys, wrong
            values, and anything that is not a plain value.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError("pipeline.cannot_read_prompt", file=path, value=error.strerror) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            "pipeline.prompt_is_not_utf8_text", file=path, value=str(error)
        ) from error
    loader = yaml.SafeLoader(text)
    try:
        positive, negative = _parts(loader, loader.get_single_node(), path, schema)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError("common.not_yaml_file", file=path, value=str(error)) from error
    finally:
        loader.dispose()
    return Prompt(_checked(schema, positive), _checked(schema, negative))


Values = dict[str, FeatureValue]


def _parts(
    loader: yaml.SafeLoader, node: yaml.Node | None, path: Path, schema: FeatureSchema
) -> tuple[Values, Values]:
    """Both halves of a file."""
    positive: Values = {}
    negative: Values = {}
    for key, line, value in _entries(loader, node, path):
        if key == NEGATIVE:
            for name, at, inner in _entries(loader, value, path):
                _take(loader, negative, (name, at, inner), path, schema)
        else:
            _take(loader, positive, (key, line, value), path, schema)
    return positive, negative


def _entries(
    loader: yaml.SafeLoader, node: yaml.Node | None, path: Path
) -> list[tuple[str, int, yaml.Node]]:
    """Key, line and value of a mapping; nothing for an empty one."""
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
        return []
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError("pipeline.prompt_is_list_of_lines", file=path, line=line)
    found: dict[str, tuple[str, int, yaml.Node]] = {}
    for key_node, value in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigError("pipeline.prompt_is_list_of_lines", file=path, line=line)
        key = str(key_node.value)
        if key in found:
            raise ConfigError("pipeline.key_is_there_twice", file=path, line=line, value=key)
        found[key] = (key, line, value)
    return list(found.values())


def _take(
    loader: yaml.SafeLoader,
    values: Values,
    entry: tuple[str, int, yaml.Node],
    path: Path,
    schema: FeatureSchema,
) -> None:
    name, line, node = entry
    if name not in schema.names:
        raise ConfigError(
            "pipeline.prompt_names_no_such_feature",
            file=path,
            line=line,
            value=name,
            remedy=nearest(name, (*schema.names, NEGATIVE)),
        )
    if not isinstance(node, yaml.ScalarNode):
        raise ConfigError("pipeline.needs_one_plain_value", name=name, file=path, line=line)
    try:
        value = _value(schema.describe(name), loader.construct_object(node))
    except ConfigError as error:
        raise ConfigError(
            error.what, file=path, line=line, value=error.value, remedy=error.remedy
        ) from error
    if value is not None:
        values[name] = value


def prompt_text(prompt: Prompt) -> str:
    """A prompt as YAML; `load_prompt` gives it back equal."""
    return str(yaml.safe_dump(prompt.to_dict(), sort_keys=False, allow_unicode=True))


def save_prompt(prompt: Prompt, path: Path) -> None:
    """Write a prompt as YAML, whole or not at all."""
    with atomic_write(path, "w", encoding="utf-8") as handle:
        handle.write(prompt_text(prompt))


# ------------------------------------------------------------------------------ charts


def measured_features(
    beatmap: Beatmap, names: tuple[str, ...], *, rate: float = 1.0
) -> dict[str, FeatureValue]:
    """Measure these features; those that cannot be known are absent.

    Args:
        beatmap: a chart with objects.
        names: features.
        rate: the song is played so many times as fast, 0.1 to 10.

    Raises:
        DataError: for a chart without objects, a rate out of range, and what the star rating's
            calculator refuses.
    """
    if not _RATES[0] <= rate <= _RATES[1]:
        raise DataError("common.rate_must_be_0_1_to_10", value=rate)
    if not beatmap.hit_objects:
        raise DataError("pipeline.chart_without_objects_has_no_features", file=beatmap.path)
    chart, exact = beatmap, {}
    if rate != 1:
        faster = Transform(rate=rate)
        chart = beatmap.with_objects([faster.move(n, n.column) for n in beatmap.hit_objects])
        if "sr" in names:
            exact["sr"] = star_rating(beatmap, rate=rate)
    rest = tuple(name for name in names if name not in exact)
    found = {**compute_features(chart, rest), **exact}
    return {name: value for name, value in found.items() if value is not None}


def prompt_of_chart(beatmap: Beatmap, schema: FeatureSchema, *, rate: float = 1.0) -> Prompt:
    """The prompt that describes a chart; see `measured_features`.

    Numbers are kept as measured, also beyond the model's range. Whether the chart is ranked is not
    known from its file and stays open.
    """
    found = measured_features(beatmap, schema.names, rate=rate)
    rounded = {
        name: round(value, _DIGITS) if isinstance(value, float) else value
        for name, value in found.items()
    }
    return Prompt.of(schema, rounded)


def prompts_of_file(
    path: Path, schema: FeatureSchema, *, rate: float = 1.0
) -> list[tuple[Beatmap, Prompt]]:
    """The charts in a file of any supported format with their prompts; see `prompt_of_chart`."""
    return [(chart, prompt_of_chart(chart, schema, rate=rate)) for chart in charts_in(path)]


def charts_in(path: Path, *, strict: bool = False) -> list[Beatmap]:
    """The charts in a file or package of any supported format; what is not read is logged.

    Raises:
        BeatmapError: see `mug.beatmap.formats.registry.read_any`.
    """
    losses = LossReport()
    charts = read_any(path, losses=losses, strict=strict)
    for loss in losses:
        log.warning("%s: not read: %s", path, loss)
    return charts
