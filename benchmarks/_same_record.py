"""Parts of a recording: charts, tools, losses, resumed runs, shapes, data."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

from benchmarks._same_checkout import Checkout, Record, shipped_configs
from benchmarks._same_fixture import (
    DEBUG_FIRST_STAGE,
    FIRST_STAGE,
    data_overrides,
    frozen_first_stage,
)
from benchmarks._same_requests import QUICK_REQUESTS, edits, requests, tools

NOT_TRAINED = {  # for a processor; what they build is recorded with the names
    "configs/mug/autoencoder.yaml",
    "configs/mug/mug_diffusion.yaml",
    "configs/mug/mug_diffusion_stft.yaml",
    "configs/mug/mug_diffusion_stft_autoencoder.yaml",
}
QUICK_LOSS = "configs/debug/diffusion.yaml"
FIRST_STAGES = {
    "configs/mug/demo.yaml": FIRST_STAGE,
    "configs/debug/diffusion.yaml": DEBUG_FIRST_STAGE,
    "configs/debug/variants.yaml": DEBUG_FIRST_STAGE,
}
# In the original's YAML files and in published `model.yaml`; docs/parity.md.
ALIASES = (
    "main.DataModuleFromConfig",
    "main.SetupCallback",
    "main.LearningRateMonitor",
    "main.CUDACallback",
    "mug.data.dataset.BeatmapLogger",
    "mug.data.dataset.OsuTrainDataset",
    "mug.data.dataset.OsuValidDataset",
    "mug.data.dataset.OsuTestDataset",
    "ldm.lr_scheduler.LambdaLinearScheduler",
    "ldm.lr_scheduler.LambdaWarmUpCosineScheduler",
    "ldm.lr_scheduler.LambdaWarmUpCosineScheduler2",
)
VOLATILE = re.compile(r"(_seconds|seconds_|_mib)$|^seconds$")


def charts(checkout: Checkout, *, quick: bool) -> Record:
    """Charts of the fixed model: requests of every kind, and parts of a chart made again."""
    out = checkout.work / "charts"
    calls = requests(checkout.fixture, out)
    if quick:
        calls = {name: calls[name] for name in QUICK_REQUESTS}
    else:
        calls |= edits(checkout.fixture, out)
    for name in calls:
        (out / name).mkdir(parents=True)
    return {**checkout.commands(calls), **checkout.files(out, "files")}


def convert(checkout: Checkout, *, quick: bool) -> Record:
    """Formats, lint, prompts and records of provenance, of a chart and of a package."""
    out = checkout.work / "tools"
    out.mkdir()
    calls = tools(checkout.fixture, out)
    return {**checkout.commands(calls), **checkout.files(out, "files")}


def targets(checkout: Checkout, *, quick: bool) -> Record:
    """Names in configs, old and new, and the networks that the configs build."""
    known = json.loads((checkout.fixture / "targets.json").read_text(encoding="utf-8"))
    found = {
        f"target {name}": said
        for name, said in checkout.probe("targets", names=[*known, *ALIASES]).items()
    }
    for config, built in checkout.probe("shapes", configs=shipped_configs(checkout.root)).items():
        found |= {f"{config}/{name}": "\n".join(lines) for name, lines in built.items()}
    return found


def losses(checkout: Checkout, *, quick: bool) -> Record:
    """A few steps of the shipped configs: logged losses and the checkpoint at the end."""
    calls, folders = {}, {}
    for config in shipped_configs(checkout.root):
        if config in NOT_TRAINED or (quick and config != QUICK_LOSS):
            continue
        name = config.removeprefix("configs/").removesuffix(".yaml").replace("/", "-")
        folders[name] = checkout.work / "losses" / name
        words = ["main.py", "--base", config, "-t", "--logdir", folders[name]]
        calls[name] = [*words, *_few_steps(checkout.fixture, config)]
    return {**checkout.commands(calls), **_runs(checkout, folders)}


def _few_steps(fixture: Path, config: str) -> list[str]:
    """The overrides of a run of a few steps."""
    made = data_overrides(fixture, "dataset7" if "keys7" in config else "dataset")
    if config in FIRST_STAGES:
        made.append(frozen_first_stage(fixture / FIRST_STAGES[config]))
    elif "autoencoder" not in config:
        made.append("model.params.allow_untrained_first_stage=true")
    if "debug" not in config:
        schedule = "model.params.scheduler_config.params"
        made += [f"{schedule}.warm_up_steps=1", f"{schedule}.max_decay_steps=4"]
        made += ["data.params.batch_size=1", "lightning.callbacks.condition_probe=null"]
        trainer = ("max_steps=2", "limit_val_batches=0", "log_every_n_steps=1")
        made += [f"lightning.trainer.{words}" for words in trainer]
    return made


def resume(checkout: Checkout, *, quick: bool) -> Record:
    """The two stopped runs of the fixture, resumed to their end."""
    kinds = {
        "stopped": (DEBUG_FIRST_STAGE, ["lightning.trainer.max_steps=17"]),
        "killed": (FIRST_STAGE, []),
    }
    calls, folders = {}, {}
    for name, (first_stage, more) in list(kinds.items())[: 1 if quick else None]:
        folders[name] = checkout.work / "resume" / name
        shutil.copytree(checkout.fixture / "logs" / name, folders[name])
        run = next(folders[name].iterdir())
        shutil.rmtree(run / "csv", ignore_errors=True)
        data = data_overrides(checkout.fixture)[:2]
        words = ["main.py", "-r", run, "-t", "--no-test", *data, *more]
        calls[name] = [*words, frozen_first_stage(checkout.fixture / first_stage)]
    return {**checkout.commands(calls), **_runs(checkout, folders)}


def _runs(checkout: Checkout, folders: dict[str, Path]) -> Record:
    """Of each run the logged numbers and the last checkpoint."""
    found: Record = {}
    for name, folder in folders.items():
        for path in sorted(folder.glob("*/csv/*/metrics.csv")):
            found[f"{name}/logged"] = found.get(f"{name}/logged", "") + _logged(path)
        for path in sorted(folder.glob("*/checkpoints/last.ckpt")):
            for part, lines in checkout.probe("tensors", file=str(path)).items():
                found[f"{name}/checkpoint/{part}"] = checkout.plain("\n".join(lines))
    return found


def _logged(path: Path) -> str:
    """A log of metrics as lines `step name value`, without times and memory."""
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    lines = [
        f"{row['step']} {name} {float(value).hex()}"
        for row in rows
        for name, value in sorted(row.items())
        if value and name != "step" and not VOLATILE.search(name)
    ]
    return "\n".join(lines) + "\n"
