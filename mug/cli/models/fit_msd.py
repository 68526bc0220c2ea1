"""Refit the coefficients of the MSD estimate to recorded MinaCalc values.

    python scripts/fit_msd.py synthetic.npz --out mug/difficulty/msd_coefficients.npz

The file holds charts (`time_ms` and `column`, one after another, ends in `offsets`), `rates`, and
`values[chart, rate, 8]`. Every sixth chart is left out, for scripts/report_msd.py. The same file,
seed, epochs and machine give the same coefficients. About half an hour on one core.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mug.cli.common import OK, add_overwrite_option, run
from mug.cli.models.msd_torch import MsdModel, inputs
from mug.cli.models.report_msd import HELD_OUT_EVERY
from mug.difficulty.msd_features import (
    INTERVAL,
    hand_rows,
    hand_sums,
    log_speeds,
    note_gaps,
    shares,
    unready,
)
from mug.difficulty.msd_model import CAP
from mug.difficulty.names import SKILL_SETS
from mug.files import atomic_write, check_free

BEYOND = (1.7, 2.0)
"""Rates without recorded values: there the estimate learns only not to fall."""

FALLS = (2.0, 1.0, 1.0, 1.0, 5.0, 1.0, 1.0, 1.0)
"""Weight of a fall with the rate: stamina falls most in what is fitted to."""

WEIGHTS = (1.0, 1.0, 1.0, 1.0, 2.5, 1.0, 1.0)
"""Weight of an error of each skill set: jackspeed is the hardest to follow."""

OVERALL = 1.5
"""Weight of an error of the overall value."""

FULL_PRECISION = ("mu", "sd", "p", "pen", "kap", "goal", "mix")


@dataclasses.dataclass(frozen=True)
class FitItem:
    """One chart at one rate."""

    sums: np.ndarray
    counted: np.ndarray
    speeds: np.ndarray
    rows: np.ndarray
    seconds: float
    values: np.ndarray


def charts(file: Path) -> list[list[FitItem]]:
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
        passed, rows = unready(seconds, column)[:1], hand_rows(seconds, column)
        rows = np.where(rows == len(column), 1, rows + 2).astype(np.int32)  # as the model has it
        values = np.full((len(rates), 8), np.nan, dtype=np.float32)
        values[: len(a["rates"])] = a["values"][i]
        length = float(seconds[-1] - seconds[0])
        items = []
        for rate, row in zip(rates, values, strict=True):
            sums, first = hand_sums(seconds / rate, column), int(seconds[0] / rate / INTERVAL)
            counted = shares(seconds / rate, column, passed, len(sums))[0, first:]
            half = sums[first:].astype(np.float16), counted.astype(np.float16)
            speeds = log_speeds(note_gaps(seconds / rate, column)).astype(np.float16)
            items.append(FitItem(*half, speeds, rows, length / rate, row))
        made.append(items)
    return made


Arguments = tuple[Tensor, Tensor, tuple[Tensor, Tensor, Tensor], Tensor, Tensor]


def batch(items: list[FitItem], *, cells: bool = True) -> tuple[Arguments, Tensor]:
    """The model's arguments, padded, and the values wanted; half seconds only where asked for."""
    time, notes = max(len(i.sums) for i in items) if cells else 0, max(len(i.speeds) for i in items)
    sums = np.zeros((len(items), time, *items[0].sums.shape[1:]), dtype=np.float16)
    counted = np.zeros((len(items), time, 2), dtype=np.float32)
    speeds = np.zeros((len(items), notes, items[0].speeds.shape[1]), dtype=np.float16)
    rows = np.zeros((len(items), max(len(i.rows) for i in items), 2), dtype=np.int64)
    for k, item in enumerate(items):
        if cells:
            sums[k, : len(item.sums)] = item.sums
            counted[k, : len(item.sums)] = item.counted
        speeds[k, : len(item.speeds)] = item.speeds
        rows[k, : len(item.rows)] = item.rows
    count = torch.tensor([len(i.speeds) for i in items])
    there = torch.arange(notes) < count[:, None]
    seconds = torch.tensor([i.seconds for i in items])
    by_note = torch.from_numpy(speeds).float(), there, torch.from_numpy(rows)
    halves = torch.from_numpy(sums).float(), torch.from_numpy(counted)
    values = torch.from_numpy(np.stack([i.values for i in items]))
    return (*halves, by_note, seconds, count.float()), values


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
    fit = seven.mean() + OVERALL * robust[:, 0].mean()
    return 7 * (fit + 4 * monotone * lost)


