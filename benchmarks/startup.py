"""How long generation takes to get to work: the command line, the imports, the model.

    python benchmarks/startup.py --ckpt MODEL

Each is a process of its own, the best of several; seconds are of the clock.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOAD = "from mug.pipeline.chart import ChartGenerator as G; G.from_checkpoint({!r}, 'cpu', {!r})"


def main() -> int:
    """Prints a table."""
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
    print("| what | seconds |\n|---|---|")
    for name, words in ways.items():
        print(f"| {name} | {min(_seconds(words) for _ in range(args.repeats)):.2f} |")
    return 0


def _seconds(words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
