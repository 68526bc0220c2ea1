"""Fit the weights in `mug/timing/weights.py`.

    MUG_REAL_DATA=FOLDER python benchmarks/_timing_fit.py [--songs 250] [--misleading 320]
        [--kept FOLDER]

Conditional logistic regression: of the hypotheses of a song, the right one. The songs are composed
ones (`_timing_fit_songs.py`), whole and in pieces; no real song is among them. Prints the weights,
how many songs come out right, and, with `MUG_REAL_DATA`, how the real songs do, which judge alone.
With `--kept` a fit that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._timing_fit_songs import MAKERS
from benchmarks._timing_songs import TimedSong, real_songs
from mug.beatmap.timing_points import TimingPoint
from mug.timing.choice import hypotheses
from mug.timing.features import TimingFeatures, bar_features, beat_features
from mug.timing.onsets import Onsets, detect_onsets

BEAT_PENALTY, BAR_PENALTY = 0.02, 0.003
WEIGHTS = {"composed": 1.0, "misleading": 1.0, "clicks": 2.0, "real": 1.0}
PIECES_MS = (24000.0, 12000.0)  # of composed songs: parts of a song of several tempi are short
REAL_PIECE_MS = 40000.0
CLICKS = 41
# Human timing lies this much after the onsets (median), so that hypotheses can be matched to it.
REAL_BIAS_MS = {"triangles": 18.0}
USUAL_BIAS_MS = -4.0
LEVEL_SHARE = 2e-3


@dataclass(frozen=True, eq=False)
class Case:
    """The hypotheses of one song: their numbers, and which are right."""

    name: str
    kind: str
    beats: np.ndarray
    right: np.ndarray
    bars: np.ndarray
    right_bars: np.ndarray
    levels: np.ndarray
    whole: bool = True

    @property
    def weight(self) -> float:
        """Weight of the case in a fit; pieces have half of their song's."""
        return WEIGHTS[self.kind] * (1.0 if self.whole else 0.5)

    def best(self, weights: np.ndarray) -> int:
        """The likeliest hypothesis."""
        return int(np.argmax(self.beats @ weights))

    def place(self, weights: np.ndarray) -> int:
        """Place of the best right hypothesis, 1 the first."""
        scores = self.beats @ weights
        return 1 + int((scores > scores[self.right].max()).sum())


def composed_cases(counts: dict[str, int], folder: Path | None) -> Iterator[Case]:
    """The hypotheses of so many songs of each source.

    Args:
        counts: songs by source, as in `MAKERS`.
        folder: where they are kept; None keeps none.
    """
    for source, count in counts.items():
        for index in range(count):
            path = folder / f"{source}_{index:03d}.npz" if folder else None
            if path is not None and path.exists():
                yield from _kept(path)
                continue
            found = list(cases(MAKERS[source](index)))
            yield from found
            if path is not None:
                _keep(path, found)


def _keep(path: Path, found: list[Case]) -> None:
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        values = {f"{n} {key}": v for n, case in enumerate(found) for key, v in vars(case).items()}
        np.savez(file, **values)
    part.replace(path)


def _kept(path: Path) -> list[Case]:
    with np.load(path) as stored:
        found: dict[int, dict[str, Any]] = {}
        for key, value in stored.items():
            number, name = key.split()
            found.setdefault(int(number), {})[name] = value if value.ndim else value.item()
    return [Case(**values) for _, values in sorted(found.items())]


def cases(song: TimedSong) -> Iterator[Case]:
    """The hypotheses of a song and of pieces of it."""
    onsets, line = detect_onsets(song.wave), song.truth.red_lines[0]
    start_ms = line.time_ms
    if song.kind == "real":
        start_ms += REAL_BIAS_MS.get(song.name, USUAL_BIAS_MS)
    yield from _case(song, onsets, TimingPoint(start_ms, line.beat_ms, line.meter))
    for first, length in pieces(song.kind, onsets):
        piece, begin = onsets.between(first, first + length)
        truth = TimingPoint(start_ms - begin, line.beat_ms, line.meter)
        for case in _case(song, piece, truth):
            yield replace(case, whole=False)


def pieces(kind: str, onsets: Onsets) -> list[tuple[float, float]]:
    """Beginnings and lengths (ms) of pieces that are cases of their own."""
    if kind == "real":
        firsts = np.arange(0.0, onsets.duration_ms - REAL_PIECE_MS + 1000.0, REAL_PIECE_MS)
        return [(float(first), REAL_PIECE_MS) for first in firsts]
    if kind == "clicks":
        return []
    rng = np.random.default_rng(len(onsets.envelope))
    lasts = [max(onsets.duration_ms - length, 1.0) for length in PIECES_MS]
    return [(float(rng.uniform(0, last)), n) for last, n in zip(lasts, PIECES_MS, strict=True)]


