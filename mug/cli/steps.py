"""Work in steps: each is a command of this repository, and a finished step is not done again."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mug.errors import TrainingError
from mug.files import atomic_write, sweep_below

ROOT = Path(__file__).resolve().parents[2]
DONE = ".done"
"""Folder, below that of the results, with a mark of each finished step."""

TRAIN = ("-m", "mug.cli.main", "train")


@dataclass(frozen=True)
class Steps:
    """Commands whose results lie under one folder.

    Args:
        out: the folder; `.done` inside it remembers what is finished.
    """

    out: Path

    def run(self, name: str, command: list[str], extra: list[str] | None = None) -> None:
        """Runs `python COMMAND EXTRA`, unless the same command is done; output is not captured.

        Where another command was done under the name, the steps after it are to be done again, too.

        Raises:
            TrainingError: when the command fails; its own message stands above.
        """
        if self.is_done(name, command):
            print(f"[{name}] done before")
            return
        self._forget_from(name)
        print(f"\n[{name}] python {' '.join(command)}", flush=True)
        began = time.monotonic()
        done = subprocess.run([sys.executable, *command, *(extra or [])], cwd=ROOT, check=False)
        if done.returncode == 130:
            raise KeyboardInterrupt
        if done.returncode:
            raise TrainingError(
                "scripts.step_failed",
                name=name,
                code=done.returncode,
                remedy="remedy.message_stands_above_same_command_goes",
            )
        seconds = time.monotonic() - began
        print(f"[{name}] took {seconds:.0f} s", flush=True)
        done_before = [mark["number"] for mark in self._marks().values()]
        mark = {
            "command": self._digest(command),
            "seconds": seconds,
            "number": 1 + max(done_before, default=0),
        }
        with atomic_write(self._marker(name), "w", encoding="utf-8") as handle:
            json.dump(mark, handle)

    def _forget_from(self, name: str) -> None:
        """Forget a step and all that were finished after it: they stand on its old results.

        The latest goes first, so that a kill leaves nothing behind that stands on what is gone.
        The order is that of numbers: clocks are set back.
        """
        marks = self._marks()
        if name in marks:
            later = [key for key, mark in marks.items() if mark["number"] >= marks[name]["number"]]
            for key in sorted(later, key=lambda key: -marks[key]["number"]):
                self._marker(key).unlink()

    def _marks(self) -> dict[str, dict[str, Any]]:
        """Marks of finished steps, in the order in which they were finished."""
        folder = self.out / DONE
        files = (
            [path for path in folder.iterdir() if not path.name.startswith(".")]
            if (folder.is_dir())
            else []
        )
        found = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in files}
        for number, path in enumerate(sorted(files, key=lambda path: path.stat().st_mtime_ns), 1):
            found[path.name].setdefault("number", number)  # marks of earlier versions have none
        return dict(sorted(found.items(), key=lambda entry: entry[1]["number"]))

    def is_done(self, name: str, command: list[str]) -> bool:
        """Return whether this very command has finished here before, wherever the folder lay."""
        mark = self._marks().get(name, {})
        # Earlier versions took the command with the folder's own path in it.
        return mark.get("command") in (self._digest(command), _digest_of(command))

    def seconds(self, name: str) -> float:
        """Duration of a finished step."""
        return float(self._marks()[name]["seconds"])

    def train(self, name: str, config: str | Sequence[str], overrides: list[str]) -> Path:
        """Train by YAML, going on where an interrupted run stopped; its last checkpoint.

        Args:
            name: of the step.
            config: a file, or several that are merged.
            overrides: `key=value`.
        """
        logs = self.out / "logs" / name
        sweep_below(logs)  # one that was killed before its first checkpoint begins in another
        configs = [config] if isinstance(config, str) else list(config)
        command = [*TRAIN, "--base", *configs, "-t", "--no-test", "--logdir", str(logs)]
        command += overrides
        unfinished = self._checkpoints(name)
        resume = ["-r", str(unfinished[-1].parents[1])] if unfinished else []
        self.run(name, command, extra=resume)
        return self.checkpoint(name)

    def checkpoint(self, name: str) -> Path:
        """Return the last checkpoint of a step that trained.

        Raises:
            TrainingError: when there is none.
        """
        found = self._checkpoints(name)
        if not found:
            raise TrainingError("scripts.training_left_no_checkpoint", value=name)
        return found[-1]

    def _checkpoints(self, name: str) -> list[Path]:
        return sorted((self.out / "logs" / name).glob("*/checkpoints/last.ckpt"))

    def _marker(self, name: str) -> Path:
        return self.out / DONE / name

    def _digest(self, command: list[str]) -> str:
        """Digest of a command that is the same wherever the results lie."""
        return _digest_of([word.replace(str(self.out), "OUT") for word in command])


def _digest_of(command: list[str]) -> str:
    return hashlib.sha256("\0".join(command).encode("utf-8", "surrogateescape")).hexdigest()
