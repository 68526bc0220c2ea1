"""Time of finishing a chart against sampling it, by notes, and of a cold start by its parts.

    python benchmarks/finishing.py
    python benchmarks/finishing.py --audio SONG --charts 4     # and a song's cold start

Charts are drawn on the lines of a beat, with the jitter of a network. Processor seconds, for the
clock depends on what else the machine does, and Python calls, which depend on nothing. Sampling is
that of a model for a song of the same length.
"""

from __future__ import annotations

import argparse
import gc
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from benchmarks._calls import count_calls
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.difficulty.stars import star_rating
from mug.pipeline.arrange.reach_stars import StarGoal, collect_sources, reach_stars
from mug.pipeline.arrange.sources import OnsetTimes
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.finish.chart import finish_chart
from mug.pipeline.finish.cleanup import Surroundings
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.model.choice import find_model
from mug.pipeline.request import GenerationRequest
from mug.pipeline.sample import ChartRequest, encode_song
from mug.timing.estimate import TimingEstimate

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]
SECONDS, BEAT_MS, KEYS = 180.0, 345.0, 4
TIMING = TimingEstimate(60000.0 / BEAT_MS, 500.0, 1.0, downbeat_ms=500.0)
NOTES = {500: 2.5, 2000: 4.5, 6000: 9.0}
"""Notes of a chart to the star rating that it was asked for."""
PARTS = {
    "torch": "import torch",
    "all imports": "import mug.pipeline.output.package, mug.pipeline.judge.candidates",
    "and the model": "from mug.pipeline.chart import ChartGenerator as G; G.from_checkpoint({!r})",
}


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ckpt", type=Path, help="model (default: the shipped one)")
    parser.add_argument("--audio", type=Path, help="song whose cold start is measured, too")
    parser.add_argument("--charts", type=int, default=4, help="charts of the cold start")
    args = parser.parse_args()
    model = find_model(args.ckpt, None)
    sampling = _sampling(model)
    gc.collect()
    gc.freeze()  # as commands do after their imports (`mug.util.without_collection`)
    print(f"Sampling one chart of {SECONDS:g} s: {sampling:.2f} s of the processor.\n")
    print("| notes | finished s | calls a note | brought to its stars s | of sampling |")
    print("|---|---|---|---|---|")
    for notes, stars in NOTES.items():
        print(_row(notes, stars, sampling), flush=True)
    if args.audio is not None:
        _cold_start(model, args.audio.resolve(), args.charts)
    return 0


def raw_notes(count: int, seed: int = 0) -> list[HitObject]:
    """Notes as a network writes them: near the lines of a beat, a seventh of them holds."""
    rng = np.random.default_rng(seed)
    parts = 4 if count < SECONDS * 1000 / BEAT_MS * 4 * KEYS * 0.7 else 8
    lines = np.arange(0, 1000 * SECONDS - 2000, BEAT_MS / parts)
    places = rng.choice(len(lines) * KEYS, count, replace=False)
    made: list[HitObject] = []
    for place in sorted(places.tolist()):
        column, start = place % KEYS, 500 + lines[place // KEYS] + rng.normal(0, 4)
        if rng.random() < 0.15:
            made.append(LongNote(column, start, start + BEAT_MS * rng.choice([0.5, 1, 2])))
        else:
            made.append(Rice(column, start))
    return made


def _row(count: int, stars: float, sampling: float) -> str:
    """A row of the table for a chart of so many notes."""
    raw, other = raw_notes(count), raw_notes(count, 1)
    where = Surroundings(KEYS, TIMING.tempo_map.red_lines, 1000 * SECONDS)
    options = FinishOptions(star_rating=stars)

    def finish(notes: list[HitObject]) -> Beatmap:
        chart, _ = finish_chart(
            notes, options, keys=KEYS, index=0, timing=TIMING, duration_ms=where.duration_ms
        )
        return chart

    finish(other)  # all candidates are snapped before one of them is brought to its stars
    finished, chart = _seconds(partial(finish, raw))
    calls = count_calls(partial(finish, raw_notes(count, 2)))
    goal_stars = 0.85 * star_rating(chart)
    goal = StarGoal(goal_stars, options, where, OnsetTimes.nothing())

    def reach() -> None:
        reach_stars(chart, chart.hit_objects, collect_sources([raw, other], goal), goal)

    reached, _ = _seconds(reach)
    share = (finished + reached) / sampling
    return f"| {count} | {finished:.2f} | {calls / count:.0f} | {reached:.2f} | {share:.2f} |"


def _sampling(model: Path) -> float:
    """Processor seconds of sampling one chart, the song's encoding aside."""
    torch.set_num_threads(1)
    generator = ChartGenerator.from_checkpoint(model)
    rng = np.random.default_rng(0)
    rate = generator.model.clock.sample_rate
    wave = rng.normal(0, 0.1, int(SECONDS * rate)).astype(np.float32)
    song = encode_song(generator.model, wave)
    request = GenerationRequest(
        Path("song"), prompt={"sr": 3.0}, finish=FinishOptions(timing=TIMING)
    )
    wanted = [ChartRequest(request.prompt, {}, 0)]
    sample = partial(generator.sample, song, wanted, request)
    sample()
    return _seconds(sample)[0]


def _cold_start(model: Path, audio: Path, charts: int) -> None:
    """Print processor seconds of processes that end sooner and later."""
    print("\n| from the command to | clock s | processor s |\n|---|---|---|")
    programs = {name: ["-c", code.format(str(model))] for name, code in PARTS.items()}
    with TemporaryDirectory() as folder:
        song = ["--audio", str(audio), "--ckpt", str(model), "--sr", "3"]
        for count in sorted({1, charts}):
            out = ["--out", f"{folder}/{count}.osz", "--count", str(count)]
            programs[f"{count} charts"] = ["scripts/generate.py", *song, *out]
        for name, words in programs.items():
            began, used = time.perf_counter(), _children()
            subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
            clock, processor = time.perf_counter() - began, _children() - used
            print(f"| {name} | {clock:.2f} | {processor:.2f} |", flush=True)


def _seconds(work: Callable[[], T]) -> tuple[float, T]:
    """Processor seconds of some work, and what it gives."""
    began = time.process_time()
    found = work()
    return time.process_time() - began, found


def _children() -> float:
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


if __name__ == "__main__":
    sys.exit(main())
