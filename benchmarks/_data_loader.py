"""Items a second from the loader, against what a GPU needs to train the full model."""

from __future__ import annotations

import math
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
from mug.data.datamodule import EpochSampler, merged_params
from mug.data.packed import PackedItems, collate
from mug.util import instantiate_from_config

CONFIG = "configs/mug/mug_diffusion.yaml"
_BATCH = 16
_FORWARD_AND_BACKWARD = 3  # a backward pass takes twice the operations of the forward pass


def against_the_gpu(work: Path, sets: int, items: int, tflops: float) -> dict[str, Any]:
    """Items of the full configuration, its augmentation included, by number of loader processes.

    A batch that leaves the loader names its spectrograms in the cache (`mug.data.packed`); what the
    process that trains does with them is measured apart: copying them (all that it does where
    there is a GPU, in a thread) and making the network's input of them (the GPU's work, or its own
    without one).

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
    for index in range(len(dataset)):  # spectrograms and charts are prepared once, and read then
        dataset[index]
    found = {f"workers_{n}": _rate(dataset, items, n) for n in (0, 1, 2)}
    dataset.charts.kept = 0
    cold = _rate(dataset, items, 0)["processor"]
    operations = flops_of_a_training_item()
    need, one = tflops * 1e12 / operations, found["workers_0"]["processor"]
    return {
        "items_a_second": {name: rate["wall"] for name, rate in found.items()},
        "items_a_processor_second": one,
        "items_a_processor_second_with_charts_from_disk": cold,
        "whole_items_a_processor_second": _whole_rate(dataset, max(items // 8, 8)),
        **_after_the_loader(dataset),
        "gflop_an_item": operations / 1e9,
        "assumed_gpu_tflops": tflops,
        "gpu_needs_items_a_second": need,
        "one_process_against_need": one / need,
        "processes_for_ten_times_the_need": math.ceil(10 * need / cold),
        "charts": sets * CHARTS,
        "load": os.getloadavg()[0],
    }


def flops_of_a_training_item() -> float:
    """Operations of one item through the full model: matrix products and convolutions, no FFTs.

    The first stage is frozen and only encodes; all else is run forward and backward.
    """
    config = load_config([CONFIG])
    frames = config["data"]["params"]["common_params"]["window"]["max_audio_frame"]
    latent = config["model"]["params"]["latent"]
    module: Any = train.build_module(config)
    net = module.model.eval()
    net.unet_model.bind_length(latent["z_length"])  # as training does once, before its first step
    step = torch.zeros(1, dtype=torch.long)
    with torch.no_grad(), FlopCounterMode(display=False) as trained:
        levels = list(net.wave_model(torch.zeros(1, 128, frames)))
        context = net.cond_stage_model(torch.zeros(1, 21, dtype=torch.long))
        z_t = torch.zeros(1, latent["z_channels"], latent["z_length"])
        net.unet_model(z_t, step, context, *levels[-4:])
    with torch.no_grad(), FlopCounterMode(display=False) as frozen:
        net.first_stage_model.encode(torch.zeros(1, 16, frames // 8))
    return float(_FORWARD_AND_BACKWARD * trained.get_total_flops() + frozen.get_total_flops())


def _dataset(out: Path) -> Any:
    config = load_config([CONFIG])["data"]["params"]
    common = merged_params(
        {**config["common_params"], "split": {"train": 1.0}},
        {"txt_file": str(out / "beatmap.txt"), "audio": {"cache_dir": str(out / "cache")}},
    )
    chosen = config["train"]
    given = merged_params(chosen["params"], common)
    return instantiate_from_config({**chosen, "params": given})


def _rate(dataset: Any, items: int, workers: int) -> dict[str, float]:
    """Items a second of wall-clock time, and of this process's processor time."""
    keys = _keys(dataset, items + _BATCH)
    loader: DataLoader[Any] = DataLoader(
        PackedItems(dataset),
        batch_size=_BATCH,
        sampler=keys,
        num_workers=workers,
        collate_fn=collate,
    )
    began, processor = 0.0, 0.0
    for number, _ in enumerate(loader):
        if number == 0:  # processes are up
            began, processor = time.monotonic(), time.process_time()
    wall, used = time.monotonic() - began, time.process_time() - processor
    count = len(keys) - _BATCH
    return {"wall": count / wall, "processor": count / max(used, 1e-9)}


def _whole_rate(dataset: Any, items: int) -> float:
    """Items a processor-second with their spectrograms made, one by one."""
    began = time.process_time()
    for key in _keys(dataset, items):
        dataset[key]
    return items / (time.process_time() - began)


def _after_the_loader(dataset: Any) -> dict[str, float]:
    """Milliseconds of processor time an item that the training process spends on spectrograms."""
    batches = [collate([dataset.packed(key) for key in _keys(dataset, _BATCH)]) for _ in range(3)]
    longest = max(window.numel() for batch in batches for window in batch["audio"].windows)
    pinned = torch.empty(longest, dtype=torch.float16)
    began = time.process_time()
    for batch in batches:
        for window in batch["audio"].windows:
            pinned[: window.numel()].view_as(window).copy_(window)
    copied = time.process_time()
    for batch in batches:
        batch["audio"].spectrograms()
    made, count = time.process_time(), _BATCH * len(batches)
    return {
        "copy_ms_an_item": 1000 * (copied - began) / count,
        "make_ms_an_item": 1000 * (made - copied) / count,
    }


def _keys(dataset: Any, items: int) -> list[tuple[int, int]]:
    epochs = -(-items // len(dataset))
    return [key for epoch in range(epochs) for key in _epoch(len(dataset), epoch)][:items]


def _epoch(length: int, epoch: int) -> list[tuple[int, int]]:
    sampler = EpochSampler(length)
    sampler.set_epoch(epoch)
    return list(sampler)


if __name__ == "__main__":
    print(flops_of_a_training_item() / 1e9, file=sys.stdout)
