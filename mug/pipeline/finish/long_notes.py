"""The share of long notes that was asked for: taps become holds where there is room, or holds taps.

A model writes such shares as it has seen. Beyond them it is of little use to ask it for more.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Sequence

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.lint.column_rules import pair_rule
from mug.tiers import TierLimits

WITHIN = 0.05
"""Distance from the share asked for at which a chart stays as it is."""

_LEAST_MS = 90.0  # of a new hold: shorter ones look like taps
_LONGEST_MS = 1600.0  # of a new hold
_EVEN_MS = 20.0  # holds nearer in length than this are alike, and the earlier one comes first


def with_share_held(
    notes: Sequence[HitObject], share: float, limits: TierLimits, end_ms: float
) -> list[HitObject]:
    """Notes of which a share is held, as nearly as the tier's rules allow.

    A tap is held until a later row begins, the longest rests of a column first; a hold that is one
    too many becomes a tap, the shortest first. Charts within `WITHIN` of the share stay as they
    are, and so does each note that would break a rule with its neighbours.

    Args:
        notes: of a chart, in any order.
        share: of long notes, 0 ... 1.
        limits: of the tier: least length, release and distance to a tap before.
        end_ms: of the song; no new hold goes beyond.

    Returns:
        As many notes with the same columns and starts, in the order given.
    """
    held = [isinstance(note, LongNote) for note in notes]
    if not notes or abs(sum(held) / len(notes) - share) <= WITHIN + 1e-9:
        return list(notes)
    more = round(share * len(notes)) - sum(held)
    chart = _Columns(notes, limits, end_ms)
    for place in chart.longest_rests() if more > 0 else chart.shortest_holds():
        if more == 0:
            break
        if chart.turn(place):
            more += 1 if more < 0 else -1
    return chart.notes


class _Columns:
    """Notes, and what comes before and after each in its column.

    Args:
        notes: of a chart.
        limits: of the tier.
        end_ms: of the song.
    """

    def __init__(self, notes: Sequence[HitObject], limits: TierLimits, end_ms: float) -> None:
        self.notes, self._limits, self._end_ms = list(notes), limits, end_ms
        self._rows = sorted({note.start_ms for note in notes})
        self._before: dict[int, int] = {}
        self._after: dict[int, int] = {}
        columns: dict[int, list[int]] = defaultdict(list)
        for place in sorted(range(len(notes)), key=lambda p: notes[p].start_ms):
            column = columns[notes[place].column]
            if column:
                self._before[place], self._after[column[-1]] = column[-1], place
            column.append(place)

    def longest_rests(self) -> list[int]:
        """Return the places of taps, those that can be held longest first."""
        lengths = {
            place: (self._hold_end(place) or note.start_ms) - note.start_ms
            for place, note in enumerate(self.notes)
            if not isinstance(note, LongNote)
        }
        return sorted(lengths, key=lambda p: (-(lengths[p] // _EVEN_MS), self.notes[p].start_ms, p))

    def shortest_holds(self) -> list[int]:
        """Return the places of holds, the shortest first."""
        lengths = {
            place: note.end_ms - note.start_ms
            for place, note in enumerate(self.notes)
            if isinstance(note, LongNote)
        }
        return sorted(lengths, key=lambda p: (lengths[p] // _EVEN_MS, self.notes[p].start_ms, p))

    def turn(self, place: int) -> bool:
        """Make a hold of a tap, or a tap of a hold, where no rule is broken; whether it was."""
        note = self.notes[place]
        if isinstance(note, LongNote):
            turned: HitObject = Rice(note.column, note.start_ms)
        else:
            end_ms = self._hold_end(place)
            if end_ms is None:
                return False
            turned = LongNote(note.column, note.start_ms, end_ms)
        if not self._fits(place, turned):
            return False
        self.notes[place] = turned
        return True

    def _hold_end(self, place: int) -> float | None:
        """Begin of the first later row at which a hold may end; None where there is none."""
        start = self.notes[place].start_ms
        least = start + max(self._limits.hold_ms, _LEAST_MS)
        last = min(self._end_ms, start + _LONGEST_MS)
        if (after := self._after.get(place)) is not None:
            last = min(last, self.notes[after].start_ms - self._limits.release_ms)
        later = self._rows[bisect.bisect_left(self._rows, least) :][:1]
        return later[0] if later and later[0] <= last else None

    def _fits(self, place: int, turned: HitObject) -> bool:
        """Return whether a note breaks no rule with its neighbours."""
        before, after = self._before.get(place), self._after.get(place)
        return (before is None or pair_rule(self.notes[before], turned, self._limits) is None) and (
            after is None or pair_rule(turned, self.notes[after], self._limits) is None
        )
