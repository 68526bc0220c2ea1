"""Time and memory of a training step, the original's procedure against ours.

    python benchmarks/training.py

Two processes hold the full model and take steps in turn, so that other work on the machine meets
both alike; the ratios are of the fastest step of each and of their peak memory. `as-reference`
decodes the song for every item, keeps all activations, computes in float32 and updates parameters
one by one. Ours reads cached spectrograms, recomputes activations, updates all parameters at once
and multiplies in bfloat16 where the processor does. The first step, which compiles where that is
asked for, has a column of its own. Some minutes on two idle cores, about 14 GiB at the default
batch.

    python benchmarks/training.py --config configs/mug/small.yaml --batch 2 --seconds 30
    python benchmarks/training.py --variants as-reference,cached,fused,checkpoint,bf16,ours
    python benchmarks/training.py --variants ours,compiled      # needs a C++ compiler
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch.multiprocessing as mp

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._data_songs import make_sets
from benchmarks._data_speed import prepare
from benchmarks._training_step import VARIANTS, Options, serve
from mug.cli.common import FAILED, OK, run
from mug.files import atomic_write

FASTER, SMALLER = 1.5, 0.6


def main() -> int:
    """Measure the chosen variants; fail when ours misses a goal with the full model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("outputs/training_benchmark"))
    parser.add_argument("--config", default="configs/mug/mug_diffusion.yaml")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=3, help="of each, after one to warm up")
    parser.add_argument("--seconds", type=float, default=300, help="no new round after so long")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--variants", default="as-reference,ours", help=", ".join(VARIANTS))
    parser.add_argument("--compile", default="inductor", help="backend, for variant compiled")
    given = parser.parse_args()
    songs, work = given.out / "songs", given.out / "prepared"
    make_sets(songs, 2, notes=800, seconds=180.0)
    prepare(songs, work, 1)
    options = Options(given.config, str(work), given.batch, given.threads, given.compile)
    names = given.variants.split(",")
    rows = measure(options, names, given.steps, given.seconds)
    results = {"config": given.config, "batch": given.batch, "variants": rows}
    with atomic_write(given.out / "results.json", "w", encoding="utf-8") as handle:
        json.dump(results, handle, indent=2)
    print(table(rows, given))
    full = given.config == parser.get_default("config")
    return FAILED if full and not _reached(rows) else OK


def measure(
    options: Options, names: list[str], steps: int, seconds: float
) -> dict[str, dict[str, Any]]:
    """Fastest step and peak memory of each variant, their steps taken in turn.

    Args:
        options: model and batch.
        names: of `VARIANTS`.
        steps: rounds, after one to warm up; at least one.
        seconds: no round begins after so long.
    """
    context = mp.get_context("spawn")
    ends, processes = {}, {}
    for name in names:
        ends[name], theirs = context.Pipe()
        processes[name] = context.Process(target=serve, args=(theirs, options, name))
        processes[name].start()
        theirs.close()
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    try:
        for end in ends.values():
            end.recv()  # the model is built
        began = time.monotonic()
        for taken in range(steps + 1):
            if taken > 1 and time.monotonic() - began > seconds:
                break
            for name, end in ends.items():
                end.send("step")
                found[name].append(end.recv())
    finally:
        for name, end in ends.items():
            end.close()
            processes[name].join(60)
    return {name: _summary(rows) for name, rows in found.items()}


def _summary(rows: list[dict[str, float]]) -> dict[str, Any]:
    best = min(rows[1:], key=lambda row: row["wall"])
    return {
        **best,
        "first": rows[0]["wall"],
        "peak_mib": rows[-1]["peak_mib"],
        "losses": [row["loss"] for row in rows],
        "steps": len(rows) - 1,
    }


def _reached(rows: dict[str, dict[str, Any]]) -> bool:
    if not {"as-reference", "ours"} <= rows.keys():
        return True
    theirs, ours = rows["as-reference"], rows["ours"]
    small = ours["peak_mib"] <= SMALLER * theirs["peak_mib"]
    return theirs["wall"] >= FASTER * ours["wall"] and bool(small)


def table(rows: dict[str, dict[str, Any]], given: argparse.Namespace) -> str:
    """The measurements as Markdown, ratios against the first variant."""
    first = next(iter(rows.values()))
    lines = [
        f"{given.config}, batch {given.batch}, {given.threads} threads,"
        f" load {os.getloadavg()[0]:.1f}; goals: time >= {FASTER} x, memory <= {SMALLER} x.",
        "",
        "| variant | first step s | items s | forward s | backward s | update s | step s | faster"
        " | CPU s | faster | peak MiB | of it |",
        "|---" * 12 + "|",
    ]
    for name, row in rows.items():
        parts = " | ".join(
            f"{row[part]:.2f}" for part in ("items", "forward", "backward", "update")
        )
        lines.append(
            f"| {name} | {row['first']:.1f} | {parts}"
            f" | {row['wall']:.2f} | {first['wall'] / row['wall']:.2f} x"
            f" | {row['processor']:.2f} | {first['processor'] / row['processor']:.2f} x"
            f" | {row['peak_mib']:.0f} | {row['peak_mib'] / first['peak_mib']:.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(run(main, when_stopped="Run it again; songs that were made are kept."))
