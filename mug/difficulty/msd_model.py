"""From what the hands do to eight numbers: difficulty of each half second, then the level wanted.

Each half second of a hand has a difficulty in every skill set, a smooth function of what is counted
there and around. A player of level L scores all of its points where L reaches the difficulty, and
(L / difficulty)^p of them where not; a chart's value is the level that scores 93 % of all points.
"""

from __future__ import annotations

import functools
from importlib import resources

import numpy as np
from jaxtyping import Bool, Float, Int

from mug.difficulty.msd_features import (
    CHANNELS,
    INTERVAL,
    hand_rows,
    hand_sums,
    log_speeds,
    note_gaps,
    shares,
    unready,
)

GOAL = 0.93
CAP = 40.0
SKILLS = ("stream", "jumpstream", "handstream", "jackspeed", "chordjack", "technical")
"""The six that are worked out alone; stamina and overall follow from them."""

JACK = SKILLS.index("jackspeed")
ORDER = [0, 1, 2, 6, 3, 4, 5]
"""Etterna's order: `SKILLS` and, behind them, stamina."""

NOTHING = 1e-3
"""Difficulty where there is nothing to play."""
NO_JACKS = 0.2
"""Jackspeed of a chart of which no note counts for it."""
HARDER = 0.4
"""Share of the harder one, where a chart and its mirror image differ: at 0.4 to 0.5 ranks suffer
least when either is as likely. The mean absolute error is then the same at any share."""

OTHERS = [i for i in range(len(SKILLS)) if i != JACK]
RUNS = (17, 61, 181)  # half seconds: runs of 8 s, 30 s and 90 s tire
LONG = [
    CHANNELS.index(name)
    for name in ("notes", "same", "pair", "jack", "rows", "jumps", "alternate", "size1")
]

Coefficients = dict[str, np.ndarray]


@functools.cache
def coefficients() -> Coefficients:
    """The fitted numbers, from the file in the package."""
    file = resources.files("mug.difficulty").joinpath("msd_coefficients.npz")
    with file.open("rb") as stream, np.load(stream) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}


