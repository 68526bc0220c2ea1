"""A whole spread, Easy to Expert, whose rhythms nest and whose star ratings rise.

All charts of one number are sampled from the same noise, so that they are variations of one
another. A model need not obey the star rating that it is asked for, so each tier gets the chart
whose stars are nearest, in rising order. Then, from the hardest down, each is brought to the stars
that its tier is to have: too easy, the hardest takes over rows of the other charts, and rows where
the sound has an onset, and its chords grow; an easier chart's rhythm is laid onto the onsets of the
next harder one, and takes over only what that has. Too hard, a chart loses notes. What all that
cost, and what could not be reached, is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from mug.beatmap.beatmap import Beatmap
from mug.errors import GenerationError
from mug.pipeline.arrange.nest import Nested, nest, nesting_share
from mug.pipeline.arrange.reach_stars import StarGoal, collect_sources, reach_stars, stars_of
from mug.pipeline.arrange.sources import (
    NoteSources,
    OnsetTimes,
    allowed_lines,
    note_sources,
    on_lines,
)
from mug.pipeline.finish.chart import finish_chart, red_lines_of
from mug.pipeline.finish.cleanup import Surroundings
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.plan import TIERS, SpreadTier
from mug.pipeline.request import GenerationRequest, GenerationResult
from mug.pipeline.sample import ChartRequest, chart_seed
from mug.snapping.lines import BeatLines
from mug.util import nearest

REACH = 0.5
"""Largest move of a row to an onset of the harder chart, in beats."""

STEP = 0.2
"""Least difference in stars between a chart and the next harder one."""

TOLERANCE = 0.25
"""Distance of a tier from its star rating from which the report says that it was missed."""


@dataclass(frozen=True)
class Nesting:
    """Nesting of two neighbours of a spread.

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
class Rung:
    """A chart of a spread and its star ratings; 0 stars are those of a chart without notes.

    Args:
        tier: what it is to be.
        asked: star rating that the model was asked for when it made this chart.
        made: star rating of the chart by itself.
        reached: star rating in the spread.
        dropped: notes left out after nesting to get there.
        added: notes taken over to get there.
        from_sound: those of them in rows that no chart of the model has, only the sound.
    """

    tier: SpreadTier
    asked: float
    made: float
    reached: float
    dropped: int
    added: int = 0
    from_sound: int = 0

    @property
    def missed(self) -> bool:
        """Return whether the stars are farther from the tier's than the tolerance."""
        return abs(self.reached - self.tier.star_rating) > TOLERANCE


@dataclass(frozen=True)
class Spread:
    """A spread from easy to hard.

    Args:
        result: the charts, easiest first.
        nesting: one entry for each two neighbours, easiest first.
        rungs: one entry for each chart.
        places: of each chart among those that it was chosen from.
    """

    result: GenerationResult
    nesting: tuple[Nesting, ...]
    rungs: tuple[Rung, ...]
    places: tuple[int, ...]

    @property
    def rising(self) -> bool:
        """Return whether each chart has more stars than the one before it."""
        return all(a.reached < b.reached for a, b in pairwise(self.rungs))

    @property
    def reordered(self) -> bool:
        """Return whether the model made an easier chart where a harder one was asked for."""
        return any(a.asked > b.asked for a, b in pairwise(self.rungs))


def parse_tiers(text: str) -> tuple[SpreadTier, ...]:
    """Tiers from a text such as `all`, `easy,hard` or `easy=1.5,my own=3.2`, easiest first.

    Raises:
        GenerationError: for an unknown name without a star rating, or a tier written twice.
    """
    if text.strip().lower() == "all":
        return TIERS
    known = {tier.name.lower(): tier for tier in TIERS}
    found: list[SpreadTier] = []
    for part in text.split(","):
        name, equals, stars = (piece.strip() for piece in part.partition("="))
        if not equals and name.lower() not in known:
            raise GenerationError(
                "common.no_such_tier",
                value=name,
                remedy=nearest(name.lower(), [*known, "NAME=STARS"]),
            )
        tier = known.get(name.lower(), SpreadTier(name, 0.0))
        found.append(replace(tier, star_rating=_parsed_stars(stars)) if equals else tier)
    names = [tier.name for tier in found]
    if not all(names) or len(set(names)) < len(names):
        raise GenerationError("pipeline.spread_needs_tiers_of_different_names", value=names)
    return tuple(sorted(found, key=lambda tier: tier.star_rating))


