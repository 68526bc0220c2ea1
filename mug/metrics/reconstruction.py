"""Reconstruction of a chart by an autoencoder, compared object by object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mug.beatmap.hit_objects import HitObject, LongNote
from mug.metrics.onsets import match_onsets


@dataclass(frozen=True)
class ReconstructionScore:
    """Counts over one or more charts, and the time errors of what was matched.

    Args:
        matched: objects found again in their column.
        rebuilt: objects of the rebuilt charts.
        original: objects of the original charts.
        long_matched: long notes found again as long notes.
        long_original: long notes of the original charts.
        errors_ms: rebuilt minus original start time of every matched object.
    """

    matched: int
    rebuilt: int
    original: int
    long_matched: int
    long_original: int
    errors_ms: tuple[float, ...]

    @property
    def precision(self) -> float:
        """Share of the rebuilt objects that the original has."""
        return self.matched / self.rebuilt if self.rebuilt else 0.0

    @property
    def recall(self) -> float:
        """Share of the original objects that were rebuilt."""
        return self.matched / self.original if self.original else 0.0

    @property
    def long_recall(self) -> float:
        """Share of the original long notes that were rebuilt as long notes; 1 if there are none."""
        return self.long_matched / self.long_original if self.long_original else 1.0

    @property
    def median_error_ms(self) -> float:
        """Median of the absolute start-time errors, not a number if nothing matched."""
        return float(np.median(np.abs(self.errors_ms))) if self.errors_ms else float("nan")


def reconstruction_score(
    rebuilt: Sequence[HitObject], original: Sequence[HitObject], tolerance_ms: float = 50.0
) -> ReconstructionScore:
    """Match two charts column by column, one to one.

    Args:
        rebuilt: what came out of the autoencoder.
        original: what went in.
        tolerance_ms: how far a start may move and still be the same object.
    """
    matched = long_matched = 0
    errors: list[float] = []
    # Columns that the original leaves empty have nothing to be found again; notes there count
    # against precision.
    for column in {note.column for note in original}:
        ours = sorted((n for n in rebuilt if n.column == column), key=lambda n: n.start_ms)
        theirs = sorted((n for n in original if n.column == column), key=lambda n: n.start_ms)
        pairs = match_onsets(_starts(ours), _starts(theirs), tolerance_ms)
        matched += len(pairs)
        errors += [float(ours[i].start_ms - theirs[j].start_ms) for i, j in pairs]
        long_matched += sum(
            isinstance(ours[i], LongNote) and isinstance(theirs[j], LongNote) for i, j in pairs
        )
    return ReconstructionScore(
        matched=matched,
        rebuilt=len(rebuilt),
        original=len(original),
        long_matched=long_matched,
        long_original=sum(isinstance(note, LongNote) for note in original),
        errors_ms=tuple(errors),
    )


def pooled(scores: Iterable[ReconstructionScore]) -> ReconstructionScore:
    """One score over several charts: counts added, errors joined."""
    listed = list(scores)
    return ReconstructionScore(
        matched=sum(s.matched for s in listed),
        rebuilt=sum(s.rebuilt for s in listed),
        original=sum(s.original for s in listed),
        long_matched=sum(s.long_matched for s in listed),
        long_original=sum(s.long_original for s in listed),
        errors_ms=tuple(error for s in listed for error in s.errors_ms),
    )


def _starts(notes: Sequence[HitObject]) -> np.ndarray:
    return np.array([note.start_ms for note in notes], dtype=np.float64)
