"""Charts for a request: the one way from a song and a prompt to finished and judged charts.

Command line, page, API and evaluation call `make` and write its result each in their own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mug.errors import GenerationError
from mug.model.memory.malloc import trim
from mug.pipeline.beat import needs_timing
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.drafts import ChoiceDraft, Draft, Notes, SpreadDraft
from mug.pipeline.judge.candidates import Judgement
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.plan import Plan
from mug.pipeline.report import report_of
from mug.pipeline.request import GenerationRequest, GenerationResult
from mug.pipeline.sample import ChartRequest, ShouldStop, part_of
from mug.pipeline.song_file import with_names
from mug.pipeline.stamp import stamped
from mug.protocols import Progress


@dataclass(frozen=True)
class Made:
    """Charts of a request.

    Args:
        request: with the names that the charts have.
        result: the charts that are kept: as they were asked for, the best candidate first, or a
            spread, easiest first. Each carries the record of what made it; `raw` has the notes as
            the network wrote them.
        judgements: one for each chart.
        report: what made them, what was asked for and what was reached, as plain containers.
        spare: raw notes of the candidates that are not kept; charts that are brought to a star
            rating may take over rows of theirs.
    """

    request: GenerationRequest
    result: GenerationResult
    judgements: tuple[Judgement, ...]
    report: dict[str, Any]
    spare: tuple[Notes, ...]


def make(
    generator: ChartGenerator,
    request: GenerationRequest,
    plan: Plan | None = None,
    progress: Progress | None = None,
    stop: ShouldStop | None = None,
) -> Made:
    """Make the charts of a request.

    Every candidate has a number and thereby a seed of its own, whatever came before it, so the
    same request and plan make the same charts. Where there is nothing to choose from they stay in
    their order.

    Args:
        generator: the model.
        request: what is asked for; empty title and artist are filled from the song's tags or name.
        plan: candidates or a spread; plainly `request.count` charts by default.
        progress: called as `progress(done, total)` after every network step; the total is that
            of all attempts, which may not be needed.
        stop: asked before every network step; True ends it with `Cancelled`.

    Raises:
        AudioError: when the song cannot be read.
        Cancelled: when `stop` said so.
        ConfigError: when the prompt names an unknown feature or value.
        GenerationError: for an unknown sampler or an impossible number of steps.
    """
    (made,) = make_each(generator, [request], plan, progress, stop)
    return made


def make_each(
    generator: ChartGenerator,
    requests: Sequence[GenerationRequest],
    plan: Plan | None = None,
    progress: Progress | None = None,
    stop: ShouldStop | None = None,
) -> list[Made]:
    """Make the charts of several requests for one song, as `make` does of each.

    Requests that sample alike share the denoiser's batches, and notes that several ask for, to
    finish them in other ways, are sampled once.

    Args:
        generator: the model.
        requests: for the same song.
        plan: of each request.
        progress: as for `make`.
        stop: as for `make`.
    """
    if len({request.audio for request in requests}) != 1:
        raise GenerationError(
            "pipeline.charts_made_together_have_one_song",
            value=[str(one.audio) for one in requests],
        )
    plan = plan or Plan()
    kind = SpreadDraft if plan.tiers else ChoiceDraft
    drafts = [kind(generator, with_names(request), plan) for request in requests]
    attempts = plan.search.attempts
    for attempt in range(attempts):
        pending = [draft for draft in drafts if draft.wants_more]
        asked = [draft.chart_requests(attempt) for draft in pending]
        part = None if progress is None else part_of(progress, attempt, attempts)
        sampled = _sample(generator, [one.request for one in pending], asked, part, stop)
        trim()  # what a small model keeps for its next step
        for draft, charts, raw in zip(pending, asked, sampled, strict=True):
            draft.add(charts, raw)
    return [_made(generator.model, draft) for draft in drafts]


def _made(model: LoadedModel, draft: Draft) -> Made:
    """Return the charts that a draft keeps, each with the record of what made it."""
    kept, request, plan = draft.kept(), draft.request, draft.plan
    result = replace(kept.result, beatmaps=stamped(model, request, kept.result, plan))
    report = report_of(model, request, plan, result, kept.judgements)
    return Made(request, result, kept.judgements, {**report, **kept.more}, kept.spare)


def _sample(
    generator: ChartGenerator,
    requests: Sequence[GenerationRequest],
    asked: Sequence[list[ChartRequest]],
    progress: Progress | None,
    stop: ShouldStop | None,
) -> list[list[Notes]]:
    """Return raw notes for the charts of each request; those that sample alike go together."""
    generator.check([one for charts in asked for one in charts])
    keys = [_sampling(generator, request) for request in requests]
    groups = [key for index, key in enumerate(keys) if key not in keys[:index]]
    found: list[list[Notes]] = [[] for _ in requests]
    for number, group in enumerate(groups):
        members = [index for index, key in enumerate(keys) if key == group]
        part = None if progress is None else part_of(progress, number, len(groups))
        charts = [asked[index] for index in members]
        sampled = _sample_alike(generator, requests[members[0]], charts, part, stop)
        for index, notes in zip(members, sampled, strict=True):
            found[index] = notes
    return found


def _sample_alike(
    generator: ChartGenerator,
    request: GenerationRequest,
    asked: Sequence[list[ChartRequest]],
    progress: Progress | None,
    stop: ShouldStop | None,
) -> list[list[Notes]]:
    """Return raw notes for each list of charts; of equal lists one is sampled."""
    different = [charts for index, charts in enumerate(asked) if charts not in asked[:index]]
    raw = iter(
        generator.sample(
            generator.song(request.audio),
            [one for charts in different for one in charts],
            request,
            progress=progress,
            should_stop=stop,
        )
    )
    sampled = [[next(raw) for _ in charts] for charts in different]
    return [sampled[different.index(charts)] for charts in asked]


def _sampling(generator: ChartGenerator, request: GenerationRequest) -> dict[str, Any]:
    """Return what requests that share batches have in common: all that no `ChartRequest` has."""
    plain = request.to_plain()
    for name in ("prompt", "negative_prompt", "seed", "count"):
        del plain[name]
    if not needs_timing(generator.model):
        del plain["finish"]
    return plain
