"""Cost of a chart: seconds at a fixed number of threads, and equal files for equal seeds."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from mug.beatmap.formats.osu import chart as osu
from mug.compose.sound import write_audio
from mug.evaluation.made import ModelRun
from mug.evaluation.markdown.summary import over_songs
from mug.evaluation.rows import COST, Figures, ResultRow
from mug.metrics.statistics import Summary
from mug.model.memory.peak import peak_memory_mib
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.make import make_each

LONG_S = 180.0
"""Length of the song of a cold start."""

COLD_STARS = (1.5, 2.5, 3.5, 4.5)

COST_FIGURES = (
    ("seconds_load", "seconds to load the model", 1),
    ("seconds_encode_a_minute", "seconds to read and encode a song minute", 2),
    ("seconds_sample_a_minute", "seconds to sample a song minute, one chart", 2),
    ("seconds_finish_a_minute", "seconds to hear the timing and post-process a song minute", 2),
    ("seconds_a_minute", "seconds a song minute, all but loading", 2),
    ("peak_memory_mib", "peak memory of the process, MiB", 0),
    ("same_file", "same seed, same file", 2),
    ("cold_seconds", "seconds for 4 charts of 180 s, with the start of the process", 1),
    ("cold_peak_mib", "peak memory of that process, MiB", 0),
)
"""Name, label and decimals of each line of the table."""


def cost_figures(
    checkpoint: Path, audio: Path, stars: float, run: ModelRun, *, threads: int, device: str
) -> Figures:
    """One chart made twice from the same seed, with a model that is loaded here.

    Call it in a process of its own: the number of threads is set for the whole process.

    Args:
        checkpoint: of the model.
        audio: the song.
        stars: asked for.
        run: steps and guidance.
        threads: that torch may use.
        device: of the model.
    """
    torch.set_num_threads(threads)
    began = time.perf_counter()
    generator = ChartGenerator.from_checkpoint(checkpoint, device)
    loaded = time.perf_counter()
    song = generator.song(audio)
    encoded = time.perf_counter()
    request = run.request(audio, {"sr": stars})
    stamps: list[float] = []
    first = generator.generate(request, lambda done, total: stamps.append(time.perf_counter()))
    made = time.perf_counter()
    second = generator.generate(request)
    minutes = song.duration_ms / 60000
    sampled = stamps[-1] if stamps else made
    files = [osu.format(result.beatmaps[0]) for result in (first, second)]
    return {
        "seconds_load": loaded - began,
        "seconds_encode_a_minute": (encoded - loaded) / minutes,
        "seconds_sample_a_minute": (sampled - encoded) / minutes,
        "seconds_finish_a_minute": (made - sampled) / minutes,
        "seconds_a_minute": (made - loaded) / minutes,
        "same_file": float(files[0] == files[1]),
        "threads": float(threads),
    }


def four_charts(
    checkpoint: Path, audio: Path, stars: Sequence[float], run: ModelRun, *, threads: int
) -> float:
    """Make a chart of each star rating with a model that is loaded here; peak memory in MiB.

    Call it in a process that has done nothing else. Not a number where the system does not say.

    Args:
        checkpoint: of the model.
        audio: the song.
        stars: asked for.
        run: steps and guidance.
        threads: that torch may use.
    """
    torch.set_num_threads(threads)
    generator = ChartGenerator.from_checkpoint(checkpoint)
    requests = [run.request(audio, {"sr": rating}) for rating in stars]
    make_each(generator, requests)
    return _own_peak_mib()


def _own_peak_mib() -> float:
    """Peak memory of this process since its start; that of its parent does not count."""
    status = Path("/proc/self/status")
    if status.is_file():
        lines = status.read_text(encoding="utf-8").splitlines()
        held = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
        if held:
            return int(held[0]) / 2**10
    peak = peak_memory_mib(torch.device("cpu"))
    return math.nan if peak is None else peak


def write_long(sound: np.ndarray, sample_rate: int, file: Path) -> None:
    """Write a song of `LONG_S` seconds: the sound over and over.

    Args:
        sound: mono samples.
        sample_rate: in Hz.
        file: to write.
    """
    samples = round(LONG_S * sample_rate)
    write_audio(file, np.resize(sound, samples).astype(np.float32), sample_rate)


def cost_summary(rows: Sequence[ResultRow]) -> dict[str, Summary]:
    """By figure."""
    mine = [row for row in rows if row.part == COST]
    return {name: over_songs(mine, name) for name, _, _ in COST_FIGURES} if mine else {}


def threads_of(rows: Sequence[ResultRow]) -> int | None:
    """Number of threads of the cost measurement; None where there is none."""
    found = {int(row.figures["threads"]) for row in rows if row.part == COST}
    return max(found) if found else None
