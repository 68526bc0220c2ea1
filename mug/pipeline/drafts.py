"""Candidates of a request, and which of them become its charts: the best, or a spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mug.beatmap.hit_objects import HitObject
from mug.pipeline.arrange.sources import onset_times
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.judge.candidates import (
    Judgement,
    best_first,
    bring_to_stars,
    judge_all,
    ranking_of,
)
from mug.pipeline.plan import Plan
from mug.pipeline.request import GenerationRequest, GenerationResult
from mug.pipeline.sample import ChartRequest, chart_seed
from mug.pipeline.spread import describe_spread, nest_charts, spread_requests, tier_finishes

Notes = tuple[HitObject, ...]


@dataclass(frozen=True)
class Kept:
    """Charts that were chosen.

    Args:
        result: the charts.
        judgements: one for each.
        more: what the report says of the choice.
        spare: raw notes of the candidates that were not chosen.
    """

    result: GenerationResult
    judgements: tuple[Judgement, ...]
    more: Mapping[str, Any]
    spare: tuple[Notes, ...]


@dataclass
class ChoiceDraft:
    """Candidates of one prompt; those within the tolerances come first, then the best.

    Without a search they stay in their order.

    Args:
        generator: the model.
        request: with its names.
        plan: how many candidates and attempts.
    """

    generator: ChartGenerator
    request: GenerationRequest
    plan: Plan
    _results: list[GenerationResult] = field(default_factory=list)
    _judged: list[Judgement] = field(default_factory=list)

    @property
    def wants_more(self) -> bool:
        """True while a chart that would be kept misses a tolerance, or there is none."""
        if not self.plan.search.wanted:
            return not self._results
        return not self._results or any(
            self._judged[index].misses for index in self._order[: self.request.count]
        )

    def chart_requests(self, attempt: int) -> list[ChartRequest]:
        """Return a request for each candidate; its number gives the seed."""
        request = self.request
        return [
            ChartRequest(request.prompt, request.negative_prompt, chart_seed(request.seed, number))
            for number in range(attempt * self._each, (attempt + 1) * self._each)
        ]

    def add(self, chart_requests: Sequence[ChartRequest], raw: Sequence[Notes]) -> None:
        """Finish and judge what was sampled."""
        finishes = [self.request.finish_by_prompt] * len(chart_requests)
        result = self.generator.finish(self.request, chart_requests, raw, finishes)
        begin = self._count
        self._results.append(
            replace(result, indices=tuple(range(begin, begin + len(chart_requests))))
        )
        if self.plan.search.wanted:  # else nothing is chosen: the finished charts are judged
            tolerances = self.plan.search.tolerances
            self._judged += judge_all(self.generator, self.request, result, tolerances)

    def kept(self) -> Kept:
        """Return the first `request.count`, brought to their stars where the plan says so."""
        search, request = self.plan.search, self.request
        pool, known, order = _joined(self._results), self._judged, self._order
        kept = order[: request.count]
        more = {}
        if search.wanted:
            ranking = ranking_of(pool, known, order, kept)
            more = {"attempts": len(self._results), "ranking": ranking}
        if search.reach_stars:
            pool, judged = bring_to_stars(
                self.generator, request, (pool, dict(enumerate(known))), kept, search.tolerances
            )
        else:
            judged = judge_all(
                self.generator, request, pool, search.tolerances, dict(enumerate(known))
            )
        chosen = tuple(judged[index] for index in kept)
        if not request.finish.version:
            chosen = tuple(_renamed(one, place) for place, one in enumerate(chosen))
        return Kept(_chosen(pool, kept), chosen, more, _spare(pool, kept))

    @property
    def _each(self) -> int:
        return max(self.plan.search.candidates, self.request.count)

    @property
    def _order(self) -> tuple[int, ...]:
        if self.plan.search.wanted:
            return best_first(self._judged)
        return tuple(range(self._count))

    @property
    def _count(self) -> int:
        return sum(len(made.beatmaps) for made in self._results)


@dataclass
class SpreadDraft:
    """Candidates for each tier of a spread; each tier gets the one nearest in stars.

    Args:
        generator: the model.
        request: with its names; its count is not read.
        plan: the tiers, in any order, and how many candidates each has.
    """

    generator: ChartGenerator
    request: GenerationRequest
    plan: Plan
    _candidates: GenerationResult | None = None

    def __post_init__(self) -> None:
        self._tiers = sorted(self.plan.tiers, key=lambda tier: tier.star_rating)
        self._finishes = tier_finishes(self.request, self._tiers)

    @property
    def wants_more(self) -> bool:
        """True as long as there are no candidates."""
        return self._candidates is None

    def chart_requests(self, attempt: int) -> list[ChartRequest]:
        """Return a request for each candidate of each tier."""
        assert attempt == 0, "a plan with tiers has one attempt"
        return spread_requests(self.request, self._tiers, self.plan.candidates)

    def add(self, chart_requests: Sequence[ChartRequest], raw: Sequence[Notes]) -> None:
        """Finish what was sampled."""
        finishes = self._finishes * self.plan.candidates
        self._candidates = self.generator.finish(self.request, chart_requests, raw, finishes)

    def kept(self) -> Kept:
        """Return a chart for each tier, easiest first, nested and brought to its stars."""
        assert self._candidates is not None
        song = self.generator.song(self.request.audio)
        onsets = onset_times(song.sound.onset_strength)
        pool = self._candidates
        spread = nest_charts(pool, song.duration_ms, self._finishes, self._tiers, onsets)
        tolerances = self.plan.search.tolerances
        judged = judge_all(self.generator, self.request, spread.result, tolerances)
        more = describe_spread(spread)
        return Kept(spread.result, judged, more, _spare(pool, spread.places))


Draft = ChoiceDraft | SpreadDraft
"""A request on its way to charts; both take the same calls."""


def _joined(results: Sequence[GenerationResult]) -> GenerationResult:
    names = ("beatmaps", "raw", "changes", "asked", "seeds", "indices")
    together: dict[str, Any] = {
        name: tuple(entry for result in results for entry in getattr(result, name))
        for name in names
    }
    return replace(results[0], **together)


def _spare(pool: GenerationResult, kept: Sequence[int]) -> tuple[Notes, ...]:
    return tuple(notes for index, notes in enumerate(pool.raw) if index not in kept)


def _name(place: int) -> str:
    return f"AI v{place + 1}"


def _renamed(judged: Judgement, place: int) -> Judgement:
    return replace(judged, report={**judged.report, "difficulty": _name(place)})


def _chosen(pool: GenerationResult, kept: Sequence[int]) -> GenerationResult:
    """Return some of the charts, named in this order where they have no name of their own."""
    beatmaps = []
    for place, index in enumerate(kept):
        chart = pool.beatmaps[index]
        if chart.version.startswith("AI v"):
            chart = replace(chart, metadata={**chart.metadata, "Version": _name(place)})
        beatmaps.append(chart)
    names = ("raw", "changes", "asked", "seeds", "indices")
    rest: dict[str, Any] = {
        name: tuple(getattr(pool, name)[index] for index in kept) for name in names
    }
    return replace(pool, beatmaps=tuple(beatmaps), **rest)