def _parsed_stars(text: str) -> float:
    try:
        stars = float(text)
    except ValueError as error:
        raise GenerationError("common.star_rating_is_number", value=text) from error
    if not 0 < stars < 100:
        raise GenerationError("pipeline.star_rating_out_of_range", value=text)
    return stars


def spread_requests(
    request: GenerationRequest, tiers: Sequence[SpreadTier], candidates: int
) -> list[ChartRequest]:
    """Return what to ask a model for: each tier, once a candidate.

    All charts of one candidate begin with the same noise.

    Args:
        request: the rest of the prompt, and the seed.
        tiers: easiest first.
        candidates: charts for each tier, to choose and to take over from.
    """
    return [
        ChartRequest(
            {**request.prompt, "sr": tier.star_rating},
            request.negative_prompt,
            chart_seed(request.seed, number),
        )
        for number in range(candidates)
        for tier in tiers
    ]


def tier_finishes(request: GenerationRequest, tiers: Sequence[SpreadTier]) -> list[FinishOptions]:
    """Return how a chart of each tier is finished."""
    return [
        replace(request.finish_by_prompt, version=tier.name, star_rating=tier.star_rating)
        for tier in tiers
    ]


def nest_charts(
    made: GenerationResult,
    duration_ms: float,
    finishes: Sequence[FinishOptions],
    tiers: Sequence[SpreadTier],
    onsets: OnsetTimes | None = None,
) -> Spread:
    """Finished charts as a spread: the nearest for each tier, nested, brought to its stars.

    Args:
        made: charts; one for each tier, or several times so many.
        duration_ms: length of the song.
        finishes: how a chart of each tier is finished.
        tiers: easiest first.
        onsets: onsets of the sound; without them nothing is taken from there.
    """
    onsets = OnsetTimes.nothing() if onsets is None else onsets
    stars = [stars_of(chart) for chart in made.beatmaps]
    order = nearest_in_order(stars, [tier.star_rating for tier in tiers])
    alone = _in_order(made, order, duration_ms, finishes, tiers)
    where = Surroundings(
        alone.beatmaps[0].keys, red_lines_of(finishes[0], made.timing), duration_ms
    )
    charts, changes = list(alone.beatmaps), list(alone.changes)
    nesting: list[Nesting] = []
    rungs: list[Rung] = []
    for index in reversed(range(len(charts))):
        goal = StarGoal(tiers[index].star_rating, finishes[index], where, onsets)
        if rungs:
            goal = replace(goal, stars=min(goal.stars, rungs[-1].reached - STEP))
            nested, sources = _below(charts[index], charts[index + 1], goal)
        else:
            nested = Nested(charts[index].hit_objects, 0, 0)
            sources = collect_sources(made.raw, goal)
        done = reach_stars(charts[index], nested.notes, sources, goal)
        charts[index] = done.chart
        changes[index] = changes[index].plus(done.changes)
        if rungs:
            nesting.append(_fit(alone.beatmaps, charts, index, nested))
        asked = float(alone.asked[index]["sr"])
        from_sound = sum(not sources.rows[note.start_ms] for note in done.added)
        rungs.append(
            Rung(
                tiers[index],
                asked,
                stars[order[index]],
                done.stars,
                done.dropped,
                len(done.added),
                from_sound,
            )
        )
    result = replace(alone, beatmaps=tuple(charts), changes=tuple(changes))
    return Spread(result, tuple(reversed(nesting)), tuple(reversed(rungs)), order)


