"""A whole spread, Easy to Expert, whose rhythms nest and whose star ratings rise.

All charts are sampled from the same noise, so that they are variations of one another. A model
need not obey the star rating that it is asked for, so the charts are put in the order of those
they have. Then, from the hardest down, the rhythm of each is laid onto the onsets of the next
harder one: a row of notes goes to the nearest such onset within reach, or is left out. A chart
that is still too hard for its tier, or not easier than the next one, is thinned. What all that
cost is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject
from mug.data.difficulty import star_rating
from mug.errors import GenerationError
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.cleanup import Changes, Surroundings, mend_notes
from mug.pipeline.finish import finish_chart, red_lines_of
from mug.pipeline.finish_options import FinishOptions
from mug.pipeline.nesting import Nested, nest, nesting_share
from mug.pipeline.request import MAX_COUNT, GenerationRequest, GenerationResult
from mug.pipeline.sample import Ask, ShouldStop, chart_seed
from mug.pipeline.thin import thin
from mug.postprocess import lint_tiers
from mug.protocols import Progress
from mug.util import nearest

REACH = 0.5
"""How far a row may go to meet an onset of the harder chart, in beats."""

STEP = 0.2
"""How many stars an easier chart is to have less than the next harder one, at least."""

_TRIES = 3


@dataclass(frozen=True)
class Tier:
    """One difficulty of a spread.

    Args:
        name: as the game shows it.
        star_rating: what it is asked to have.
    """

    name: str
    star_rating: float


# Within the bounds of each tier, towards the middle.
TIERS = tuple(
    Tier(tier.title, stars)
    for tier, stars in zip(lint_tiers.Tier, (1.6, 2.4, 3.4, 4.6, 5.8), strict=True)
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
class Rung:
    """A chart of a spread and its star ratings; 0 stars are those of a chart without notes.

    Args:
        tier: what it is to be.
        asked: star rating that the model was asked for when it made this chart.
        made: star rating of the chart by itself.
        reached: star rating in the spread.
        thinned: notes left out after nesting to get there.
    """

    tier: Tier
    asked: float
    made: float
    reached: float
    thinned: int


@dataclass(frozen=True)
class Spread:
    """A spread from easy to hard.

    Args:
        result: the charts, easiest first.
        nesting: one entry for each two neighbours, easiest first.
        rungs: one entry for each chart.
    """

    result: GenerationResult
    nesting: tuple[Nesting, ...]
    rungs: tuple[Rung, ...]

    @property
    def rising(self) -> bool:
        """Whether each chart has more stars than the one before it."""
        return all(a.reached < b.reached for a, b in pairwise(self.rungs))

    @property
    def reordered(self) -> bool:
        """Whether the model made an easier chart where a harder one was asked for."""
        return any(a.asked > b.asked for a, b in pairwise(self.rungs))


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
        found.append(replace(tier, star_rating=_parsed_stars(stars)) if equals else tier)
    names = [tier.name for tier in found]
    if not all(names) or len(set(names)) < len(names):
        raise GenerationError("a spread needs tiers of different names", value=names)
    return tuple(sorted(found, key=lambda tier: tier.star_rating))


def _parsed_stars(text: str) -> float:
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
    duration_ms = generator.song(request.audio).duration_ms
    return nest_charts(made, duration_ms, finishes, tiers)


def nest_charts(
    made: GenerationResult,
    duration_ms: float,
    finishes: Sequence[FinishOptions],
    tiers: Sequence[Tier],
) -> Spread:
    """Finished charts as a spread: in the order of their stars, nested, thinned where too hard.

    Args:
        made: charts, one for each tier.
        duration_ms: length of the song.
        finishes: how a chart of each tier is finished.
        tiers: easiest first.
    """
    stars = [_stars(chart) for chart in made.beatmaps]
    order = sorted(range(len(stars)), key=lambda index: stars[index])
    alone = _in_order(made, order, duration_ms, finishes, tiers)
    where = Surroundings(
        alone.beatmaps[0].keys, red_lines_of(finishes[0], made.timing), duration_ms
    )
    charts, changes = list(alone.beatmaps), list(alone.changes)
    nesting: list[Nesting] = []
    rungs: list[Rung] = []
    for index in reversed(range(len(charts))):
        tier, nested = tiers[index], Nested(charts[index].hit_objects, 0, 0)
        most = tier.star_rating
        if rungs:
            reach_ms = REACH * where.red_lines[0].beat_ms
            nested = nest(nested.notes, charts[index + 1].hit_objects, reach_ms)
            most = min(most, rungs[-1].reached - STEP)
        charts[index], changed, thinned = _eased(
            charts[index], nested.notes, most, finishes[index], where
        )
        changes[index] = changes[index].plus(changed)
        if rungs:
            nesting.append(_fit(alone.beatmaps, charts, index, nested))
        asked = float(alone.asked[index]["sr"])
        reached = _stars(charts[index])
        rungs.append(Rung(tier, asked, stars[order[index]], reached, thinned))
    result = replace(alone, beatmaps=tuple(charts), changes=tuple(changes))
    return Spread(result, tuple(reversed(nesting)), tuple(reversed(rungs)))


def _in_order(
    made: GenerationResult,
    order: Sequence[int],
    duration_ms: float,
    finishes: Sequence[FinishOptions],
    tiers: Sequence[Tier],
) -> GenerationResult:
    """The charts, easiest first; one that has become another tier's is finished as that."""
    charts, changes = [], []
    for index, finish in zip(order, finishes, strict=True):
        chart, changed = made.beatmaps[index], made.changes[index]
        if finish != finishes[index]:
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
        indices=(0,) * len(order),
        meant=tuple(
            {**made.asked[index], "sr": tier.star_rating}
            for index, tier in zip(order, tiers, strict=True)
        ),
    )


