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

from mug.errors import TrainingError
from mug.util import atomic_write

ROOT = Path(__file__).resolve().parents[2]
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
        marker = self._marker(name)
        marker.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(marker) as handle:
            handle.write(json.dumps({"command": _digest(command), "seconds": seconds}).encode())

    def _forget_from(self, name: str) -> None:
        """Forget a step and all that were finished after it: they stand on its old results."""
        marker = self._marker(name)
        if marker.exists():
            since = marker.stat().st_mtime_ns
            for later in marker.parent.iterdir():
                if later.stat().st_mtime_ns >= since:
                    later.unlink()

    def is_done(self, name: str, command: list[str]) -> bool:
        """Return whether this very command has finished here before."""
        marker = self._marker(name)
        return marker.exists() and json.loads(marker.read_text())["command"] == _digest(command)

    def seconds(self, name: str) -> float:
        """Duration of a finished step."""
        return float(json.loads(self._marker(name).read_text())["seconds"])

    def train(self, name: str, config: str | Sequence[str], overrides: list[str]) -> Path:
        """Train by YAML, going on where an interrupted run stopped; its last checkpoint.

        Args:
            name: of the step.
            config: a file, or several that are merged.
            overrides: `key=value`.
        """
        logs = self.out / "logs" / name
        configs = [config] if isinstance(config, str) else list(config)
        command = [*TRAIN, "--base", *configs, "-t", "--no-test", "--logdir", str(logs)]
        command += overrides
        unfinished = sorted(logs.glob("*/checkpoints/last.ckpt"))
        resume = ["-r", str(unfinished[-1].parents[1])] if unfinished else []
        self.run(name, command, extra=resume)
        return sorted(logs.glob("*/checkpoints/last.ckpt"))[-1]  # runs are named by their time

    def _marker(self, name: str) -> Path:
        return self.out / ".done" / name


def _digest(command: list[str]) -> str:
    return hashlib.sha256("\0".join(command).encode()).hexdigest()
