"""Candidates for each chart: judged, ranked, and brought to the star rating asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.lint.rules import lint
from mug.pipeline.arrange.reach_stars import StarGoal, collect_sources, reach_stars, stars_of
from mug.pipeline.arrange.sources import onset_times
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.finish.chart import red_lines_of
from mug.pipeline.finish.cleanup import Changes, Surroundings
from mug.pipeline.judge.measures import measure
from mug.pipeline.judge.report import TOLERANCES, misses, reached
from mug.pipeline.judge.score import Listening, Score, rank, score_chart
from mug.pipeline.prompt import Prompt
from mug.pipeline.request import GenerationRequest, GenerationResult


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


def judge(
    beatmap: Beatmap,
    prompt: Prompt,
    changes: Changes,
    duration_ms: float,
    tolerances: Mapping[str, float],
    listening: Listening | None = None,
) -> Judgement:
    """Measures, lints and scores a finished chart.

    Args:
        beatmap: the chart.
        prompt: what was asked for.
        changes: what clean-up did to it.
        duration_ms: length of the song.
        tolerances: by feature, see `mug.pipeline.judge.report.misses`.
        listening: fit of its rows to the sound, where there is a rhythm scorer.
    """
    measured = measure(beatmap)
    stars = prompt.positive.get("sr", measured.features.get("sr"))
    findings = lint(
        beatmap, star_rating=None if stars is None else float(stars), audio_ms=duration_ms
    )
    report = reached(beatmap, prompt, findings, changes=changes.counts, measured=measured)
    score = score_chart(
        beatmap, prompt, beatmap.red_lines, findings, measured=measured, listening=listening
    )
    return Judgement({**report, "mended": list(changes.listed)}, score, misses(report, tolerances))


def judge_all(
    generator: ChartGenerator,
    request: GenerationRequest,
    result: GenerationResult,
    tolerances: Mapping[str, float],
    known: Mapping[int, Judgement] | None = None,
) -> tuple[Judgement, ...]:
    """A judgement of each chart by its own prompt, or by what else it is meant to be.

    Args:
        generator: the model.
        request: with the song.
        result: charts.
        tolerances: as for `judge`.
        known: judgements of charts by their places, which need no other.
    """
    from mug.pipeline.judge.listening import listening_of  # torch, only where charts are made

    model, song = generator.model, generator.song(request.audio)
    meant, judged = result.meant or result.asked, dict(known or {})
    for index, (beatmap, asked) in enumerate(zip(result.beatmaps, meant, strict=True)):
        if index not in judged:
            judged[index] = judge(
                beatmap,
                Prompt.of(model.schema, asked, request.negative_prompt),
                result.changes[index],
                song.duration_ms,
                tolerances,
                listening_of(model, song, beatmap, asked),
            )
    return tuple(judged[index] for index in range(len(result.beatmaps)))


def bring_to_stars(
    generator: ChartGenerator,
    request: GenerationRequest,
    pool: tuple[GenerationResult, Mapping[int, Judgement]],
    kept: Sequence[int],
    tolerances: Mapping[str, float] = TOLERANCES,
) -> tuple[GenerationResult, tuple[Judgement, ...]]:
    """Candidates and judgements, those kept that miss the star rating asked for brought to it.

    Args:
        generator: the model.
        request: what was asked for; without a star rating nothing changes.
        pool: all candidates, whose rows may be taken over, and what is thought already of some.
        kept: which may change.
        tolerances: how far the star rating may be missed; the others serve the judgements.
    """
    (result, judged), asked = pool, request.prompt.get("sr")
    finish, song = request.finish_by_prompt, generator.song(request.audio)
    red_lines = red_lines_of(finish, result.timing)
    if asked is None or not red_lines:
        return result, judge_all(generator, request, result, tolerances, judged)
    where = Surroundings(generator.model.keys, red_lines, song.duration_ms)
    goal = StarGoal(float(asked), finish, where, onset_times(song.sound.onset_strength))
    sources = collect_sources(result.raw, goal)
    charts, changes = list(result.beatmaps), list(result.changes)
    same = dict(judged)
    for index in kept:
        if _misses_stars(charts[index], float(asked), judged.get(index), tolerances):
            same.pop(index, None)
            done = reach_stars(charts[index], charts[index].hit_objects, sources, goal)
            charts[index] = done.chart
            counts = {"thinned": done.dropped, "taken_over": len(done.added)}
            changes[index] = changes[index].plus(done.changes).plus(Changes(counts))
    brought = replace(result, beatmaps=tuple(charts), changes=tuple(changes))
    return brought, judge_all(generator, request, brought, tolerances, same)


def _misses_stars(
    chart: Beatmap, asked: float, judged: Judgement | None, tolerances: Mapping[str, float]
) -> bool:
    """Return whether a chart has other stars than it should."""
    tolerance = tolerances.get("sr", TOLERANCES["sr"])
    if judged is not None:
        return bool(misses(judged.report, {"sr": tolerance}))
    return abs(stars_of(chart) - asked) > tolerance + 1e-9


def best_first(judged: Sequence[Judgement]) -> tuple[int, ...]:
    """Return the places of judged charts: those within the tolerances first, then by score."""
    return tuple(
        sorted(rank([j.score for j in judged]), key=lambda index: bool(judged[index].misses))
    )


def ranking_of(
    pool: GenerationResult,
    judged: Sequence[Judgement],
    order: Sequence[int],
    kept: Sequence[int],
) -> list[dict[str, Any]]:
    """Return all candidates in an order, as plain containers.

    Args:
        pool: the candidates.
        judged: what was thought of each.
        order: their places, the best first.
        kept: places of those that are kept.
    """
    return [
        {
            "candidate": pool.indices[index],
            "seed": pool.seeds[index],
            "kept": index in kept,
            "within_tolerance": not judged[index].misses,
            "misses": list(judged[index].misses),
            "score": judged[index].score.to_dict(),
        }
        for index in order
    ]