def _case(song: TimedSong, onsets: Onsets, truth: TimingPoint) -> Iterator[Case]:
    evidence = TimingFeatures.of(onsets)
    if len(evidence.peaks.times_ms) < 20:
        return
    grids = hypotheses(onsets, evidence)
    beat = truth.beat_ms
    off = np.array([(g.offset_ms - truth.time_ms + beat / 2) % beat - beat / 2 for g in grids])
    tempo = np.array([abs(g.beat_ms / beat - 1) for g in grids])
    right = (tempo < LEVEL_SHARE) & (np.abs(off) < 12)
    if not right.any():
        return
    grid = grids[int(np.argmax(right))]
    bars = bar_features(evidence, grid)
    right_bars = []
    for meter, begin, _ in bars:
        beats = round((grid.offset_ms + begin * grid.beat_ms - truth.time_ms) / beat)
        right_bars.append(meter == (3 if truth.meter == 3 else 4) and beats % truth.meter == 0)
    yield Case(
        song.name,
        song.kind,
        np.array([beat_features(evidence, g) for g in grids]),
        right,
        np.array([row for _, _, row in bars]),
        np.array(right_bars) & (song.kind != "clicks"),
        levels=np.array([beat / g.beat_ms for g in grids]),
    )


def fit(rows: list[tuple[np.ndarray, np.ndarray, float]], penalty: float) -> np.ndarray:
    """Weights that make the right hypotheses likely: conditional logistic regression."""
    from scipy.optimize import minimize

    rows = [row for row in rows if row[1].any()]
    x = np.concatenate([row[0] for row in rows])
    scale = x.std(axis=0)
    scale[scale < 1e-3] = 1.0
    x = x / scale
    right = np.concatenate([row[1] for row in rows]).astype(float)
    sizes = [len(row[0]) for row in rows]
    starts, owner = np.cumsum([0, *sizes[:-1]]), np.repeat(np.arange(len(rows)), sizes)
    weight = np.array([row[2] for row in rows])
    weight = weight / weight.sum()

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        score = x @ theta
        odds = np.exp(score - np.maximum.reduceat(score, starts)[owner])
        total, good = np.add.reduceat(odds, starts), np.add.reduceat(odds * right, starts) + 1e-300
        pull = odds / total[owner] - odds * right / good[owner]
        value = -(weight * np.log(good / total)).sum() + penalty * (theta @ theta)
        return float(value), x.T @ (pull * weight[owner]) + 2 * penalty * theta

    found = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B")
    weights: np.ndarray = found.x / scale
    return weights


def composed_table(weights: np.ndarray, found: list[Case]) -> str:
    """Number of songs and pieces that come out right, by kind."""
    right, total = Counter[str](), Counter[str]()
    for case in found:
        kind = case.name if case.kind == "misleading" else case.kind
        name = f"{kind}{'' if case.whole else ', pieces'}"
        total[name] += 1
        right[name] += bool(case.right[case.best(weights)])
    lines = ["| fitted on | right |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {right[name]}/{total[name]} |" for name in total)])


def real_table(weights: np.ndarray, found: list[Case]) -> str:
    """Each real song, and its pieces: the level found, and where the right reading stands."""
    lines = [
        "| real song | level found | place of the right reading | pieces with the right level |",
        "|---|---|---|---|",
    ]
    for whole in (case for case in found if case.whole):
        parts = [case for case in found if case.name == whole.name and not case.whole]
        hits = [abs(case.levels[case.best(weights)] - 1) < LEVEL_SHARE for case in parts]
        level = whole.levels[whole.best(weights)]
        lines.append(
            f"| {whole.name} | {level:.3g} | {whole.place(weights)} | {sum(hits)}/{len(hits)} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Fits, prints how well, and the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=int, default=250, help="composed songs (default 250)")
    parser.add_argument(
        "--misleading", type=int, default=320, help="songs whose drums mislead (default 320)"
    )
    parser.add_argument("--kept", type=Path, help="folder in which the songs' numbers are kept")
    args = parser.parse_args()
    if args.kept:
        args.kept.mkdir(parents=True, exist_ok=True)
    counts = {"composed": args.songs, "misleading": args.misleading, "clicks": CLICKS}
    found = list(composed_cases(counts, args.kept))
    beat = fit([(case.beats, case.right, case.weight) for case in found], BEAT_PENALTY)
    whole = [case for case in found if case.whole]
    bar = fit([(case.bars, case.right_bars, case.weight) for case in whole], BAR_PENALTY)
    print(composed_table(beat, found))
    if os.environ.get("MUG_REAL_DATA"):
        songs = real_songs(Path(os.environ["MUG_REAL_DATA"]))
        real = [case for song in songs for case in cases(song)]
        print(real_table(beat, real))
    for title, weights in (("BEAT", beat), ("BAR", bar)):
        print(title, ", ".join(f"{value:.4g}" for value in weights))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
