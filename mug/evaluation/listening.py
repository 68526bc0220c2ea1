"""Figures of listening: rows at equal numbers, and what a chart gains above audio-blind ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mug.beatmap.beatmap import Beatmap
from mug.evaluation.rows import CHARTS, Figures, ResultRow
from mug.evaluation.songs import Against, rng_for
from mug.metrics.audio_blind import METRE, STARS, better_kind, blind_f1
from mug.metrics.matched_rows import LineScores, matched_f1, top_rows
from mug.metrics.onsets import onset_times
from mug.metrics.slots import average_precision, matthews_correlation

MATCHED, DELIVERED = "matched", "delivered"
KINDS = {METRE: "metre", STARS: "stars"}
F1_OF = {MATCHED: "f1_20_matched", DELIVERED: "f1_20"}


def blind_name(mode: str, kind: str) -> str:
    """Figure of a row: F1 of an audio-blind chart beside it."""
    return f"blind_{KINDS[kind]}_{mode}"


def row_figures(chart: Beatmap, against: Against) -> Figures:
    """Rows against the human ones, and audio-blind charts of as many rows."""
    rows, human = onset_times(chart.hit_objects), against.rows
    return {
        "rows_ratio": len(rows) / len(human),
        F1_OF[MATCHED]: matched_f1(rows, human),
        "slot_correlation": matthews_correlation(rows, against.slots),
        **{blind_name(MATCHED, kind): against.blind_matched[kind] for kind in KINDS},
        **{
            blind_name(DELIVERED, kind): blind_f1(
                kind,
                against.lines,
                human,
                stars=against.stars,
                count=len(rows),
                rng=_rng(against, kind),
            )
            for kind in KINDS
        },
    }


def line_figures(lines: LineScores, against: Against) -> Figures:
    """Figures of the lines that a model prefers, in place of its chart's rows.

    Args:
        lines: scores of the lines of the song, e.g. the highest start logit over columns.
        against: the human chart.
    """
    best = top_rows(lines, against.rows, _rng(against, "lines"))
    return {
        F1_OF[MATCHED]: matched_f1(best, against.rows),
        "slot_precision": average_precision(lines, against.slots),
    }


def blind_kinds(rows: Sequence[ResultRow]) -> dict[str, str]:
    """The audio-blind kind to beat, by mode: the one with the higher mean over songs.

    Args:
        rows: of one column.
    """
    having = _having_blind(rows)
    songs = [row.song for row in having]
    return {
        mode: better_kind(
            {k: [row.figures[blind_name(mode, k)] for row in having] for k in KINDS},
            songs,
            [row.chart for row in having],
        )
        for mode in F1_OF
        if having
    }


def with_gains(rows: Sequence[ResultRow]) -> list[ResultRow]:
    """The rows with their listening gains: F1 minus that of the audio-blind kind to beat.

    The kind is chosen for each column, over all its charts.
    """
    by_column: dict[tuple[str, str], list[ResultRow]] = {}
    for row in rows:
        if row.part == CHARTS:
            by_column.setdefault((row.column, row.timing), []).append(row)
    kinds = {column: blind_kinds(listed) for column, listed in by_column.items()}
    return [
        _with_gain(row, kinds[row.column, row.timing]) if row.part == CHARTS else row
        for row in rows
    ]


def _with_gain(row: ResultRow, kinds: Mapping[str, str]) -> ResultRow:
    gains = {
        f"gain_{mode}": row.figures.get(F1_OF[mode], math.nan)
        - row.figures.get(blind_name(mode, kind), math.nan)
        for mode, kind in kinds.items()
    }
    if row.failed and DELIVERED in kinds:  # no rows are no reason to be held against none
        blind = row.figures.get(blind_name(MATCHED, kinds[DELIVERED]), math.nan)
        gains[f"gain_{DELIVERED}"] = row.figures.get(F1_OF[DELIVERED], math.nan) - blind
    return replace(row, figures={**row.figures, **gains})


def _having_blind(rows: Sequence[ResultRow]) -> list[ResultRow]:
    return [row for row in rows if blind_name(MATCHED, METRE) in row.figures]


def _rng(against: Against, *words: str) -> np.random.Generator:
    return rng_for(against.song.name, against.human.version, *words)
