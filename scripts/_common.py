"""What the scripts share: one line for an error, exit codes, progress with the time left."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from mug.errors import MugError

OK, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130


def run(main: Callable[[], int], *, when_stopped: str) -> int:
    """Calls a script's work and turns what it raises into one line and an exit code.

    Args:
        main: does the work; its value is the exit code of a run that came to its end.
        when_stopped: what Ctrl-C means for the work done so far.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    try:
        return main()
    except MugError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(f"\nStopped. {when_stopped}", file=sys.stderr)
        return INTERRUPTED


@contextmanager
def progress_bar(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A bar as a function of (done, total)."""
    with tqdm(desc=what, unit=unit, dynamic_ncols=True) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
