"""Fit of a chart's rows to its sound, as a model's rhythm scorer sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mug.beatmap.beatmap import Beatmap
from mug.pipeline.beat import song_with_lines
from mug.pipeline.decode import rows_of
from mug.pipeline.judge.score import Listening
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.model.song import EncodedSong
from mug.pipeline.rows import row_logits
from mug.pipeline.sample import ChartRequest
from mug.rhythm.rows import log_likelihood


def listening_of(
    model: LoadedModel, song: EncodedSong, beatmap: Beatmap, asked: Mapping[str, Any]
) -> Listening | None:
    """Return how likely the rows of a chart are where it sounds as it does.

    Args:
        model: from `load_model`.
        song: from the same model.
        beatmap: with its red lines.
        asked: the chart's prompt, whose stars and density the scorer is given.

    Returns:
        None for a model without a rhythm scorer, and for a chart without red lines.
    """
    if model.scorer is None or not model.in_beats or not beatmap.red_lines:
        return None
    placed = song_with_lines(model, song, beatmap.red_lines)
    rows = rows_of(model, placed, beatmap.hit_objects)
    assert rows is not None
    logits = row_logits(model, placed, ChartRequest(asked, {}, 0))
    share = 1 / (1 + np.exp(-logits))
    entropy = np.logaddexp(0, logits) - share * logits
    return Listening(log_likelihood(rows.reshape(-1) > 0, logits), -float(entropy.mean()))
