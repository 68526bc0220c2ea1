"""A whole spread, Easy to Expert, whose rhythms nest: an easier chart leaves out, never adds.

All charts are sampled from the same noise, so that they are variations of one another. Then, from
the hardest down, the rhythm of each is laid onto the onsets of the next harder one: a row of
notes goes to the nearest such onset within reach, or is left out. What that cost is reported.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mug.beatmap.hit_objects import HitObject, LongNote
from mug.errors import GenerationError
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.cleanup import Changes, Surroundings, mend_notes
from mug.pipeline.finish import red_lines_of
from mug.pipeline.request import MAX_COUNT, GenerationRequest, GenerationResult
from mug.pipeline.sample import Ask, ShouldStop, chart_seed
from mug.protocols import Progress
from mug.util import nearest

REACH = 0.5
"""How far a row may go to meet an onset of the harder chart, in beats."""

SAME_MS = 2.0
"""Onsets this close are one: two times that were rounded to whole milliseconds differ by less."""


@dataclass(frozen=True)
class Tier:
    """One difficulty of a spread.

    Args:
        name: as the game shows it.
        star_rating: what it is asked to have.
    """

    name: str
    star_rating: float


# Within the bounds of osu!'s own difficulty icons (2.0, 2.7, 4.0, 5.3), towards the middle.
TIERS = (
    Tier("Easy", 1.6),
    Tier("Normal", 2.4),
    Tier("Hard", 3.4),
    Tier("Insane", 4.6),
    Tier("Expert", 5.8),
)


@dataclass(frozen=True)
class Nesting:
    """How two neighbours of a spread fit.

    Args:
        easier: name of the easier chart.
        harder: name of the harder one.
        raw_share: share of the easier chart's onsets that the harder one has, as generated.
        share: the same in the finished charts.
        moved: notes of the easier chart that went to an onset of the harder one.
        left_out: notes of the easier chart with no onset within reach, or no place there.
    """

    easier: str
    harder: str
    raw_share: float
    share: float
    moved: int
    left_out: int


@dataclass(frozen=True)
class Spread:
    """A spread from easy to hard.

    Args:
        result: the charts, easiest first.
        nesting: one entry for each two neighbours, easiest first.
    """

    result: GenerationResult
    nesting: tuple[Nesting, ...]


def parse_tiers(text: str) -> tuple[Tier, ...]:
    """Tiers from a text such as `all`, `easy,hard` or `easy=1.5,my own=3.2`, easiest first.

    Raises:
        GenerationError: for an unknown name without a star rating, or a tier written twice.
    """
    if text.strip().lower() == "all":
        return TIERS
    known = {tier.name.lower(): tier for tier in TIERS}
    found: list[Tier] = []
    for part in text.split(","):
        name, equals, stars = (piece.strip() for piece in part.partition("="))
        if not equals and name.lower() not in known:
            raise GenerationError(
                "no such tier", value=name, remedy=nearest(name.lower(), [*known, "NAME=STARS"])
            )
        tier = known.get(name.lower(), Tier(name, 0.0))
        found.append(replace(tier, star_rating=_stars(stars)) if equals else tier)
    names = [tier.name for tier in found]
    if not all(names) or len(set(names)) < len(names):
        raise GenerationError("a spread needs tiers of different names", value=names)
    return tuple(sorted(found, key=lambda tier: tier.star_rating))


def _stars(text: str) -> float:
    try:
        stars = float(text)
    except ValueError as error:
        raise GenerationError("a star rating is a number", value=text) from error
    if not 0 < stars < 100:
        raise GenerationError("a star rating of a tier is above 0 and below 100", value=text)
    return stars


def make_spread(
    generator: ChartGenerator,
    request: GenerationRequest,
    tiers: Sequence[Tier] = TIERS,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> Spread:
    """Charts of one song for these tiers, whose rhythms nest.

    Args:
        generator: the model.
        request: the song, the rest of the prompt and how to sample; its count is not read.
        tiers: in any order.
        progress: called as `progress(done, total)` after every network step.
        should_stop: asked before every network step; True ends it with `Cancelled`.
    """
    if not 1 <= len(tiers) <= MAX_COUNT:
        raise GenerationError(f"a spread has 1 to {MAX_COUNT} tiers", value=len(tiers))
    tiers = sorted(tiers, key=lambda tier: tier.star_rating)
    seed = chart_seed(request.seed, 0)
    asks = [
        Ask({**request.prompt, "sr": tier.star_rating}, request.negative_prompt, seed)
        for tier in tiers
    ]
    finishes = [
        replace(request.finish, version=tier.name, star_rating=tier.star_rating) for tier in tiers
    ]
    made = generator.generate_each(request, asks, finishes, progress, should_stop)
    return nest_charts(made, generator.song(request.audio).duration_ms, request, tiers)


def nest_charts(
    made: GenerationResult, duration_ms: float, request: GenerationRequest, tiers: Sequence[Tier]
) -> Spread:
    """Finished charts, easiest first, with their rhythms nested."""
    red_lines = red_lines_of(request.finish, made.timing)
    where = Surroundings(made.beatmaps[0].keys, red_lines, duration_ms)
    charts, changes, nesting = list(made.beatmaps), list(made.changes), []
    for index in reversed(range(len(charts) - 1)):
        easier, harder = charts[index], charts[index + 1]
        nested = nest(easier.hit_objects, harder.hit_objects, REACH * red_lines[0].beat_ms)
        options = replace(request.finish, star_rating=tiers[index].star_rating)
        mending = Changes()  # moving rows makes new neighbours; starts stay where they are
        mended = mend_notes(nested.notes, options, where, mending)
        charts[index] = easier.with_objects(easier.with_objects(mended).sorted_objects())
        changes[index] = changes[index].plus(mending)
        nesting.append(
            Nesting(
                tiers[index].name,
                tiers[index + 1].name,
                nesting_share(easier.hit_objects, made.beatmaps[index + 1].hit_objects),
                nesting_share(charts[index].hit_objects, harder.hit_objects),
                nested.moved,
                nested.left_out,
            )
        )
    result = replace(
        made, beatmaps=tuple(charts), changes=tuple(changes), indices=(0,) * len(charts)
    )
    return Spread(result, tuple(reversed(nesting)))


def nesting_share(easier: Sequence[HitObject], harder: Sequence[HitObject]) -> float:
    """Share of the easier chart's onsets that the harder one has too; 1 where it has none."""
    onsets, there = _onsets(easier), _onsets(harder)
    if not onsets:
        return 1.0
    return sum(abs(_nearest(there, time) - time) <= SAME_MS for time in onsets) / len(onsets)


