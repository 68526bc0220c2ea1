"""Pack a trained model into the folder that is shipped: fp16, its config, features and card.

A run's checkpoints hold the averaged weights (EMA); these are packed. The packed model's charts of
a composed song are compared with the checkpoint's before anything is put into place.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mug.cli.common import OK, add_overwrite_option, run
from mug.errors import CheckpointError, ConfigError
from mug.features import NUMERIC, FeatureSchema
from mug.files import atomic_copy, atomic_write, write_together
from mug.pipeline.model import choice
from mug.pipeline.model.names import CARD_NAME, REACHED_NAME, SCORER_NAME
from mug.pipeline.model.pack import same_share, write_model
from mug.pipeline.model.sums import write_sums
from mug.pipeline.output.own_files import check_model_folder

if TYPE_CHECKING:
    from mug.pipeline.model.release import Release
    from mug.rhythm.scorer import RhythmScorer

Ranges = dict[str, tuple[float, float]]

_SEED = 20_000
_TAILS = (0.005, 0.995)
"""Quantiles of a feature among the training charts that count as the ends of its range."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("checkpoint", type=Path, help="a folder of logs, or a .ckpt file")
    made.add_argument("out", type=Path, help="the model folder, e.g. mug/models/4k")
    made.add_argument("--card", type=Path, help="the model card (default: that of the folder)")
    made.add_argument("--scorer", type=Path, help="the rhythm scorer's file")
    made.add_argument("--reached", type=Path, help="reached.json of scripts/calibrate_model.py")
    made.add_argument(
        "--range",
        action="append",
        default=[],
        metavar="NAME=LEAST..MOST",
        help="values of a feature that the model was trained on (default: from the data set's"
        " features.db, where it is at hand)",
    )
    made.add_argument("--steps", type=int, help="sampler steps that suit the model")
    made.add_argument("--sampler", help="sampler that suits the model")
    made.add_argument("--guidance_scale", type=float, help="guidance that suits the model")
    made.add_argument(
        "--least_same",
        type=float,
        default=0.9,
        help="share of notes that the packed model must have in common with the checkpoint"
        " (default %(default)g)",
    )
    add_overwrite_option(made)
    return made


def main() -> int:
    """Pack, compare, put into place, and say what was made."""
    args = parser().parse_args()
    from mug.pipeline.model.files import read_checkpoint

    source = checkpoint_of(args.checkpoint)
    check_model_folder(args.out, overwrite=args.overwrite)
    config, weights, published = read_checkpoint(source)
    release = _release(args, config)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "model"
        size = write_model(folder, config, weights, release, published=published)
        _add(folder, args)
        same = _same(source, folder)
        if same < args.least_same:
            raise CheckpointError(
                "scripts.packed_model_makes_other_charts",
                file=source,
                value=round(same, 3),
                remedy="remedy.keep_more_in_fp32_or_lower_least",
            )
        with write_together():
            for file in sorted(folder.iterdir()):
                atomic_copy(file, args.out / file.name)
    if args.out.resolve().parent == choice.SHIPPED:
        write_sums(choice.SHIPPED)
    count = sum(value.numel() for value in weights.values())
    print(f"{args.out}: {release.keys} keys, {count:,} numbers, {size / 1e6:.2f} MB of weights")
    print(f"notes in common with the checkpoint: {100 * same:.1f} %")
    return OK


def checkpoint_of(given: Path) -> Path:
    """Return the checkpoint of a folder of logs, or the file that was given.

    Raises:
        CheckpointError: for a folder without one.
    """
    if not given.is_dir():
        return given
    last = given / "checkpoints" / "last.ckpt"
    for path in (last, given / "last.ckpt", given / "model.safetensors"):
        if path.is_file():
            return path
    raise CheckpointError(
        "scripts.run_folder_holds_no_checkpoint",
        file=given,
        remedy="remedy.name_run_folder_or_checkpoint",
    )