def _below(chart: Beatmap, harder: Beatmap, goal: StarGoal) -> tuple[Nested, NoteSources]:
    """A chart's notes on the onsets of a harder one that its tier may use, and those onsets."""
    lines = BeatLines(goal.where.beats)
    times = np.array([note.start_ms for note in harder.hit_objects], np.float64)
    usable = on_lines(times, lines, allowed_lines(goal.finish, lines))
    notes = [note for note, good in zip(harder.hit_objects, usable.tolist(), strict=True) if good]
    reach_ms = REACH * goal.where.beats[0].beat_ms
    return nest(chart.hit_objects, notes, reach_ms), note_sources([notes])


def nearest_in_order(stars: Sequence[float], goals: Sequence[float]) -> tuple[int, ...]:
    """Chart of each goal, so that stars rise with the goals and lie near them in all.

    Args:
        stars: of charts, at least as many as goals.
        goals: rising.
    """
    order = sorted(range(len(stars)), key=lambda index: stars[index])
    best: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]  # by goals served
    for chart in order:
        longer = [
            (cost + abs(stars[chart] - goal), (*chosen, chart))
            for (cost, chosen), goal in zip(best, goals, strict=False)
        ]
        for served, option in enumerate(longer, start=1):
            if served == len(best):
                best.append(option)
            else:
                best[served] = min(best[served], option)
    return best[len(goals)][1]


def _in_order(
    made: GenerationResult,
    order: Sequence[int],
    duration_ms: float,
    finishes: Sequence[FinishOptions],
    tiers: Sequence[SpreadTier],
) -> GenerationResult:
    """The charts, easiest first; one that has become another tier's is finished as that."""
    charts, changes = [], []
    for index, finish in zip(order, finishes, strict=True):
        chart, changed = made.beatmaps[index], made.changes[index]
        if finish != finishes[index % len(finishes)]:
            chart, changed = finish_chart(
                made.raw[index],
                finish,
                keys=chart.keys,
                index=index,
                timing=made.timing,
                duration_ms=duration_ms,
            )
        charts.append(chart)
        changes.append(changed)
    return replace(
        made,
        beatmaps=tuple(charts),
        changes=tuple(changes),
        raw=tuple(made.raw[index] for index in order),
        asked=tuple(made.asked[index] for index in order),
        seeds=tuple(made.seeds[index] for index in order),
        indices=tuple(index // len(finishes) for index in order),
        meant=tuple(
            {**made.asked[index], "sr": tier.star_rating}
            for index, tier in zip(order, tiers, strict=True)
        ),
    )


def _fit(
    alone: Sequence[Beatmap], charts: Sequence[Beatmap], index: int, nested: Nested
) -> Nesting:
    """Nesting of a chart in the next harder one."""
    before, after = (
        nesting_share(each[index].hit_objects, each[index + 1].hit_objects)
        for each in (alone, charts)
    )
    names = charts[index].version, charts[index + 1].version
    return Nesting(*names, before, after, nested.moved, nested.left_out)


def describe_spread(spread: Spread) -> dict[str, Any]:
    """The tiers with their star ratings, and how neighbours fit, as plain containers."""
    tiers = [
        {
            "name": rung.tier.name,
            "star_rating": rung.tier.star_rating,
            "asked": rung.asked,
            "made": round(rung.made, 4),
            "reached": round(rung.reached, 4),
            "thinned": rung.dropped,
            "added": rung.added,
            "heard": rung.from_sound,
            "missed": rung.missed,
        }
        for rung in spread.rungs
    ]
    nesting = [
        {**asdict(one), "raw_share": round(one.raw_share, 4), "share": round(one.share, 4)}
        for one in spread.nesting
    ]
    return {
        "spread": {"rising": spread.rising, "reordered": spread.reordered, "tiers": tiers},
        "nesting": nesting,
    }
