"""Several candidates for each chart: judged, ranked, and made again until they are close enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject
from mug.errors import GenerationError
from mug.lint.rules import lint
from mug.pipeline.arrange.reach_stars import StarGoal, collect_sources, reach_stars
from mug.pipeline.arrange.sources import find_onsets
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.finish.chart import red_lines_of
from mug.pipeline.finish.cleanup import Changes, Surroundings
from mug.pipeline.judge.measures import measure
from mug.pipeline.judge.report import TOLERANCES, misses, reached
from mug.pipeline.judge.score import Score, rank, score_chart
from mug.pipeline.prompt import Prompt
from mug.pipeline.request import MAX_COUNT, GenerationRequest, GenerationResult
from mug.pipeline.sample import ChartRequest, ShouldStop, chart_seed
from mug.protocols import Progress

MAX_ATTEMPTS = 100


@dataclass(frozen=True)
class Search:
    """Options of the search for good charts.

    Args:
        candidates: charts to make an attempt, of which the best are kept; 0 makes as many as
            are asked for.
        tolerances: how far a number that was asked for may be missed, by feature.
        attempts: with tolerances, how often to make candidates at most.
        reach_stars: whether charts that are kept and miss the star rating asked for are brought to
            it, see `mug.pipeline.arrange.reach_stars`.
    """

    candidates: int = 0
    tolerances: Mapping[str, float] = field(default_factory=dict)
    attempts: int = 1
    reach_stars: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.candidates <= MAX_COUNT:
            raise GenerationError(
                "pipeline.candidates_out_of_range", most=MAX_COUNT, value=self.candidates
            )
        if not 1 <= self.attempts <= MAX_ATTEMPTS:
            raise GenerationError(
                "pipeline.attempts_out_of_range", most=MAX_ATTEMPTS, value=self.attempts
            )
        misses({"compared": []}, self.tolerances)  # refuses impossible tolerances

    @property
    def wanted(self) -> bool:
        """Return whether there is anything to choose from."""
        return self.candidates > 0 or self.attempts > 1


@dataclass(frozen=True)
class Judgement:
    """Judgement of a chart.

    Args:
        report: what was asked for and reached, see `mug.pipeline.judge.report.reached`.
        score: how good it is, and why.
        misses: a sentence for each number out of its tolerance.
    """

    report: dict[str, Any]
    score: Score
    misses: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The report with the rest in it, as plain containers."""
        return {**self.report, "score": self.score.to_dict(), "misses": list(self.misses)}


@dataclass(frozen=True)
class Found:
    """The best charts of a search.

    Args:
        result: the charts that are kept, the best first.
        judgements: one for each of them.
        ranking: all candidates, the best first, as plain containers; empty without a search.
        attempts: how often candidates were made.
        spare: notes, as the network wrote them, of the candidates that are not kept; charts that
            are brought to a star rating may take over rows of theirs.
    """

    result: GenerationResult
    judgements: tuple[Judgement, ...]
    ranking: tuple[dict[str, Any], ...]
    attempts: int
    spare: tuple[tuple[HitObject, ...], ...] = ()


def judge(
    beatmap: Beatmap,
    prompt: Prompt,
    changes: Changes,
    duration_ms: float,
    tolerances: Mapping[str, float],
) -> Judgement:
    """Measures, lints and scores a finished chart.

    Args:
        beatmap: the chart.
        prompt: what was asked for.
        changes: what clean-up did to it.
        duration_ms: length of the song.
        tolerances: by feature, see `mug.pipeline.judge.report.misses`.
    """
    measured = measure(beatmap)
    stars = prompt.positive.get("sr", measured.features.get("sr"))
    findings = lint(
        beatmap, star_rating=None if stars is None else float(stars), audio_ms=duration_ms
    )
    report = reached(beatmap, prompt, findings, changes=changes.counts, measured=measured)
    score = score_chart(beatmap, prompt, beatmap.red_lines, findings, measured=measured)
    return Judgement({**report, "mended": list(changes.listed)}, score, misses(report, tolerances))


def judge_all(
    generator: ChartGenerator,
    request: GenerationRequest,
    result: GenerationResult,
    tolerances: Mapping[str, float],
) -> tuple[Judgement, ...]:
    """A judgement of each chart by its own prompt, or by what else it is meant to be."""
    schema, duration_ms = generator.model.schema, generator.song(request.audio).duration_ms
    return tuple(
        judge(
            beatmap,
            Prompt.of(schema, asked, request.negative_prompt),
            changes,
            duration_ms,
            tolerances,
        )
        for beatmap, asked, changes in zip(
            result.beatmaps, result.meant or result.asked, result.changes, strict=True
        )
    )


