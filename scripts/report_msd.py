"""Compares the MSD estimate with recorded MinaCalc values and prints the figures of docs/msd.md.

python scripts/report_msd.py synthetic.npz --held-out-only [--even]
python scripts/report_msd.py small_with_star_rating.json
python scripts/report_msd.py real_songs.json --songs FOLDER
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mug.beatmap import osu
from mug.data.msd import SKILL_SETS, estimate_msd

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


def one_fingered(notes: Notes) -> bool:
    """Whether over 90 % of the jacks are in the left columns of both hands, or in the right ones.

    Jacks are weighed by the fourth power of their speed. MinaCalc rates such a chart and its mirror
    image very differently in jackspeed.
    """
    time, column = (np.asarray(x) for x in notes)
    speed = [1 / (np.diff(time[column == k]) + 10.0) for k in range(4)]
    a, b, c, d = (float((v**4).sum()) for v in speed)
    return abs(a + c - b - d) > 0.8 * (a + b + c + d)


def estimates(notes: Notes, rates: list[float]) -> np.ndarray:
    """The estimator's values [rate, 8]."""
    return np.array([dataclasses.astuple(estimate_msd(*notes, rate)) for rate in rates])


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


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("values", type=Path, help="recorded values: .npz or .json")
    parser.add_argument("--songs", type=Path, help="folder that the names in the JSON lie in")
    parser.add_argument("--held-out-only", action="store_true", help="charts not fitted to")
    parser.add_argument(
        "--even", action="store_true", help="leave out charts whose jacks are all of one finger"
    )
    parser.add_argument("--each", action="store_true", help="a line for every chart")
    args = parser.parse_args(argv)
    if args.values.suffix == ".npz":
        cases = synthetic(args.values, held_out_only=args.held_out_only)
    elif args.songs:
        cases = real(args.values, args.songs)
    else:
        cases = small(args.values)
    pairs = []
    for name, notes, rates, values in cases:
        if args.even and one_fingered(notes):
            continue
        ours = estimates(notes, rates)
        pairs.append((ours, values))
        if args.each:
            print(f"{name}: mean error {np.abs(ours - values).mean(0).round(2)}")
    print(summary(pairs))


if __name__ == "__main__":
    main()
