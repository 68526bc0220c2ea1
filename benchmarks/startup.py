"""Startup time of generation: the command line, the imports, the model.

    python benchmarks/startup.py --ckpt MODEL

Each is a process of its own, the best of several. Seconds of the clock depend on what else the
machine does, those of the processor hardly.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOAD = "from mug.pipeline.chart import ChartGenerator as G; G.from_checkpoint({!r}, 'cpu', {!r})"


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ckpt", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    ckpt = str(args.ckpt.resolve())
    ways = {
        "generate.py --help": ["scripts/generate.py", "--help"],
        "import torch": ["-c", "import torch"],
        "all imports": ["-c", "import mug.pipeline.chart"],
        "all imports, model loaded": ["-c", LOAD.format(ckpt, "fp32")],
        "the same in bf16": ["-c", LOAD.format(ckpt, "bf16")],
    }
    print("| what | seconds | of the processor |\n|---|---|---|")
    for name, words in ways.items():
        turns = [_seconds(words) for _ in range(args.repeats)]
        clock, processor = (min(column) for column in zip(*turns, strict=True))
        print(f"| {name} | {clock:.2f} | {processor:.2f} |", flush=True)
    return 0


def _seconds(words: list[str]) -> tuple[float, float]:
    """Of the clock, and of the processor."""
    began, used = time.perf_counter(), _used()
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - began, _used() - used


def _used() -> float:
    """Processor seconds of all processes that were started and have ended."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


if __name__ == "__main__":
    sys.exit(main())
