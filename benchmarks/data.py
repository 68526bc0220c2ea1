"""Measure how data sets are prepared: speed, memory, second runs, and what survives faults.

    python benchmarks/data.py --out outputs/data_benchmark

Writes OUT/results.json and prints a table of ratios, so that the machine matters little. About half
an hour on two idle cores; `--sets 4 --sizes 200,400 --kills 5` takes a minute or two, but the start
of the programs weighs much in it then. Scaling and second runs are judged by processor time, which
other work on the machine changes less than the clock.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import _data_faults as faults
from benchmarks import _data_speed as speed
from benchmarks._data_loader import against_the_gpu
from mug.cli.common import FAILED, OK, run
from mug.files import atomic_write

Goal = tuple[str, float | int | bool, str, Callable[[Any], bool]]


def main() -> int:
    """Measure what was asked for; fail when a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("outputs/data_benchmark"))
    parser.add_argument("--sets", type=int, default=300, help="songs of 90 s for the speed")
    parser.add_argument("--sizes", default="1000,20000", help="charts for the memory")
    parser.add_argument("--kills", type=int, default=50, help="random points of death")
    parser.add_argument("--fault_sets", type=int, default=150, help="sets of the fault tests")
    parser.add_argument("--items", type=int, default=400, help="items to read with the loader")
    parser.add_argument(
        "--gpu_tflops", type=float, default=20.0, help="what a GPU sustains (default %(default)s)"
    )
    parser.add_argument(
        "--only", default="", help="speed, loader, memory, kills, disk, broken or two, with commas"
    )
    given = parser.parse_args()
    work = given.out.resolve()
    sizes = tuple(int(size) for size in given.sizes.split(","))
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "speed": lambda: speed.against_the_original(work, given.sets),
        "loader": lambda: against_the_gpu(work, given.sets, given.items, given.gpu_tflops),
        "memory": lambda: speed.memory_and_second_run(work, sizes),
        "kills": lambda: faults.kills(work, given.fault_sets, given.kills),
        "disk": lambda: faults.full_disk(work, given.fault_sets),
        "broken": lambda: faults.unreadable(work, given.fault_sets),
        "two": lambda: faults.two_at_once(work, given.fault_sets),
    }
    chosen = given.only.split(",") if given.only else list(parts)
    results: dict[str, Any] = {}
    for name in chosen:
        print(f"[{name}] ...", flush=True)
        results[name] = parts[name]()
        print(f"[{name}] {json.dumps(results[name], indent=2)}", flush=True)
        with atomic_write(work / "results.json", "w", encoding="utf-8") as handle:
            json.dump(results, handle, indent=2)
    missed = [line for line in _judge(results) if line.endswith("MISSED")]
    print("\n".join(_judge(results)))
    return FAILED if missed else OK


def _judge(results: dict[str, Any]) -> list[str]:
    """A line for each goal."""
    goals: list[tuple[str, Any, str, bool]] = []
    if "speed" in results:
        found = results["speed"]
        against, scaling = found["against_original"], found["scaling_1_to_2"]
        goals.append(("two workers against the original's way", against, "> 1", against > 1))
        goals.append(("scaling from 1 to 2 workers", scaling, ">= 1.8", scaling >= 1.8))
    if "loader" in results:
        times = results["loader"]["one_process_against_need"]
        goals.append(("loader against the GPU's need", times, ">= 10", times >= 10))
    if "memory" in results:
        found = results["memory"]
        growth, share = found["memory_growth"], found["rows"][-1]["second_share"]
        goals.append(("peak memory, most charts / fewest", growth, "<= 1.1", growth <= 1.1))
        goals.append(("unchanged second run / first", share, "<= 0.02", share <= 0.02))
    for name in ("kills", "disk", "two"):
        found = results.get(name, {"not_measured": True})
        if "not_measured" not in found:
            twice, same = found["finished_twice"], found["rows_as_without"]
            goals.append((f"{name}: items finished twice", twice, "0", twice == 0))
            goals.append((f"{name}: rows as in a quiet run", same, "True", bool(same)))
    if "kills" in results:
        lost = results["kills"]["finished_items_lost"]
        goals.append(("kills: finished items lost", lost, "0", lost == 0))
    if "broken" in results:
        found = results["broken"]
        listed = found["listed"] == found["broken"]
        goals.append(("broken files listed", found["listed"], str(found["broken"]), listed))
        others = found["others_as_without"]
        goals.append(("rows of the others as before", others, "True", bool(others)))
    return [
        f"{what:40} {value:8.4g} {goal:>8}  {'ok' if good else 'MISSED'}"
        for what, value, goal, good in goals
    ]


if __name__ == "__main__":
    sys.exit(run(main, when_stopped="Run it again; songs that were made are kept."))
