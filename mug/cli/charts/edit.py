"""Regenerate part of a chart, or edit its notes, and keep the rest of the file byte for byte.

The chart is a file of osu!, StepMania, Quaver or Malody, or stands in a package of one of them;
what is written has the same format. docs/formats.md says what stays.

Name the part by time (--from_ms, --to_ms), by bars (--from_bar, --to_bar, counted from 1 at the
first red line) or by columns (counted from 1), or several of them. Without --to_... it goes to
the end: the chart is continued. With --count there are variations. A hold that crosses the
border stays.

With --edits the operations of a JSON file are applied instead, and nothing is generated.

osu! does not accept machine-made content in ranked maps: the chart's tags say what made the new
notes, which is the one change outside the part; --no-mark leaves them as they are.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.exact.document import Document, open_chart
from mug.beatmap.exact.steps import as_containers
from mug.beatmap.formats.registry import suffixes
from mug.cli.charts.chart_choice import add_difficulty_option, chosen, columns_meant, song_of
from mug.cli.charts.edit_by_list import add_edits_options, edit_by_list
from mug.cli.charts.model_options import overview_of
from mug.cli.charts.options import (
    add_finish_options,
    add_sampling_options,
    finish_of,
    generator_of,
    request_of,
    warn_before,
)
from mug.cli.charts.prompt_options import add_prompt_options
from mug.cli.common import OK, STRICT, add_overwrite_option, progress_bar, run, warn
from mug.errors import GenerationError
from mug.features import FeatureSchema
from mug.files import atomic_write, write_together
from mug.pipeline.output.own_files import check_outputs

if TYPE_CHECKING:
    from mug.pipeline.chart import ChartGenerator
    from mug.pipeline.edit import Variation
    from mug.pipeline.request import Edit, GenerationRequest, Region


def parser(schema: FeatureSchema, keys: int = 0) -> argparse.ArgumentParser:
    """The command line; one option for every feature of the schema.

    Args:
        schema: of the model.
        keys: columns of its charts, 0 where that is not known.
    """
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("chart", type=Path, metavar="CHART", help=suffixes())
    made.add_argument(
        "--out",
        type=Path,
        required=True,
        help="the file to write, of the same format; with --count, NAME-1.osu …",
    )
    add_difficulty_option(made)
    add_edits_options(made)
    made.add_argument("--audio", type=Path, help="the song (default: the one that the chart names)")
    add_overwrite_option(made)
    made.add_argument("--strict", action="store_true", help=STRICT)
    _add_part_options(made)
    made.add_argument(
        "--own_prompt", action="store_true", help="ask for what the chart itself measures"
    )
    made.add_argument(
        "--mark",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write what made the notes into the chart's tags (default: yes)",
    )
    add_sampling_options(made)
    add_finish_options(made)
    add_prompt_options(made, schema, keys)
    return made


def _add_part_options(made: argparse.ArgumentParser) -> None:
    part = made.add_argument_group("what may change")
    part.add_argument("--from_ms", type=float, help="begin of the part, in ms")
    part.add_argument("--to_ms", type=float, help="end of the part, in ms")
    part.add_argument("--from_bar", type=int, help="first bar of the part")
    part.add_argument("--to_bar", type=int, help="last bar of the part")
    part.add_argument("--columns", type=_columns, metavar="N,N", help="columns, counted from 1")
    part.add_argument(
        "--lock_ms",
        action="append",
        default=[],
        type=_span,
        metavar="FROM:TO",
        help="a time within the part where nothing changes; may be given several times",
    )
    part.add_argument("--lock_columns", type=_columns, metavar="N,N", help="columns that stay")
    part.add_argument(
        "--lock_holds", action="store_true", help="long notes of the chart stay where they are"
    )
    part.add_argument(
        "--strength",
        type=float,
        default=1.0,
        help="0 = leave the chart ... 1 = ignore what was there (default 1)",
    )
    part.add_argument(
        "--seam_ms",
        type=float,
        default=60.0,
        help="drop new notes this close to one that stays, in its column (default 60)",
    )


def main() -> int:
    """Edits, writes the files and prints the report as JSON."""
    overview = overview_of(keys=columns_meant(sys.argv[1:]))
    schema = overview.schema
    command_line = parser(schema, overview.release.keys)
    command_line.set_defaults(**overview.release.sampling)
    args = command_line.parse_args()
    suffix = args.chart.suffix.lower()
    if args.out.suffix.lower() != suffix:
        raise GenerationError("scripts.output_must_have_suffix", suffix=suffix, file=args.out)
    if args.edits is not None:
        return edit_by_list(args)
    check_outputs(_files(args), overwrite=args.overwrite)
    document = open_chart(args.chart, strict=args.strict)
    chart = chosen(document, args.difficulty, args.chart)
    with ExitStack() as stack:
        if args.audio is None:
            args.audio = stack.enter_context(song_of(document, chart, args.chart))
        report = _regenerated(args, schema, document, chart)
    print(json.dumps(report, indent=2, ensure_ascii=False))
    return OK


def _regenerated(
    args: argparse.Namespace, schema: FeatureSchema, document: Document, chart: int
) -> list[dict[str, Any]]:
    """Write all variations; their reports."""
    beatmap = document.place(chart).beatmap
    request = request_of(args, schema, args.audio, finish_of(args))
    if args.own_prompt:
        from mug.pipeline.prompt import prompt_of_chart

        own = prompt_of_chart(beatmap, schema).positive
        request = replace(request, prompt={**own, **request.prompt})
    edit = _edit(args, beatmap)
    generator = generator_of(args, beatmap.keys)
    warn_before(generator, request)

    from mug.pipeline.edit import edit_chart

    with progress_bar("editing", "step") as progress:
        variations = edit_chart(generator, beatmap, request, edit, progress)
    for notice in generator.song(request.audio).sound.notices:
        warn(str(notice))
    work = _Work(args, generator, request, edit, document, chart)
    with write_together():
        return [work.write(index, variation) for index, variation in enumerate(variations)]


def _edit(args: argparse.Namespace, beatmap: Beatmap) -> Edit:
    from mug.beatmap.hit_objects import LongNote
    from mug.pipeline.request import Edit, Region

    locks = [Region(first, last) for first, last in args.lock_ms]
    if args.lock_columns:
        locks.append(Region(columns=args.lock_columns))
    return Edit(
        _region(args, beatmap),
        tuple(locks),
        (lambda note: isinstance(note, LongNote)) if args.lock_holds else None,
        strength=args.strength,
        seam_ms=args.seam_ms,
    )


def _region(args: argparse.Namespace, beatmap: Beatmap) -> Region:
    from mug.pipeline.arrange.bars import bar_start_ms
    from mug.pipeline.request import Region

    if (args.from_ms, args.from_bar).count(None) == 0 or (args.to_ms, args.to_bar).count(None) == 0:
        raise GenerationError(
            "scripts.border_is_given_twice", remedy="remedy.give_either_time_or_bar"
        )
    first, last = args.from_ms, args.to_ms
    if args.from_bar is not None:
        first = bar_start_ms(beatmap.red_lines, args.from_bar)
    if args.to_bar is not None:
        last = bar_start_ms(beatmap.red_lines, args.to_bar + 1)
    if first is None and last is None and args.columns is None and args.strength == 1:
        raise GenerationError(
            "scripts.nothing_of_chart_would_be_left",
            remedy="remedy.name_part_of_or_strength_below",
        )
    return Region(
        -math.inf if first is None else first, math.inf if last is None else last, args.columns
    )


@dataclass(frozen=True)
class _Work:
    """Everything that variations are written from."""

    args: argparse.Namespace
    generator: ChartGenerator
    request: GenerationRequest
    edit: Edit
    document: Document
    chart: int

    def write(self, index: int, variation: Variation) -> dict[str, Any]:
        """Write one variation with its report beside it."""
        from mug.pipeline.edit import describe_edit
        from mug.pipeline.exact_edit import apply_variation, changed_outside
        from mug.pipeline.provenance import stamp
        from mug.pipeline.stamp import provenance

        args, request, beatmap = self.args, self.request, self.document.place(self.chart).beatmap
        out = _out(args, index)
        done, written = apply_variation(self.document, self.chart, variation)
        record = provenance(self.generator.model, request, prompt=request.prompt, index=index)
        notices = self.generator.song(request.audio).sound.notices
        report = {
            "chart": str(args.chart),
            "difficulty": beatmap.version,
            "file": str(out),
            **describe_edit(beatmap, self.edit, written),
            "moved": as_containers(done.moved),
            "notices": [one.to_plain() for one in notices],
            "bytes_changed_outside": changed_outside(
                self.document, done.document, self.chart, self.edit
            ),
            "made_by": record.to_dict(),
        }
        edited = done.document
        if args.mark:
            tags = stamp(edited.place(self.chart).beatmap, record).metadata["Tags"]
            edit = {"op": "tags", "chart": self.chart, "text": tags}
            edited = edited.apply([edit]).document
        with atomic_write(out.with_suffix(".json"), "w", encoding="utf-8") as handle:
            json.dump(report, handle, indent=2, ensure_ascii=False)
        edited.write(out)  # after its report
        return report


def _out(args: argparse.Namespace, index: int) -> Path:
    """Return the file of a variation."""
    out: Path = args.out
    return out if args.count <= 1 else out.with_name(f"{out.stem}-{index + 1}{out.suffix}")


def _files(args: argparse.Namespace) -> list[Path]:
    """Return all files that will be written."""
    charts = [_out(args, index) for index in range(args.count)]
    return [file for chart in charts for file in (chart, chart.with_suffix(".json"))]


def _columns(text: str) -> frozenset[int]:
    return frozenset(int(part) - 1 for part in text.split(","))


def _span(text: str) -> tuple[float, float]:
    first, _, last = text.partition(":")
    return float(first), float(last)


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="Nothing was written.")
