"""Training: a config in, checkpoints out.

`main.py` calls `main`. A run lives in `logs/<time>_<name>/`: `configs/` (what was resolved),
`checkpoints/` (`last.ckpt` to resume from, the best few by `model.params.training.monitor`),
`tensorboard/` and `csv/` (metrics).
"""

from __future__ import annotations

import logging
import pdb
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_utilities.core.rank_zero import rank_zero_only
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import Logger

from mug.callbacks.checkpoint import AtomicCheckpointIO, ResumeCheckpoint
from mug.callbacks.rng import StepRandomness
from mug.config import load_config
from mug.config_check import check_time_axes
from mug.errors import CheckpointError, ConfigError, TrainingError, plain_error
from mug.messages.message import Message
from mug.model.speed.precision import multiplies_bfloat16
from mug.model.speed.thread_count import suit_threads
from mug.model.weights import config_in
from mug.options import Options, parse_arguments
from mug.util import allow_packages, instantiate_from_config

log = logging.getLogger(__name__)

Config = dict[str, Any]

INTERRUPTED = 130  # the exit code that shells give to Ctrl-C

# Advice of Lightning that does not fit here: the data module resumes by itself, the first stage
# is frozen on purpose, small runs are meant to be small, and a resumed folder is not empty.
_UNWANTED_ADVICE = (
    ".*does not have many workers.*",
    ".*in eval mode at the start of training.*",
    ".*is smaller than the logging interval.*",
    ".*your dataloader is not resumable.*",
    ".*exists and is not empty.*",
    ".*GPU available but not used.*",
    ".*The dirpath has changed from.*",
)


@dataclass(frozen=True)
class TrainingRun:
    """One run's place, config and starting point."""

    folder: Path
    config: Config
    resume_from: Path | None
    now: str


# ---------------------------------------------------------------------------- where, from what


def plan_run(options: Options) -> TrainingRun:
    """Find the run's folder, its config and the checkpoint to go on from."""
    now = time.strftime("%Y-%m-%dT%H-%M-%S")
    if not options.resume:
        config = load_config(options.base, options.overrides)
        name = options.name or Path(options.base[-1]).stem
        folder = Path(options.logdir) / options.project / f"{now}_{name}{options.postfix}"
        return TrainingRun(folder, config, None, now)
    folder, checkpoint = _resume_point(Path(options.resume))
    kept = sorted((folder / "configs").glob("*.yaml"))
    if not kept:
        raise CheckpointError(
            "training.no_configs_beside_checkpoint",
            file=folder / "configs",
            remedy="remedy.name_log_folder",
        )
    config = load_config([*kept, *options.base], options.overrides)
    return TrainingRun(folder, config, checkpoint, now)


def _resume_point(given: Path) -> tuple[Path, Path]:
    if given.is_dir():
        checkpoint = given / "checkpoints" / "last.ckpt"
        folder = given
    else:
        checkpoint = given
        folder = given.resolve().parent.parent
    if not checkpoint.is_file():
        raise CheckpointError(
            "training.no_checkpoint_to_resume",
            file=checkpoint,
            remedy="remedy.give_log_folder_or_checkpoint",
        )
    return folder, checkpoint


def check_first_stage(config: Config, base: Sequence[str]) -> None:
    """Refuse to train a diffusion model whose first stage has not been trained.

    Raises:
        TrainingError: with the command that makes a first stage.
    """
    params = config["model"].get("params") or {}
    stage = params.get("first_stage_config")
    if not isinstance(stage, Mapping) or params.get("ckpt_path"):
        return
    if (params.get("training") or {}).get("allow_untrained_first_stage"):
        return
    path = (stage.get("params") or {}).get("ckpt_path")
    if path and Path(path).is_file():
        return
    own = Path(base[-1]) if base else Path("configs/mug/mug_diffusion.yaml")
    beside = own.with_name(f"{own.stem}_autoencoder.yaml")
    maker = beside if beside.exists() else own.with_name("autoencoder.yaml")
    raise TrainingError(
        "training.no_checkpoint_of_first_stage" if path else "model.first_stage_is_untrained",
        value=path,
        remedy=Message("remedy.train_first_stage_then_name_it", config=maker),
    )


# ---------------------------------------------------------------------------- building


def trainer_arguments(config: Config) -> Config:
    """Trainer arguments of the config, those of Lightning 1.x translated."""
    arguments = dict((config.get("lightning") or {}).get("trainer") or {})
    gpus = arguments.pop("gpus", None)
    if gpus is not None:
        devices = [int(g) for g in str(gpus).split(",") if g] if "," in str(gpus) else int(gpus)
        arguments.update(accelerator="gpu" if devices else "cpu", devices=devices or 1)
    if arguments.get("accelerator") in ("dp", "ddp", "ddp2", "ddp_spawn"):
        old = arguments["accelerator"]
        log.warning("accelerator: %s is Lightning 1.x; taking the devices at hand", old)
        arguments["accelerator"] = "auto"
        if old.startswith("ddp"):
            arguments.setdefault("strategy", "ddp")
    if arguments.get("precision") == "auto":
        arguments["precision"] = _precision(arguments.get("accelerator", "auto"))
    return arguments


