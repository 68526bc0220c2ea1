"""Say what would have to be asked for to get a given chart: its features as a prompt file.

FILE is a chart or a package. The prompt is YAML, for `--prompt`. Whether a chart is ranked does not
stand in its file and is left open.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.registry import suffixes
from mug.cli.common import OK, STRICT, add_overwrite_option, run
from mug.errors import DataError
from mug.features import FeatureSchema
from mug.files import write_together
from mug.messages.message import Message
from mug.pipeline.model.names import USUAL_FEATURES
from mug.pipeline.prompt import charts_in, prompt_of_chart, prompt_text, save_prompt
from mug.util import find_file, nearest

log = logging.getLogger(__name__)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", metavar="FILE", type=Path, help=suffixes())
    parser.add_argument(
        "--chart", help="name or number (from 1) of the chart, where there are several"
    )
    parser.add_argument("--rate", type=float, default=1.0, help="played so many times as fast")
    parser.add_argument("--strict", action="store_true", help=STRICT)
    parser.add_argument("--features", default=USUAL_FEATURES, help="the model's features")
    parser.add_argument("--out", type=Path, help="write the YAML here, not to the screen")
    add_overwrite_option(parser)
    return parser.parse_args()


def main() -> int:
    """Print a YAML document for each chart, or write the one that was chosen."""
    given = _arguments()
    schema = FeatureSchema.from_yaml(find_file(given.features))
    charts = _chosen(charts_in(given.file, strict=given.strict), given.chart, given.file)
    if given.out is not None and len(charts) > 1:
        raise DataError(
            "scripts.charts_do_not_fit_into_prompt",
            count=len(charts),
            file=given.file,
            remedy=Message(
                "remedy.choose_one_with_chart",
                known=nearest("", [chart.version for chart in charts]),
            ),
        )
    for number, chart in enumerate(charts):
        prompt = prompt_of_chart(chart, schema, rate=given.rate)
        for sentence in prompt.beyond(schema):
            log.warning("%s: %s", chart.version, sentence)
        if given.out is not None:
            with write_together(overwrite=given.overwrite):
                save_prompt(prompt, given.out)
            print(f"{chart.version}: {given.out}")
        else:
            print("---\n" * (number > 0) + f"# {chart.artist} - {chart.title} [{chart.version}]")
            print(prompt_text(prompt), end="")
    return OK


def _chosen(charts: list[Beatmap], asked: str | None, file: Path) -> list[Beatmap]:
    if asked is None:
        return charts
    named = [chart for chart in charts if chart.version == asked]
    if named:
        return named[:1]
    if asked.isascii() and asked.isdigit() and 1 <= int(asked[:6]) <= len(charts):
        return [charts[int(asked) - 1]]
    names = [chart.version for chart in charts]
    raise DataError("common.no_such_chart", file=file, value=asked, remedy=nearest(asked, names))


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="Nothing was written.")
