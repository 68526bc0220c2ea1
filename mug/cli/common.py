"""Common parts of the scripts: errors in one line, exit codes, progress with the time left."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from mug.errors import MugError, plain_error

log = logging.getLogger(__name__)

OK, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130
STRICT = "refuse a chart at the first line that cannot be read (default: leave the line out)"
"""Help of `--strict`."""


def run(main: Callable[[], int], *, when_stopped: str) -> int:
    """Call a script's work and turn what it raises into one line and an exit code.

    Args:
        main: does the work; its value is the exit code of a run that came to its end.
        when_stopped: what Ctrl-C means for the work done so far.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    try:
        code = main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(f"\nStopped. {when_stopped}", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        said = plain_error(error)
        if said is None:
            raise
        report_error(said)
        return FAILED
    return code


def report_error(error: MugError) -> None:
    """Print an error as one line, and give up an output that can no longer be written."""
    log.debug("the error in full", exc_info=True)
    print(f"error: {error}", file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:  # it was the one to report; Python must not try again at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def warn(text: str) -> None:
    """Print a warning that is not to be overlooked: in red where the output is a terminal."""
    red, plain = ("\x1b[31m", "\x1b[0m") if sys.stderr.isatty() else ("", "")
    print(f"{red}warning: {text}{plain}", file=sys.stderr)


def add_overwrite_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that lets a command replace files which are not its own."""
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace files that are there already; without it, only those that this program made",
    )


def add_worker_options(parser: argparse.ArgumentParser) -> None:
    """Add options for workers: processes, engine, and whether other machines take part."""
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="processes (default: one a core, here %(default)s)",
    )
    parser.add_argument(
        "--engine",
        default="process",
        help="process (default); dask for a local Dask cluster, dask:ADDRESS for a running one",
    )
    parser.add_argument(
        "--shared",
        action="store_true",
        help="the data set lies on a folder that several machines write to; give it on the first"
        " run. The folder's file system must have working locks (NFS 4, SMB, Lustre, CephFS)",
    )


@contextmanager
def progress_bar(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A bar as a function of (done, total)."""
    with tqdm(desc=what, unit=unit, dynamic_ncols=True) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
