"""The command line of generation: what scripts/generate.py and scripts/edit_beatmap.py share."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mug.cli.charts.model_options import add_model_options, load_generator
from mug.cli.charts.prompt_options import add_prompt_options, whole_prompt
from mug.cli.common import warn
from mug.diffusion.samplers.registry import SAMPLERS
from mug.errors import GenerationError
from mug.features import FeatureSchema
from mug.pipeline.defaults import SAMPLER, STEPS, WINDOW_S

if TYPE_CHECKING:
    from mug.pipeline.chart import ChartGenerator
    from mug.pipeline.finish.options import FinishOptions
    from mug.pipeline.plan import Plan
    from mug.pipeline.request import GenerationRequest


def add_sampling_options(made: argparse.ArgumentParser) -> None:
    """Model, sampler, seed and device."""
    add_model_options(made)
    group = made.add_argument_group("sampling")
    group.add_argument("--count", type=int, default=1, help="charts to make (default 1)")
    group.add_argument(
        "--steps", type=int, default=STEPS, help="sampler steps (default %(default)s)"
    )
    group.add_argument(
        "--sampler",
        default=SAMPLER,
        help=f"{', '.join(SAMPLERS)} (default %(default)s)",
    )
    group.add_argument(
        "--guidance_scale", type=float, default=5.0, help="1 = off (default 5): obey the prompt"
    )
    group.add_argument("--seed", type=int, default=0, help="same seed, same charts (default 0)")
    group.add_argument("--batch_size", type=int, default=4, help="charts at once (default 4)")
    group.add_argument("--device", default="auto", help="cpu, cuda or auto (default auto)")
    group.add_argument(
        "--precision",
        default="fp32",
        help="fp32 (default), bf16: the denoiser's weights in half the memory, faster where the"
        " processor multiplies such numbers; or auto: bf16 for a large model where it does",
    )
    group.add_argument(
        "--guidance_interval",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="part of the noise range, 0 (clean) to 1, in which to guide; a step outside takes half"
        " the time (default: everywhere)",
    )
    group.add_argument(
        "--window_s",
        type=float,
        default=WINDOW_S,
        help="a longer song is made in overlapping windows of so many seconds, which bounds the"
        " memory (default %(default)g)",
    )


def add_finish_options(made: argparse.ArgumentParser) -> None:
    """Snapping and fixes."""
    group = made.add_argument_group("snapping and fixes")
    group.add_argument(
        "--snapping",
        default="voice",
        help="voice (default: straight or triplet, beat by beat), nearest or none",
    )
    group.add_argument("--no_snap", action="store_true", help="the same as --snapping none")
    group.add_argument(
        "--divisors", type=_numbers, metavar="N,N,...", help="parts of a beat, e.g. 1,2,4"
    )
    group.add_argument(
        "--unfit", default="move", help="a note that fits no divisor: move (default), keep, drop"
    )
    group.add_argument(
        "--fixes",
        default="tier",
        help="tier (default: what can be mended, by the chart's tier), minijacks (the original's"
        " rule, 4K) or none",
    )
    group.add_argument(
        "--minijack_ms",
        type=float,
        default=90.0,
        help="with --fixes minijacks: mend repeats closer than this, in ms (default 90)",
    )


def add_generation_options(
    made: argparse.ArgumentParser, schema: FeatureSchema, keys: int = 0
) -> None:
    """Everything that scripts/generate.py takes besides song, output and sampling."""
    names = made.add_argument_group("names")
    names.add_argument("--title", default="", help="default: from the file's tags, or its name")
    names.add_argument("--artist", default="", help="default: from the file's tags")
    timing = made.add_argument_group("timing", "heard in the sound unless given")
    timing.add_argument("--bpm", type=float, help="tempo, where you know it; needs --offset_ms")
    timing.add_argument("--offset_ms", type=float, help="time of a first beat of a bar in ms")
    timing.add_argument(
        "--timing_from", type=Path, metavar="FILE", help="timing points of a chart, any format"
    )
    timing.add_argument(
        "--timing_candidate",
        type=int,
        default=1,
        metavar="N",
        help="use the N-th reading of the beat; the report lists them (default 1, the likeliest)",
    )
    add_finish_options(made)
    choice = made.add_argument_group("choice")
    choice.add_argument(
        "--candidates", type=int, default=0, help="make so many and keep the best --count"
    )
    choice.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="how far a number may be missed, e.g. sr=0.3; with --attempts",
    )
    choice.add_argument(
        "--attempts", type=int, default=1, help="try again so often for the tolerances (default 1)"
    )
    choice.add_argument(
        "--spread",
        default="",
        metavar="TIERS",
        help="a spread with nested rhythms: all, easy,hard or easy=1.5,my own=3.2",
    )
    add_prompt_options(made, schema, keys)


def device_of(args: argparse.Namespace) -> str:
    """The device that was asked for; of `auto` the best there is."""
    import torch

    if args.device != "auto":
        return str(args.device)
    return "cuda" if torch.cuda.is_available() else "cpu"


def generator_of(args: argparse.Namespace, keys: int | None = None) -> ChartGenerator:
    """The model that was asked for, loaded; see `load_generator`."""
    return load_generator(args, device_of(args), keys)


def finish_of(args: argparse.Namespace) -> FinishOptions:
    """Snapping and fixes as asked for by `add_finish_options`."""
    from mug.pipeline.finish.options import FinishOptions

    return FinishOptions(
        snapping="none" if args.no_snap else args.snapping,
        divisors=args.divisors,
        unfit=args.unfit,
        fixes=args.fixes,
        minijack_ms=args.minijack_ms,
    )


def timed_finish_of(args: argparse.Namespace) -> FinishOptions:
    """As `finish_of`, with names and timing.

    Raises:
        GenerationError: for half a timing, or two of them.
        BeatmapError: for a timing file that cannot be read.
    """
    from mug.pipeline.finish.options import FinishOptions

    given = FinishOptions.given_timing(args.bpm, args.offset_ms)
    finish = replace(
        finish_of(args),
        title=args.title,
        artist=args.artist,
        timing=given,
        timing_candidate=args.timing_candidate,
    )
    if args.timing_from is None:
        return finish
    if given is not None:
        raise GenerationError(
            "scripts.timing_is_given_twice", remedy="remedy.give_bpm_and_offset_ms_or_timing_from"
        )
    return finish.timed_by(args.timing_from)


def request_of(
    args: argparse.Namespace, schema: FeatureSchema, audio: Path, finish: FinishOptions
) -> GenerationRequest:
    """Return the request of a command line; an option sets the field of its name."""
    from mug.pipeline.plain import field_names
    from mug.pipeline.request import GenerationRequest

    prompt, given = whole_prompt(args, schema), vars(args)
    plain = {name: given[name] for name in field_names(GenerationRequest) if name in given}
    plain |= {"audio": audio, "prompt": prompt.positive, "negative_prompt": prompt.negative}
    return replace(GenerationRequest.from_plain(plain), finish=finish)


def warn_before(
    generator: ChartGenerator, request: GenerationRequest, plan: Plan | None = None
) -> None:
    """Say what the model was not trained on before time is spent on it."""
    from mug.pipeline.plan import Plan
    from mug.pipeline.report import beyond_training

    model = generator.model
    for text in beyond_training(model.release, model.schema, request, plan or Plan()):
        warn(text)


def tolerances_of(texts: list[str]) -> dict[str, float]:
    """Tolerances from `NAME=VALUE` texts.

    Raises:
        GenerationError: for a text of another form.
    """
    found: dict[str, float] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        try:
            found[name] = float(value)
        except ValueError as error:
            raise GenerationError(
                "scripts.expected_name_value", value=text, remedy="remedy.tolerance_for_example"
            ) from error
        if not equals or not name:
            raise GenerationError(
                "scripts.expected_name_value", value=text, remedy="remedy.tolerance_for_example"
            )
    return found


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))
