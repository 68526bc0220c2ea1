"""Threads that wait beside busy neighbours: inference and training, as ratios to one thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.browser_runs import busy_cores
from mug.threads import PASSIVE

ROOT = Path(__file__).resolve().parents[1]
CONFIG = "configs/mug/small.yaml"
MOST = 1.3
"""Largest ratio to one thread that is good."""
STEPS, BATCH = 2, 2
THREADS: dict[str, tuple[int, dict[str, str]]] = {
    "one thread": (1, PASSIVE),
    "torch's default": (2, {"KMP_BLOCKTIME": "200"}),  # the default itself; it keeps ours away
    "passive": (2, PASSIVE),
}
"""Threads and environment of each way."""


def busy_table(neighbours: int, seconds: float, repeats: int) -> str:
    """Return the table of a shipped model's sampling and a small model's training step.

    Args:
        neighbours: busy threads beside.
        seconds: length of the song.
        repeats: turns of each; the best counts.
    """
    found: dict[str, dict[str, float]] = {}
    clean = {name: value for name, value in os.environ.items() if name not in PASSIVE}
    with busy_cores(neighbours):
        for name, (threads, environment) in THREADS.items():
            code = f"from benchmarks._busy import measure; measure({threads}, {seconds}, {repeats})"
            done = subprocess.run(
                [sys.executable, "-c", code],
                cwd=ROOT,
                env={**clean, **environment, "OMP_NUM_THREADS": str(threads)},
                check=True,
                capture_output=True,
                text=True,
            )
            found[name] = json.loads(done.stdout.splitlines()[-1])
    one = found["one thread"]
    lines = [
        f"{neighbours} busy threads beside, {os.cpu_count()} processors, {seconds:g} s of music;"
        f" goal: at most {MOST:g} x.",
        "",
        "| threads | sampling s | of one thread | training step s | of one thread |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {row['sampling']:.2f} | {row['sampling'] / one['sampling']:.2f} x |"
        f" {row['training']:.2f} | {row['training'] / one['training']:.2f} x |"
        for name, row in found.items()
    ]
    return "\n".join(lines)


def measure(threads: int, seconds: float, repeats: int) -> None:
    """Print seconds of the clock as JSON: two sampling steps of a chart, and a training step."""
    import torch

    torch.set_num_threads(threads)
    ways = {"sampling": _sampling(seconds), "training": _training(threads)}
    found = {}
    for name, way in ways.items():
        way()
        found[name] = min(_seconds(way) for _ in range(repeats))
    print(json.dumps(found))


def _seconds(way: Callable[[], object]) -> float:
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


def _sampling(seconds: float) -> Callable[[], object]:
    import numpy as np

    from mug.pipeline.chart import ChartGenerator
    from mug.pipeline.finish.options import FinishOptions
    from mug.pipeline.model.choice import find_model
    from mug.pipeline.request import GenerationRequest
    from mug.pipeline.sample import ChartRequest, encode_song
    from mug.timing.estimate import TimingEstimate

    generator = ChartGenerator.from_checkpoint(find_model(None, None))
    samples = int(seconds * generator.model.clock.sample_rate)
    wave = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    song = encode_song(generator.model, wave)
    finish = FinishOptions(timing=TimingEstimate(174.0, 500.0, 1.0, downbeat_ms=500.0))
    request = GenerationRequest(Path("song"), prompt={"sr": 3.0}, steps=STEPS, finish=finish)
    wanted = [ChartRequest(request.prompt, {}, 0)]
    return lambda: generator.sample(song, wanted, request)


def _training(threads: int) -> Callable[[], object]:
    import torch

    from benchmarks._training_step import VARIANTS, Options, build_module, timed_step
    from mug.config import load_config
    from mug.features import FeatureSchema

    params = load_config([CONFIG])["data"]["params"]
    data, ratio = (
        params["common_params"],
        params["common_params"]["window"]["audio_note_window_ratio"],
    )
    frames = params["train"]["params"]["window"]["crop_audio_frame"]
    names = FeatureSchema.from_yaml(data["features"]["feature_yaml"]).names
    generator = torch.Generator().manual_seed(0)
    batch = {
        "note": torch.rand(BATCH, 16, frames // ratio, generator=generator).round(),
        "valid": torch.ones(BATCH, frames // ratio),
        "audio": torch.rand(BATCH, data["audio"]["n_mels"], frames, generator=generator),
        "feature": torch.zeros(BATCH, len(names), dtype=torch.long),
    }
    module = build_module(Options(CONFIG, "", BATCH, threads), VARIANTS["float32"], None)
    return timed_step(module, lambda _: dict(batch), half=False)
