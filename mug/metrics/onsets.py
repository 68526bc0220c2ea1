"""Do two charts hit at the same times? One-to-one matching of onsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.errors import DataError


@dataclass(frozen=True)
class OnsetScore:
    """Precision, recall and F1 of matched onsets.

    Args:
        matched: pairs within the tolerance, each onset in at most one pair.
        predicted: onsets of the judged chart.
        reference: onsets of the chart it is judged against.
    """

    matched: int
    predicted: int
    reference: int

    @property
    def precision(self) -> float:
        """Share of the judged onsets that have a partner, 0 for an empty chart."""
        return self.matched / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of the reference onsets that have a partner, 0 for an empty reference."""
        return self.matched / self.reference if self.reference else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.predicted + self.reference
        return 2 * self.matched / total if total else 0.0


def onset_times(notes: Sequence[HitObject]) -> np.ndarray:
    """Distinct start times in ms, sorted; notes of a chord count once."""
    return np.unique(np.array([note.start_ms for note in notes], dtype=np.float64))


def match_onsets(
    predicted_ms: np.ndarray, reference_ms: np.ndarray, tolerance_ms: float
) -> list[tuple[int, int]]:
    """Index pairs of a largest one-to-one matching within a tolerance.

    Both inputs are sorted. Walking along both and pairing the two earliest candidates is optimal,
    because all tolerance windows have one length.
    """
    if tolerance_ms < 0:
        raise DataError("evaluation.tolerance_must_not_be_negative", value=tolerance_ms)
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(predicted_ms) and j < len(reference_ms):
        difference = predicted_ms[i] - reference_ms[j]
        if abs(difference) <= tolerance_ms:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif difference < 0:
            i += 1
        else:
            j += 1
    return pairs


def onset_score(
    predicted: Sequence[HitObject], reference: Sequence[HitObject], tolerance_ms: float = 50.0
) -> OnsetScore:
    """Score of one chart's onsets against another's.

    Args:
        predicted: the chart that is judged.
        reference: the chart it is judged against.
        tolerance_ms: how far apart two onsets of a pair may be.
    """
    ours, theirs = onset_times(predicted), onset_times(reference)
    return OnsetScore(len(match_onsets(ours, theirs, tolerance_ms)), len(ours), len(theirs))


def random_chart(reference: Beatmap, count: int, rng: np.random.Generator) -> Beatmap:
    """A chart that knows the density and nothing else: `count` onsets, uniform over the song.

    They lie between the first and the last object of the reference, at distinct milliseconds, in
    random columns.
    """
    objects = reference.hit_objects
    if not objects:
        raise DataError("evaluation.random_chart_needs_reference_with_notes", file=reference.path)
    first = int(min(note.start_ms for note in objects))
    last = max(int(max(note.start_ms for note in objects)), first + count)
    # Distinct milliseconds: notes of one moment would count as one onset.
    times = np.sort(rng.choice(np.arange(first, last + 1), size=count, replace=False))
    columns = rng.integers(0, reference.keys, size=count)
    return reference.with_objects(
        [Rice(int(c), int(t)) for c, t in zip(columns, times, strict=True)]
    )


def tail_score(
    predicted: Sequence[HitObject], reference: Sequence[HitObject], tolerance_ms: float = 50.0
) -> OnsetScore:
    """Score of the ends of long notes; arguments as for `onset_score`."""
    ours, theirs = (
        np.unique(np.array([n.end_ms for n in notes if isinstance(n, LongNote)], np.float64))
        for notes in (predicted, reference)
    )
    return OnsetScore(len(match_onsets(ours, theirs, tolerance_ms)), len(ours), len(theirs))


def column_score(
    predicted: Sequence[HitObject], reference: Sequence[HitObject], tolerance_ms: float = 50.0
) -> OnsetScore:
    """Score of the starts where a note counts only in its own column.

    Charts of one song may well use other columns: a diagnosis, no goal. Arguments as for
    `onset_score`.
    """
    matched = count = total = 0
    for column in {note.column for note in (*predicted, *reference)}:
        ours = onset_times([note for note in predicted if note.column == column])
        theirs = onset_times([note for note in reference if note.column == column])
        matched += len(match_onsets(ours, theirs, tolerance_ms))
        count, total = count + len(ours), total + len(theirs)
    return OnsetScore(matched, count, total)
