"""Cost of a chart: seconds at a fixed number of threads, and equal files for equal seeds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch

from mug.beatmap.formats.osu import chart as osu
from mug.evaluation.made import ModelRun
from mug.evaluation.markdown.summary import over_songs
from mug.evaluation.rows import COST, Figures, ResultRow
from mug.metrics.statistics import Summary
from mug.pipeline.chart import ChartGenerator

COST_FIGURES = (
    ("seconds_load", "seconds to load the model", 1),
    ("seconds_encode_a_minute", "seconds to read and encode a song minute", 2),
    ("seconds_sample_a_minute", "seconds to sample a song minute, one chart", 2),
    ("seconds_finish_a_minute", "seconds to hear the timing and post-process a song minute", 2),
    ("seconds_a_minute", "seconds a song minute, all but loading", 2),
    ("peak_memory_mib", "peak memory of the process, MiB", 0),
    ("same_file", "same seed, same file", 2),
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


def cost_summary(rows: Sequence[ResultRow]) -> dict[str, Summary]:
    """By figure."""
    mine = [row for row in rows if row.part == COST]
    return {name: over_songs(mine, name) for name, _, _ in COST_FIGURES} if mine else {}


def threads_of(rows: Sequence[ResultRow]) -> int | None:
    """Number of threads of the cost measurement; None where there is none."""
    found = {int(row.figures["threads"]) for row in rows if row.part == COST}
    return max(found) if found else None