def _eased(
    chart: Beatmap,
    notes: Sequence[HitObject],
    most: float,
    finish: FinishOptions,
    where: Surroundings,
) -> tuple[Beatmap, Changes, int]:
    """A chart of these notes, mended, with at most so many stars if that can be; what it cost."""
    goal = most
    for _ in range(_TRIES):
        left = thin(notes, where.red_lines, lambda some: _stars_of(chart, some) <= goal)  # noqa: B023
        changes = Changes()  # moved and left out rows make new neighbours; starts stay
        mended = mend_notes(left, finish, where, changes)
        eased = chart.with_objects(chart.with_objects(mended).sorted_objects())
        over = _stars(eased) - most
        if over <= 0:
            break
        goal -= over  # mending moves notes to other columns, which can be harder
    return eased, changes, len(notes) - len(left)


def _fit(
    alone: Sequence[Beatmap], charts: Sequence[Beatmap], index: int, nested: Nested
) -> Nesting:
    """How a chart and the next harder one fit."""
    before, after = (
        nesting_share(each[index].hit_objects, each[index + 1].hit_objects)
        for each in (alone, charts)
    )
    names = charts[index].version, charts[index + 1].version
    return Nesting(*names, before, after, nested.moved, nested.left_out)


def _stars(chart: Beatmap) -> float:
    return star_rating(chart) if chart.hit_objects else 0.0


def _stars_of(chart: Beatmap, notes: Sequence[HitObject]) -> float:
    """Stars of a chart with these notes instead of its own."""
    return _stars(chart.with_objects(tuple(notes)))


def describe_spread(spread: Spread) -> dict[str, Any]:
    """The tiers with their star ratings, and how neighbours fit, as plain containers."""
    tiers = [
        {
            "name": rung.tier.name,
            "star_rating": rung.tier.star_rating,
            "asked": rung.asked,
            "made": round(rung.made, 4),
            "reached": round(rung.reached, 4),
            "thinned": rung.thinned,
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
