"""Every feature of the schema as an option of the command line."""

from __future__ import annotations

import argparse
from typing import Any

from mug.features import Feature, FeatureSchema


def add_prompt_arguments(parser: argparse.ArgumentParser, schema: FeatureSchema) -> None:
    """Adds `--NAME VALUE` for each feature; one that is not given is left to the model."""
    group = parser.add_argument_group("prompt", "what the chart should be like; all are optional")
    for feature in schema.features:
        group.add_argument(f"--{feature.name}", metavar=_values(feature), help=_help(feature))


def prompt_from(args: argparse.Namespace, schema: FeatureSchema) -> dict[str, Any]:
    """The features that were given, as values."""
    given = {name: getattr(args, name) for name in schema.names}
    return {
        name: schema.parse_value(name, text) for name, text in given.items() if text is not None
    }


def _values(feature: Feature) -> str:
    if feature.kind == "category":
        return "|".join(feature.choices)
    if feature.kind == "bool":
        return "true|false"
    return f"{feature.minimum:g}..{feature.maximum:g}"


def _help(feature: Feature) -> str:
    named = {
        "sr": "star rating",
        "rank_status": "style of charts with this status on osu!",
        "ln_ratio": "share of long notes",
        "rc": "hardly any long notes",
        "hb": "long notes and taps mixed",
        "ln": "mostly long notes",
        "ett": "Etterna difficulty (MSD), overall",
    }
    if feature.name in named:
        return named[feature.name]
    if feature.name.endswith("_ett"):
        return f"Etterna difficulty of its {feature.name.removesuffix('_ett')} skill"
    return f"more {feature.name} than other patterns"