@dataclass(frozen=True)
class Nested:
    """Notes on the onsets of a harder chart.

    Args:
        notes: by time, then column.
        moved: how many went to another time.
        left_out: how many found no place.
    """

    notes: tuple[HitObject, ...]
    moved: int
    left_out: int


def nest(easier: Sequence[HitObject], harder: Sequence[HitObject], reach_ms: float) -> Nested:
    """Notes moved, row by row, to the nearest onset of a harder chart.

    Of two rows that want one onset the nearer gets it, and the other is left out, so that chords
    do not grow. Holds keep their end; one that would end before its start, or meet the next note
    of its column, is left out.

    Args:
        easier: notes to move.
        harder: whose starts count.
        reach_ms: how far a row may go.
    """
    onsets = _onsets(harder)
    claims: dict[float, float] = {}  # onset: the row that gets it
    for time in _onsets(easier):
        onset = _nearest(onsets, time)
        holder = claims.get(onset)
        if abs(onset - time) <= reach_ms and (
            holder is None or abs(onset - time) < abs(onset - holder)
        ):
            claims[onset] = time
    goes_to = {time: onset for onset, time in claims.items()}
    notes: list[HitObject] = []
    free_from: dict[int, float] = {}
    moved = 0
    for note in sorted(easier, key=lambda n: (n.start_ms, n.column)):
        onset = goes_to.get(note.start_ms, float("nan"))
        there = replace(note, start_ms=onset)
        fits = onset > free_from.get(note.column, float("-inf"))
        if not fits or (isinstance(there, LongNote) and there.end_ms <= onset):
            continue
        moved += onset != note.start_ms
        free_from[note.column] = there.last_ms
        notes.append(there)
    return Nested(tuple(notes), moved, len(easier) - len(notes))


def _onsets(notes: Sequence[HitObject]) -> list[float]:
    return sorted({note.start_ms for note in notes})


def _nearest(times: Sequence[float], time: float) -> float:
    """The nearest of sorted times; infinitely far where there is none."""
    place = bisect.bisect_left(times, time)
    near = [*times[max(place - 1, 0) : place], *times[place : place + 1]]
    return min(near, key=lambda one: abs(one - time), default=float("inf"))


def describe_spread(spread: Spread) -> list[dict[str, Any]]:
    """How neighbours fit, as plain containers."""
    return [
        {
            "easier": one.easier,
            "harder": one.harder,
            "raw_share": round(one.raw_share, 4),
            "share": round(one.share, 4),
            "moved": one.moved,
            "left_out": one.left_out,
        }
        for one in spread.nesting
    ]
