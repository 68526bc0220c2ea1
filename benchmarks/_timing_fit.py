"""Fit the weights in `mug/timing/weights.py`.

    MUG_REAL_DATA=FOLDER python benchmarks/_timing_fit.py [--songs 560] [--leave_one_out]
        [--composed_alone]

Conditional logistic regression: of the hypotheses of a song, the right one. The songs are composed
ones, click tracks, and the real songs at three speeds, whole and in pieces of 40 s. Prints how
many come out right, and the weights. With `--leave_one_out` each real song in turn is left out of a
fit, which is then judged on it; with `--composed_alone` all of them are, and tempo priors tried.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._timing_songs import FITTING_SEED, SAMPLE_RATE, TimedSong, real_songs, tempo_of
from mug.audio.load import resample
from mug.beatmap.timing_points import TimingPoint
from mug.compose.composer import compose_song
from mug.compose.sound import render
from mug.compose.style import SongStyle
from mug.timing.choice import hypotheses
from mug.timing.features import TimingFeatures, bar_features, beat_features
from mug.timing.onsets import Onsets, detect_onsets
from mug.timing.tempo_map import TempoMap

# Of the beat's weights 0.01 to 0.03 do alike on real songs left out; less fits the composed songs.
BEAT_PENALTY, BAR_PENALTY = 0.02, 0.003
WEIGHTS = {"composed": 1.0, "clicks": 2.0, "real": 2.0}
SPEEDS = (1.0, 0.8, 1.25)
PIECE_MS = 40000.0
CLICKS = 60
# Human timing lies this much after the onsets (median), so that hypotheses can be matched to it.
REAL_BIAS_MS = {"triangles": 18.0}
USUAL_BIAS_MS = -4.0
LEVEL_SHARE = 2e-3
PRIOR_BPM = 165.0  # middle of the tempo priors that are tried


@dataclass(frozen=True, eq=False)
class Case:
    """The hypotheses of one song: their numbers, and which are right."""

    name: str
    weight: float
    beats: np.ndarray
    right: np.ndarray
    bars: np.ndarray
    right_bars: np.ndarray
    at_speed: bool = True
    whole: bool = True
    levels: np.ndarray = field(default_factory=lambda: np.zeros(0))
    bpm: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def place(self, weights: np.ndarray) -> int:
        """Place of the best right hypothesis, 1 the first."""
        scores = self.beats @ weights
        return 1 + int((scores > scores[self.right].max()).sum())

    def level(self, weights: np.ndarray) -> float:
        """Tempo of the first hypothesis over the true one."""
        return float(self.levels[int(np.argmax(self.beats @ weights))])


def composed(count: int) -> Iterator[TimedSong]:
    """Composed songs of all kinds, one tempo each."""
    for index in range(count):
        bpm = tempo_of(index)
        style = SongStyle(
            seconds=(26.0, 45.0),
            tempo=(bpm, bpm),
            wide_tempo_p=0.0,
            tempo_change_p=0.0,
            metres={"4/4": 0.6, "3/4": 0.2, "6/8": 0.2},
            lead_in_ms=(0.0, 3000.0) if index % 5 else (3000.0, 10000.0),
        )
        song = compose_song(FITTING_SEED + index, style)
        first = song.tempo.segments[0]
        line = TimingPoint(first.time_ms, first.beat_ms, song.metre.beats)
        wave = render(song)
        yield TimedSong(str(index), "composed", wave, TempoMap((line,)), song.duration_ms)


def clicks(count: int) -> Iterator[TimedSong]:
    """Click tracks: accented beats with one to four parts."""
    for index in range(count):
        rng = np.random.default_rng([3, index])
        bpm, offset = (
            float(np.exp(rng.uniform(np.log(85), np.log(230)))),
            float(rng.uniform(0, 500)),
        )
        parts, seconds = int(rng.choice([1, 1, 2, 3, 4])), float(rng.uniform(15, 60))
        accent, tone = float(rng.uniform(0.3, 0.6)), bool(rng.random() < 0.5)
        wave = 10 ** rng.uniform(-4, -2.5) * rng.standard_normal(int(seconds * SAMPLE_RATE))
        size = int(0.03 * SAMPLE_RATE)
        for hit in range(int((seconds - 0.1 - offset / 1000) * bpm / 60 * parts)):
            at = offset / 1000 + hit * 60 / bpm / parts
            first = math.ceil(at * SAMPLE_RATE)
            age = np.arange(first, first + size) / SAMPLE_RATE - at
            body = np.sin(2 * np.pi * 1500 * age) if tone else rng.standard_normal(size)
            loud = 0.5 * (accent if hit % parts else 1.0)
            wave[first : first + size] += loud * np.exp(-age / 0.004) * body
        truth = TempoMap.of_bpm(bpm, offset)
        yield TimedSong(str(index), "clicks", wave.astype(np.float32), truth, seconds * 1000)


def cases(songs: Iterator[TimedSong]) -> Iterator[Case]:
    """The hypotheses of each song, of real ones at several speeds and of their pieces."""
    for song in songs:
        real = song.kind == "real"
        for speed in SPEEDS if real else (1.0,):
            wave = resample(song.wave, SAMPLE_RATE, int(SAMPLE_RATE / speed))
            onsets, line = detect_onsets(wave), song.truth.red_lines[0]
            beat, start = line.beat_ms / speed, line.time_ms / speed
            if real:
                start += REAL_BIAS_MS.get(song.name, USUAL_BIAS_MS)
            at_speed = speed == 1.0
            for case in _case(song, onsets, TimingPoint(start, beat, line.meter)):
                yield replace(case, at_speed=at_speed)
            if real and onsets.duration_ms > PIECE_MS:
                for first in np.arange(0.0, onsets.duration_ms - PIECE_MS, PIECE_MS):
                    piece, begin = onsets.between(float(first), float(first) + PIECE_MS)
                    for case in _case(song, piece, TimingPoint(start - begin, beat, line.meter)):
                        yield replace(case, whole=False, at_speed=at_speed)


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
        song.name if song.kind == "real" else song.kind,
        WEIGHTS[song.kind],
        np.array([beat_features(evidence, g) for g in grids]),
        right,
        np.array([row for _, _, row in bars]),
        np.array(right_bars) & (song.kind != "clicks"),
        levels=np.array([beat / g.beat_ms for g in grids]),
        bpm=np.array([g.bpm for g in grids]),
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


def right_share(weights: np.ndarray, chosen: list[Case]) -> str:
    """Share of songs whose likeliest hypothesis is right."""
    hits = [bool(case.right[int(np.argmax(case.beats @ weights))]) for case in chosen]
    return f"{sum(hits)}/{len(hits)}"


def leave_one_out(found: list[Case]) -> str:
    """Each real song judged by a fit that has not seen it, as a table."""
    names = sorted({case.name for case in found} - {"composed", "clicks"})
    kinds = ("whole", "pieces of it", "at other speeds")
    right, level, total = Counter[str](), Counter[str](), Counter[str]()
    lines = ["| left out | level found | place of the right reading |", "|---|---|---|"]
    for name in names:
        weights = beat_weights([case for case in found if case.name != name])
        for case in (case for case in found if case.name == name):
            kind = kinds[2] if not case.at_speed else kinds[0] if case.whole else kinds[1]
            total[kind] += 1
            right[kind] += case.place(weights) == 1
            level[kind] += abs(case.level(weights) - 1) < LEVEL_SHARE
            if kind == kinds[0]:
                lines.append(f"| {name} | {case.level(weights):.3g} | {case.place(weights)} |")
    lines += ["", "| left out | level right | level and beat right |", "|---|---|---|"]
    for kind in kinds:
        count = total[kind]
        lines.append(f"| {kind} | {level[kind]}/{count} | {right[kind]}/{count} |")
    return "\n".join(lines)


def composed_alone(found: list[Case]) -> str:
    """Whole real songs judged by a fit without any, under tempo priors, as a table."""
    made = [case for case in found if case.name in ("composed", "clicks")]
    real = [case for case in found if case.name not in ("composed", "clicks")]
    real = [case for case in real if case.whole and case.at_speed]
    weights = beat_weights(made)
    names = ", ".join(case.name for case in real)
    lines = [f"| octaves of the prior | composed right | level found: {names} |", "|---|---|---|"]
    for octaves in (math.inf, 1.0, 0.7, 0.5):

        def best(case: Case, octaves: float = octaves) -> int:
            apart = np.log2(case.bpm / PRIOR_BPM) / octaves
            return int(np.argmax(case.beats @ weights - apart**2 / 2))

        right = sum(bool(case.right[best(case)]) for case in made)
        levels = ", ".join(f"{case.levels[best(case)]:.2g}" for case in real)
        lines.append(f"| {octaves:g} | {right}/{len(made)} | {levels} |")
    return "\n".join(lines)


def beat_weights(used: list[Case]) -> np.ndarray:
    """Weights of the beat from these songs."""
    return fit([(case.beats, case.right, case.weight) for case in used], BEAT_PENALTY)


def main() -> int:
    """Fits, prints how well, and the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=int, default=560, help="composed songs (default 560)")
    parser.add_argument(
        "--leave_one_out", action="store_true", help="judge fits on real songs they do not see"
    )
    parser.add_argument(
        "--composed_alone", action="store_true", help="judge a fit without real songs on them"
    )
    args = parser.parse_args()
    found = [*cases(composed(args.songs)), *cases(clicks(CLICKS))]
    if os.environ.get("MUG_REAL_DATA"):
        found += cases(real_songs(Path(os.environ["MUG_REAL_DATA"])))
    beat = beat_weights(found)
    bar = fit([(case.bars, case.right_bars, case.weight) for case in found], BAR_PENALTY)
    for name in sorted({case.name for case in found}):
        print(name, right_share(beat, [case for case in found if case.name == name]))
    if args.leave_one_out:
        print(leave_one_out(found))
    if args.composed_alone:
        print(composed_alone(found))
    for title, weights in (("BEAT", beat), ("BAR", bar)):
        print(title, ", ".join(f"{value:.4g}" for value in weights))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
