"""Train a model further on your own charts: prepare them, train from its weights, pack it.

It begins with the model that --ckpt names, a packed one, or with the shipped one. Every step is a
command of its own; finished steps are not done again, and stopped training goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mug.cli.charts.model_options import add_model_options
from mug.cli.common import OK, run
from mug.cli.steps import Steps
from mug.errors import CheckpointError
from mug.pipeline.model.choice import find_model
from mug.pipeline.model.names import (
    FEATURES_NAME,
    PACKED_CONFIG_NAME,
    REACHED_NAME,
    SCORER_NAME,
)
from mug.pipeline.model.release import Release

STEPS = 600
PROGRAM = ["-m", "mug.cli.main"]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--songs", type=Path, required=True, help="your charts: folders or .osz")
    made.add_argument("--out", type=Path, required=True, help="folder of results")
    made.add_argument("--steps", type=int, default=STEPS, help="(default %(default)s)")
    made.add_argument(
        "override", nargs="*", help="key=value for training, e.g. data.params.batch_size=4"
    )
    add_model_options(made)
    return made


def main() -> int:
    """Run the steps that are not done yet and print where the model lies."""
    args = parser().parse_args()
    model = find_model(args.ckpt, args.keys).resolve()
    if not (model / PACKED_CONFIG_NAME).is_file():
        raise CheckpointError(
            "scripts.fine_tuning_begins_with_packed_model",
            file=model,
            remedy="remedy.pack_it_with_pack_model",
        )
    _check(model)
    steps, release = Steps(args.out.resolve()), Release.beside(model)
    dataset = _prepare(steps, args.songs.resolve(), model, release.keys)
    overrides = _overrides(model, dataset, args.steps) + args.override
    configs = [str(model / PACKED_CONFIG_NAME), "configs/_parts/fine_tune.yaml"]
    checkpoint = steps.train("fine-tune", configs, overrides)
    out = steps.out / "model"
    steps.run("pack", [*PROGRAM, "pack-model", *_packing(checkpoint, out, model, release)])
    print(f"\nModel: {out}")
    print(f"For all commands and the page from now on: scripts/models.py --use {out}")
    return OK


def _check(model: Path) -> None:
    """Refuse a model whose config would have training build other classes than its own.

    Raises:
        ConfigError: names the key and the class.
    """
    from mug.cli.models.shared_config import check_shared
    from mug.config import load_config

    file = model / PACKED_CONFIG_NAME
    check_shared(load_config([file], check=False), file)


def _prepare(steps: Steps, songs: Path, model: Path, keys: int) -> Path:
    """Collect and measure charts; return the list of them."""
    dataset = steps.out / "dataset"
    folders = ["--song_dir", str(songs), "--out_dir", str(dataset)]
    steps.run("prepare", [*PROGRAM, "prepare", *folders, "--mode_int", "3", "--cs", str(keys)])
    charts = dataset / "beatmap.txt"
    features = ["--beatmap_txt", str(charts), "--features_yaml", str(model / FEATURES_NAME)]
    steps.run("features", [*PROGRAM, "prepare-features", *features])
    return charts


def _overrides(model: Path, charts: Path, steps: int) -> list[str]:
    """Return what differs from the model's own training."""
    common, features = "data.params.common_params", model / FEATURES_NAME
    found = [
        f"model.params.ckpt_path={model}",
        f"model.params.cond_stage_config.params.path_to_yaml={features}",
        f"{common}.features.feature_yaml={features}",
        f"{common}.txt_file={charts}",
        f"{common}.audio.cache_dir={charts.parent / 'cache'}",
        f"lightning.trainer.max_steps={steps}",
    ]
    if (model / SCORER_NAME).is_file():
        found.append(f"data.params.common_params.lines.scorer={model / SCORER_NAME}")
    return found


def _packing(checkpoint: Path, out: Path, model: Path, release: Release) -> list[str]:
    """Return the arguments of packing; scorer, stars reached and sampling are the model's own."""
    found = [str(checkpoint), str(out)]
    for option, name in (("--scorer", SCORER_NAME), ("--reached", REACHED_NAME)):
        if (model / name).is_file():
            found += [option, str(model / name)]
    for name, value in release.sampling.items():
        found += [f"--{name}", str(value)]
    return found


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="The same command goes on from here.")