def _precision(accelerator: str) -> str:
    """bfloat16 where the device is faster with it, float32 elsewhere."""
    names = {"auto": "cuda" if torch.cuda.is_available() else "cpu", "gpu": "cuda"}
    fast = multiplies_bfloat16(names.get(accelerator, accelerator))
    return "bf16-mixed" if fast else "32-true"


def _node(defaults: Config, own: Mapping[str, Any] | None) -> Config:
    """A default `target`/`params` node with the config's own keys over it."""
    own = dict(own or {})
    target = own.get("target", defaults["target"])
    kept = defaults["params"] if target == defaults["target"] else {}
    return {"target": target, "params": {**kept, **(own.get("params") or {})}}


def build_callbacks(run: TrainingRun, seed: int) -> list[Callback]:
    """The usual callbacks, and the config's own over or beside them (null removes one)."""
    lightning = run.config.get("lightning") or {}
    usual: dict[str, Config] = {
        "setup_callback": {
            "target": "mug.callbacks.setup.SetupCallback",
            "params": {"config": run.config, "logdir": str(run.folder), "now": run.now},
        },
        **{
            name: {"target": f"mug.callbacks.guard.{guard}", "params": {}}
            for name, guard in (
                ("split_guard", "SplitGuard"),
                ("first_stage_guard", "FirstStageGuard"),
                ("loss_guard", "LossGuard"),
            )
        },
        "learning_rate_logger": {
            "target": "pytorch_lightning.callbacks.LearningRateMonitor",
            "params": {"logging_interval": "step"},
        },
        "cuda_callback": {"target": "mug.callbacks.resources.ResourceCallback", "params": {}},
    }
    own = dict(lightning.get("callbacks") or {})
    nodes = {
        name: _node(node, own.pop(name, None))
        for name, node in usual.items()
        if name not in own or own[name] is not None
    }
    nodes.update({name: node for name, node in own.items() if node is not None})
    callbacks = [instantiate_from_config(node) for node in nodes.values()]
    # Last, because others may draw at the first batch of a process (a logger that opens its files).
    callbacks.append(StepRandomness(seed))
    return [*callbacks, *_checkpoint_callbacks(run, lightning.get("modelcheckpoint") or {})]


def _checkpoint_callbacks(run: TrainingRun, own: Mapping[str, Any]) -> list[Callback]:
    folder = run.folder / "checkpoints"
    params = dict(own.get("params") or {})
    params.pop("save_last", None)  # ResumeCheckpoint does that, atomically
    every = params.pop("every_n_train_steps", None)
    monitor = _monitor(run.config)
    defaults = {
        "target": "pytorch_lightning.callbacks.ModelCheckpoint",
        "params": {
            "dirpath": str(folder),
            "filename": "{epoch:06}",
            "verbose": False,
            "save_top_k": 3 if monitor else 0,
            "monitor": monitor,
            "save_on_train_epoch_end": not str(monitor).startswith("val"),
            "enable_version_counter": False,
        },
    }
    best = instantiate_from_config(_node(defaults, {**own, "params": params}))
    assert isinstance(best, ModelCheckpoint)
    return [best, ResumeCheckpoint(folder / "last.ckpt", every)]


def _monitor(config: Config) -> str | None:
    """The metric that decides about checkpoints; none where the model names none."""
    params = config["model"].get("params") or {}
    found = (params.get("training") or params).get("monitor")
    return None if found is None else str(found)


def build_loggers(run: TrainingRun) -> list[Logger]:
    """CSV always; the config's own logger, else TensorBoard where it is installed."""
    own = (run.config.get("lightning") or {}).get("logger")
    csv = {
        "target": "pytorch_lightning.loggers.CSVLogger",
        "params": {"save_dir": str(run.folder), "name": "csv", "version": run.now},
    }
    events = {
        "target": "pytorch_lightning.loggers.TensorBoardLogger",
        "params": {"save_dir": str(run.folder), "name": "tensorboard", "version": ""},
    }
    loggers = [instantiate_from_config(csv)]
    try:
        loggers.append(instantiate_from_config(_node(events, own)))
    except ModuleNotFoundError as error:
        log.warning("metrics go to csv/ alone: %s", error)
    return loggers


