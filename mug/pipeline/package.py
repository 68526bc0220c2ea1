"""From a request to files: an `.osz`, the report beside it, and a picture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mug.audio.tags import read_tags
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu.package import write_osz
from mug.errors import GenerationError
from mug.lint.rules import NOTICE
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.defaults import WINDOW_S
from mug.pipeline.judge.candidates import Found, Judgement, Search, find_charts, judge_all
from mug.pipeline.judge.report import render_report_markdown
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.provenance import VERSION, Provenance, stamp
from mug.pipeline.request import GenerationRequest, GenerationResult
from mug.pipeline.sample import ShouldStop
from mug.pipeline.spread import SpreadTier, describe_spread, make_spread
from mug.protocols import Progress
from mug.render import markdown
from mug.render.chart_image import render_chart
from mug.util import atomic_write

_UNTOUCHED = {"MP3": ".mp3", "OGG": ".ogg"}
_BLOCK = 65536  # frames; libsndfile's Vorbis writer fails on one very large block
_LONGEST_SOURCE = 64  # characters that a record of provenance holds


@dataclass(frozen=True)
class Plan:
    """Plan of a package.

    Args:
        search: candidates, tolerances and attempts for charts of one prompt.
        tiers: a spread of these instead, with as many candidates for each; empty for none.
    """

    search: Search = field(default_factory=Search)
    tiers: tuple[SpreadTier, ...] = ()

    def __post_init__(self) -> None:
        if self.tiers and self.search.attempts > 1:
            raise GenerationError(
                "pipeline.spread_is_made_once_without_further",
                value=self.search.attempts,
                remedy="remedy.give_candidates_instead_charts_made",
            )


def make_package(
    generator: ChartGenerator,
    request: GenerationRequest,
    out: Path,
    plan: Plan | None = None,
    *,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
    picture: Path | None = None,
) -> dict[str, Any]:
    """Makes charts and writes them as one `.osz`, with the report beside it.

    Args:
        generator: the model.
        request: what is asked for; empty title and artist are filled from the file's tags.
        out: the `.osz` to write; the report goes to the same name with `.json` and `.md`.
        plan: candidates or a spread; plainly `request.count` charts by default.
        progress: called after every network step.
        should_stop: asked before every network step; True ends it with `Cancelled`.
        picture: where to write a picture of the first chart.

    Returns:
        The report, plain containers.
    """
    if out.suffix.lower() != ".osz":
        raise GenerationError("pipeline.output_must_be_osz_file", file=out)
    plan = plan or Plan()
    tags = read_tags(request.audio)
    with TemporaryDirectory() as folder:
        song = packaged_song(request.audio, Path(folder))
        finish = replace(
            request.finish,
            title=_one_line(request.finish.title or tags.title or request.audio.stem),
            artist=_one_line(request.finish.artist or tags.artist or "Unknown artist"),
            audio_filename=song.name,
        )
        named = replace(request, finish=finish)
        found, extra = _make(generator, named, plan, progress, should_stop)
        charts = stamped(generator.model, named, found.result, plan)
        write_osz(out, charts, {song.name: song})
    report = {**report_of(generator.model, named, found), **extra}
    _write_reports(out, report)
    if picture is not None:
        render_chart(charts[0], picture)
    files = [out, out.with_suffix(".json"), out.with_suffix(".md")]
    return {**report, "files": [str(path) for path in files]}


def _make(
    generator: ChartGenerator,
    request: GenerationRequest,
    plan: Plan,
    progress: Progress | None,
    should_stop: ShouldStop | None,
) -> tuple[Found, dict[str, Any]]:
    """Charts, what is thought of them, and what the report says besides."""
    if not plan.tiers:
        found = find_charts(generator, request, plan.search, progress, should_stop)
        if not plan.search.wanted:
            return found, {}
        return found, {"attempts": found.attempts, "ranking": list(found.ranking)}
    spread = make_spread(
        generator,
        request,
        plan.tiers,
        progress,
        should_stop,
        candidates=max(plan.search.candidates, 1),
    )
    judged: tuple[Judgement, ...] = judge_all(
        generator, request, spread.result, plan.search.tolerances
    )
    return Found(spread.result, judged, (), 1), describe_spread(spread)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def stamped(
    model: LoadedModel,
    request: GenerationRequest,
    result: GenerationResult,
    plan: Plan | None = None,
) -> tuple[Beatmap, ...]:
    """The charts with a record of what made them, see `mug.pipeline.provenance`."""
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
    """The record of one chart of a request."""
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
        how=", ".join(_unusual(model, request, plan or Plan())),
    )


def _unusual(model: LoadedModel, request: GenerationRequest, plan: Plan) -> Iterator[str]:
    """Unusual options of a chart."""
    if model.precision != "fp32":
        yield model.precision
    if request.guidance_interval is not None:
        yield "guided {:g}-{:g}".format(*request.guidance_interval)
    if request.window_s != WINDOW_S:
        yield f"windows of {request.window_s:g} s"
    if plan.tiers:
        yield "in a spread"
    elif plan.search.reach_stars:
        yield "brought to its stars"


def timing_source(request: GenerationRequest) -> str:
    """Source of the timing: `detected`, `given`, or what the options say."""
    finish = request.finish
    given = finish.timing is not None or bool(finish.red_lines)
    detected = "detected" if finish.timing_candidate == 1 else f"detected {finish.timing_candidate}"
    text = finish.timing_source or ("given" if given else detected)
    return "".join(letter for letter in text if letter.isprintable())[:_LONGEST_SOURCE]


def report_of(model: LoadedModel, request: GenerationRequest, found: Found) -> dict[str, Any]:
    """Report of what made the charts, what was asked for and what was reached."""
    result = found.result
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
        "sampling": {
            "sampler": request.sampler,
            "steps": request.steps,
            "guidance_scale": request.guidance_scale,
            "seed": request.seed,
        },
        "timing": {
            **timing,
            "source": timing_source(request),
            "candidate": request.finish.timing_candidate,
            "red_lines": len(result.beatmaps[0].red_lines),
        },
        "charts": [
            {**judgement.to_dict(), "seed": seed, "index": index}
            for judgement, seed, index in zip(
                found.judgements, result.seeds, result.indices, strict=True
            )
        ],
        "notice": NOTICE,
    }


def _write_reports(out: Path, report: Mapping[str, Any]) -> None:
    with atomic_write(out.with_suffix(".json"), "w", encoding="utf-8") as handle:
        json.dump(report, handle, indent=2, ensure_ascii=False)
    parts = [f"# {report['song']}\n", _timing_text(report["timing"])]
    parts += map(render_report_markdown, report["charts"])
    if "spread" in report:
        parts.append(_spread_text(report["spread"], report["nesting"]))
    parts.append(f"{report['notice']}\n")
    with atomic_write(out.with_suffix(".md"), "w", encoding="utf-8") as handle:
        handle.write("\n".join(parts))


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
    return f"Timing: {said} ({timing['source']}{sure}).{rest}\n"


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
        f"- {row['easier']} in {row['harder']}: {100 * row['share']:.1f} % of its onsets"
        f" ({row['moved']} notes moved, {row['left_out']} left out)"
        for row in nesting
    ]
    head = [
        "| tier | stars to have | model asked for | as made | in the spread | notes thinned out"
        " | notes taken over | where only the sound has an onset |",
        "|---|---|---|---|---|---|---|---|",
    ]
    missed = [
        f"- **{tier['name']} is {tier['reached'] - tier['star_rating']:+.2f} stars off**: {why}"
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


def packaged_song(audio: Path, folder: Path) -> Path:
    """The song as it goes into the package: mp3 and ogg untouched, anything else as ogg.

    Args:
        audio: the song.
        folder: where a converted or renamed copy may be put.
    """
    import soundfile

    try:
        kind = soundfile.info(audio).format
    except soundfile.SoundFileError:
        kind = ""
    if kind in _UNTOUCHED:
        target = folder / f"audio{_UNTOUCHED[kind]}"
        target.write_bytes(audio.read_bytes())
        return target
    from mug.audio.load import decode

    samples, rate = decode(audio)
    target = folder / "audio.ogg"
    with soundfile.SoundFile(
        target, "w", samplerate=rate, channels=samples.shape[1], format="OGG", subtype="VORBIS"
    ) as handle:
        for first in range(0, len(samples), _BLOCK):
            handle.write(samples[first : first + _BLOCK])
    return target
