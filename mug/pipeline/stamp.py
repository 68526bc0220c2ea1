"""The record of what made the charts of a request, from the request itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.model.reached import STARS
from mug.pipeline.plan import Plan
from mug.pipeline.provenance import VERSION, Provenance, stamp
from mug.pipeline.report import timing_source
from mug.pipeline.request import GenerationRequest, GenerationResult

_LONGEST = 64  # characters of one field of the record
# Fields that the record has places for, that stand in the chart itself, or that do not change it.
_RECORDED = {"prompt", "negative_prompt", "steps", "sampler", "guidance_scale", "seed"}
_RECORDED |= {"audio", "finish", "count", "batch_size"}
_RECORDED |= {"search", "candidates", "tolerances", "attempts", "reach_stars", "tiers"}
_PHRASES = {"guidance_interval": "guided {0[0]:g}-{0[1]:g}", "window_s": "windows of {0:g} s"}


def stamped(
    model: LoadedModel,
    request: GenerationRequest,
    result: GenerationResult,
    plan: Plan | None = None,
) -> tuple[Beatmap, ...]:
    """Return the charts with the record of what made them, see `mug.pipeline.provenance`."""
    return tuple(
        stamp(chart, provenance(model, request, prompt=asked, index=index, plan=plan))
        for chart, asked, index in zip(result.beatmaps, result.asked, result.indices, strict=True)
    )


def provenance(
    model: LoadedModel,
    request: GenerationRequest,
    *,
    prompt: Mapping[str, Any],
    index: int,
    plan: Plan | None = None,
) -> Provenance:
    """Return the record of one chart of a request."""
    return Provenance(
        version=VERSION,
        model=str(model.config.get("version", "")),
        weights=model.weights_hash,
        prompt={name: value for name, value in prompt.items() if value is not None},
        negative_prompt={n: v for n, v in request.negative_prompt.items() if v is not None},
        seed=request.seed,
        index=index,
        steps=request.steps,
        sampler=request.sampler,
        guidance=request.guidance_scale,
        timing=timing_source(request),
        how=", ".join(_unusual(model, request, plan))[:_LONGEST],
        given=model.given_instead(prompt),
    )


def _unusual(model: LoadedModel, request: GenerationRequest, plan: Plan | None) -> Iterator[str]:
    """Yield what else had a say in a chart and is not as usual: any field but for its default."""
    brought = plan is not None and plan.search.reach_stars and request.prompt.get(STARS) is not None
    plan = plan or Plan()
    if model.precision != "fp32":
        yield model.precision
    usual = _flat(type(request)(Path()), type(plan)())
    for name, value in _flat(request, plan).items():
        if name not in _RECORDED and value != usual[name]:
            yield _PHRASES.get(name, f"{name} {{0}}").format(value)
    if plan.tiers:
        yield "in a spread"
    elif brought:
        yield "brought to its stars"


def _flat(request: GenerationRequest, plan: Plan) -> dict[str, Any]:
    planned = plan.to_plain()
    return {**request.to_plain(), **planned, **planned["search"]}
