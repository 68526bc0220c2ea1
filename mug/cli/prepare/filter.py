"""Clean a data set: write clean.txt, its split and a manifest beside the list of charts.

Leaves out charts of other key counts, too short ones, copies (same notes, same notes faster or
slower), scroll-speed gimmicks, notes outside the sound, charts that don't lie on their sound, and
those whose mappers don't want them used. Every decision is in features.db and manifest.jsonl. Run
scripts/prepare_beatmap_features.py before. Charts stay in their part of the split when others are
added later.
"""

from __future__ import annotations

import argparse
import os
import sys
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = (
    "1"  # processes share the cores
)

from mug.cli.common import OK, add_overwrite_option, add_worker_options, progress_bar, run
from mug.data.feature_db import FeatureDB
from mug.errors import DataError
from mug.files import write_together
from mug.prepare.cleaning import CleaningLimits
from mug.prepare.features import DB_NAME
from mug.prepare.filtering import LIST_NAME, Cleaned, check_lists, clean
from mug.prepare.ingest import read_opt_out
from mug.prepare.manifest import FILE_NAME
from mug.prepare.offsets import correct, measure_offsets


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("beatmap_txt", type=Path, help="list of charts from prepare_beatmap.py")
    parser.add_argument("--cs", type=int, default=0, help="columns, e.g. 4; 0 takes any (default)")
    limits = CleaningLimits()
    parser.add_argument("--least_objects", type=int, default=limits.least_objects)
    parser.add_argument("--least_s", type=float, default=limits.least_ms / 1000)
    parser.add_argument(
        "--odd_scroll",
        type=float,
        default=limits.odd_scroll,
        help="largest share of the time at odd scroll speeds (default %(default)s; 1 takes all)",
    )
    parser.add_argument("--opt_out", type=Path, help="mappers to leave out, one name a line")
    parser.add_argument(
        "--split",
        default="0.9,0.1,0",
        help="shares of train, val and test (default %(default)s); empty for none",
    )
    parser.add_argument("--salt", default="", help="another text gives another first split")
    parser.add_argument(
        "--no_offset", action="store_true", help="don't listen whether charts lie on their sound"
    )
    parser.add_argument(
        "--correct_offset",
        action="store_true",
        help="move the data set's charts by the offset of their songs",
    )
    add_overwrite_option(parser)
    add_worker_options(parser)
    return parser.parse_args()


def main() -> int:
    """Listens, cleans, then says what was left out."""
    given = _arguments()
    folder = given.beatmap_txt.parent
    if not (folder / DB_NAME).is_file():
        raise DataError(
            "scripts.charts_were_not_measured",
            file=given.beatmap_txt,
            remedy="remedy.run_prepare_beatmap_features_first",
        )
    fractions = _fractions(given.split)
    check_lists(folder, split=fractions is not None, overwrite=given.overwrite)
    if not given.no_offset:
        with (
            FeatureDB(folder / DB_NAME, (), shared=given.shared) as db,
            progress_bar("listening", "song") as show,
        ):
            measure_offsets(db, workers=given.workers, engine=given.engine, progress=show)
    limits = CleaningLimits(
        keys=given.cs,
        least_objects=given.least_objects,
        least_ms=1000 * given.least_s,
        odd_scroll=given.odd_scroll,
        opt_out=read_opt_out(given.opt_out),
    )
    cleaned = clean(
        given.beatmap_txt,
        limits,
        fractions=fractions,
        salt=given.salt,
        overwrite=given.overwrite,
    )
    _show(cleaned, folder)
    if given.correct_offset:
        _correct(folder)
    return OK


def _fractions(text: str) -> dict[str, float] | None:
    if not text:
        return None
    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError:
        shares = []
    if len(shares) != 3:
        raise DataError(
            "scripts.split_takes_three_shares", value=text, remedy="remedy.split_for_example"
        )
    return dict(zip(("train", "val", "test"), shares, strict=True))


def _show(cleaned: Cleaned, folder: Path) -> None:
    print(f"{cleaned.kept} of {cleaned.charts} charts kept: {folder / LIST_NAME}")
    for rule, count in cleaned.rules.items():
        print(f"  {rule:16} {count}")
    print(f"{cleaned.same_songs} sounds are others in another encoding; they stay together.")
    if cleaned.parts:
        parts = ", ".join(f"{part} {count}" for part, count in cleaned.parts.items())
        print(f"Split: {parts}" + (f"; in none: {cleaned.in_no_part}" * bool(cleaned.in_no_part)))
    print(f"Where each comes from: {folder / FILE_NAME}")


def _correct(folder: Path) -> None:
    with FeatureDB(folder / DB_NAME, ()) as db:
        charts = (folder / LIST_NAME).read_text(encoding="utf-8").splitlines()
        moved = 0
        for _, together in groupby(charts, lambda chart: chart.rpartition("/")[0]):
            with write_together():  # charts of a song move together or not at all
                moved += sum(bool(correct(db, chart)) for chart in together)
    print(f"{moved} charts moved; run scripts/prepare_beatmap_features.py again.")


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="The same command goes on from here.")
