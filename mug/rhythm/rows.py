"""Rows of a chart drawn from logits of lines, and the likelihood of rows that are given.

At most one row lies in a note frame, an eighth of a beat. Bars that sound alike may share their
probabilities and their draw, so that the same phrase gets the same rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

from mug.audio.flux import HOP_MS, Curves
from mug.encoding.beat_axis import LINES, NOTE_FRAMES, BeatAxis
from mug.encoding.bound_rows import frame_of
from mug.encoding.line_channels import SOUND, line_channels
from mug.errors import ConfigError

_FRAME_OF_LINE = frame_of(np.arange(LINES))
_NEVER = -np.inf

Logits = Float64[np.ndarray, " lines"]


@dataclass(frozen=True)
class RowOptions:
    """Options of a draw.

    Args:
        temperature: of the draw; 0 takes the most probable rows.
        phrases: whether bars that sound alike get the same rows.
        alike: least similarity of bars that sound alike (`alike_beats`).
    """

    temperature: float = 0.1
    phrases: bool = True
    alike: float = 0.7

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise ConfigError("rhythm.temperature_must_not_be_negative", value=self.temperature)


def draw_rows(
    logits: Float[np.ndarray, " lines"],
    count: int,
    seed: int,
    *,
    temperature: float = 0.0,
    inside: Bool[np.ndarray, " lines"] | None = None,
    bars: Int64[np.ndarray, " beats"] | None = None,
) -> Int64[np.ndarray, " rows"]:
    """Lines that get a row, ascending.

    Source: Kool, van Hoof and Welling 2019, Stochastic beams and where to find them: the greatest
    of logits with Gumbel noise are a sample without replacement.

    Args:
        logits: of rows at lines, twelve a beat, from the beginning of the axis on.
        count: rows; fewer where there are not so many note frames.
        seed: of the noise.
        temperature: factor of the noise; 0 takes the most probable.
        inside: lines that may have a row (`inside_song`); all unless given.
        bars: for each beat another one whose draw it shares (`alike_beats`), or itself.
    """
    if not 0 <= temperature < math.inf:
        raise ConfigError("rhythm.temperature_must_not_be_negative", value=temperature)
    beats = len(logits) // LINES
    scores = np.asarray(logits, np.float64).reshape(beats, LINES).copy()
    if temperature > 0:
        noise = np.random.default_rng(seed).gumbel(size=scores.shape)
        scores += temperature * (noise if bars is None else noise[bars])
    if inside is not None:
        scores[~inside.reshape(beats, LINES)] = _NEVER
    best, line = _best_of_frames(scores)
    order = np.argsort(-best, kind="stable")[: max(count, 0)]
    order = order[best[order] > _NEVER]
    rows: np.ndarray = np.sort(line[order])
    return rows


def count_rows(rows_a_second: float, logits: Float[np.ndarray, " lines"], axis: BeatAxis) -> int:
    """Number of rows for a density, over the lines from the first to the last that may have one.

    Args:
        rows_a_second: asked for.
        logits: those of lines outside the song are -inf (`song_logits`).
        axis: of the song.
    """
    lines = np.flatnonzero(np.asarray(logits) > _NEVER)
    if not len(lines):
        return 0
    first, last = axis.times(lines[[0, -1]] / LINES)
    return 1 + round(rows_a_second * float(last - first) / 1000.0)


def inside_song(axis: BeatAxis, beats: int, duration_ms: float) -> Bool[np.ndarray, " lines"]:
    """True at lines at or after 0 ms and before the end of the sound."""
    times = axis.line_times(0, beats)
    inside: np.ndarray = (times >= 0) & (times < duration_ms)
    return inside


def same_phrases(logits: Float[np.ndarray, " lines"], bars: Int64[np.ndarray, " beats"]) -> Logits:
    """Logits of the mean probability over all beats that share a draw.

    Args:
        logits: calibrated, twelve a beat.
        bars: as `alike_beats` gives it.
    """
    beats = len(bars)
    odds = np.asarray(logits, np.float64).reshape(beats, LINES)
    share = np.exp(-np.logaddexp(0, -odds))
    total = np.zeros((beats, LINES))
    np.add.at(total, bars, share)
    count = np.bincount(bars, minlength=beats)
    mean = np.clip(total[bars] / count[bars, None], 1e-6, 1 - 1e-6)
    averaged: np.ndarray = np.log(mean) - np.log1p(-mean)
    return averaged.reshape(-1)


def alike_beats(
    curves: Curves, axis: BeatAxis, beats: int, alike: float = 0.7
) -> Int64[np.ndarray, " beats"]:
    """For each beat the beat at the same place of the first bar that sounds alike, or itself.

    Bars are compared by the line channels of all their lines, each of spread 1 over the song. Their
    similarity is 1 less their squared distance over the mean one of two bars of the song, which
    counts as no less than a fifth of the most that is possible: in a song of one bar all are alike.

    Args:
        curves: of the whole song.
        axis: of the song.
        beats: from the beginning of the axis on.
        alike: least similarity, at most 1; two bars of the song have 0 on average.
    """
    if not beats:
        return np.arange(0)
    sound = line_channels(curves, axis, 0, beats).reshape(-1, SOUND)
    sound /= sound.std(axis=0) + 1e-3
    by_beat = sound.reshape(beats, LINES * SOUND)
    starts = np.flatnonzero(axis.beat_in_bar(0, beats) == 0)
    lengths = np.diff(np.append(starts, beats))
    shared = np.arange(beats)
    for length in np.unique(lengths):
        bars = starts[lengths == length]
        whole = by_beat[bars[:, None] + np.arange(length)].reshape(len(bars), -1)
        for bar, leader in enumerate(_leaders(whole, alike)):
            shared[bars[bar] : bars[bar] + length] = bars[leader] + np.arange(length)
    return shared


def _leaders(bars: Float32[np.ndarray, "bars values"], alike: float) -> Int64[np.ndarray, " bars"]:
    """The first bar like each one: the most similar of those that are like none before them."""
    centred = bars - bars.mean(axis=0)
    squared = np.square(centred).sum(axis=1)
    distance = squared[:, None] + squared - 2 * centred @ centred.T
    similarity = 1 - distance / (2 * max(float(squared.mean()), 0.2 * bars.shape[1]))
    leaders: list[int] = []
    found = np.arange(len(bars))
    for bar, row in enumerate(similarity):
        best = leaders[int(row[leaders].argmax())] if leaders else bar
        if best != bar and row[best] >= alike:
            found[bar] = best
        else:
            leaders.append(bar)
    return found


def rows_of_song(
    logits: Float[np.ndarray, " lines"],
    curves: Curves,
    axis: BeatAxis,
    rows_a_second: float,
    seed: int,
    options: RowOptions | None = None,
) -> Int64[np.ndarray, " rows"]:
    """Lines of a song that get a row, ascending; none before or behind the sound.

    Args:
        logits: calibrated, of the song's lines (`mug.rhythm.scorer.line_logits`).
        curves: of the whole song.
        axis: of the song.
        rows_a_second: asked for, over the whole sound.
        seed: of the draw.
        options: of the draw.
    """
    options = options or RowOptions()
    beats = len(logits) // LINES
    inside = inside_song(axis, beats, len(curves) * HOP_MS)
    bars = alike_beats(curves, axis, beats, options.alike) if options.phrases else None
    shared = np.asarray(logits, np.float64) if bars is None else same_phrases(logits, bars)
    count = count_rows(rows_a_second, np.where(inside, shared, _NEVER), axis)
    return draw_rows(shared, count, seed, temperature=options.temperature, inside=inside, bars=bars)


def log_likelihood(rows: Bool[np.ndarray, " lines"], logits: Float[np.ndarray, " lines"]) -> float:
    """Mean log-probability of having, or not having, a row at each line; 0 at most, nats.

    Args:
        rows: presence of a row.
        logits: calibrated; of the same lines.
    """
    odds = np.asarray(logits, np.float64)
    return -float(np.logaddexp(0, np.where(rows, -odds, odds)).mean()) if len(odds) else 0.0


def _best_of_frames(
    scores: Float64[np.ndarray, "beats 12"],
) -> tuple[Float64[np.ndarray, " frames"], Int64[np.ndarray, " frames"]]:
    """Best score in each note frame, and its line."""
    beats = len(scores)
    best = np.full((beats, NOTE_FRAMES), _NEVER)
    line = np.zeros((beats, NOTE_FRAMES), np.int64)
    for place, frame in enumerate(_FRAME_OF_LINE):
        better = scores[:, place] > best[:, frame]
        best[better, frame] = scores[better, place]
        line[better, frame] = place
    line += np.arange(beats)[:, None] * LINES
    return best.reshape(-1), line.reshape(-1)
