"""Make charts for a song, or for each song of a folder: packed as .osz, with a report.

Without more options each chart is a sample of its own. --candidates makes more and keeps the
best, --spread makes one for each tier. The same arguments give the same bytes. A folder goes on
where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mug.cli.charts.model_options import overview_of
from mug.cli.charts.options import (
    add_generation_options,
    add_sampling_options,
    generator_of,
    request_of,
    timed_finish_of,
    tolerances_of,
    warn_before,
)
from mug.cli.common import FAILED, OK, add_overwrite_option, progress_bar, run, warn
from mug.errors import MugError
from mug.features import FeatureSchema
from mug.pipeline.output.own_files import check_package
from mug.util import without_collection

if TYPE_CHECKING:
    from mug.pipeline.batch import BatchJob
    from mug.pipeline.chart import ChartGenerator
    from mug.pipeline.plan import Plan
    from mug.pipeline.request import GenerationRequest
    from mug.timing.ahead import AnalysisAhead


def parser(schema: FeatureSchema, keys: int = 0) -> argparse.ArgumentParser:
    """The command line; one option for every feature of the schema.

    Args:
        schema: of the model.
        keys: columns of its charts, 0 where that is not known.
    """
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument(
        "--audio",
        type=Path,
        required=True,
        help="the song (mp3, ogg, flac, wav), or a folder of songs",
    )
    made.add_argument(
        "--out", type=Path, required=True, help="the .osz file to write; for a folder, a folder"
    )
    stars = made.add_mutually_exclusive_group()
    stars.add_argument(
        "--reach_stars",
        action="store_true",
        default=True,
        help="bring charts that miss the star rating asked for to it (the default): fewer notes, or"
        " notes from the other candidates and the sound",
    )
    stars.add_argument(
        "--no_reach_stars",
        action="store_false",
        dest="reach_stars",
        help="leave charts as they were sampled",
    )
    made.add_argument("--picture", type=Path, help="also write a picture of the first chart here")
    add_overwrite_option(made)
    add_sampling_options(made)
    add_generation_options(made, schema, keys)
    return made


def main() -> int:
    """Generates, writes the packages and prints the report as JSON."""
    overview = overview_of()
    schema = overview.schema
    command_line = parser(schema, overview.release.keys)
    command_line.set_defaults(**overview.release.sampling)
    args = command_line.parse_args()
    if not args.audio.is_dir():
        check_package(args.out, args.picture, overwrite=args.overwrite)  # before all the work
    ahead = _analysis_ahead(args)
    with without_collection():
        request = request_of(args, schema, args.audio, timed_finish_of(args))
        plan = _plan(args)
        generator = generator_of(args)
    if ahead is not None:
        generator.expect(args.audio, ahead.result)
    warn_before(generator, request, plan)
    if args.audio.is_dir():
        return _folder(args, generator, request, plan)

    from mug.pipeline.output.package import make_package

    with progress_bar("generating", "step") as progress:
        report: dict[str, Any] = make_package(
            generator,
            request,
            args.out,
            plan,
            progress=progress,
            picture=args.picture,
            overwrite=args.overwrite,
        )
    _warn_after(report)
    print(json.dumps(report, indent=2, ensure_ascii=False))
    return OK


def _analysis_ahead(args: argparse.Namespace) -> AnalysisAhead | None:
    """Begin to analyse the song on another core, which takes as long as loading torch.

    None for a folder, and where there is no other core.
    """
    from mug.pipeline.model.choice import find_model
    from mug.pipeline.model.names import SCORER_NAME
    from mug.threads import cores
    from mug.timing.ahead import AnalysisAhead

    if not args.audio.is_file() or cores() < 2:
        return None
    try:
        model = find_model(args.ckpt, args.keys)
    except MugError:  # said when the model is loaded
        return None
    given = args.bpm is not None or args.timing_from is not None
    return AnalysisAhead(args.audio, timing=not given, curves=(model / SCORER_NAME).is_file())


def _warn_after(report: Mapping[str, Any]) -> None:
    """Say what is wrong with the timing, and which charts miss what was asked for."""
    for notice in report["timing"]["notices"]:
        warn(notice["text"])
    for chart in report["charts"]:
        for text in (chart["missed_stars"], *(kept["text"] for kept in chart["missed"])):
            if text:
                warn(f"{chart['difficulty']}: {text}")


def _plan(args: argparse.Namespace) -> Plan:
    """Return the plan of a command line; an option sets the field of its name."""
    from mug.pipeline.plain import field_names, from_plain
    from mug.pipeline.plan import Plan, Search
    from mug.pipeline.spread import parse_tiers

    given = {**vars(args), "tolerances": tolerances_of(args.tolerance)}
    search = {name: given[name] for name in field_names(Search) if name in given}
    tiers = parse_tiers(args.spread) if args.spread else ()
    return Plan(from_plain(Search, search, "search"), tiers)


def _folder(
    args: argparse.Namespace, generator: ChartGenerator, request: GenerationRequest, plan: Plan
) -> int:
    """Every song of a folder; the exit code says whether all came through."""
    from mug.errors import GenerationError
    from mug.pipeline.batch import digest_of, plan_batch, run_batch
    from mug.pipeline.output.package import make_package

    if args.picture is not None:
        raise GenerationError(
            "scripts.picture_is_made_of_one_song", remedy="remedy.leave_out_picture"
        )

    def work(job: BatchJob) -> None:
        with progress_bar(job.song.name, "step") as steps:
            song = replace(request, audio=job.song)
            own = args.overwrite or job.mark.is_file()
            made = make_package(generator, song, job.out, plan, progress=steps, overwrite=own)
            _warn_after(made)

    jobs = plan_batch(args.audio, args.out)
    digest = digest_of(request, plan, generator.model)
    with progress_bar("songs", "song") as songs:
        outcome = run_batch(jobs, work, digest, songs)
    print(json.dumps(outcome.to_dict(), indent=2, ensure_ascii=False))
    for _job, why in outcome.failed:
        print(f"error: {why}", file=sys.stderr)
    return FAILED if outcome.failed else OK


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="Packages are whole or not there; a folder goes on from here.")
