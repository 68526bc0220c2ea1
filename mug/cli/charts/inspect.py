"""Show what made a chart: program, model, weights, prompt and settings, if the file holds them.

FILE is a chart or a package. The record stands among the chart's tags, so charts that went through
osu!'s editor still have it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.registry import suffixes
from mug.cli.common import FAILED, OK, STRICT, run
from mug.errors import BeatmapError
from mug.pipeline.prompt import charts_in
from mug.pipeline.provenance import is_machine_made, provenance_of


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", metavar="FILE", type=Path, nargs="+", help=suffixes())
    parser.add_argument("--json", action="store_true", help="print a JSON list, one entry a chart")
    parser.add_argument("--strict", action="store_true", help=STRICT)
    return parser.parse_args()


def main() -> int:
    """Print what each chart says; 1 when a record is damaged."""
    given = _arguments()
    found = [
        _entry(chart) for file in given.files for chart in charts_in(file, strict=given.strict)
    ]
    if given.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        print("\n\n".join(map(_text, found)))
    return FAILED if any(entry["error"] for entry in found) else OK


def _entry(chart: Beatmap) -> dict[str, Any]:
    record, error = None, None
    try:
        provenance = provenance_of(chart)
        record = None if provenance is None else provenance.to_dict()
    except BeatmapError as damage:
        error = str(damage)
    return {
        "file": str(chart.path),
        "title": chart.title,
        "artist": chart.artist,
        "creator": chart.creator,
        "difficulty": chart.version,
        "machine_made": is_machine_made(chart),
        "provenance": record,
        "error": error,
    }


def _text(entry: dict[str, Any]) -> str:
    lines = [f"{entry['artist']} - {entry['title']} [{entry['difficulty']}] by {entry['creator']}"]
    if entry["error"]:
        lines.append(f"  error: {entry['error']}")
    elif entry["provenance"] is None:
        said = "machine-made, no record of how" if entry["machine_made"] else "nothing recorded"
        lines.append(f"  {said}")
    for name, value in (entry["provenance"] or {}).items():
        shown = (
            ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
        )
        lines.append(f"  {name.replace('_', ' ')}: {shown if shown != '' else '-'}")
    return "\n".join(lines)


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="Nothing was changed.")
