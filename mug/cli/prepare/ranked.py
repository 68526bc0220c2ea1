"""List what is ranked on osu!, one `id status` line a beatmapset.

The list is what `prepare_beatmap_features.py --ranked_map_path` reads. Stopped, the same command
goes on from the last page that came.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mug.cli.common import OK, add_overwrite_option, run
from mug.cli.prepare.osu_options import CREDENTIALS, add_server_options, counter, open_api
from mug.files import check_free
from mug.prepare.ranked import MODES, STATUSES, fetch_ranked, is_list


def _mode(text: str) -> int:
    if text in MODES:
        return MODES[text]
    if text in map(str, MODES.values()):
        return int(text)
    raise argparse.ArgumentTypeError(f"a mode is {', '.join(MODES)}, or 0 to 3, not {text!r}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=CREDENTIALS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="the list to write")
    parser.add_argument("-m", "--mode", type=_mode, default=3, help="game mode (default 3, mania)")
    parser.add_argument(
        "--statuses",
        nargs="+",
        choices=STATUSES,
        default=["ranked", "loved"],
        help="states to list (default: ranked loved)",
    )
    add_overwrite_option(parser)
    add_server_options(parser)
    return parser.parse_args()


def main() -> int:
    """Fetch the list, then say how long it is."""
    given = _arguments()
    check_free([given.out], overwrite=given.overwrite, is_ours=is_list)
    api = open_api(given)
    with counter("listing", "set") as show:
        found = fetch_ranked(
            api, given.out, mode=given.mode, statuses=given.statuses, progress=show
        )
    print(f"{found.sets} beatmapsets in {given.out} ({api.requests} requests)")
    return OK


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="The same command goes on from the last page that came.")