def build_trainer(run: TrainingRun, seed: int) -> pl.Trainer:
    """The Trainer with callbacks, loggers and atomic checkpoints."""
    arguments = {"log_every_n_steps": 10, **trainer_arguments(run.config)}
    for taken in ("callbacks", "logger", "plugins"):
        if taken in arguments:
            raise ConfigError(
                "training.trainer_key_cannot_be_set",
                key=taken,
                remedy="remedy.write_callbacks_or_logger_instead",
            )
    return pl.Trainer(
        **arguments,
        callbacks=build_callbacks(run, seed),
        logger=build_loggers(run),
        plugins=[AtomicCheckpointIO()],
    )


def build_module(config: Config) -> pl.LightningModule:
    """The model, without the learning rate that stands beside its target."""
    node = {k: v for k, v in config["model"].items() if k in ("target", "params")}
    module = instantiate_from_config(node)
    if not isinstance(module, pl.LightningModule):
        raise ConfigError("training.target_is_not_lightningmodule", value=node["target"])
    return module


def learning_rate(config: Config, trainer: pl.Trainer, scale: bool) -> float:
    """Base learning rate, multiplied by accumulation, devices and batch size if `scale`."""
    base = float(config["model"].get("base_learning_rate", 1e-4))
    if not scale:
        log.info("learning rate %.3g (not scaled)", base)
        return base
    accumulation = trainer.accumulate_grad_batches
    batch = int(config["data"]["params"]["batch_size"])
    rate = accumulation * trainer.world_size * batch * base
    log.info(
        "learning rate %.3g = %d (accumulation) x %d (devices) x %d (batch size) x %.3g (base)",
        rate, accumulation, trainer.world_size, batch, base,
    )  # fmt: skip
    return rate


# ---------------------------------------------------------------------------- running


def run(options: Options) -> int:
    """One run from options to exit code.

    Raises:
        MugError: for everything that a person can correct.
    """
    allow_packages(options.packages)
    place = plan_run(options)
    for section in ("model", "data"):
        if section not in place.config:
            raise ConfigError(
                "training.config_has_no_section", section=section, remedy="remedy.add_or_defaults"
            )
    for advice in _UNWANTED_ADVICE:
        warnings.filterwarnings("ignore", advice)
    if options.train and not place.resume_from:
        check_first_stage(place.config, options.base)
        check_time_axes(place.config, config_in)
    pl.seed_everything(options.seed, workers=False, verbose=False)
    module = build_module(place.config)
    data = instantiate_from_config(place.config["data"])
    if not options.train:
        print_summary(module)
        return 0
    suit_threads(sum(weight.numel() for weight in module.parameters()))
    trainer = build_trainer(place, options.seed)
    rate = learning_rate(place.config, trainer, options.scale_lr)
    object.__setattr__(module, "learning_rate", rate)
    log.info("run folder %s", place.folder)
    _fit(trainer, module, data, place)
    if not options.no_test and _has_test(place.config, module):
        trainer.test(module, datamodule=data)
    log.info("done: %s", place.folder / "checkpoints" / "last.ckpt")
    return 0


def _fit(trainer: pl.Trainer, module: pl.LightningModule, data: Any, place: TrainingRun) -> None:
    checkpoint = str(place.resume_from) if place.resume_from else None
    try:
        trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    except BaseException as error:
        last = place.folder / "checkpoints" / "last.ckpt"
        if last.exists():
            log.warning("to go on: python main.py -r %s -t", place.folder)
        else:
            log.warning("stopped before the first checkpoint")
        if isinstance(error, SystemExit):  # what Lightning makes of Ctrl-C
            raise KeyboardInterrupt from error
        raise


def _has_test(config: Config, module: pl.LightningModule) -> bool:
    wanted = (config["data"].get("params") or {}).get("test") is not None
    able = type(module).test_step is not pl.LightningModule.test_step
    if wanted and not able:
        log.info("no test: %s has no test step", type(module).__name__)
    return wanted and able


def print_summary(module: pl.LightningModule) -> None:
    """Layers and parameter counts, and that nothing was trained."""
    from pytorch_lightning.utilities.model_summary.model_summary import ModelSummary

    sys.stdout.write(f"{ModelSummary(module, max_depth=2)}\n")
    sys.stdout.write("Everything could be built. Nothing was trained: add -t to train.\n")


def main(argv: Sequence[str] | None = None) -> int:
    """The command: errors become one sentence, unless --debug asks for the traceback."""
    first = not getattr(rank_zero_only, "rank", 0)  # of several processes one reports what happens
    logging.basicConfig(level=logging.INFO if first else logging.WARNING, format="%(message)s")
    debug = False
    try:
        options = parse_arguments(sys.argv[1:] if argv is None else argv)
        debug = options.debug
        return run(options)
    except Exception as error:
        if debug and sys.stdin.isatty():
            pdb.post_mortem()
        said = plain_error(error)
        if debug or said is None:
            raise
        sys.stderr.write(f"error: {said}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
