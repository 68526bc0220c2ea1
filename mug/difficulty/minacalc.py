"""A user's own `minacalc` module, asked from a process of its own.

The module is no package of any registry: users build it. It kills its interpreter on input that it
does not expect, so it never runs in ours: a process asks it, is ended when it takes too long, and
is begun again for the next chart when it died.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mug.difficulty.minacalc_worker import API, KEYS, LONGEST_MS
from mug.errors import DataError

TIMEOUT_S = 20.0
"""Four thousand notes take the compiled module 5 ms."""

_START_S = 60.0
_REMEDY = "remedy.fix_or_remove_minacalc"


class MinaCalcError(DataError):
    """The module has no answer for a chart: it died, hung, or said something else than numbers."""


def is_installed() -> bool:
    """Return whether there is a module `minacalc`; it is not imported."""
    return importlib.util.find_spec("minacalc") is not None


@dataclass
class MinaCalc:
    """The module in its process, which is begun with the first question.

    Args:
        timeout_s: seconds for a chart.
    """

    timeout_s: float = TIMEOUT_S
    _process: subprocess.Popen[str] | None = field(default=None, init=False, repr=False)
    _version: str = field(default="", init=False)

    def __enter__(self) -> MinaCalc:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def version(self) -> str:
        """Version that the module states, and a hash of its files.

        Raises:
            DataError: when there is no such module, or it cannot be used.
        """
        if not self._version:
            self._started()
        return self._version

    def values(
        self, time_ms: Sequence[float], column: Sequence[int], rate: float = 1.0
    ) -> tuple[float, ...]:
        """The eight numbers: overall, then the skill sets in the order of `SKILL_SETS`.

        Args:
            time_ms: when each note starts, in any order; rounded to whole milliseconds. Charts
                that begin before 0 ms are moved by whole half seconds, the module's unit.
            column: 0 to 3, as long as `time_ms`.
            rate: speed multiplier, 0.1 to 10.

        Returns:
            Zeros for charts that it cannot rate: of one row, or longer than 750 s as played.

        Raises:
            DataError: for other columns or rates, or times that are no numbers.
            MinaCalcError: when the module died, took too long or gave something else.
        """
        notes = as_notes(time_ms, column, rate)
        if not notes or notes[0][0] == notes[-1][0] or notes[-1][0] / rate > LONGEST_MS:
            return (0.0,) * 8
        found = self._request({"rate": float(rate), "notes": notes})
        if "values" not in found:
            raise MinaCalcError(
                "difficulty.minacalc_has_no_numbers_for_chart", value=found.get("error")
            )
        return tuple(found["values"])

    def close(self) -> None:
        """End the process; the next question begins another."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        process.communicate()

    def _request(self, question: dict[str, Any]) -> dict[str, Any]:
        process = self._started()
        return self._exchange(process, json.dumps(question) + "\n", self.timeout_s)

    def _exchange(
        self, process: subprocess.Popen[str], text: str, timeout_s: float
    ) -> dict[str, Any]:
        """Send a line and read one; a process that gives none in time is ended."""
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Timer(timeout_s, process.kill)
        late.start()
        try:
            process.stdin.write(text)
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:  # it died while we wrote
            line = ""
        finally:
            was_late = not late.is_alive()
            late.cancel()
        if line.endswith("\n"):
            found: dict[str, Any] = json.loads(line)
            return found
        self.close()
        why = f"no answer within {timeout_s:g} s" if was_late else _how(process.returncode)
        raise MinaCalcError("difficulty.minacalc_process_ended", value=why)

    def _started(self) -> subprocess.Popen[str]:
        """The running process; another one when it died between two questions."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "mug.difficulty.minacalc_worker", str(self.timeout_s + 5)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": path},
        )
        try:
            found = self._exchange(self._process, "", _START_S)
        except MinaCalcError as error:
            raise DataError(
                "difficulty.minacalc_module_ends_process_when",
                value=error.value,
                remedy=_REMEDY,
            ) from error
        if "version" not in found:
            self.close()
            raise DataError(
                "difficulty.minacalc_module_cannot_be_used",
                function=API,
                value=found.get("error"),
                remedy=_REMEDY,
            )
        if self._version and found["version"] != self._version:
            self.close()
            raise DataError(
                "difficulty.minacalc_module_changed_while_was_used",
                value=(self._version, found["version"]),
                remedy="remedy.run_command_again_all_charts",
            )
        self._version = found["version"]
        return self._process


def as_notes(time_ms: Sequence[float], column: Sequence[int], rate: float) -> list[tuple[int, int]]:
    """Notes as the module wants them: whole milliseconds from 0 on, in order, each once.

    Raises:
        DataError: for what it cannot be asked.
    """
    if not 0.1 <= rate <= 10:
        raise DataError("common.rate_must_be_0_1_to_10", value=rate)
    for found in column:
        if found not in range(KEYS):
            raise DataError(
                "difficulty.msd_is_defined_for_4_keys",
                value=found,
                remedy="remedy.leave_msd_unknown_for_charts",
            )
    try:
        times = [round(time) for time in time_ms]
    except (ValueError, OverflowError) as error:
        raise DataError("difficulty.note_time_is_not_finite", value=str(error)) from error
    shift = max(0, -(min(times, default=0) // 500)) * 500
    notes = zip(times, column, strict=True)
    return sorted({(time + shift, int(at)) for time, at in notes})


def _how(code: int | None) -> str:
    """Describe the end of a process."""
    return f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"


_OF_PROCESS: dict[int, MinaCalc] = {}


def of_this_process() -> MinaCalc:
    """The module's process that belongs to ours; one for all charts."""
    pid = os.getpid()  # a forked process must not talk to its parent's
    if pid not in _OF_PROCESS:
        _OF_PROCESS[pid] = MinaCalc()
        atexit.register(end_of_this_process)
    return _OF_PROCESS[pid]


def end_of_this_process() -> None:
    """End it; the next use begins another, and looks for the module again."""
    found = _OF_PROCESS.pop(os.getpid(), None)
    if found is not None:
        found.close()
