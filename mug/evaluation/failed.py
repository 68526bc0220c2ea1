"""Charts that cannot be measured: they count with the worst of each figure that has one."""

from __future__ import annotations

import math

from mug.evaluation.listening import blind_name
from mug.evaluation.rows import FAILED, Figures
from mug.evaluation.songs import Against
from mug.metrics.audio_blind import METRE, STARS

_NOUGHT = (
    "clean_rate",
    "f1_10",
    "f1_20",
    "f1_50",
    "f1_20_matched",
    "column_f1_20",
    "rows_ratio",
    "notes_ratio",
    "slot_correlation",
    "slot_precision",
    "density_energy",
    "self_similarity",
)
_TAILS = ("tail_f1_20", "tail_f1_50")
_JS = ("snap", "interval", "chord", "column", "jack", "hold", "transition", "mean")


def worst_figures(against: Against) -> Figures:
    """Figures of a chart that cannot be read or rated, against a human one.

    Figures without a worst value, e.g. the error of the star rating, are not there: the summaries
    count such charts beside the mean.
    """
    figures: Figures = {**dict.fromkeys(_NOUGHT, 0.0), "unreadable": 1.0, FAILED: 1.0}
    figures |= {f"js_{name}": 1.0 for name in _JS}
    if against.human.long_notes:
        figures |= dict.fromkeys(_TAILS, 0.0)
    for kind in (METRE, STARS):
        figures[blind_name("matched", kind)] = against.blind_matched[kind]
        figures[blind_name("delivered", kind)] = against.blind_matched[kind]
    return figures


def with_worst(figures: Figures, against: Against, *, empty: bool) -> Figures:
    """The figures of a failed chart; those that could be measured stay.

    Args:
        figures: as far as they could be measured.
        against: the human chart.
        empty: whether the chart has no notes: it is not praised for having no faults.
    """
    worst = worst_figures(against)
    known = {
        name: value
        for name, value in figures.items()
        if math.isfinite(value) and (not empty or name in worst or name.startswith("violations"))
    }
    unknown = dict.fromkeys(figures.keys() - known.keys(), math.nan)
    return {**unknown, **worst, **known, FAILED: 1.0}
