"""Charts made harder: rows taken over and chords widened, what carries the music first."""

from __future__ import annotations

import bisect
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.lint.column_rules import pair_rule
from mug.pipeline.arrange.drop_notes import turn, weakness
from mug.pipeline.arrange.sources import NoteSources, OnsetTimes
from mug.snapping.lines import BeatLines, Times
from mug.snapping.options import TIERS as SNAP_TIERS
from mug.tiers import LIMITS, Tier, TierLimits

_METRIC = {0: 1.0, 1: 0.8, 2: 0.5, 3: 0.3, 4: 0.3}  # by `weakness`; what is finer has nothing
_METRIC_SHARE, _ACCENT_SHARE, _SUPPORT_SHARE, _BUSY_SHARE = 0.2, 0.3, 0.2, 0.3
_AROUND_BEATS = 4.0  # on either side, that a passage is judged by
_CHORD_COST = (0.0, 0.35, 0.75, 1.1)  # of the first, second ... note of a row
_LATER_COST = 0.35  # of each note beyond these
_BEYOND_COST = 0.6  # of a chord that is larger than any the sources have there
_STRESSED, _MORE = 0.75, 2  # rank of an onset from which a chord may have so many notes more
_GAP_BEATS, _GAP_MS = 0.22, 60.0  # least distance of a new row, the lesser of the two
_STEP = 0.05  # values nearer than this are one, so that bars that are alike stay alike
_PREFERRED_MS = 120.0  # rest of a column that a note of the sources there is worth
_FAR_MS = 1500.0  # rest of a column beyond which more is not better
_JACKS_FROM = Tier.INSANE  # jacks are a skill of such charts; a lint error before


@dataclass(frozen=True)
class NotePlace:
    """A place for a note.

    Args:
        time_ms: of its row.
        value: how much speaks for it.
        turn: when its place in the bar has its turn.
    """

    time_ms: float
    value: float
    turn: float


def adding_order(
    notes: Sequence[HitObject],
    sources: NoteSources,
    onsets: OnsetTimes,
    red_lines: Sequence[TimingPoint],
    *,
    keys: int,
    tier: Tier,
    barred: Collection[tuple[float, int]] = (),
) -> tuple[HitObject, ...]:
    """Notes that may join a chart, the first to join first; any first few of them keep the rules.

    New rows and further notes of rows there are: by the metre, by how strong the sound's onset is,
    by how many charts have a row there, and by how busy they are around it, so that a chart grows
    most where the music does. A note goes to the column that rests longest, rather
    where the sources have one. None comes closer to a note of its column than a jack of the tier,
    nor into a hold, no chord grows beyond the tier's, and no new row stands closer to another than
    the tier's lines do. From Insane on, notes that make jacks follow those that make none.

    Args:
        notes: the chart.
        sources: what may be added.
        onsets: onsets of the sound.
        red_lines: the beat.
        keys: columns.
        tier: whose limits hold.
        barred: times and columns where no note may join.
    """
    limits, lines = LIMITS[tier], BeatLines(red_lines)
    columns = Columns(notes, keys, limits)
    rows = sorted({note.start_ms for note in notes})
    places = _note_places(notes, sources, onsets, lines, limits.chord_notes(keys))
    added_notes, crowded = _placed(places, sources, columns, rows, lines, tier, barred)
    if tier >= _JACKS_FROM:
        columns.limits = replace(limits, jack_ms=limits.mini_jack_ms)
        added_notes += _placed(crowded, sources, columns, rows, lines, tier, barred)[0]
    return tuple(added_notes)


def _placed(
    places: Sequence[NotePlace],
    sources: NoteSources,
    columns: Columns,
    rows: list[float],
    lines: BeatLines,
    tier: Tier,
    barred: Collection[tuple[float, int]],
) -> tuple[list[HitObject], list[NotePlace]]:
    """Notes for places in turn, which join columns and rows, and the places without room."""
    added_notes: list[HitObject] = []
    crowded: list[NotePlace] = []
    for candidate in places:
        time = candidate.time_ms
        place = bisect.bisect_left(rows, time)
        new = rows[place : place + 1] != [time]
        beat_ms = float(lines.beat_ms[lines.section(np.array([time]))[0]])
        gap = max(SNAP_TIERS[tier].least_gap_ms, min(_GAP_BEATS * beat_ms, _GAP_MS))
        if new and any(abs(row - time) < gap for row in rows[max(place - 1, 0) : place + 1]):
            continue
        found = columns.place(time, sources.rows.get(time, ()), barred)
        if found is None:
            crowded.append(candidate)
            continue
        added_notes.append(found)
        if new:
            rows.insert(place, time)
    return added_notes, crowded


