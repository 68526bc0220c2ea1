"""Items a second from the loader, against what a GPU needs to train the full model."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from benchmarks._data_songs import CHARTS, make_sets
from benchmarks._data_speed import prepare
from mug import train
from mug.config import load_config
from mug.data.datamodule import EpochSampler
from mug.util import instantiate_from_config

CONFIG = "configs/mug/mug_diffusion.yaml"
_FORWARD_AND_BACKWARD = 3  # a backward pass takes twice the operations of the forward pass


def against_the_gpu(work: Path, sets: int, items: int, tflops: float) -> dict[str, Any]:
    """Items of the full configuration, its augmentation included, by number of loader processes.

    Args:
        work: where songs are made and prepared.
        sets: songs of 90 s with four charts each.
        items: to read for each measurement.
        tflops: what a GPU is taken to sustain while training in float32, in 10^12 operations a
            second. 20 is about half of the peak of a large consumer GPU.
    """
    songs, out = work / "speed_songs", work / "loader"
    make_sets(songs, sets, notes=800, seconds=90.0)
    prepare(songs, out, 1)
    dataset = _dataset(out)
    for index in range(len(dataset)):  # spectrograms are made once, and read then
        dataset[index]
    found = {f"workers_{n}": _rate(dataset, items, n) for n in (0, 1, 2)}
    operations = flops_of_a_training_item()
    need = tflops * 1e12 / operations
    return {
        "items_a_second": {name: rate["wall"] for name, rate in found.items()},
        "items_a_processor_second": found["workers_0"]["processor"],
        "gflop_an_item": operations / 1e9,
        "assumed_gpu_tflops": tflops,
        "gpu_needs_items_a_second": need,
        "one_process_against_need": found["workers_0"]["processor"] / need,
        "charts": sets * CHARTS,
        "load": os.getloadavg()[0],
    }


def flops_of_a_training_item() -> float:
    """Operations of one item through the full model: matrix products and convolutions, no FFTs.

    The first stage is frozen and only encodes; all else is run forward and backward.
    """
    config = load_config([CONFIG])
    frames = config["data"]["params"]["common_params"]["max_audio_frame"]
    model = config["model"]["params"]
    module: Any = train.build_module(config)
    net = module.model.eval()
    step = torch.zeros(1, dtype=torch.long)
    with torch.no_grad(), FlopCounterMode(display=False) as trained:
        levels = list(net.wave_model(torch.zeros(1, 128, frames)))
        context = net.cond_stage_model(torch.zeros(1, 21, dtype=torch.long))
        z_t = torch.zeros(1, model["z_channels"], model["z_length"])
        net.unet_model(z_t, step, context, *levels[-4:])
    with torch.no_grad(), FlopCounterMode(display=False) as frozen:
        net.first_stage_model.encode(torch.zeros(1, 16, frames // 8))
    return float(_FORWARD_AND_BACKWARD * trained.get_total_flops() + frozen.get_total_flops())


def _dataset(out: Path) -> Any:
    config = load_config([CONFIG])["data"]["params"]
    common = {
        **config["common_params"],
        "txt_file": str(out / "beatmap.txt"),
        "cache_dir": str(out / "cache"),
        "split": {"train": 1.0},
    }
    chosen = config["train"]
    return instantiate_from_config({**chosen, "params": {**chosen["params"], **common}})


def _rate(dataset: Any, items: int, workers: int) -> dict[str, float]:
    """Items a second of wall-clock time, and of this process's processor time."""
    epochs = -(-items // len(dataset))
    keys = [key for epoch in range(epochs) for key in _epoch(len(dataset), epoch)][:items]
    loader: DataLoader[Any] = DataLoader(
        dataset,
        batch_size=None,
        sampler=keys,
        num_workers=workers,
    )
    began, processor = 0.0, 0.0
    for number, _ in enumerate(loader):
        if number == 0:  # processes are up
            began, processor = time.monotonic(), time.process_time()
    wall, used = time.monotonic() - began, time.process_time() - processor
    return {"wall": (len(keys) - 1) / wall, "processor": (len(keys) - 1) / max(used, 1e-9)}


def _epoch(length: int, epoch: int) -> list[tuple[int, int]]:
    sampler = EpochSampler(length)
    sampler.set_epoch(epoch)
    return list(sampler)


if __name__ == "__main__":
    print(flops_of_a_training_item() / 1e9, file=sys.stdout)
