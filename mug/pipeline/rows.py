"""Rows of a chart before its notes, for a model with a rhythm scorer."""

from __future__ import annotations

import numpy as np

from mug.audio.flux import HOP_MS
from mug.encoding.beat_axis import LINES, BeatAxis
from mug.encoding.bound_rows import RowTable, hinted_rows
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.model.song import EncodedSong
from mug.pipeline.sample import ChartRequest, KnownRegion
from mug.rhythm.rows import RowOptions, alike_beats, draw_rows, inside_song, same_phrases
from mug.rhythm.scorer import line_logits

STARS, DENSITY = "sr", "density"
"""Features of a prompt that the scorer is conditioned on: star rating, rows a second."""

_NEVER = -1e9


def rows_for(
    model: LoadedModel,
    song: EncodedSong,
    chart: ChartRequest,
    known: KnownRegion | None = None,
    options: RowOptions | None = None,
) -> RowTable | None:
    """Rows of one chart: as many as its stars or its density ask for, where the sound has them.

    Args:
        model: from `load_model`.
        song: on its axis.
        chart: its seed decides the draw.
        known: whose rows stay where it is kept.
        options: of the draw.

    Returns:
        None for a model without a rhythm scorer.
    """
    if model.scorer is None or song.axis is None or song.lines is None:
        return None
    options = options or RowOptions()
    axis, beats = song.axis, song.latent_frames
    logits = row_logits(model, song, chart)
    bars = _alike(song, axis, options.alike) if options.phrases else None
    shared = logits if bars is None else same_phrases(logits, bars)
    inside = inside_song(axis, beats, len(song.curves) * HOP_MS)
    chosen = draw_rows(
        shared,
        _count(song, shared, inside, _number(chart, DENSITY)),
        chart.seed,
        temperature=options.temperature,
        inside=inside,
        bars=bars,
    )
    table = np.zeros(beats * LINES, np.float32)
    table[chosen] = 1
    rows: RowTable = table.reshape(beats, LINES)
    if model.row_hints:
        rows = hinted_rows(rows, np.where(inside, shared, -np.inf))
    if known is not None and known.rows is not None:
        rows = np.where(known.keep.cpu().numpy()[:, None], known.rows, rows).astype(np.float32)
    return rows


def _alike(song: EncodedSong, axis: BeatAxis, least: float) -> np.ndarray:
    """Return `alike_beats` of a song, which is the same for all its charts."""
    if least not in song.alike:
        song.alike[least] = alike_beats(song.curves, axis, song.latent_frames, least)
    return song.alike[least]


def row_logits(model: LoadedModel, song: EncodedSong, chart: ChartRequest) -> np.ndarray:
    """Calibrated logits of a row at each line of a song on its axis, for what a chart asks for."""
    given = _number(chart, STARS), _number(chart, DENSITY)
    if given not in song.row_logits:
        assert model.scorer is not None
        assert song.axis is not None
        found = line_logits(model.scorer, song.curves, song.axis, song.latent_frames, *given)
        song.row_logits[given] = found.cpu().numpy().astype(np.float64)
    return song.row_logits[given]


def _number(chart: ChartRequest, name: str) -> float | None:
    value = chart.prompt.get(name)
    return None if value is None else float(value)


def _count(song: EncodedSong, logits: np.ndarray, inside: np.ndarray, density: float | None) -> int:
    """Number of rows: what the scorer expects, or what a density makes of its first and last."""
    expected = round(float((1 / (1 + np.exp(-logits[inside]))).sum()))
    if density is None or expected < 2 or song.axis is None:
        return expected
    likely = np.sort(np.argsort(-np.where(inside, logits, _NEVER), kind="stable")[:expected])
    first, last = song.axis.times(likely[[0, -1]] / LINES)
    return 1 + round(density * float(last - first) / 1000)