def _note_places(
    notes: Sequence[HitObject],
    sources: NoteSources,
    onsets: OnsetTimes,
    lines: BeatLines,
    most: int,
) -> list[NotePlace]:
    """Places for notes, the best first."""
    size: dict[float, int] = {}
    for note in notes:
        size[note.start_ms] = size.get(note.start_ms, 0) + 1
    times = np.array(sorted(sources.rows), np.float64)
    if not len(times):
        return []
    metric = np.array([_METRIC.get(int(w), 0.0) for w in weakness(times, lines)])
    accent, turns = onsets.accents(times), turn(times, lines)
    support = np.array([sources.support[time] for time in times.tolist()])
    busy = _busy(times, sources, lines)
    value = _METRIC_SHARE * metric + _ACCENT_SHARE * accent
    value += _SUPPORT_SHARE * support + _BUSY_SHARE * busy
    places = []
    for index, time in enumerate(times.tolist()):
        there = len({note.column for note in sources.rows[time]})
        widest = max(there, 1) + (_MORE if accent[index] >= _STRESSED else there > 0)
        for place in range(size.get(time, 0), min(most, widest)):
            beyond = _BEYOND_COST if place >= max(there, 1) else 0.0
            worth = float(value[index]) - _chord_cost(place) - beyond
            places.append(NotePlace(time, round(worth / _STEP), float(turns[index])))
    return sorted(places, key=lambda o: (-o.value, o.turn, o.time_ms))


def _busy(times: Times, sources: NoteSources, lines: BeatLines) -> Times:
    """Rank of the number of notes around each time in the sources: 0 the fewest ... 1 the most."""
    counts = np.array([len(sources.rows[time]) for time in times.tolist()])
    sums = np.concatenate([[0], np.cumsum(counts)])
    around = _AROUND_BEATS * lines.beat_ms[lines.section(times)]
    first, last = np.searchsorted(times, times - around), np.searchsorted(times, times + around)
    near = sums[last] - sums[first]
    ranks: Times = np.searchsorted(np.sort(near), near, side="right") / len(near)
    return ranks


def _chord_cost(place: int) -> float:
    beyond = max(place - len(_CHORD_COST) + 1, 0)
    return _CHORD_COST[place - beyond] + _LATER_COST * beyond


class Columns:
    """The notes of each column in order, and where one more has room.

    Args:
        notes: of a chart.
        keys: columns.
        limits: of the tier.
    """

    def __init__(self, notes: Sequence[HitObject], keys: int, limits: TierLimits) -> None:
        self.limits = limits
        self._notes: list[list[HitObject]] = [[] for _ in range(keys)]
        for note in sorted(notes, key=lambda n: n.start_ms):
            self._notes[note.column].append(note)
        self._starts = [[note.start_ms for note in column] for column in self._notes]

    def place(
        self,
        time_ms: float,
        preferred: Sequence[HitObject],
        barred: Collection[tuple[float, int]] = (),
    ) -> HitObject | None:
        """Put a note where it fits best, a preferred one rather; None where there is no room.

        Args:
            time_ms: start.
            preferred: notes at this time that other charts have, likeliest first.
            barred: times and columns that are not to be used.
        """
        best: tuple[float, HitObject] | None = None
        for column in range(len(self._notes)):
            if (time_ms, column) in barred:
                continue
            here = [note for note in preferred if note.column == column][:1]
            for note in (*here, Rice(column, time_ms)):
                rest = self.rest(note)
                if rest is None:
                    continue
                worth = min(rest, _FAR_MS) + (_PREFERRED_MS if here else 0.0)
                if best is None or worth > best[0]:
                    best = worth, note
                break
        if best is None:
            return None
        note = best[1]
        place = bisect.bisect_right(self._starts[note.column], note.start_ms)
        self._starts[note.column].insert(place, note.start_ms)
        self._notes[note.column].insert(place, note)
        return note

    def rest(self, note: HitObject) -> float | None:
        """Time to the nearest other start in the column; None where a rule would be broken."""
        own, limits = self._notes[note.column], self.limits
        if isinstance(note, LongNote) and note.end_ms - note.start_ms < limits.hold_ms:
            return None
        place = bisect.bisect_left(self._starts[note.column], note.start_ms)
        rests = [float("inf")]
        if place > 0:
            if not _may_follow(own[place - 1], note, limits):
                return None
            rests.append(note.start_ms - own[place - 1].start_ms)
        if place < len(own):
            if not _may_follow(note, own[place], limits):
                return None
            rests.append(own[place].start_ms - note.start_ms)
        return min(rests)


def _may_follow(first: HitObject, second: HitObject, limits: TierLimits) -> bool:
    """Return whether two notes of a column are no jack and break no other rule about a pair."""
    too_near = second.start_ms - first.start_ms <= limits.jack_ms
    return not too_near and pair_rule(first, second, limits) is None
