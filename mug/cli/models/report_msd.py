"""Compare the MSD estimate with recorded MinaCalc values and print the figures of docs/msd.md.

python scripts/report_msd.py synthetic.npz --held-out-only [--floor] [--even]
python scripts/report_msd.py small_with_star_rating.json
python scripts/report_msd.py real_songs.json --songs FOLDER
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from mug.beatmap.formats.osu import chart as osu
from mug.cli.common import OK, run
from mug.difficulty import msd_model
from mug.difficulty.msd import SKILL_SETS, estimate_msd_rates
from mug.difficulty.msd_features import unready
from mug.difficulty.msd_model import evaluate_views

NAMES = ("overall", *SKILL_SETS)
HELD_OUT_EVERY = 6
"""Every sixth synthetic chart takes no part in the fit."""

Notes = tuple[np.ndarray, np.ndarray]
Case = tuple[str, Notes, list[float], np.ndarray]
"""Name, notes, rates, values [rate, 8]."""


def synthetic(file: Path, *, held_out_only: bool) -> Iterator[Case]:
    """Charts of a golden-format `.npz`."""
    with np.load(file) as data:
        arrays = {name: data[name] for name in data.files}
    ends, rates = arrays["offsets"], [float(rate) for rate in arrays["rates"]]
    for i in range(len(ends) - 1):
        if held_out_only and i % HELD_OUT_EVERY:
            continue
        part = slice(ends[i], ends[i + 1])
        notes = arrays["time_ms"][part], arrays["column"][part]
        yield str(arrays["kinds"][i]), notes, rates, arrays["values"][i]


def real(file: Path, songs: Path) -> Iterator[Case]:
    """Charts of a folder of songs, with values recorded by path."""
    recorded = json.loads(file.read_text(encoding="utf-8"))
    for name, values in recorded["values"].items():
        chart = osu.read(songs / name, strict=False)
        time = np.array([o.start_ms for o in chart.hit_objects])
        column = np.array([o.column for o in chart.hit_objects])
        yield name, (time, column), recorded["rates"], np.array(values)


def small(file: Path) -> Iterator[Case]:
    """Charts with their notes in a JSON list."""
    for case in json.loads(file.read_text(encoding="utf-8")):
        notes = np.array(case["notes"])
        by_rate = case["minacalc_434"]
        values = np.array([[by_rate[rate][name] for name in NAMES] for rate in by_rate])
        yield case["name"], (notes[:, 0], notes[:, 1]), [float(rate) for rate in by_rate], values


def one_handed_start(notes: Notes) -> bool:
    """Return whether over a tenth of the notes come before a hand has used both of its columns.

    MinaCalc rates such a chart and its mirror image very differently in jackspeed.
    """
    time, column = (np.asarray(x) for x in notes)
    order = np.lexsort((column, time))
    waiting = unready(time[order].astype(float), column[order].astype(int))
    return bool(waiting.any(0).mean() > 0.1)


def mirror_gap(notes: Notes, rates: list[float]) -> np.ndarray:
    """By how much the model's values of the mirror image exceed those of the chart, [rate, 8]."""
    time, column = (np.asarray(x) for x in notes)
    order = np.lexsort((column, time))
    k, gaps = msd_model.coefficients(), []
    for rate in rates:
        chart, mirror = evaluate_views(time[order] / 1000 / rate, column[order].astype(int), k)
        gaps.append(mirror - chart)
    return np.array(gaps)


