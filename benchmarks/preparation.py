"""Speed of the star ratings and MSD of many beatmaps, by processes, and the memory it takes.

    python benchmarks/preparation.py
    python benchmarks/preparation.py --beatmaps 1000 --processes 1

Beatmaps are made here, of 1,000 notes on average. Charts a second of one core are those of
processor seconds, so that other work on the machine hardly counts; the share of what one process
does is that of the clock.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

if __name__ == "__main__":  # the processes have it from here
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.msd import make_chart
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.difficulty.msd import estimate_msd
from mug.difficulty.stars import star_rating
from mug.processes import open_pool

STARS_GOAL, MSD_GOAL = 1000.0, 300.0
"""Beatmaps a second and core."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """Share of the work of one process.

    Attributes:
        beatmaps: how many.
        stars_s: processor seconds of their star ratings.
        msd_s: processor seconds of their MSD.
        tenth_mib: memory at most after a tenth of them.
        all_mib: memory at most after all.
    """

    beatmaps: int
    stars_s: float
    msd_s: float
    tenth_mib: float
    all_mib: float


def main() -> int:
    """Print the table; end with 1 where a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--beatmaps", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=2, help="at most")
    args = parser.parse_args()
    print("| processes | stars a second and core | MSD | MiB after a tenth | after all | of one |")
    print("|---|---|---|---|---|---|")
    alone, missed = 0.0, False
    for processes in range(1, args.processes + 1):
        with open_pool(processes) as pool:
            list(pool.map(_measure, [range(2)] * processes))  # imports
            began = time.perf_counter()
            shares = [range(first, args.beatmaps, processes) for first in range(processes)]
            found = list(pool.map(_measure, shares))
            clock = time.perf_counter() - began
        alone = alone or clock
        stars = args.beatmaps / sum(one.stars_s for one in found)
        msd = args.beatmaps / sum(one.msd_s for one in found)
        tenth, whole = max(o.tenth_mib for o in found), max(o.all_mib for o in found)
        row = f"{processes} | {stars:.0f} | {msd:.0f} | {tenth:.0f} | {whole:.0f}"
        print(f"| {row} | {alone / clock:.2f} x |", flush=True)
        missed = missed or stars < STARS_GOAL or msd < MSD_GOAL
    return int(missed)


def make_beatmap(seed: int) -> tuple[Beatmap, np.ndarray, np.ndarray]:
    """Make a beatmap, and the starts and columns of its notes; every tenth note is a hold."""
    rng = np.random.default_rng(seed)
    times, columns = make_chart(rng, int(rng.integers(200, 1801)))
    notes: list[HitObject] = []
    for index, (start, column) in enumerate(zip(times.tolist(), columns.tolist(), strict=True)):
        hold = index % 10 == 0
        notes.append(LongNote(column, start, start + 50) if hold else Rice(column, start))
    red_lines = (TimingPoint(0.0, 400.0),)
    return Beatmap(4, tuple(notes), red_lines, general={"Mode": "3"}), times, columns


def _measure(seeds: range) -> Measured:
    """Rate beatmaps one after the other."""
    stars_s = msd_s = tenth_mib = 0.0
    for done, seed in enumerate(seeds):
        beatmap, times, columns = make_beatmap(seed)
        stars_s += _seconds(partial(star_rating, beatmap))
        msd_s += _seconds(partial(estimate_msd, times, columns))
        if done == len(seeds) // 10:
            tenth_mib = _peak_mib()
    return Measured(len(seeds), stars_s, msd_s, tenth_mib, _peak_mib())


def _seconds(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    raise SystemExit(main())