def box(x: Float[np.ndarray, "t c"], width: int) -> Float[np.ndarray, "t c"]:
    """Mean over `width` (odd) neighbours along the first axis; zeros beyond the ends."""
    if width == 3:
        total = x.copy()
        total[1:] += x[:-1]
        total[:-1] += x[1:]
        return np.asarray(total / 3, dtype=x.dtype)
    padded = np.zeros((len(x) + width, x.shape[1]), dtype=np.float64)
    padded[width // 2 + 1 : width // 2 + 1 + len(x)] = x
    total = np.cumsum(padded, axis=0)
    mean: np.ndarray = ((total[width:] - total[:-width]) / width).astype(x.dtype)
    return mean


def _inputs(sums: Float[np.ndarray, "t hands=2 c"]) -> Float[np.ndarray, "t hands=2 f"]:
    """Inputs of a half second: itself, its surroundings at four widths, the other hand."""
    t, _, c = sums.shape
    flat = sums.reshape(t, 2 * c)
    near = ((3 * box(flat, 3) + flat) / 4).reshape(sums.shape)
    wide = box(flat, 9).reshape(sums.shape)
    long = box(sums[..., LONG].reshape(t, -1), 33).reshape(t, 2, len(LONG))
    x: np.ndarray = np.concatenate([sums, near, wide, long, near[:, ::-1]], axis=-1)
    x *= 4
    x += 1  # log1p would be ten times as slow
    return np.asarray(np.log(x, out=x))


def _layer(x: np.ndarray, k: Coefficients, name: str) -> np.ndarray:
    return np.asarray(x @ k[f"{name}.weight"].T + k[f"{name}.bias"])


def _silu(x: np.ndarray) -> np.ndarray:
    return np.asarray(x / (1 + np.exp(-x)))


def level(
    difficulty: Float[np.ndarray, "n q"],
    points: Float[np.ndarray, "n q"],
    power: Float[np.ndarray, " q"],
) -> Float[np.ndarray, " q"]:
    """The level at which `GOAL` of the points are scored, for each column by itself.

    The score grows with the level piece by piece, each piece with a closed form, so sorting by
    difficulty finds the exact answer without a search.

    Args:
        difficulty: above 0.
        points: weights, 0 or more.
        power: how fast points are lost where the level does not reach.
    """
    order = np.argsort(-difficulty, axis=0)
    d = np.take_along_axis(difficulty, order, 0).astype(np.float64)
    w = np.take_along_axis(points, order, 0).astype(np.float64)
    return _sorted_level(d, w, power)


def _sorted_level(
    d: Float[np.ndarray, "n #q"],
    w: Float[np.ndarray, "n q"],
    power: Float[np.ndarray, " #q"],
    goal: float = GOAL,
) -> Float[np.ndarray, " q"]:
    """`level` of what is sorted already, the hardest first."""
    hard = np.cumsum(w * d**-power, axis=0)
    easy = w.sum(0) - np.cumsum(w, axis=0)
    wanted = goal * w.sum(0)
    reached = easy + hard * d**power >= wanted
    last = np.maximum(reached.sum(0) - 1, 0)[None]
    missing = wanted - np.take_along_axis(easy, last, 0)[0]
    share = np.take_along_axis(hard, last, 0)[0]
    return np.asarray((np.maximum(missing, 1e-6) / np.maximum(share, 1e-9)) ** (1 / power))


def evaluate(
    time: Float[np.ndarray, " n"], column: Int[np.ndarray, " n"], k: Coefficients
) -> Float[np.ndarray, " 8"]:
    """Overall, stream, jumpstream, handstream, stamina, jackspeed, chordjack, technical.

    Between a chart and its mirror image, which MinaCalc tells apart.

    Args:
        time: seconds as played, ascending, none negative, at least two different ones.
        column: 0 … 3.
        k: the fitted numbers, see `coefficients`.
    """
    return between(evaluate_views(time, column, k))


def between(views: Float[np.ndarray, "views=2 8"]) -> Float[np.ndarray, " 8"]:
    """One row for a chart and its mirror image; the one with less jackspeed counts for more."""
    jack = 1 + ORDER.index(JACK)
    easier, harder = sorted(views, key=lambda row: float(row[jack]))
    return np.asarray((1 - HARDER) * easier + HARDER * harder)


def evaluate_views(
    time: Float[np.ndarray, " n"], column: Int[np.ndarray, " n"], k: Coefficients
) -> Float[np.ndarray, "views=2 8"]:
    """The eight numbers of the chart as it is, and of its mirror image; see `evaluate`."""
    silence = int(time[0] / INTERVAL)
    sums = hand_sums(time, column)[silence:].astype(np.float32)
    notes = sums[..., 0]
    live: Bool[np.ndarray, "t 2"] = notes > 0
    x = (_inputs(sums)[live] - k["mu"]) / k["sd"]
    hidden = _silu(_layer(_silu(_layer(x, k, "l1")), k, "l2"))
    out = _layer(hidden, k, "l3")
    count = notes[live][:, None]
    difficulty = np.exp(np.clip(out[:, :6], -3, 5))
    weight = count * np.exp(2 * np.tanh(out[:, 6:] / 2))
    power = np.exp(k["p"]).astype(np.float64)
    passed = unready(time, column)
    parts = shares(time, column, passed, silence + len(sums))[:, silence:][:, live]
    levels = level(
        difficulty[:, [*range(6), JACK, JACK]],
        np.concatenate([weight, weight[:, [JACK]] * parts.T], axis=1),
        power[[*range(6), JACK, JACK]],
    )
    jacks = _jack_levels(time, column, k)
    part = 1 / (1 + np.exp(-float(k["mix"])))
    seconds = max(float(time[-1] - time[0]), 1e-3)
    summary = np.concatenate(
        [
            np.log(levels[:6]) - 2.5, np.log(jacks[:1]) - 2.5,
            [np.log(seconds / 60 + 0.05), np.log(len(time) / 500)],
            (hidden * count).sum(0) / count.sum(),
        ]
    )  # fmt: skip
    base = np.log(levels[:6]) + _layer(_silu(_layer(summary, k, "c1")), k, "c2")
    base += _brevity(seconds, k)
    runs = _runs(difficulty, levels[:6], live, notes)
    endurance = _layer(_silu(_layer(np.concatenate([summary, runs]), k, "r1")), k, "r2")
    lasting = 1 / (1 + np.exp(-endurance))
    values = []
    for view in range(2):
        skills = np.exp(base)
        skills[JACK] *= levels[6 + view] ** part * jacks[1 + view] ** (1 - part) / levels[JACK]
        if passed[view].all():
            skills[JACK] = NO_JACKS
        values.append(_combine(skills, lasting, float(k["kap"])))
    return np.stack(values)


def _jack_levels(
    time: Float[np.ndarray, " n"],
    column: Int[np.ndarray, " n"],
    k: Coefficients,
) -> Float[np.ndarray, " 3"]:
    """Jackspeed row by row: of all rows of a hand, and without those passed over in either view.

    A hand's row has the difficulty of the harder of its columns, struck now or before.
    """
    hidden = _silu(_layer(_silu(_layer(log_speeds(note_gaps(time, column)), k, "j1")), k, "j2"))
    by_note = np.exp(np.clip(_layer(hidden, k, "j3")[:, 0], -3, 5)).astype(np.float64)
    rows = hand_rows(time, column)
    difficulty = np.append(by_note, NOTHING)[rows].max(axis=1)
    order = np.argsort(-difficulty)
    points = np.ones((len(rows), 3))
    points[:, 1:] = rows[order] < len(time)
    power, goal = np.exp(k["p"][[6]].astype(np.float64)), 1 - np.exp(float(k["goal"]))
    return _sorted_level(difficulty[order, None], points, power, float(goal))


def _brevity(seconds: float, k: Coefficients) -> float:
    """Logarithm of what a chart of a few seconds is marked down by."""
    threshold, slope, sharp = (float(v) for v in k["pen"])
    sharp = float(np.exp(sharp))
    return -slope * float(np.logaddexp(0, sharp * (threshold - np.log(seconds)))) / sharp


def _runs(
    difficulty: Float[np.ndarray, "cells q"],
    levels: Float[np.ndarray, " q"],
    live: Bool[np.ndarray, "t 2"],
    notes: Float[np.ndarray, "t 2"],
) -> Float[np.ndarray, " runs"]:
    """Closeness of the hardest runs of three lengths, and of the mean, to the chart's level."""
    total = np.zeros((*live.shape, difficulty.shape[1]))
    total[live] = difficulty * notes[live][:, None]
    relative = total.sum(1) / (notes.sum(1)[:, None] + 1e-3) / levels
    relative = np.clip(relative, 0, 2)
    peaks = [box(relative, width).max(0) for width in RUNS]
    return np.log(0.05 + np.concatenate([*peaks, relative.mean(0)]))


def _combine(
    skills: Float[np.ndarray, " 6"], endurance: Float[np.ndarray, " 5"], fade: float
) -> Float[np.ndarray, " 8"]:
    """Stamina from the best skill set that runs are made of, overall from all seven."""
    jack, others = skills[JACK], skills[OTHERS]
    best = others.max()
    share = (others / best) ** 25
    lasting = best * (share * endurance).sum() / share.sum()
    # Where jacks are the hardest thing, stamina counts little: a fixed part of them is left.
    stamina = max(0.592 * jack, lasting * min(1.0, (best / jack) ** fade))
    seven = np.minimum(np.append(skills, stamina), CAP)
    top = seven.max()
    near = 0.03631 * top * np.log(np.exp((seven / top - 1) / 0.03631).sum()) - 0.2775
    overall = top + max(0.0, near)
    return np.array([overall, *seven[ORDER]])
