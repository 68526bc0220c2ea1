"""Speed of the MSD estimate: charts a second on one core, and against a simple yardstick.

    python benchmarks/msd.py [--charts 200] [--notes 1000]

Charts are made here: streams with chords. Times are processor seconds of this process, the least
of three tries a chart, so that other work on the machine hardly counts. A yardstick is the time
that numpy takes to sort as many numbers a hundred times: it compares machines.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

if __name__ == "__main__":  # one core is what is measured
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mug.difficulty.msd import estimate_msd, estimate_msd_rates

GOAL = 300.0
"""Charts of 1,000 notes a second."""

Chart = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Speed:
    """Medians over the charts.

    Attributes:
        charts_per_second: at rate 1.
        nine_rates: how many times as long the rates 0.7 … 1.5 take, all at once.
        yardsticks: charts in the time of one yardstick.
    """

    charts_per_second: float
    nine_rates: float
    yardsticks: float


def make_chart(rng: np.random.Generator, notes: int) -> Chart:
    """Milliseconds and columns: rows of one to three notes, eighths to sixteenths at 90 to 200 bpm.

    Args:
        rng: source of randomness.
        notes: how many.
    """
    step = 60_000 / rng.uniform(90, 200) / 4
    size = rng.choice([1, 2, 3], notes, p=[0.7, 0.2, 0.1])
    row = np.cumsum(rng.choice([step, 2 * step], notes, p=[0.6, 0.4]))
    column = np.concatenate([rng.permutation(4)[:s] for s in size])
    return np.repeat(row, size)[:notes].round(), column[:notes]


def seconds(act: Callable[[], object], tries: int = 3) -> float:
    """Processor seconds that a call takes, at least.

    Args:
        act: what is called.
        tries: how often.
    """
    taken = []
    for _ in range(tries):
        began = time.process_time()
        act()
        taken.append(time.process_time() - began)
    return min(taken)


def measure(charts: int, notes: int, seed: int = 0) -> Speed:
    """Times the estimate on charts made here.

    Args:
        charts: how many.
        notes: of each chart.
        seed: of the charts.
    """
    rng = np.random.default_rng(seed)
    made = [make_chart(rng, notes) for _ in range(charts)]
    estimate_msd(*made[0])  # reads the coefficients
    rates = [r / 10 for r in range(7, 16)]
    numbers = rng.random(notes)
    once = statistics.median(seconds(partial(estimate_msd, *c)) for c in made)
    nine = statistics.median(seconds(partial(estimate_msd_rates, *c, rates)) for c in made[::8])
    sort = statistics.median(
        seconds(lambda: [np.sort(numbers) for _ in range(100)]) for _ in range(50)
    )
    return Speed(1 / once, nine / once, sort / once)


def main(argv: list[str] | None = None) -> int:
    """Command line; ends with 1 where the goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--charts", type=int, default=200)
    parser.add_argument("--notes", type=int, default=1000)
    args = parser.parse_args(argv)
    speed = measure(args.charts, args.notes)
    print(
        f"{speed.charts_per_second:.0f} charts of {args.notes} notes a second on one core "
        f"(goal {GOAL:.0f}); nine rates from 0.7 to 1.5 take {speed.nine_rates:.1f} times as long; "
        f"{speed.yardsticks:.2f} charts a yardstick"
    )
    return 0 if speed.charts_per_second >= GOAL else 1


if __name__ == "__main__":
    raise SystemExit(main())
