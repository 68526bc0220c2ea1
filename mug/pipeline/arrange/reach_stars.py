"""A chart brought to a star rating: notes join where it is too easy, and leave where too hard."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject
from mug.difficulty.stars import StarRater, star_rating
from mug.lint.rules import lint
from mug.pipeline.arrange.add_notes import adding_order
from mug.pipeline.arrange.drop_notes import crossing, drop_notes
from mug.pipeline.arrange.sources import (
    NoteSources,
    OnsetTimes,
    allowed_lines,
    note_sources,
    onset_lines,
)
from mug.pipeline.finish.cleanup import Changes, Surroundings, fix_notes, snap_notes
from mug.pipeline.finish.options import FinishOptions
from mug.snapping.lines import BeatLines
from mug.tiers import Tier, tier_of

_ROUNDS = 4
_POINTED_AT = ("error", "warning")


Place = tuple[float, int]
"""Start and column of a note."""

Stars = Callable[[int], float]
"""Star rating by how many notes have gone or joined."""


@dataclass(frozen=True)
class _Charts:
    """Charts of one song, rated.

    Args:
        fixed: a chart of some notes, fixed; its stars; changes of the fixing.
        rated: the stars of notes as they are: nearly those of the fixed chart.
    """

    fixed: Callable[..., tuple[Beatmap, float, Changes]]
    rated: StarRater

    def without(self, notes: Sequence[HitObject], order: Sequence[HitObject]) -> Stars:
        """Stars of notes of which the first few of an order are gone."""
        turns = {note: turn for turn, note in reversed(list(enumerate(order)))}
        turn_of = [turns.get(note, len(order)) for note in notes]
        rated = self.rated.parts(notes)
        return lambda gone: rated(lambda i: turn_of[i] >= gone)

    def joined(self, notes: Sequence[HitObject], order: Sequence[HitObject]) -> Stars:
        """Stars of notes that the first few of an order join."""
        rated = self.rated.parts([*notes, *order])
        return lambda joining: rated(lambda i: i < len(notes) + joining)


@dataclass(frozen=True)
class ReachedChart:
    """A chart with the stars that it could get.

    Args:
        chart: finished.
        stars: its star rating, 0 without notes.
        changes: what fixing did.
        dropped: notes left out.
        added: notes of it that joined.
    """

    chart: Beatmap
    stars: float
    changes: Changes
    dropped: int
    added: tuple[HitObject, ...]


@dataclass(frozen=True)
class StarGoal:
    """Star rating that a chart is to reach, and the rules for changing it.

    Args:
        stars: not to be exceeded, and to be reached where the sources allow.
        finish: how the chart is fixed; its star rating gives the tier.
        where: columns, red lines and length of the song.
        onsets: onsets of the sound.
    """

    stars: float
    finish: FinishOptions
    where: Surroundings
    onsets: OnsetTimes

    @property
    def tier(self) -> Tier:
        """Tier whose limits hold."""
        return tier_of(self.finish.star_rating or 0.0)


def reach_stars(
    chart: Beatmap, notes: Sequence[HitObject], sources: NoteSources, goal: StarGoal
) -> ReachedChart:
    """A chart of these notes with as many stars as the goal has, or as near below as can be.

    What lint still points at after fixing is fixed here: an added note that is part of it does
    not join, else one of the notes is left out, and the stars are sought again.

    Args:
        chart: whose names and timing stay.
        notes: to begin with.
        sources: what may be added where that is too easy.
        goal: the stars, and by what rules.
    """
    barred: set[Place] = set()
    left_out: set[HitObject] = set()

    rated = StarRater(chart)

    @cache
    def fixed(*some: HitObject) -> tuple[Beatmap, float, Changes]:
        # The search comes back to where it began, and ends where it has been.
        return _fixed_chart(chart, some, goal, rated)

    charts = _Charts(fixed, rated)
    count: int | None = None  # of notes that went or joined; a later round changes few
    for _ in range(_ROUNDS):
        kept = [note for note in notes if note not in left_out]
        added_notes: tuple[HitObject, ...] = ()
        if fixed(*kept)[1] > goal.stars:
            stay = _dropped(charts, kept, goal, count)
            kept, count = list(stay), len(kept) - len(stay)
        else:
            added_notes = _added_notes(charts, kept, sources, goal, barred, count)
            count = len(added_notes)
        done, stars, changes = fixed(*kept, *added_notes)
        blamed = _blamed(done, added_notes, goal)
        joiners = {_place(note) for note in added_notes}
        stays = {note for note in blamed if _place(note) not in joiners}
        if not blamed or not (stays - left_out or barred < barred | {_place(n) for n in blamed}):
            break
        barred |= {_place(note) for note in blamed}
        left_out |= stays
    there = {_place(note) for note in done.hit_objects}
    added = tuple(note for note in added_notes if _place(note) in there)
    return ReachedChart(done, stars, changes, len(notes) - len(kept), added)


def collect_sources(raw: Sequence[Sequence[HitObject]], goal: StarGoal) -> NoteSources:
    """Collect what a chart may take over: rows of all charts of the model, and onsets of the sound.

    Args:
        raw: notes as the network wrote them, of each chart.
        goal: how they are snapped, and to what.
    """
    charts = [snap_notes(notes, goal.finish, goal.where, Changes()) for notes in raw]
    if not goal.where.red_lines:
        return note_sources(charts)
    lines = BeatLines(goal.where.beats)
    rows_ms = np.array([note.start_ms for notes in charts for note in notes], np.float64)
    allowed = allowed_lines(goal.finish, lines)
    return note_sources(charts, onset_lines(goal.onsets, lines, allowed, rows_ms))


def _dropped(
    charts: _Charts, notes: Sequence[HitObject], goal: StarGoal, guess: int | None
) -> tuple[HitObject, ...]:
    return drop_notes(
        notes,
        goal.where.beats,
        lambda some: charts.fixed(*some)[1] - goal.stars,
        goal.onsets.accents,
        guess,
        lambda order: _beyond(charts.without(notes, order), goal),
    )


def _added_notes(
    charts: _Charts,
    notes: Sequence[HitObject],
    sources: NoteSources,
    goal: StarGoal,
    barred: Collection[Place],
    guess: int | None,
) -> tuple[HitObject, ...]:
    """The notes that may join before the chart has more stars than it should."""
    order = adding_order(
        notes,
        sources,
        goal.onsets,
        goal.where.beats,
        keys=goal.where.keys,
        tier=goal.tier,
        barred=barred,
    )
    near = crossing(len(order), _beyond(charts.joined(notes, order), goal), guess)
    count = crossing(len(order), lambda n: charts.fixed(*notes, *order[:n])[1] - goal.stars, near)
    return order[:count]


def _beyond(stars: Stars, goal: StarGoal) -> Callable[[int], float]:
    """Return a function of how far star ratings lie above the goal."""
    return lambda count: stars(count) - goal.stars


def _blamed(chart: Beatmap, added_notes: Sequence[HitObject], goal: StarGoal) -> set[HitObject]:
    """Notes without which lint has nothing to point at: joined ones, else one of each finding."""
    joiners = {_place(note) for note in added_notes}
    blamed: set[HitObject] = set()
    for finding in lint(chart, tier=goal.tier, audio_ms=goal.where.duration_ms):
        part = [
            note
            for note in chart.hit_objects
            if finding.time_ms <= note.start_ms <= finding.end_ms and note.column in finding.columns
        ]
        if finding.severity in _POINTED_AT and part:
            new = {note for note in part if _place(note) in joiners}
            blamed |= new or {part[len(part) // 2]}
    return blamed


def _place(note: HitObject) -> Place:
    return note.start_ms, note.column


def _fixed_chart(
    chart: Beatmap, notes: Sequence[HitObject], goal: StarGoal, rated: StarRater
) -> tuple[Beatmap, float, Changes]:
    """A chart of these notes, fixed; its stars; what fixing did."""
    changes = Changes()
    fixed = fix_notes(notes, goal.finish, goal.where, changes)
    done = chart.with_objects(chart.with_objects(tuple(fixed)).sorted_objects())
    return done, rated(done.hit_objects), changes


def stars_of(chart: Beatmap) -> float:
    """The star rating; 0 stars are those of a chart without notes."""
    return star_rating(chart) if chart.hit_objects else 0.0
