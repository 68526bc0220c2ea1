"""Scaling of a training step: time and memory against width, length, batch and songs.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --only width,batch --threads 2

The networks of the full configuration at small sizes, one size changed at a time, each measurement
in a process of its own. Seconds are the processor's, the fewest of some steps; MiB are what the
process held at most, less what it held before it had a model. An exponent is the slope of the
straight line through the logarithms: 1 is linear. Songs are made by code, and prepared and read as
for training. Two minutes of a free core, some 2 GiB.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing as mp
import os
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._data_songs import CHARTS, make_sets
from benchmarks._data_speed import prepare
from benchmarks._training_step import timed_step
from mug import train
from mug.cli.common import OK, run
from mug.config import load_config
from mug.data.datamodule import merged_params
from mug.data.packed import collate, unpacked
from mug.features import FeatureSchema
from mug.files import atomic_write
from mug.model.memory.peak import peak_memory_mib
from mug.model.speed.precision import multiplies_bfloat16
from mug.util import instantiate_from_config

CONFIG = "configs/mug/mug_diffusion.yaml"
BASE = {"width": 64, "frames": 8192, "batch": 2}
POINTS = {"width": (32, 64, 96), "frames": (4096, 8192, 16384), "batch": (1, 2, 4)}
SONGS = (2, 4, 8)
STEP_COLUMNS = {"parameters_m": "parameters, M", "processor": "CPU s a step", "mib": "MiB"}
SONG_COLUMNS = {
    "prepare": "CPU s to prepare",
    "start": "CPU s to start",
    "epoch": "CPU s to read an epoch",
    "cache_mb": "MB of caches",
}


def main() -> int:
    """Print a table of each kind."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("outputs/scaling"))
    parser.add_argument("--only", default="width,frames,batch,songs")
    parser.add_argument("--steps", type=int, default=2, help="of each size, after one to warm up")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    found: dict[str, dict[int, dict[str, float]]] = {}
    for kind in given.only.split(","):
        points = SONGS if kind == "songs" else POINTS[kind]
        columns = SONG_COLUMNS if kind == "songs" else STEP_COLUMNS
        found[kind] = {
            point: of_songs(given.out, point)
            if kind == "songs"
            else of_step({**BASE, kind: point}, given.steps, given.threads)
            for point in points
        }
        sys.stdout.write(f"{table(kind, columns, found[kind])}\n\n")
        sys.stdout.flush()
    with atomic_write(given.out / "results.json", "w", encoding="utf-8") as handle:
        json.dump({"base": BASE, "threads": given.threads, **found}, handle, indent=2)
    return OK


def of_step(sizes: dict[str, int], steps: int, threads: int) -> dict[str, float]:
    """Measures of a training step at these sizes, in a process of its own.

    Args:
        sizes: width of both networks, audio frames, items of a batch.
        steps: to take, after one to warm up.
        threads: of torch.
    """
    context = mp.get_context("spawn")
    end, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, sizes, steps, threads))
    process.start()
    theirs.close()
    measures: dict[str, float] = end.recv()
    process.join()
    return measures


def _serve(pipe: Connection, sizes: dict[str, int], steps: int, threads: int) -> None:
    torch.set_num_threads(threads)
    before = _peak()
    module = step_module(sizes["width"])
    batch = random_batch(sizes["frames"], sizes["batch"])
    step = timed_step(module, lambda _: batch, half=multiplies_bfloat16("cpu"))
    taken = [step() for _ in range(steps + 1)][1:]
    pipe.send(
        {
            "parameters_m": sum(p.numel() for p in module.parameters()) / 1e6,
            "processor": min(one["processor"] for one in taken),
            "mib": _peak() - before,
        }
    )


def _peak() -> float:
    return peak_memory_mib(torch.device("cpu")) or float("nan")


