"""The model of a command: how it is named, and what is known of it before it is loaded."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mug.errors import GenerationError, MugError
from mug.features import FeatureSchema
from mug.pipeline.model.choice import KEYS, find_model
from mug.pipeline.model.names import FEATURES_NAME, USUAL_FEATURES
from mug.pipeline.model.release import Release
from mug.util import find_file

if TYPE_CHECKING:
    from mug.pipeline.chart import ChartGenerator


@dataclass(frozen=True)
class ModelOverview:
    """Overview of a model, as its command line needs it.

    Args:
        schema: what can be asked for.
        release: what a packed model states of itself.
    """

    schema: FeatureSchema
    release: Release = field(default_factory=Release)


def add_model_options(made: argparse.ArgumentParser) -> None:
    """Add the options that name a model."""
    made.add_argument(
        "--ckpt",
        type=Path,
        help="checkpoint, or folder of one (default: the model chosen with scripts/models.py, else"
        " the shipped one)",
    )
    made.add_argument(
        "--keys", type=int, help=f"columns of the charts, to choose the model by (default {KEYS})"
    )


def overview_of(arguments: Sequence[str] | None = None, keys: int | None = None) -> ModelOverview:
    """Read what a command line's model can be asked for, without loading it.

    A model that is not there is refused when it is loaded.

    Args:
        arguments: of the command line; those of the process by default.
        keys: columns of the charts where `--keys` says none.
    """
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    add_model_options(early)
    try:
        named = early.parse_known_args(arguments)[0]
        model = find_model(named.ckpt, keys if named.keys is None else named.keys)
    except (MugError, argparse.ArgumentError):
        return ModelOverview(FeatureSchema.from_yaml(find_file(USUAL_FEATURES)))
    features = _features_of(model, named=named.ckpt is not None)
    return ModelOverview(FeatureSchema.from_yaml(features), Release.beside(model))


def _features_of(model: Path, *, named: bool) -> Path:
    """Return the features file of a model; the usual one where it is not known yet."""
    beside = model / FEATURES_NAME
    if beside.is_file():
        return beside
    if named and model.exists():
        from mug.pipeline.model.checkpoint import features_file
        from mug.pipeline.model.files import open_checkpoint

        try:
            return features_file(open_checkpoint(model)[0])
        except MugError:  # said when the model is loaded
            return find_file(USUAL_FEATURES)
    return find_file(USUAL_FEATURES)


def load_generator(
    args: argparse.Namespace, device: str, keys: int | None = None
) -> ChartGenerator:
    """Return the model that was asked for, loaded.

    Args:
        args: with the options of `add_model_options`, and a precision.
        device: where the model goes.
        keys: columns that it must have, where `--keys` says none.

    Raises:
        CheckpointError: when there is none, or it cannot be read.
        GenerationError: when it makes charts of other columns than asked for.
    """
    from mug.model.speed.thread_count import suit_threads
    from mug.pipeline.chart import ChartGenerator

    keys = keys if args.keys is None else args.keys
    path = find_model(args.ckpt, keys)
    generator = ChartGenerator.from_checkpoint(path, device, args.precision)
    suit_threads(generator.model.size)
    if args.keys is not None and generator.model.keys != args.keys:
        raise GenerationError(
            "pipeline.model_makes_charts_of_columns",
            keys=generator.model.keys,
            file=path,
            value=args.keys,
        )
    return generator
