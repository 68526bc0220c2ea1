"""Tasks that misbehave, as values that a worker's process can be handed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from mug.errors import AudioError, Cancelled

_MIB = 1 << 20


@dataclass(frozen=True)
class Odd:
    """A task.

    Args:
        what: it does.
        value: of that.
    """

    what: str
    value: Any = None

    def __call__(self, bench: Any, following: Any) -> object:
        return getattr(self, self.what)(following)

    def pid(self, following: Any) -> int:
        return os.getpid()

    def echo(self, following: Any) -> object:
        following.progress(1, 2)
        return self.value

    def take(self, following: Any) -> None:
        """Takes memory, a piece at a time, without end."""
        held = []
        while True:
            held.append(np.ones(16 * _MIB // 8))
            time.sleep(0.01)

    def take_at_once(self, following: Any) -> float:
        """Takes memory of so many MiB, and gives it back."""
        return float(np.ones(int(self.value * _MIB / 8)).sum())

    def turn(self, following: Any) -> None:
        """Turns in a circle, and hears nothing."""
        while True:
            pass

    def wait(self, following: Any) -> None:
        """Waits until it is told to stop."""
        following.progress(0, 9)
        while not following.should_stop():
            time.sleep(0.01)
        raise Cancelled("ui.cancelled")

    def die(self, following: Any) -> None:
        """Ends the process as a defect in a library would."""
        os.abort()

    def fail(self, following: Any) -> None:
        raise AudioError("audio.no_sound_file", file="song.mp3")

    def break_(self, following: Any) -> None:
        raise ZeroDivisionError