def step_module(width: int) -> Any:
    """The full configuration with another width of the U-Net and the audio encoder."""
    config = load_config([CONFIG])
    params = config["model"]["params"]
    params["training"]["allow_untrained_first_stage"] = True
    params["optimizer"]["scheduler_config"] = None
    unet, wave = params["unet_config"]["params"], params["wave_stage_config"]["params"]
    unet["model_channels"] = wave["middle_channels"] = width
    levels = len(unet["audio_channels"])
    unet["audio_channels"] = [width * factor for factor in wave["channel_mult"][-levels:]]
    torch.manual_seed(0)
    module: Any = train.build_module(config)
    object.__setattr__(module, "learning_rate", 1e-4)
    return module.train()


def random_batch(frames: int, items: int) -> dict[str, torch.Tensor]:
    """Noise in the shapes of the full configuration's items.

    Args:
        frames: of audio; an eighth of them of notes.
        items: of the batch.
    """
    data = load_config([CONFIG])["data"]["params"]["common_params"]
    notes = frames // data["window"]["audio_note_window_ratio"]
    generator = torch.Generator().manual_seed(0)
    features = len(FeatureSchema.from_yaml(data["features"]["feature_yaml"]).names)
    return {
        "note": torch.rand(items, 16, notes, generator=generator).round(),
        "valid": torch.ones(items, notes),
        "audio": torch.rand(items, data["audio"]["n_mels"], frames, generator=generator),
        "feature": torch.zeros(items, features, dtype=torch.long),
    }


def of_songs(out: Path, songs: int) -> dict[str, float]:
    """Preparing, starting and one epoch of reading with so many songs of four charts.

    Args:
        out: keeps the songs; what is made of them is made again.
        songs: of 30 s.
    """
    folder = out / f"songs_{songs}"
    prepared = out / "prepared" / str(time.time_ns())
    make_sets(folder, songs, notes=100, seconds=30.0)
    used = prepare(folder, prepared, 1)
    began = time.process_time()
    dataset = _dataset(prepared)
    started = time.process_time()
    for first in range(0, songs * CHARTS, CHARTS):
        unpacked(collate([dataset.packed((0, first + n)) for n in range(CHARTS)]))
    read = time.process_time()
    cache = [file.stat().st_size for file in (prepared / "cache").rglob("*") if file.is_file()]
    return {
        "prepare": used["cpu_seconds"],
        "start": started - began,
        "epoch": read - started,
        "cache_mb": sum(cache) / 1e6,
    }


def _dataset(prepared: Path) -> Any:
    data = load_config([CONFIG])["data"]["params"]
    given = merged_params(
        {**merged_params(data["train"]["params"], data["common_params"]), "split": {"train": 1.0}},
        {
            "txt_file": str(prepared / "beatmap.txt"),
            "audio": {"cache_dir": str(prepared / "cache")},
        },
    )
    return instantiate_from_config({**data["train"], "params": given})


def exponent(points: dict[int, float]) -> float:
    """Slope of the line of least squares through the points' logarithms.

    Args:
        points: what was measured at each size; at least two sizes, all positive.
    """
    x = [math.log(size) for size in points]
    y = [math.log(value) for value in points.values()]
    middle = sum(x) / len(x)
    upper = sum((a - middle) * b for a, b in zip(x, y, strict=True))
    return upper / sum((a - middle) ** 2 for a in x)


def table(kind: str, columns: dict[str, str], rows: dict[int, dict[str, float]]) -> str:
    """The measurements as Markdown, with an exponent below each column."""
    base = ", ".join(f"{name} {value}" for name, value in BASE.items() if name != kind)
    first = "songs of 30 s, 4 charts each" if kind == "songs" else f"{kind} ({base})"
    lines = [f"| {first} | {' | '.join(columns.values())} |", "|---" * (len(columns) + 1) + "|"]
    lines += [
        f"| {size} | {' | '.join(f'{row[name]:.4g}' for name in columns)} |"
        for size, row in rows.items()
    ]
    if len(rows) > 1:
        powers = [exponent({size: row[name] for size, row in rows.items()}) for name in columns]
        lines.append(f"| exponent | {' | '.join(f'{power:.2f}' for power in powers)} |")
    return "\n".join([f"load {os.getloadavg()[0]:.1f}", "", *lines])


if __name__ == "__main__":
    sys.exit(run(main, when_stopped="Run it again; songs that were made are kept."))
