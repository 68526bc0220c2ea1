"""Show a data set on one HTML page: numbers, distributions, splits, what was left out, charts.

The page needs nothing but itself; open it in any browser.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mug.cli.common import OK, add_overwrite_option, run
from mug.features import FeatureSchema
from mug.files import check_free
from mug.prepare.report.collect import collect_report
from mug.prepare.report.page import is_own_page, write_page


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset_dir", type=Path, help="folder with features.db")
    parser.add_argument(
        "--out", type=Path, required=True, help="the page to write, e.g. report.html"
    )
    parser.add_argument(
        "--features_yaml",
        default="configs/mug/mania_beatmap_features.yaml",
        help="features to show (default: %(default)s)",
    )
    add_overwrite_option(parser)
    parser.add_argument("--samples", type=int, default=6, help="charts to draw (default 6)")
    return parser.parse_args()


def main() -> int:
    """Write the page, then say what it shows."""
    given = _arguments()
    check_free([given.out], overwrite=given.overwrite, is_ours=is_own_page)
    schema = FeatureSchema.from_yaml(given.features_yaml)
    report = collect_report(given.dataset_dir, schema, samples=given.samples)
    write_page(report, given.out)
    left_out = sum(len(group.items) for group in report.rejected)
    print(
        f"{report.totals['charts']} charts of {report.totals['songs']} songs, {left_out} left out:"
        f" {given.out} ({given.out.stat().st_size / 1e6:.1f} MB)"
    )
    return OK


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="Nothing was written.")
