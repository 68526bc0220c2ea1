"""Notes of one column get their lines: none meets another, no hold is empty."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.snapping.lines import BeatLines, Permitted, voice
from mug.snapping.voices import line_cost

# Times of a column stay this far apart, so that they do after rounding to whole ms, too.
GAP_MS = 2.0 - 1e-6
# A tail without its line gives up a coarse line for a fine one that is so much nearer, a nat.
_TAIL_MS_PER_NAT = 25.0
TAIL_PREFERENCE = 1.5
_FINER, _OTHER_VOICE = 2.0, 6.0

DUPLICATE = "another note of its column has the same time"
INSIDE = "inside a hold of its column"
NO_LINE = "no free line within the tolerance"
NOW_A_TAP = "no room for its tail: it is a tap now"
UNFIT = "no line within the tolerance"


def _foreign(divisor: int, chosen: int) -> float:
    """Nats against a divisor in a beat that has chosen another: more for another voice."""
    if chosen % divisor == 0:
        return 0.0
    return _FINER if voice(divisor) == voice(chosen) else _OTHER_VOICE


@dataclass(frozen=True)
class SnapTarget:
    """Snap target of a note.

    Args:
        index: of the note in the input.
        note: as it came.
        start_ms: the line that its head wants.
        end_ms: the line that its tail wants; None for a tap.
        locked: it must stay as it came.
        kept: its head fits no line and stays where it is, if it can.
    """

    index: int
    note: HitObject
    start_ms: float
    end_ms: float | None
    locked: bool = False
    kept: bool = False


@dataclass(frozen=True)
class Removed:
    """A note that did not come through as what it was.

    Args:
        index: of the note in the input.
        hit_object: as it came.
        reason: why.
    """

    index: int
    hit_object: HitObject
    reason: str


@dataclass(frozen=True)
class Finder:
    """Looks for lines other than the one wanted.

    Args:
        lines: the grid.
        permitted: divisors of each beat.
        divisors: chosen divisor by section and beat.
        tolerance_ms: how far a head may be moved.
        keep_tails: a tail with no line between its head and the next note stays where it is;
            otherwise its hold becomes a tap.
    """

    lines: BeatLines
    permitted: Permitted
    divisors: dict[tuple[int, int], int]
    tolerance_ms: float
    keep_tails: bool = True

    def _near(self, time_ms: float, permitted: Permitted) -> list[tuple[float, int, float]]:
        """Lines on both sides, the divisor of each, and how foreign it is to the beat (nats)."""
        one = np.array([time_ms], dtype=np.float64)
        section, beat = int(self.lines.section(one)[0]), int(self.lines.beat(one)[0])
        chosen = self.divisors.get((section, beat), 1)
        divisors = permitted.of(section, beat)
        both = zip(*self.lines.around(time_ms, divisors), strict=True)
        return [
            (line, divisor, _foreign(divisor, chosen))
            for divisor, around in zip(divisors, both, strict=True)
            for line in around
        ]

    def heads(self, target: SnapTarget) -> Iterator[float]:
        """Places for a head, best first."""
        # The wanted line comes first, whatever its rarity: the whole beat was weighed for it.
        yield target.start_ms
        if target.locked or target.kept:
            return
        raw = target.note.start_ms
        near = [
            # Voice before distance: first the divisors that fit the beat best, then the nearest
            # line.
            (foreign, abs(line - raw), line)
            for line, _, foreign in self._near(raw, self.permitted)
        ]
        for _, distance, line in sorted(near):
            if distance <= self.tolerance_ms:
                yield line

    def tail(self, raw_ms: float, low_ms: float, high_ms: float) -> float | None:
        """A line for a tail within bounds; where there is none the raw time, or None."""
        if low_ms > high_ms:
            return None
        found = [
            (
                abs(line - raw_ms) / _TAIL_MS_PER_NAT
                + TAIL_PREFERENCE * line_cost(divisor)
                + foreign,
                line,
            )
            for line, divisor, foreign in self._near(
                # From within the bounds, and with all of the tier's divisors: a tail may end on any
                # line.
                min(max(raw_ms, low_ms), high_ms),
                Permitted(self.permitted.by_section),
            )
            if low_ms <= line <= high_ms
        ]
        if found:
            return min(found)[1]
        return raw_ms if self.keep_tails and low_ms <= raw_ms <= high_ms else None


def resolve_column(
    targets: Sequence[SnapTarget], finder: Finder, trim_ms: float
) -> tuple[dict[int, HitObject], list[Removed]]:
    """Give the notes of a column their places, the smallest moves first.

    Args:
        targets: of one column, in any order.
        finder: of other lines where one is taken.
        trim_ms: a hold that reaches no further into the next note is shortened; a note deeper
            inside is removed.

    Returns:
        The notes by index, and what was removed or changed its kind.
    """
    members, removed = _without_overlaps(targets, trim_ms)
    starts = _place_heads(members, finder, removed)
    placed: dict[int, HitObject] = {}
    ranks = sorted(starts)
    for place, rank in enumerate(ranks):
        target, start = members[rank], starts[rank]
        after = starts[ranks[place + 1]] if place + 1 < len(ranks) else math.inf
        note = target.note
        if target.locked or target.end_ms is None:
            placed[target.index] = note if target.locked else replace(note, start_ms=start)
            continue
        low, high = start + GAP_MS, after - GAP_MS
        end: float | None = target.end_ms
        if not low <= target.end_ms <= high:
            end = finder.tail(note.last_ms, low, high)
        if end is None:
            removed.append(Removed(target.index, note, NOW_A_TAP))
            placed[target.index] = Rice(
                note.column, start, note.hitsound, note.sample, note.new_combo
            )
        else:
            placed[target.index] = LongNote(
                note.column, start, end, note.hitsound, note.sample, note.new_combo
            )
    return placed, removed


def _without_overlaps(
    targets: Sequence[SnapTarget], trim_ms: float
) -> tuple[list[SnapTarget], list[Removed]]:
    """Take out what the raw notes have twice; a hold that is just too long is trimmed later."""
    kept: list[SnapTarget] = []
    removed: list[Removed] = []
    for target in sorted(targets, key=lambda w: (w.note.start_ms, -w.note.last_ms, w.index)):
        loser, reason = _loser(kept[-1], target, trim_ms) if kept else (None, "")
        if loser is not None:
            removed.append(Removed(loser.index, loser.note, reason))
        if kept and loser is kept[-1]:
            kept.pop()
        if loser is not target:
            kept.append(target)
    return kept, removed


def _loser(before: SnapTarget, target: SnapTarget, trim_ms: float) -> tuple[SnapTarget | None, str]:
    """The one of two neighbours that must go, and the reason."""
    if before.locked and target.locked:
        return None, ""
    if target.note.start_ms - before.note.start_ms < GAP_MS:
        is_longer = _length_ms(target.note) > _length_ms(before.note) and not before.locked
        return (before if target.locked or is_longer else target), DUPLICATE
    if target.note.start_ms < before.note.last_ms - trim_ms and not target.locked:
        return target, INSIDE
    return None, ""


def _length_ms(note: HitObject) -> float:
    return note.last_ms - note.start_ms


def _place_heads(
    members: Sequence[SnapTarget], finder: Finder, removed: list[Removed]
) -> dict[int, float]:
    """Start of each member that finds a place, by rank; the order of the raw notes is kept."""
    starts: dict[int, float] = {}

    def urgency(rank: int) -> tuple[bool, float, int]:
        target = members[rank]
        return not target.locked, abs(target.start_ms - target.note.start_ms), rank

    taken: list[int] = []  # ranks, rising
    for rank in sorted(range(len(members)), key=urgency):
        target = members[rank]
        place = bisect.bisect_left(taken, rank)
        low, high = -math.inf, math.inf
        if place:
            before = members[taken[place - 1]]
            low = before.note.last_ms if before.locked else starts[taken[place - 1]]
        if place < len(taken):
            high = starts[taken[place]]
        for start in finder.heads(target):
            if target.locked or low + GAP_MS <= start <= high - GAP_MS:
                starts[rank] = start
                taken.insert(place, rank)
                break
        else:
            removed.append(Removed(target.index, target.note, NO_LINE))
    return starts
