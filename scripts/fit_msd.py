"""Refits the coefficients of the MSD estimate to recorded MinaCalc values.

    python scripts/fit_msd.py synthetic.npz --out mug/data/msd_coefficients.npz

The file holds charts (`time_ms` and `column`, one after another, ends in `offsets`), `rates`, and
`values[chart, rate, 8]`. Every sixth chart is left out, for scripts/report_msd.py. The same file,
seed, epochs and machine give the same coefficients. About half an hour on one core.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mug.data.msd_features import INTERVAL, hand_sums, note_gaps, shares, unready
from mug.data.msd_model import CAP
from mug.util import atomic_write
from scripts._msd_torch import MsdModel, inputs
from scripts.report_msd import HELD_OUT_EVERY

BEYOND = (1.7, 2.0)
"""Rates without recorded values: there the estimate learns only not to fall."""

FALLS = (2.0, 1.0, 1.0, 1.0, 5.0, 1.0, 1.0, 1.0)
"""How much a fall with the rate counts: stamina falls most in what is fitted to."""

WEIGHTS = (1.0, 1.0, 1.0, 1.0, 2.5, 1.0, 1.0)
"""How much an error of each skill set counts: jackspeed is the hardest to follow."""

FULL_PRECISION = ("mu", "sd", "p", "pen", "kap")


@dataclasses.dataclass(frozen=True)
class Item:
    """One chart at one rate."""

    sums: np.ndarray
    counted: np.ndarray
    gaps: np.ndarray
    noted: np.ndarray
    rate: float
    seconds: float
    values: np.ndarray


def charts(file: Path) -> list[list[Item]]:
    """Every chart that is fitted to, at each rate from low to high."""
    with np.load(file) as data:
        a = {name: data[name] for name in data.files}
    ends, made = a["offsets"], []
    rates = [*(float(rate) for rate in a["rates"]), *BEYOND]
    for i in range(len(ends) - 1):
        if i % HELD_OUT_EVERY == 0:
            continue
        part = slice(ends[i], ends[i + 1])
        seconds, column = a["time_ms"][part] / 1000.0, a["column"][part].astype(np.int64)
        gaps = note_gaps(seconds, column).astype(np.float32)
        passed = unready(seconds, column)[:1]
        noted = ~passed[0][np.argsort(column, kind="stable")]
        values = np.full((len(rates), 8), np.nan, dtype=np.float32)
        values[: len(a["rates"])] = a["values"][i]
        length = float(seconds[-1] - seconds[0])
        items = []
        for rate, row in zip(rates, values, strict=True):
            sums, first = hand_sums(seconds / rate, column), int(seconds[0] / rate / INTERVAL)
            counted = shares(seconds / rate, column, passed, len(sums))[0, first:]
            half = sums[first:].astype(np.float16), counted.astype(np.float16)
            items.append(Item(*half, gaps, noted, rate, length / rate, row))
        made.append(items)
    return made


Arguments = tuple[Tensor, Tensor, tuple[Tensor, Tensor, Tensor], Tensor, Tensor]


def batch(items: list[Item]) -> tuple[Arguments, Tensor]:
    """The model's arguments, padded, and the values wanted."""
    time, notes = max(len(i.sums) for i in items), max(len(i.gaps) for i in items)
    sums = np.zeros((len(items), time, *items[0].sums.shape[1:]), dtype=np.float16)
    counted = np.zeros((len(items), time, 2), dtype=np.float32)
    gaps = np.full((len(items), notes, items[0].gaps.shape[1]), np.inf, dtype=np.float32)
    noted = np.zeros((len(items), notes), dtype=bool)
    for k, item in enumerate(items):
        sums[k, : len(item.sums)] = item.sums
        counted[k, : len(item.sums)] = item.counted
        gaps[k, : len(item.gaps)] = item.gaps / item.rate
        noted[k, : len(item.gaps)] = item.noted
    count = torch.tensor([len(i.gaps) for i in items])
    speeds = torch.from_numpy(np.log(0.1 / (gaps + 0.01) + 0.02))
    there = torch.arange(notes) < count[:, None]
    seconds = torch.tensor([i.seconds for i in items])
    by_note = speeds, there, torch.from_numpy(noted)
    cells = torch.from_numpy(sums).float(), torch.from_numpy(counted)
    values = torch.from_numpy(np.stack([i.values for i in items]))
    return (*cells, by_note, seconds, count.float()), values