def epoch_batches(
    data: list[list[FitItem]], rng: np.random.Generator, cells: int
) -> list[list[FitItem]]:
    """Charts drawn at random, each at two neighbouring rates, those of like length together."""
    drawn = np.flatnonzero(rng.random(len(data)) < 0.7)
    rate = rng.integers(0, len(data[0]) - 1, len(drawn))
    pairs = [data[c][r : r + 2] for c, r in zip(drawn, rate, strict=True)]
    jitter = 1 + 0.15 * rng.random(len(pairs))
    order = np.argsort([len(p[0].sums) * j for p, j in zip(pairs, jitter, strict=True)])
    groups: list[list[list[FitItem]]] = [[]]
    for pair in (pairs[i] for i in order):
        if groups[-1] and (len(groups[-1]) + 1) * len(pair[0].sums) > cells:
            groups.append([])
        groups[-1].append(pair)
    rng.shuffle(groups)
    return [[p[0] for p in g] + [p[1] for p in g] for g in groups]


def fit_jacks(
    model: MsdModel, data: list[list[FitItem]], rng: np.random.Generator, args: argparse.Namespace
) -> None:
    """Train the jackspeed of single notes alone, which takes little time, ahead of the rest."""
    mine = [v for k, v in model.named_parameters() if k[0] == "j" or k in ("p", "goal")]
    optimizer = torch.optim.Adam(mine, lr=3 * args.lr)
    for epoch in range(args.jacks):
        batches, total = epoch_batches(data, rng, args.cells), 0.0
        for k, items in enumerate(batches):
            done = (epoch + k / len(batches)) / args.jacks
            for group in optimizer.param_groups:
                group["lr"] = 3 * args.lr * (0.5 + 0.5 * math.cos(math.pi * done))
            (_, _, notes, seconds, _), wanted = batch(items, cells=False)
            recorded = wanted[:, 1 + SKILL_SETS.index("jackspeed")]
            fits = (recorded > 1) & (recorded < CAP - 0.1)
            if not fits.any():
                continue
            ours = model.jacks(notes)[:, 1] * torch.exp(model.brevity(seconds).detach())
            error = (ours - recorded)[fits]
            value = functional.smooth_l1_loss(error, 0 * error, beta=0.2)
            optimizer.zero_grad()
            torch.autograd.backward(value)
            torch.nn.utils.clip_grad_norm_(mine, 1.0)
            optimizer.step()
            total += value.item()
        print(f"jacks, epoch {epoch + 1}: loss {total / len(batches):.4f}", flush=True)


def fit(data: list[list[FitItem]], args: argparse.Namespace) -> MsdModel:
    """Train from random weights, or on from `args.init`."""
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    some = [data[i][3] for i in rng.choice(len(data), min(60, len(data)), replace=False)]
    (sums, *_), _ = batch(some)
    x = inputs(sums)[sums[..., 0] > 0]
    model = MsdModel(x.shape[-1], args.noise)
    model.mu.copy_(x.mean(0))
    model.sd.copy_(x.std(0) + 1e-2)
    if args.init:
        with np.load(args.init) as old:
            known = {k: torch.from_numpy(old[k]).float() for k in old.files}
        own = model.state_dict()
        same = {k: v for k, v in known.items() if k in own and own[k].shape == v.shape}
        print("starts again:", sorted(own.keys() - same.keys()), flush=True)
        model.load_state_dict(same, strict=False)
    fit_jacks(model, data, rng, args)
    matrices = [v for v in model.parameters() if v.ndim == 2]
    others = [v for v in model.parameters() if v.ndim < 2]
    groups = [{"params": matrices, "weight_decay": args.decay}, {"params": others}]
    optimizer = torch.optim.AdamW(groups, lr=args.lr, weight_decay=0.0)
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
    """Write the coefficients, most of them in half precision."""
    arrays = {
        name: value.numpy().astype(np.float32 if name in FULL_PRECISION else np.float16)
        for name, value in model.state_dict().items()
    }
    with atomic_write(file, "wb") as stream:
        np.savez(stream, **arrays)


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("values", type=Path, help="recorded values, .npz")
    parser.add_argument("--out", type=Path, required=True, help="coefficients to write")
    parser.add_argument("--init", type=Path, help="coefficients to start from")
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--jacks", type=int, default=0, help="epochs of jackspeed alone, before")
    parser.add_argument("--lr", type=float, default=3e-3, help="learning rate (default 0.003)")
    parser.add_argument("--monotone", type=float, default=3.0, help="weight (default 3)")
    parser.add_argument("--decay", type=float, default=1e-2, help="of weights (default 0.01)")
    parser.add_argument("--noise", type=float, default=0.0, help="added to inputs (default 0)")
    parser.add_argument("--cells", type=int, default=8000, help="half seconds a batch")
    parser.add_argument("--seed", type=int, default=0)
    add_overwrite_option(parser)
    args = parser.parse_args(argv)
    check_free([args.out], overwrite=args.overwrite)
    torch.set_num_threads(1)
    save(fit(charts(args.values), args), args.out)
    return OK


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="Nothing was written.")
