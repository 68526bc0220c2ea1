"""The report on the charts of a request, as plain containers and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mug.lint.rules import NOTICE
from mug.messages.message import Message
from mug.pipeline.finish.timing_notices import timing_notices
from mug.pipeline.judge.report import (
    missed_stars,
    other_misses,
    render_report_markdown,
)
from mug.pipeline.model.reached import STARS
from mug.pipeline.model.release import msd_asked_in_vain, without_msd
from mug.pipeline.prompt import Prompt
from mug.render import markdown

if TYPE_CHECKING:
    from mug.features import FeatureSchema
    from mug.pipeline.judge.candidates import Judgement
    from mug.pipeline.model.checkpoint import LoadedModel
    from mug.pipeline.model.release import Release
    from mug.pipeline.plan import Plan
    from mug.pipeline.request import GenerationRequest, GenerationResult

_LONGEST_SOURCE = 64  # characters that a record of provenance holds


def report_of(
    model: LoadedModel,
    request: GenerationRequest,
    plan: Plan,
    result: GenerationResult,
    judgements: Sequence[Judgement],
) -> dict[str, Any]:
    """Return what made charts, what was asked for and what was reached, as plain containers.

    The song is named by its file alone. `request` and `plan` make the same charts again.
    """
    asked = {**request.to_plain(), "audio": request.audio.name}
    red_lines = result.beatmaps[0].red_lines
    timing = {
        **asdict(result.timing),
        "candidates": [candidate._asdict() for candidate in result.timing.candidates],
        "changes": len(result.timing.changes),
    }
    return {
        "song": request.audio.name,
        "model": {
            "version": str(model.config.get("version", "")),
            "weights_sha256": model.weights_hash,
            "published": model.published,
        },
        "request": asked,
        "plan": plan.to_plain(),
        "sampling": {
            name: value
            for name, value in asked.items()
            if name != "audio" and not isinstance(value, Mapping)
        },
        "timing": {
            **timing,
            "source": timing_source(request),
            "candidate": request.finish.timing_candidate,
            "red_lines": len(red_lines),
            "notices": [
                text.to_plain()
                for text in (
                    *result.sound_notices,
                    *timing_notices(result.timing, red_lines, in_beats=model.in_beats),
                )
            ],
        },
        "charts": _charts(model, plan, result, judgements),
        "beyond_training": beyond_training(model.release, model.schema, request, plan),
        "notice": NOTICE,
    }


def _charts(
    model: LoadedModel, plan: Plan, result: GenerationResult, judgements: Sequence[Judgement]
) -> list[dict[str, Any]]:
    """Return each chart's report, with the seed and with what the model was given for the stars."""
    tolerances = plan.search.tolerances
    found = zip(judgements, result.seeds, result.indices, result.asked, strict=True)
    return [
        {
            **one.to_dict(),
            "seed": seed,
            "index": index,
            "given": model.given_instead(asked),
            "missed_stars": missed_stars(one.report, tolerances),
            "missed": [text.to_plain() for text in other_misses(one.report, tolerances)],
        }
        for one, seed, index, asked in found
    ]


def beyond_training(
    release: Release, schema: FeatureSchema, request: GenerationRequest, plan: Plan
) -> list[Message]:
    """Return a sentence for each number asked for that the model was not trained on.

    A number beyond the range of its feature counts too: the model gets the end of the range. So do
    Etterna's numbers where the model's charts have none: the model does not get them.

    Args:
        release: statements of the model about itself.
        schema: its features.
        request: what is asked for.
        plan: with the star ratings of a spread.
    """
    prompts = [{**request.prompt, STARS: tier.star_rating} for tier in plan.tiers]
    found: dict[str, Message] = {}
    vain = msd_asked_in_vain({**request.negative_prompt, **request.prompt}, release.keys)
    for whole in prompts or [dict(request.prompt)]:
        prompt = without_msd(whole, release.keys)
        untrained = release.untrained(prompt)
        named = {str(message.values["feature"]) for message in untrained}
        clipped = [
            message
            for message in Prompt.of(schema, prompt).beyond(schema)
            if message.values["feature"] not in named
        ]
        found |= {str(message): message for message in (*untrained, *clipped)}
    return [*vain, *found.values()]