def loss(ours: Tensor, wanted: Tensor, monotone: float) -> Tensor:
    """Absolute error, a little squared error, and how much is lost at the next higher rate.

    Args:
        ours: values [2 n, 8], the second half the same charts at the next higher rate.
        wanted: recorded values, NaN where there are none.
        monotone: weight of the last part.
    """
    capped = ours.clamp(max=CAP)
    half = len(ours) // 2
    lost = (functional.relu(capped[:half] - capped[half:] - 0.05) * torch.tensor(FALLS)).mean()
    known = ~torch.isnan(wanted[:, 0])
    error = (ours - wanted)[known]
    error = torch.where((wanted[known] >= CAP - 0.1) & (error > 0), 0 * error, error)
    robust = functional.smooth_l1_loss(error, 0 * error, beta=0.2, reduction="none")
    seven = (robust[:, 1:] + 0.02 * error[:, 1:] ** 2) * torch.tensor(WEIGHTS)
    fit = seven.mean() + robust[:, 0].mean()
    return 7 * (fit + 4 * monotone * lost)


def epoch_batches(data: list[list[Item]], rng: np.random.Generator, cells: int) -> list[list[Item]]:
    """Charts drawn at random, each at two neighbouring rates, those of like length together."""
    drawn = np.flatnonzero(rng.random(len(data)) < 0.7)
    rate = rng.integers(0, len(data[0]) - 1, len(drawn))
    pairs = [data[c][r : r + 2] for c, r in zip(drawn, rate, strict=True)]
    jitter = 1 + 0.15 * rng.random(len(pairs))
    order = np.argsort([len(p[0].sums) * j for p, j in zip(pairs, jitter, strict=True)])
    groups: list[list[list[Item]]] = [[]]
    for pair in (pairs[i] for i in order):
        if groups[-1] and (len(groups[-1]) + 1) * len(pair[0].sums) > cells:
            groups.append([])
        groups[-1].append(pair)
    rng.shuffle(groups)
    return [[p[0] for p in g] + [p[1] for p in g] for g in groups]


def fit(data: list[list[Item]], args: argparse.Namespace) -> MsdModel:
    """Trains from random weights, or on from `args.init`."""
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    some = [data[i][3] for i in rng.choice(len(data), min(60, len(data)), replace=False)]
    (sums, *_), _ = batch(some)
    x = inputs(sums)[sums[..., 0] > 0]
    model = MsdModel(x.shape[-1])
    model.mu.copy_(x.mean(0))
    model.sd.copy_(x.std(0) + 1e-2)
    if args.init:
        with np.load(args.init) as old:
            model.load_state_dict({k: torch.from_numpy(old[k]).float() for k in old.files})
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-2)
    step = 0
    for epoch in range(args.epochs):
        batches, total = epoch_batches(data, rng, args.cells), 0.0
        for k, items in enumerate(batches):
            done = (epoch + k / len(batches)) / args.epochs
            step += 1
            for group in optimizer.param_groups:
                warm = min(1.0, step / 100)
                group["lr"] = args.lr * warm * (0.5 + 0.5 * math.cos(math.pi * done))
            arguments, wanted = batch(items)
            value = loss(model(*arguments), wanted, args.monotone)
            optimizer.zero_grad()
            torch.autograd.backward(value)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += value.item()
        print(f"epoch {epoch + 1}: loss {total / len(batches):.4f}", flush=True)
        if args.epochs > 1:
            save(model, args.out)
    return model


def save(model: MsdModel, file: Path) -> None:
    """Writes the coefficients, most of them in half precision."""
    arrays = {
        name: value.numpy().astype(np.float32 if name in FULL_PRECISION else np.float16)
        for name, value in model.state_dict().items()
    }
    with atomic_write(file, "wb") as stream:
        np.savez(stream, **arrays)


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("values", type=Path, help="recorded values, .npz")
    parser.add_argument("--out", type=Path, required=True, help="coefficients to write")
    parser.add_argument("--init", type=Path, help="coefficients to start from")
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--lr", type=float, default=3e-3, help="learning rate (default 0.003)")
    parser.add_argument("--monotone", type=float, default=3.0, help="weight (default 3)")
    parser.add_argument("--cells", type=int, default=8000, help="half seconds a batch")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    save(fit(charts(args.values), args), args.out)


if __name__ == "__main__":
    main()
