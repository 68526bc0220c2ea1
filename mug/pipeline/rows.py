"""Rows of a chart before its notes, for a model that reads lines."""

from __future__ import annotations

from mug.encoding.bound_rows import RowTable
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.sample import ChartRequest, EncodedSong, KnownRegion


def rows_for(
    model: LoadedModel, song: EncodedSong, chart: ChartRequest, known: KnownRegion | None
) -> RowTable | None:
    """Rows of one chart; None for a model without a rhythm scorer."""
    return None
