"""One variant of the training step in a process of its own, a step at a time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import default_collate

from mug import train
from mug.config import load_config
from mug.data.datamodule import merged_params
from mug.data.packed import collate, unpacked
from mug.model.memory.peak import peak_memory_mib
from mug.model.speed.precision import multiplies_bfloat16
from mug.util import instantiate_from_config


@dataclass(frozen=True)
class Variant:
    """Variant of a training step.

    Args:
        cached: spectrograms are read from the cache instead of decoded from the song.
        fused: all parameters are updated by one operation.
        checkpoint: parts whose cheap activations are computed again in the backward pass.
        bf16: matrix products in bfloat16 where the processor has instructions for it.
    """

    cached: bool = False
    fused: bool = False
    checkpoint: tuple[str, ...] = ()
    bf16: bool = False


SOUND, NET = "wave_stage_config", "unet_config"
VARIANTS = {
    "as-reference": Variant(),
    "cached": Variant(cached=True),
    "fused": Variant(fused=True),
    "checkpoint": Variant(checkpoint=(SOUND, NET)),
    "bf16": Variant(bf16=True),
    "float32": Variant(cached=True, fused=True, checkpoint=(SOUND, NET)),
    "ours": Variant(cached=True, fused=True, checkpoint=(SOUND, NET), bf16=True),
    "compiled": Variant(cached=True, fused=True, checkpoint=(SOUND, NET), bf16=True),
    "ours-sound": Variant(cached=True, fused=True, checkpoint=(SOUND,), bf16=True),
    "ours-net": Variant(cached=True, fused=True, checkpoint=(NET,), bf16=True),
}


@dataclass(frozen=True)
class Options:
    """Options that all variants share.

    Args:
        config: of the model and its data.
        prepared: folder with a list of charts, their features and a cache.
        batch: items of a step.
        threads: of torch.
        compile_backend: of torch.compile, for the variant `compiled`.
    """

    config: str
    prepared: str
    batch: int
    threads: int
    compile_backend: str = "inductor"


def serve(pipe: Connection, options: Options, name: str) -> None:
    """Build the model, say so, and answer each message with the measures of one step."""
    torch.set_num_threads(options.threads)
    step = _step(options, VARIANTS[name], options.compile_backend if name == "compiled" else None)
    pipe.send("ready")
    with contextlib.suppress(EOFError):  # the other end is closed: no more steps
        while pipe.recv():
            pipe.send(step())


def _step(
    options: Options, variant: Variant, backend: str | None
) -> Callable[[], dict[str, float]]:
    module, dataset = build_module(options, variant, backend), _dataset(options, variant)
    half = variant.bf16 and multiplies_bfloat16("cpu")
    return timed_step(module, lambda n: _batch(dataset, variant, options.batch, n), half=half)


def timed_step(
    module: Any, batch_of: Callable[[int], dict[str, Tensor]], *, half: bool
) -> Callable[[], dict[str, float]]:
    """A function that takes one training step and tells seconds, memory and loss.

    Args:
        module: the model, with a learning rate; its optimizer is made at the first step.
        batch_of: the batch of each step, counted from 0.
        half: matrix products in bfloat16.
    """
    generator = torch.Generator().manual_seed(1)
    optimizer: list[torch.optim.Optimizer] = []
    taken = iter(range(10**9))

    def step() -> dict[str, float]:
        began, clock = time.process_time(), _Clock()
        batch = batch_of(next(taken))
        clock.lap("items")
        if not optimizer:
            module.on_train_batch_start(batch, 0)
            made = module.configure_optimizers()
            optimizer.append(made["optimizer"] if isinstance(made, dict) else made)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            task = module.denoising
            target = task.encode(batch)
            step, noise = task.draw(target, generator)
            loss = task.p_losses(target, task.condition_of(batch), step, noise).total
        clock.lap("forward")
        loss.backward()
        clock.lap("backward")
        optimizer[0].step()
        optimizer[0].zero_grad(set_to_none=True)
        clock.lap("update")
        return {
            **clock.laps,
            "wall": sum(clock.laps.values()),
            "processor": time.process_time() - began,
            "peak_mib": peak_memory_mib(torch.device("cpu")) or float("nan"),
            "loss": float(loss.detach()),
        }

    return step


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name], self._last = now - self._last, now


def build_module(options: Options, variant: Variant, backend: str | None) -> Any:
    """The model of a variant, ready to be trained."""
    config = load_config([options.config])
    params = config["model"]["params"]
    params["training"] |= {"allow_untrained_first_stage": True, "compile_backend": backend}
    params["optimizer"] |= {"scheduler_config": None, "fused": variant.fused}
    params[NET]["params"]["block"]["use_checkpoint"] = NET in variant.checkpoint
    params[SOUND]["params"]["use_checkpoint"] = SOUND in variant.checkpoint
    torch.manual_seed(0)
    module: Any = train.build_module(config)
    object.__setattr__(module, "learning_rate", 1e-4)
    return module.train()


def _dataset(options: Options, variant: Variant) -> Any:
    config = load_config([options.config])["data"]["params"]
    chosen = config["train"]
    given = merged_params(
        {**merged_params(chosen["params"], config["common_params"]), "split": {"train": 1.0}},
        {
            "txt_file": f"{options.prepared}/beatmap.txt",
            "audio": {"cache_dir": f"{options.prepared}/cache" if variant.cached else None},
            "augment": {"rate_p": 0.0},  # both variants see the same amount of song
        },
    )
    return instantiate_from_config({**chosen, "params": given})


def _batch(dataset: Any, variant: Variant, size: int, epoch: int) -> dict[str, Tensor]:
    keys = [(epoch * size + n, n % len(dataset)) for n in range(size)]
    if variant.cached:
        return unpacked(collate([dataset.packed(key) for key in keys]))
    batch: dict[str, Tensor] = default_collate([dataset[key] for key in keys])
    return batch