def mirror_floor(pairs: list[tuple[np.ndarray, np.ndarray]]) -> str:
    """Least distance from the recorded values of any estimate that is the same for mirror images.

    The recorded value of a chart's mirror image is unknown; the model's difference stands in. Both
    images are taken to be as likely.

    Args:
        pairs: (`mirror_gap`, recorded values), each [rate, 8].
    """
    recorded = np.concatenate([b for _, b in pairs])
    mirror = np.clip(recorded + np.concatenate([a for a, _ in pairs]), 0, msd_model.CAP)
    low, high = np.minimum(recorded, mirror), np.maximum(recorded, mirror)
    between = low + msd_model.HARDER * (high - low)
    either, same = np.concatenate([recorded, mirror]), np.concatenate([between, between])
    rank = [spearmanr(same[:, k], either[:, k])[0] for k in range(8)]
    lines = ["what mirror images leave to any estimate that treats them alike:"]
    for title, row in (("least MAE", (high - low).mean(0) / 2), ("Spearman", np.array(rank))):
        cells = [f"{v:{len(name)}.3f}" for v, name in zip(row, NAMES, strict=True)]
        lines.append(f"{title:<10}" + "  ".join(cells))
    return "\n".join(lines)


def estimates(notes: Notes, rates: list[float]) -> np.ndarray:
    """The estimator's values [rate, 8]."""
    return np.array([dataclasses.astuple(msd) for msd in estimate_msd_rates(*notes, rates)])


def flags(values: np.ndarray) -> np.ndarray:
    """Skill sets within 1.0 of the highest, [..., 7]."""
    seven = values[..., 1:]
    return np.asarray(seven >= seven.max(-1, keepdims=True) - 1.0)


def summary(pairs: list[tuple[np.ndarray, np.ndarray]]) -> str:
    """Errors, rank correlation and flags over (estimate, recorded) pairs of [rate, 8]."""
    ours = np.concatenate([a for a, _ in pairs])
    theirs = np.concatenate([b for _, b in pairs])
    error = np.abs(ours - theirs)
    rank = [spearmanr(ours[:, k], theirs[:, k])[0] for k in range(8)]
    right = flags(ours) == flags(theirs)
    drops = np.concatenate([np.diff(a, axis=0) for a, _ in pairs])
    theirs_drops = np.concatenate([np.diff(b, axis=0) for _, b in pairs])
    lines = [f"{len(pairs)} charts, {len(ours)} values each", " " * 10 + "  ".join(NAMES)]
    for title, row in (
        ("MAE", error.mean(0)),
        ("median", np.median(error, axis=0)),
        ("bias", (ours - theirs).mean(0)),
        ("Spearman", np.array(rank)),
    ):
        cells = [f"{v:{len(name)}.3f}" for v, name in zip(row, NAMES, strict=True)]
        lines.append(f"{title:<10}" + "  ".join(cells))
    lines.append(
        f"flags right {right.mean():.1%}, all seven of a chart {right.all(1).mean():.1%}; "
        f"lower at the next higher rate by over 0.2: {(drops < -0.2).mean():.3%} "
        f"(worst {-drops.min():.2f}; recorded {(theirs_drops < -0.2).mean():.2%})"
    )
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("values", type=Path, help="recorded values: .npz or .json")
    parser.add_argument("--songs", type=Path, help="folder that the names in the JSON lie in")
    parser.add_argument("--held-out-only", action="store_true", help="charts not fitted to")
    parser.add_argument(
        "--even", action="store_true", help="leave out charts that begin with one column of a hand"
    )
    parser.add_argument(
        "--floor", action="store_true", help="what mirror invariance costs any estimate"
    )
    parser.add_argument("--each", action="store_true", help="a line for every chart")
    args = parser.parse_args(argv)
    if args.values.suffix == ".npz":
        cases = synthetic(args.values, held_out_only=args.held_out_only)
    elif args.songs:
        cases = real(args.values, args.songs)
    else:
        cases = small(args.values)
    pairs, gaps = [], []
    for name, notes, rates, values in cases:
        if args.even and one_handed_start(notes):
            continue
        ours = estimates(notes, rates)
        pairs.append((ours, values))
        if args.floor:
            gaps.append((mirror_gap(notes, rates), values))
        if args.each:
            print(f"{name}: mean error {np.abs(ours - values).mean(0).round(2)}")
    print(summary(pairs))
    if args.floor:
        print(mirror_floor(gaps))
    return OK


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="Nothing was written.")
