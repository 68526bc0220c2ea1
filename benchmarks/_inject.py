"""Run a script of this repository and have the k-th call that writes below a folder fail.

    python benchmarks/_inject.py K ERRNO FOLDER COUNTED script.py ARGUMENTS

Calls are counted as the interpreter makes them: opening for writing, making, naming and linking,
each write and each fsync. The number of calls is written to the file COUNTED; K = 0 fails none.
Writes within libraries, as SQLite's, are not seen: full disks and limits are for these.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from typing import Any

_MAKING = {"os.rename": 1, "os.link": 1, "os.mkdir": 0, "os.symlink": 1, "os.chmod": 0}
"""Event of the interpreter to the place of the path that it makes or changes."""


class Injector:
    """A counter of writing calls that makes one of them fail.

    Args:
        fail_at: number of the call that fails, from 1; 0 for none.
        error: number of the error.
        folder: calls elsewhere do not count.
        counted: file that gets the number of calls.
    """

    def __init__(self, fail_at: int, error: int, folder: str, counted: str) -> None:
        self.fail_at, self.error, self.folder = fail_at, error, os.path.realpath(folder)
        self.count = 0
        self._counted = os.open(counted, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at an event of the interpreter."""
        if event == "open":
            path, mode, flags = arguments
            writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else False
            writes = writes or bool(isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR))
            if writes:
                self.call(path)
        elif event in _MAKING:
            self.call(arguments[_MAKING[event]])

    def call(self, path: object) -> None:
        """Count a call, and let it fail when it is its turn."""
        if not isinstance(path, str | bytes | os.PathLike):
            return
        place = os.fsdecode(path)
        if not os.path.realpath(place).startswith(self.folder):
            return
        self.count += 1
        os.pwrite(self._counted, str(self.count).encode(), 0)
        if self.count == self.fail_at:
            raise OSError(self.error, os.strerror(self.error), place)

    def install(self) -> None:
        """Watch everything from now on."""
        from mug import files

        write, fsync = files._Raw.write, os.fsync

        def counted_write(raw: Any, data: Any) -> int:
            try:
                self.call(raw.name)
            except OSError as error:
                raw.refused = error
                raise
            return write(raw, data)

        def counted_fsync(handle: int) -> None:
            self.call(f"/proc/self/fd/{handle}")
            fsync(handle)

        files._Raw.write = counted_write  # type: ignore[method-assign, assignment]
        os.fsync = counted_fsync  # type: ignore[assignment]
        sys.addaudithook(self.hook)


def main() -> None:
    """Install the counter and run the script as its own program."""
    fail_at, error, folder, counted, script, *arguments = sys.argv[1:]
    root = Path(__file__).resolve().parents[1]
    sys.path.insert(0, str(root))
    Injector(int(fail_at), int(error), folder, counted).install()
    sys.argv = [script, *arguments]
    runpy.run_path(str(root / script), run_name="__main__")


if __name__ == "__main__":
    main()