def timing_source(request: GenerationRequest) -> str:
    """Return where the timing comes from: `detected`, `given`, or what the options say."""
    finish = request.finish
    given = finish.timing is not None or bool(finish.red_lines)
    detected = "detected" if finish.timing_candidate == 1 else f"detected {finish.timing_candidate}"
    text = finish.timing_source or ("given" if given else detected)
    return "".join(letter for letter in text if letter.isprintable())[:_LONGEST_SOURCE]


def report_markdown(report: Mapping[str, Any]) -> str:
    """Return a report as a page of Markdown."""
    parts = [f"# {markdown.cell(report['song'])}\n", _timing_text(report["timing"])]
    notices = [kept["text"] for kept in report["timing"].get("notices", ())]
    notices += report.get("beyond_training", ())
    parts += [f"**{markdown.cell(text)}.**\n" for text in notices]
    parts += map(render_report_markdown, report["charts"])
    if "spread" in report:
        parts.append(_spread_text(report["spread"], report["nesting"]))
    parts.append(f"{report['notice']}\n")
    return "\n".join(parts)


def _timing_text(timing: Mapping[str, Any]) -> str:
    """Tempo and offset, where they come from, and the other readings, as a line of Markdown."""
    if timing["red_lines"] > 1:
        said = f"{timing['red_lines']} timing points"
    else:
        said = f"{timing['bpm']:.2f} BPM, offset {timing['offset_ms']:.0f} ms"
    others = [
        f"{other['bpm']:.2f} BPM from {other['offset_ms']:.0f} ms"
        for other in timing["candidates"]
        if (other["bpm"], other["offset_ms"]) != (timing["bpm"], timing["offset_ms"])
    ]
    detected = timing["source"].startswith("detected")
    sure = f", {100 * timing['confidence']:.0f} % sure" if detected else ""
    rest = f" Other readings: {'; '.join(others[:2])}." if detected and others else ""
    return f"Timing: {said} ({markdown.cell(timing['source'])}{sure}).{rest}\n"


def _spread_text(spread: Mapping[str, Any], nesting: Sequence[Mapping[str, Any]]) -> str:
    """The tiers of a spread as a section of Markdown."""
    order = (
        "The model did not make them in the order that it was asked for: each tier got the chart"
        " whose stars were nearest, in rising order."
        if spread["reordered"]
        else "The model made them in the order asked for."
    )
    rising = "The star ratings rise." if spread["rising"] else "**The star ratings do not rise.**"
    stars, notes = ("star_rating", "asked", "made", "reached"), ("thinned", "added", "heard")
    rows = [
        markdown.row([tier["name"], *(f"{tier[n]:.2f}" for n in stars), *(tier[n] for n in notes)])
        for tier in spread["tiers"]
    ]
    shares = [
        f"- {markdown.cell(row['easier'])} in {markdown.cell(row['harder'])}:"
        f" {100 * row['share']:.1f} % of its onsets"
        f" ({row['moved']} notes moved, {row['left_out']} left out)"
        for row in nesting
    ]
    head = [
        "| tier | stars to have | model asked for | as made | in the spread | notes thinned out"
        " | notes taken over | where only the sound has an onset |",
        "|---|---|---|---|---|---|---|---|",
    ]
    missed = [
        f"- **{markdown.cell(tier['name'])} is"
        f" {tier['reached'] - tier['star_rating']:+.2f} stars off**: {why}"
        for tier, why in ((tier, _missed_text(tier)) for tier in spread["tiers"])
        if tier["missed"]
    ]
    lines = ["## Spread", "", f"{rising} {order}", "", *head, *rows, "", *missed, *shares]
    return "\n".join(lines) + "\n"


def _missed_text(tier: Mapping[str, Any]) -> str:
    """Reason why a tier has not the stars that it was to have."""
    if tier["reached"] > tier["star_rating"]:
        return "with a row in four beats left it is still too hard."
    return (
        "it must stay easier than the next tier, or neither the model's charts nor the sound have"
        " more onsets that the tier's limits leave room for."
    )