def _release(args: argparse.Namespace, config: Mapping[str, Any]) -> Release:
    from mug.pipeline.model.release import Release, columns_of

    names = ("steps", "sampler", "guidance_scale")
    sampling = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    ranges = trained_ranges(config) | ranges_of(args.range)
    return Release(keys=columns_of(config), sampling=sampling, trained=ranges)


def ranges_of(texts: Sequence[str]) -> Ranges:
    """Ranges from `NAME=LEAST..MOST` texts.

    Raises:
        ConfigError: for a text of another form.
    """
    found: Ranges = {}
    for text in texts:
        name, _, ends = text.partition("=")
        least, _, most = ends.partition("..")
        try:
            found[name.strip()] = (float(least), float(most))
        except ValueError as error:
            raise ConfigError(
                "scripts.expected_name_least_most", value=text, remedy="remedy.range_for_example"
            ) from error
    return found


def trained_ranges(config: Mapping[str, Any]) -> Ranges:
    """Return the range of each numeric feature among the charts of a config's data set.

    The lowest and highest half percent are left out. Without the data set there are none.
    """
    from mug.data.feature_db import FeatureDB
    from mug.pipeline.model.checkpoint import features_file

    common = ((config.get("data") or {}).get("params") or {}).get("common_params") or {}
    database = Path(common.get("txt_file") or "-").parent / "features.db"
    if not database.is_file():
        return {}
    schema = FeatureSchema.from_yaml(features_file(config))
    numeric = [feature.name for feature in schema.features if feature.kind == NUMERIC]
    with FeatureDB(database) as opened:
        rows = [row.features for row in opened.rows()]
    found: Ranges = {}
    for name in dict.fromkeys(numeric):
        values = [float(row[name]) for row in rows if row.get(name) is not None]  # type: ignore[arg-type]
        if values:
            least, most = np.quantile(values, _TAILS)
            found[name] = (round(float(least), 3), round(float(most), 3))
    return found


def _add(folder: Path, args: argparse.Namespace) -> None:
    """Copy what else belongs into a model folder, and write the card with the facts in it."""
    from mug.pipeline.model.card import with_table

    for given, name in ((args.scorer, SCORER_NAME), (args.reached, REACHED_NAME)):
        source = args.out / name if given is None else given
        if given is not None or source.is_file():
            atomic_copy(source, folder / name)
    kept = args.out / CARD_NAME if args.card is None else args.card
    text = kept.read_text(encoding="utf-8") if args.card or kept.is_file() else ""
    with atomic_write(folder / CARD_NAME, "w", encoding="utf-8") as handle:
        handle.write(with_table(text, folder))


def _same(source: Path, packed: Path) -> float:
    """Return the least share of equal raw notes among two charts of a composed song."""
    from mug.compose.composer import compose_song
    from mug.compose.sound import render, write_audio
    from mug.compose.style import SongStyle
    from mug.pipeline.model.checkpoint import load_model

    song = compose_song(_SEED, SongStyle(seconds=(20.0, 25.0)))
    with tempfile.TemporaryDirectory() as made:
        audio = Path(made) / "song.wav"
        write_audio(audio, render(song))
        scorer = load_model(packed).scorer  # a checkpoint has none beside it
        before, after = (_raw(path, audio, scorer) for path in (source, packed))
    return min(same_share(one, other) for one, other in zip(before, after, strict=True))


def _raw(path: Path, audio: Path, scorer: RhythmScorer | None) -> tuple[tuple[Any, ...], ...]:
    from mug.pipeline.chart import ChartGenerator
    from mug.pipeline.model.checkpoint import load_model
    from mug.pipeline.request import GenerationRequest

    generator = ChartGenerator(replace(load_model(path), scorer=scorer, reached=None))
    prompt = {"sr": 3.0} if "sr" in generator.model.schema.names else {}
    request = GenerationRequest(audio, prompt=prompt, count=2, guidance_scale=2.0)
    return generator.generate(request).raw


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="Nothing was put into place.")
