"""Bounds of a task: memory and time."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1 << 20


@dataclass(frozen=True)
class Bounds:
    """Bounds of each task.

    Args:
        memory_mib: that a task may take beyond what its process had before.
        seconds: that it may take.
        grace_s: that it may take to end after a stop.
        kept_mib: that a process may keep of its tasks; beyond that the next gets a new one.
    """

    memory_mib: float = 4096.0
    seconds: float = 1800.0
    grace_s: float = 30.0
    kept_mib: float = 1024.0


READING = Bounds(memory_mib=1024.0, seconds=60.0, grace_s=0.0, kept_mib=256.0)
"""Those of reading a chart or the tags of a song."""


def memory_mib(pid: int) -> float:
    """Memory that a process holds, in MiB; 0 for one that is gone."""
    import psutil

    try:
        return float(psutil.Process(pid).memory_info().rss) / _MIB
    except psutil.Error:
        return 0.0