def find_charts(
    generator: ChartGenerator,
    request: GenerationRequest,
    search: Search,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> Found:
    """The best `request.count` of the candidates; those within the tolerances come first.

    Where there is nothing to choose from they stay in their order.

    Every candidate has a number and thereby a seed of its own, whatever came before it, so the
    same request finds the same charts.

    Args:
        generator: the model.
        request: what is asked for.
        search: how many candidates and attempts.
        progress: called as `progress(done, total)` after every network step; the total is that
            of all attempts, which may not be needed.
        should_stop: asked before every network step; True ends it with `Cancelled`.
    """
    each = max(search.candidates, request.count)
    results: list[GenerationResult] = []
    judged: list[Judgement] = []
    order: tuple[int, ...] = ()
    for attempt in range(search.attempts):
        numbers = range(attempt * each, (attempt + 1) * each)
        chart_requests = [
            ChartRequest(request.prompt, request.negative_prompt, chart_seed(request.seed, number))
            for number in numbers
        ]
        report = None if progress is None else _attempt(progress, attempt, search.attempts)
        made = generator.generate_each(
            request, chart_requests, [request.finish_by_prompt] * each, report, should_stop
        )
        results.append(replace(made, indices=tuple(numbers)))
        judged += judge_all(generator, request, made, search.tolerances)
        order = _best_first(judged) if search.wanted else tuple(numbers)
        if not any(judged[index].misses for index in order[: request.count]):
            break
    pool = _joined(results)
    kept = order[: request.count]
    ranking = tuple(_entry(pool, judged, index, kept) for index in order) if search.wanted else ()
    if search.reach_stars:
        pool, brought = bring_to_stars(generator, request, (pool, judged), kept, search.tolerances)
        judged = list(brought)
    return Found(
        _chosen(pool, kept),
        tuple(
            replace(judged[index], report={**judged[index].report, "difficulty": _name(place)})
            if request.finish.version == ""
            else judged[index]
            for place, index in enumerate(kept)
        ),
        ranking,
        len(results),
        tuple(notes for index, notes in enumerate(pool.raw) if index not in kept),
    )


def bring_to_stars(
    generator: ChartGenerator,
    request: GenerationRequest,
    pool: tuple[GenerationResult, Sequence[Judgement]],
    kept: Sequence[int],
    tolerances: Mapping[str, float] = TOLERANCES,
) -> tuple[GenerationResult, tuple[Judgement, ...]]:
    """Candidates and judgements, those kept that miss the star rating asked for brought to it.

    Args:
        generator: the model.
        request: what was asked for; without a star rating nothing changes.
        pool: all candidates, whose rows may be taken over, and what was thought of them.
        kept: which may change.
        tolerances: how far the star rating may be missed; the others serve the judgements.
    """
    (result, judged), asked = pool, request.prompt.get("sr")
    finish, song = request.finish_by_prompt, generator.song(request.audio)
    red_lines = red_lines_of(finish, result.timing)
    if asked is None or not red_lines:
        return result, tuple(judged)
    where = Surroundings(generator.model.keys, red_lines, song.duration_ms)
    goal = StarGoal(float(asked), finish, where, find_onsets(song.wave, song.sample_rate))
    sources = collect_sources(result.raw, goal)
    charts, changes = list(result.beatmaps), list(result.changes)
    within = {"sr": tolerances.get("sr", TOLERANCES["sr"])}
    for index in kept:
        if misses(judged[index].report, within):
            done = reach_stars(charts[index], charts[index].hit_objects, sources, goal)
            charts[index] = done.chart
            counts = {"thinned": done.dropped, "taken_over": len(done.added)}
            changes[index] = changes[index].plus(done.changes).plus(Changes(counts))
    brought = replace(result, beatmaps=tuple(charts), changes=tuple(changes))
    return brought, judge_all(generator, request, brought, tolerances)


def _best_first(judged: Sequence[Judgement]) -> tuple[int, ...]:
    """Those within the tolerances first, then by score."""
    return tuple(
        sorted(rank([j.score for j in judged]), key=lambda index: bool(judged[index].misses))
    )


def _attempt(progress: Progress, attempt: int, attempts: int) -> Progress:
    def report(done: int, total: int) -> None:
        progress(attempt * total + done, attempts * total)

    return report


def _joined(results: Sequence[GenerationResult]) -> GenerationResult:
    names = ("beatmaps", "raw", "changes", "asked", "seeds", "indices")
    together: dict[str, Any] = {
        name: tuple(entry for result in results for entry in getattr(result, name))
        for name in names
    }
    return replace(results[0], **together)


def _name(place: int) -> str:
    return f"AI v{place + 1}"


def _chosen(pool: GenerationResult, kept: Sequence[int]) -> GenerationResult:
    """Some of the charts, named in this order where they have no name of their own."""
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


def _entry(
    pool: GenerationResult, judged: Sequence[Judgement], index: int, kept: Sequence[int]
) -> dict[str, Any]:
    return {
        "candidate": pool.indices[index],
        "seed": pool.seeds[index],
        "kept": index in kept,
        "within_tolerance": not judged[index].misses,
        "misses": list(judged[index].misses),
        "score": judged[index].score.to_dict(),
    }
