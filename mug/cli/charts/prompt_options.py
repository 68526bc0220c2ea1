"""Every feature of the schema as an option of the command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mug.difficulty.names import SKILL_NAMES
from mug.errors import ConfigError
from mug.features import FeatureSchema
from mug.pipeline.model.release import has_msd
from mug.pipeline.prompt import Prompt, controls, load_prompt


def add_prompt_arguments(
    parser: argparse.ArgumentParser, schema: FeatureSchema, keys: int = 0
) -> None:
    """Add `--NAME VALUE` for each feature; one that is not given is left to the model.

    Args:
        parser: of a command.
        schema: of the model.
        keys: columns of its charts, where that is known: some features exist for four alone.
    """
    group = parser.add_argument_group("prompt", "what the chart should be like; all are optional")
    for control in controls(schema):
        unit = f" [{control.unit}]" if control.unit else ""
        in_vain = control.name in SKILL_NAMES and not has_msd(keys)
        why = f"; of four keys alone, not of this model's {keys}" if in_vain else ""
        group.add_argument(
            f"--{control.name}", metavar=control.values, help=f"{control.effect}{unit}{why}"
        )


def add_prompt_options(
    parser: argparse.ArgumentParser, schema: FeatureSchema, keys: int = 0
) -> None:
    """Add `--prompt FILE`, `--negative NAME=VALUE` and `--NAME VALUE` for each feature.

    Args:
        parser: of a command.
        schema: of the model.
        keys: columns of its charts, 0 where that is not known.
    """
    parser.add_argument("--prompt", type=Path, metavar="FILE", help="a prompt as YAML")
    parser.add_argument(
        "--negative",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what the chart should not be like, e.g. jackspeed=true; may be given several times",
    )
    add_prompt_arguments(parser, schema, keys)


def prompt_from(args: argparse.Namespace, schema: FeatureSchema) -> dict[str, Any]:
    """The features that were given by `add_prompt_arguments`, as values."""
    given = {name: getattr(args, name) for name in schema.names}
    return {
        name: schema.parse_value(name, text) for name, text in given.items() if text is not None
    }


def whole_prompt(args: argparse.Namespace, schema: FeatureSchema) -> Prompt:
    """The prompt that was given by `add_prompt_options`: the file's, and over it the options'.

    The value `none` takes a feature out of what the file says.

    Raises:
        ConfigError: for an unknown feature, a value that it cannot have, and what `load_prompt`
            refuses.
    """
    file = load_prompt(args.prompt, schema) if args.prompt else Prompt()
    negative: dict[str, object] = dict(file.negative)
    for text in args.negative:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise ConfigError(
                "scripts.expected_name_value", value=text, remedy="remedy.negative_for_example"
            )
        negative[name] = schema.parse_value(name, value)
    return Prompt.of(schema, {**file.positive, **prompt_from(args, schema)}, negative)
