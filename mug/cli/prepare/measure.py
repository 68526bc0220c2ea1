"""Measure the charts of a data set: fill features.db beside the list of charts.

Star rating, share of long notes and its classes, rank status, Etterna's skill sets; hashes of chart
and sound, and what scripts/filter_beatmap.py looks at. What is unknown stays NULL. The same command
again measures only charts that are new or changed, and may run several times at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = (
    "1"  # processes share the cores
)

from mug.cli.common import OK, add_worker_options, progress_bar, run, warn
from mug.difficulty.registry import RankedMap
from mug.errors import printable
from mug.features import FeatureSchema
from mug.prepare.features import DB_NAME, fill_features


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--beatmap_txt", type=Path, required=True, help="list of charts from prepare_beatmap.py"
    )
    parser.add_argument(
        "--features_yaml",
        default="configs/mug/mania_beatmap_features.yaml",
        help="which features to fill (default: %(default)s)",
    )
    parser.add_argument(
        "--ranked_map_path",
        type=Path,
        help="lines of `beatmapset-id status` (ranked, loved, graveyard ...); default: unknown",
    )
    parser.add_argument(
        "--unlisted_status",
        help="status of sets that are not listed there, e.g. graveyard; default: unknown",
    )
    parser.add_argument(
        "--msd",
        default="auto",
        help="what measures Etterna's numbers: estimate (ours), minacalc (a Python module of that"
        " name which you built), or auto (default): what the data set has, else minacalc where"
        " there is one. The two are never mixed",
    )
    add_worker_options(parser)
    return parser.parse_args()


def main() -> int:
    """Fill the database, then say what is in it."""
    given = _arguments()
    schema = FeatureSchema.from_yaml(given.features_yaml)
    ranked = RankedMap.read(given.ranked_map_path, given.unlisted_status)
    with progress_bar("measuring", "chart") as show:
        filled = fill_features(
            given.beatmap_txt,
            schema,
            ranked=ranked,
            workers=given.workers,
            progress=show,
            engine=given.engine,
            shared=given.shared,
            msd=given.msd,
        )
    folder = given.beatmap_txt.parent
    if not filled.computed:
        print("Nothing new: all charts were measured before.")
    print(
        f"{filled.computed} charts measured, {filled.unchanged} unchanged, {filled.rejected} broken"
        + (f" (see {folder / 'quarantine.jsonl'})" if filled.rejected else "")
        + f"; {folder / DB_NAME}"
    )
    for notice in filled.notices:
        warn(printable(notice))
    if filled.unknown:
        print("Unknown: " + ", ".join(f"{name} of {n}" for name, n in filled.unknown.items()))
    return OK


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="What is measured stays; the same command goes on from here.")
