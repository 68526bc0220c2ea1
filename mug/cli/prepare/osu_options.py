"""Common parts of the scripts that read from osu!: their options, and the client these make."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from mug.prepare.osu_api import BASE_URL, Credentials, OsuApi, Pace

CREDENTIALS = (
    "Needs an OAuth application of your own: set OSU_CLIENT_ID and OSU_CLIENT_SECRET"
    f" (see {BASE_URL}/home/account/edit#oauth)."
)


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Address and pace."""
    parser.add_argument("--base_url", default=BASE_URL, help="address of the server")
    parser.add_argument(
        "--requests_per_minute", type=float, default=60.0, help="at most (default 60)"
    )


def open_api(given: argparse.Namespace) -> OsuApi:
    """A client with the credentials of the environment."""
    pace = Pace(per_minute=given.requests_per_minute)
    credentials = Credentials.from_environment(os.environ)
    return OsuApi(credentials, base_url=given.base_url, pace=pace)


@contextmanager
def counter(what: str, unit: str) -> Iterator[Callable[[int], None]]:
    """A bar without an end, as a function of how many are done."""
    with tqdm(desc=what, unit=unit, dynamic_ncols=True) as bar:
        yield lambda done: bar.update(done - bar.n) and None
