"""Time in ms against time in beats: the same small model on the same songs for as many steps.

    OMP_NUM_THREADS=1 python benchmarks/time_axis.py --out outputs/time_axis

Composes songs, trains both stages of `configs/mug/small.yaml` twice, once with each `time_axis`,
and judges on composed held-out songs: what the first stage finds again, and where raw notes lie,
before any snapping and after snapping to the true quarters. Beside them stand as many random
quarters and as many rows by metre alone. Time in beats has neither rates nor jitter to learn: they
are off there; pitch and masks are off in both.

Writes OUT/results.json and the table OUT/results.md. Finished steps are not done again; a stopped
training goes on. --quick does a handful of steps, to see that everything works.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._listening import (
    FULL,
    QUICK,
    QUICK_OVERRIDES,
    Arm,
    Comparison,
    Figures,
    Sizes,
    mean_figures,
    table,
)
from mug.cli.common import OK, run
from mug.files import atomic_write

LENGTHS = (  # trainings are as long as their steps, whatever the number of songs
    "lightning.trainer.check_val_every_n_epoch=null",
    "lightning.trainer.val_check_interval=1000",
    "lightning.trainer.limit_val_batches=4",
    "data.params.repeat=1",
)
BEATS = "data.params.common_params.window.time_axis=beat"
NO_RATES = ("data.params.train.params.augment.rate_p=0.0",)
SAME = (  # of the diffusion on either axis; spectrograms in beats are not augmented
    "model.params.cond_stage_config.target=mug.cond.feature.ContinuousFeatureEmbedder",
    "data.params.train.params.augment.pitch_p=0.0",
    "data.params.train.params.augment.freq_mask_p=0.0",
)
NO_JITTER = (*NO_RATES, "data.params.train.params.augment.jitter_p=0.0")

ARMS = (
    Arm("time in ms", "small", LENGTHS, diffusion=SAME),
    Arm("time in beats", "small", (*LENGTHS, BEATS), NO_JITTER, (*SAME, *NO_RATES)),
)

COLUMNS = {
    "starts": "starts found again ↑",
    "long notes": "long notes found again ↑",
    "error ms": "their error, ms ↓",
    "raw": "raw notes, F1 ±20 ms ↑",
    "quarters": "random quarters, same number",
    "metre": "metre only, same number",
    "snapped": "after snapping to true quarters ↑",
    "rows": "rows / reference",
}


def add_size_options(made: argparse.ArgumentParser) -> None:
    """Add --quick and an option for each size."""
    made.add_argument("--quick", action="store_true", help="a handful of steps of everything")
    for name, what in (
        ("songs", "songs to train on"),
        ("first_stage", "training steps of each first stage"),
        ("diffusion", "training steps of each diffusion"),
        ("charts", "charts of each held-out song that judge"),
        ("seeds", "samples of each chart"),
        ("steps", "sampler steps"),
    ):
        usual = getattr(FULL, name)
        made.add_argument(f"--{name}", type=int, help=f"{what} (default {usual})")


def sizes_of(args: argparse.Namespace) -> Sizes:
    """Sizes of a command line."""
    given = {one.name: getattr(args, one.name, None) for one in fields(Sizes)}
    base = QUICK if args.quick else FULL
    return replace(base, **{name: value for name, value in given.items() if value is not None})


def comparison_of(args: argparse.Namespace, more: tuple[str, ...] = ()) -> Comparison:
    """Comparison of a command line.

    Args:
        args: of the command line.
        more: key=value for all trainings.
    """
    quick = QUICK_OVERRIDES if args.quick else ()
    return Comparison(args.out.resolve(), sizes_of(args), (*more, *quick))


def write(
    comparison: Comparison, results: dict[str, list[Figures]], columns: Mapping[str, str], name: str
) -> str:
    """Write OUT/results.json and OUT/results.md; the Markdown.

    Args:
        comparison: whose folder it goes to.
        results: figures of each seed, by arm.
        columns: head by figure.
        name: of the benchmark.
    """
    text = table(results, columns, shlex.join(["python", f"benchmarks/{name}.py", *sys.argv[1:]]))
    plain = {"results": results, "sizes": str(comparison.sizes)}
    for file, content in (("results.json", json.dumps(plain, indent=1)), ("results.md", text)):
        with atomic_write(comparison.out / file, "w", encoding="utf-8") as handle:
            handle.write(content)
    return text


def judge_arms(
    comparison: Comparison,
    arms: Sequence[Arm],
    seeds: Sequence[int],
    columns: Mapping[str, str],
    name: str,
) -> None:
    """Train and judge each arm with each seed; the table is written and printed after each arm."""
    results: dict[str, list[Figures]] = {}
    for arm in arms:
        results[arm.name] = [mean_figures(comparison.judge(arm, seed)) for seed in seeds]
        print(write(comparison, results, columns, name), flush=True)


def main() -> int:
    """Do the steps that are not done yet, judge, and write the table."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--out", type=Path, default=Path("outputs/time_axis"))
    made.add_argument("--training_seeds", type=int, nargs="+", default=[0], help="(default 0)")
    add_size_options(made)
    args = made.parse_args()
    comparison = comparison_of(args)
    comparison.compose(comparison.sizes.songs, scorer=False)
    judge_arms(comparison, ARMS, args.training_seeds, COLUMNS, "time_axis")
    return OK


if __name__ == "__main__":
    sys.exit(run(main, when_stopped="The same command goes on from here."))
