"""Edits of notes from a list of operations."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mug.beatmap.exact.document import open_chart
from mug.beatmap.exact.steps import as_containers
from mug.cli.charts.chart_choice import chosen
from mug.cli.common import OK
from mug.errors import BeatmapError
from mug.files import atomic_write, write_together
from mug.pipeline.output.own_files import check_outputs


def add_edits_options(made: argparse.ArgumentParser) -> None:
    """Add the options of edits from a file."""
    part = made.add_argument_group("edits of notes, without a model")
    part.add_argument(
        "--edits",
        metavar="FILE",
        help='JSON list of operations, - for the input, e.g. [{"op": "move", "notes": [3],'
        ' "by_ms": 250}] (docs/formats.md)',
    )
    part.add_argument(
        "--undo",
        type=Path,
        metavar="FILE",
        help="write the operations that give back the file, for --edits",
    )


def edit_by_list(args: argparse.Namespace) -> int:
    """Apply the operations of a file, write the chart, and print what was done as JSON."""
    check_outputs([args.out, *filter(None, [args.undo])], overwrite=args.overwrite)
    document = open_chart(args.chart, strict=args.strict)
    edits = _operations(args.edits)
    if args.difficulty is not None or len(document.charts) > 1:
        named = all("chart" in edit or edit.get("op") == "patch" for edit in edits)
        if args.difficulty is not None or not named:
            chart = chosen(document, args.difficulty, args.chart)
            edits = [{"chart": chart, **edit} for edit in edits]
    done = document.apply(edits)
    with write_together():
        if args.undo is not None:
            with atomic_write(args.undo, "w", encoding="utf-8") as handle:
                json.dump(done.undo, handle, ensure_ascii=True)
        done.document.write(args.out)
    report = {
        "chart": str(args.chart),
        "file": str(args.out),
        "edits": len(edits),
        "moved": as_containers(done.moved),
        "charts": [
            {"difficulty": place.beatmap.version, "notes": len(place.beatmap.hit_objects)}
            for place in done.document.charts
        ],
    }
    print(json.dumps(report, indent=2, ensure_ascii=False))
    return OK


def _operations(name: str) -> list[dict[str, Any]]:
    """The operations of a file, or of the input."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
        found = json.loads(text)
    except OSError as error:
        raise BeatmapError("common.no_such_file", file=name, remedy="remedy.check_path") from error
    except ValueError as error:
        raise BeatmapError("chart.not_json", file=name, value=str(error)) from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BeatmapError("chart.edit_is_no_map", file=name)
    return found
