"""Lists graveyard beatmapsets of mappers who have a ranked osu!mania set.

One id a line, to download. Stopped, the same command goes on from the last page that came.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mug.cli.common import OK, add_overwrite_option, run
from mug.cli.prepare.osu_options import CREDENTIALS, add_server_options, counter, open_api
from mug.files import check_free
from mug.prepare.ranked import fetch_graveyard_of_ranked_mappers, is_list


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=CREDENTIALS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="the list to write")
    parser.add_argument("--cs", type=int, default=4, help="columns of the charts (default 4)")
    parser.add_argument(
        "--min_plays", type=int, default=50, help="least play count of a set (default 50)"
    )
    add_overwrite_option(parser)
    add_server_options(parser)
    return parser.parse_args()


def main() -> int:
    """Fetch the list, then say how long it is."""
    given = _arguments()
    check_free([given.out], overwrite=given.overwrite, is_ours=is_list)
    api = open_api(given)
    with counter("looking into", "mapper") as show:
        found = fetch_graveyard_of_ranked_mappers(
            api, given.out, keys=given.cs, min_plays=given.min_plays, progress=show
        )
    gone = f", {found.gone} of them gone" if found.gone else ""
    print(
        f"{found.sets} beatmapsets of {found.mappers} mappers{gone} in {given.out}"
        f" ({api.requests} requests)"
    )
    return OK


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="The same command goes on from the last page that came.")
