"""Figures of a scorer on songs with charts that it has not seen, and its calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float64
from torch import Tensor
from torch.nn import functional

from mug.encoding.beat_axis import LINES
from mug.metrics.audio_blind import METRE, blind_f1, metre_lines
from mug.metrics.matched_rows import LineScores, rows_f1, top_rows
from mug.rhythm.scorer import RhythmScorer, line_logits
from mug.rhythm.songs import ChartRowLines, SongLines

_BINS = 10


@dataclass(frozen=True)
class ScorerFigures:
    """Figures of one chart, or means of several; lines are those from its first row to its last.

    Args:
        log_loss: of calibrated probabilities, nats a line.
        average_precision: of the lines that have rows.
        f1: of the most probable lines, as many as the chart has rows, within 20 ms.
        metre_f1: of as many lines by metre alone.
        rows_ratio: rows expected, the sum of the probabilities, by those that are there.
    """

    log_loss: float
    average_precision: float
    f1: float
    metre_f1: float
    rows_ratio: float

    @property
    def listening_gain(self) -> float:
        """Difference that the sound makes."""
        return self.f1 - self.metre_f1


def judge_chart(
    scorer: RhythmScorer, song: SongLines, chart: ChartRowLines, seed: int = 0
) -> ScorerFigures:
    """Figures of one chart, whose stars and rows a second the scorer is given.

    Args:
        scorer: in evaluation mode.
        song: of the chart.
        chart: its rows.
        seed: of draws among equals.
    """
    scores, rows = chart_logits(scorer, song, chart)
    inside = chart.stretch
    reference = chart.times_ms
    lines = LineScores(chart.axis.line_times(0, song.beats(chart))[inside], scores)
    rng = np.random.default_rng(seed)
    metre = metre_lines(chart.red_lines, float(reference[0]), float(reference[-1]) + 1.0)
    count = len(reference)
    return ScorerFigures(
        log_loss=float(np.logaddexp(0, np.where(rows, -scores, scores)).mean()),
        average_precision=average_precision(scores, rows),
        f1=rows_f1(top_rows(lines, reference, rng), reference),
        metre_f1=blind_f1(METRE, metre, reference, stars=chart.stars, count=count, rng=rng),
        rows_ratio=float(_sigmoid(scores).sum() / rows.sum()),
    )


def judge_songs(scorer: RhythmScorer, songs: Sequence[SongLines]) -> list[ScorerFigures]:
    """Means over the charts of each song."""
    return [mean_figures([judge_chart(scorer, s, chart) for chart in s.charts]) for s in songs]


def mean_figures(figures: Sequence[ScorerFigures]) -> ScorerFigures:
    """Means of figures."""
    names = [each.name for each in fields(ScorerFigures)]
    return ScorerFigures(*(float(np.mean([getattr(f, n) for f in figures])) for n in names))


def chart_logits(
    scorer: RhythmScorer, song: SongLines, chart: ChartRowLines
) -> tuple[Float64[np.ndarray, " lines"], Bool[np.ndarray, " lines"]]:
    """Calibrated logits, and presence of a row, at the lines from a chart's first row to its last.

    Args:
        scorer: in evaluation mode; it is given the chart's stars and rows a second.
        song: of the chart.
        chart: its rows.
    """
    logits = line_logits(
        scorer, song.curves, chart.axis, song.beats(chart), chart.stars, chart.rows_a_second
    )
    inside = chart.stretch
    return logits.double().cpu().numpy()[inside], chart.presence(song.beats(chart) * LINES)[inside]


def calibrate(scorer: RhythmScorer, songs: Sequence[SongLines]) -> None:
    """Fit the scorer's calibration on songs that it was not trained on.

    Source: Platt 1999, Probabilistic outputs for support vector machines: slope and offset of the
    logits with the least log-loss.

    Args:
        scorer: in evaluation mode; its calibration is replaced.
        songs: with charts; all lines between first and last rows count alike.
    """
    scorer.calibration.copy_(torch.tensor([1.0, 0.0]))
    found = [chart_logits(scorer, song, chart) for song in songs for chart in song.charts]
    logits = torch.from_numpy(np.concatenate([scores for scores, _ in found]))
    rows = torch.from_numpy(np.concatenate([rows for _, rows in found])).double()
    fitted = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([fitted], max_iter=50, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(fitted[0] * logits + fitted[1], rows)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    scorer.calibration.copy_(fitted.detach().float())


def reliability(scorer: RhythmScorer, songs: Sequence[SongLines]) -> list[tuple[float, float, int]]:
    """Mean probability, share of rows and number of the lines of each tenth of probability."""
    found = [chart_logits(scorer, song, chart) for song in songs for chart in song.charts]
    given = _sigmoid(np.concatenate([scores for scores, _ in found]))
    rows = np.concatenate([rows for _, rows in found])
    place = np.minimum((given * _BINS).astype(np.int64), _BINS - 1)
    return [
        (float(given[place == k].mean()), float(rows[place == k].mean()), int((place == k).sum()))
        for k in range(_BINS)
        if (place == k).any()
    ]


def average_precision(
    scores: Float64[np.ndarray, " lines"], rows: Bool[np.ndarray, " lines"]
) -> float:
    """Mean of the precision at each row, lines in order of their scores; 0 without rows."""
    ordered = rows[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    return float(precision[ordered].mean()) if ordered.any() else 0.0


def _sigmoid(logits: Float64[np.ndarray, " lines"]) -> Float64[np.ndarray, " lines"]:
    share: np.ndarray = np.exp(-np.logaddexp(0, -logits))
    return share
