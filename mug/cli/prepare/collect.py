"""Collect charts and their songs from folders and .osz packages into one data set.

Writes OUT/<set>/..., OUT/beatmap.txt (the charts) and OUT/quarantine.jsonl (broken files with
reasons). The same command again does only what is new, and may run several times at once. Charts
that say `robots: disallow` (in a tag, field or comment) are never taken.
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

from mug.cli.common import OK, STRICT, add_overwrite_option, add_worker_options, progress_bar, run
from mug.prepare.collect import collect
from mug.prepare.ingest import Selection, read_opt_out


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--song_dir", type=Path, required=True, help="where the songs are")
    parser.add_argument("--out_dir", type=Path, required=True, help="the data set to make")
    parser.add_argument("--mode_int", type=int, default=3, help="game mode: 3, osu!mania (default)")
    parser.add_argument("--cs", type=int, default=0, help="columns, e.g. 4; 0 takes any (default)")
    parser.add_argument(
        "--opt_out", type=Path, help="mappers whose charts are not taken, one name a line"
    )
    parser.add_argument("--strict", action="store_true", help=STRICT)
    add_overwrite_option(parser)
    add_worker_options(parser)
    return parser.parse_args()


def main() -> int:
    """Collects, then says what was found."""
    given = _arguments()
    with progress_bar("collecting", "song") as show:
        found = collect(
            given.song_dir,
            given.out_dir,
            Selection(given.mode_int, given.cs, read_opt_out(given.opt_out), given.strict),
            progress=show,
            workers=given.workers,
            engine=given.engine,
            shared=given.shared,
            overwrite=given.overwrite,
        )
    if not found.done:
        print("Nothing new: all songs were collected before.")
    print(
        f"{found.charts} charts in {given.out_dir / 'beatmap.txt'}; {found.done} of"
        f" {found.sources} songs and packages were new.\nPassed over: {found.other_mode} of other"
        f" game modes, {found.other_keys} with other numbers of columns. Broken: {found.rejected}"
        + (f", listed in {given.out_dir / 'quarantine.jsonl'}." if found.rejected else ".")
        + f"\nWith lines left out or read otherwise than written: {found.repaired} charts."
        * bool(found.repaired)
    )
    return OK


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="What is collected stays; the same command goes on from here.")
