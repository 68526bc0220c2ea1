"""The process in which a user's own `minacalc` module runs: one JSON line in, one out.

    python -m mug.difficulty.minacalc_worker

The module's own checks end the interpreter, so whatever it is asked is checked here first; and what
it prints goes to the error stream, so that it cannot be taken for an answer.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import os
import signal
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, TextIO

API = "calc_skill_set"
"""The function of a module that this project can ask: `(rate, [(ms, column)])` to eight numbers."""

LONGEST_MS = 750_000
"""Longest chart, as played: the module gives zeros for others, and no error."""

KEYS, VALUES = 4, 8
_LONGEST_LINE = 1 << 24


def problem(rate: Any, notes: Any) -> str:
    """Fault of a request; empty for one that the module can be given.

    Args:
        rate: speed multiplier.
        notes: pairs of a time in whole milliseconds and a column, in order.
    """
    if not isinstance(rate, float) or not 0.1 <= rate <= 10:
        return f"a rate must be 0.1 to 10: {rate!r}"
    if not isinstance(notes, list) or len(notes) < 2:
        return "expected a list of two notes or more"
    for before, note in zip([[-1, -1], *notes], notes, strict=False):
        if not _is_note(note):
            return f"a note is a time from 0 on and a column from 0 to {KEYS - 1}: {note!r}"
        if note <= before:
            return f"notes must be in order, each once: {note!r}"
    if notes[-1][0] / rate > LONGEST_MS:
        return f"a chart must not be longer than {LONGEST_MS} ms: {notes[-1][0]}"
    return ""


def _is_note(note: Any) -> bool:
    if not isinstance(note, list) or len(note) != 2:
        return False
    return all(type(value) is int for value in note) and note[0] >= 0 and 0 <= note[1] < KEYS


def answer(module: Any, question: dict[str, Any]) -> dict[str, Any]:
    """The module's eight numbers, or what is wrong."""
    rate, notes = question.get("rate"), question.get("notes") or []
    wrong = problem(rate, notes)
    if wrong:
        return {"error": wrong}
    try:
        found = [float(value) for value in getattr(module, API)(rate, [(t, c) for t, c in notes])]
    except Exception as error:  # noqa: BLE001 - a stranger's code may raise anything
        return {"error": f"{type(error).__name__}: {error}"}
    if len(found) != VALUES or not all(math.isfinite(v) and v >= 0 for v in found):
        return {"error": f"expected {VALUES} numbers of 0 or more: {found!r}"}
    return {"values": found}


def version_of(module: Any) -> str:
    """Name a module's algorithm: its version where it says one, and a hash of its files."""
    said = str(getattr(module, "__version__", "") or "")
    if not said:
        try:
            said = metadata.version("minacalc")
        except metadata.PackageNotFoundError:
            said = "unnamed"
    digest = hashlib.sha256()
    for file in _files(module):
        digest.update(file.read_bytes())
    return f"{said}-{digest.hexdigest()[:8]}".replace(" ", "_")


def _files(module: Any) -> list[Path]:
    """Files of a module: its own file, or the code below its folder."""
    if not getattr(module, "__file__", None):
        return []
    file = Path(module.__file__)
    if not hasattr(module, "__path__"):
        return [file]
    found = file.parent.rglob("*")
    return sorted(one for one in found if one.suffix in (".py", ".so", ".pyd", ".dylib", ".dll"))


def main(words: Sequence[str]) -> int:
    """Answers until there are no more questions.

    Args:
        words: seconds after which a question ends this process, in case its parent is no more.
    """
    limit_s = float(words[0]) if words else 60.0
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        module = importlib.import_module("minacalc")
    except Exception as error:  # noqa: BLE001 - a stranger's code may raise anything
        return _say(answers, {"error": f"{type(error).__name__}: {error}"})
    if not hasattr(module, API):
        return _say(answers, {"error": f"it has no function {API}"})
    _say(answers, {"version": version_of(module)})
    while line := sys.stdin.readline(_LONGEST_LINE):
        _end_after(limit_s)
        found = answer(module, json.loads(line))
        _end_after(0)
        _say(answers, found)
    return 0


def _say(answers: TextIO, what: dict[str, Any]) -> int:
    answers.write(json.dumps(what) + "\n")
    answers.flush()
    return 0


def _end_after(seconds: float) -> None:
    """A signal that no handler catches, so that it also ends compiled code; 0 takes it back."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
