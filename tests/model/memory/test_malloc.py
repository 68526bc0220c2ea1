"""Freed memory goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mug.model.memory import malloc as malloc

_GAPS = """
import re, sys
from pathlib import Path
import torch
from mug.model.memory.malloc import return_large_blocks, trim
MIB = 1 << 20
def held():
    said = Path("/proc/self/status").read_text()
    found = re.findall(r"(?:RssAnon|VmSwap):\\s+(\\d+) kB", said)  # libraries come and go
    return sum(map(int, found)) / 1024
returned = "return" in sys.argv and return_large_blocks()
x = torch.ones(30 * MIB // 4)
del x  # by itself glibc keeps blocks up to this size from now on
before = held()
rows, small = [], []
for _ in range(100):
    rows.append(torch.ones(MIB // 4))
    small.append(torch.ones(64))  # between them, so that the heap can't shrink
full = held()
del rows
after = held()
trim()
print(returned, full - before, after - before, held() - before)
"""


def _gaps(*words: str) -> tuple[str, float, float, float]:
    """Whether blocks are returned; MiB held with 100 MiB of them, without, and after `trim`."""
    command = [sys.executable, "-c", _GAPS, *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    returned, full, after, trimmed = done.stdout.split()
    return returned, float(full), float(after), float(trimmed)


def test_gaps_between_small_blocks_go_back() -> None:
    if not malloc.return_large_blocks():  # another C library: nothing to promise
        malloc.trim()
        return
    returned, full, after, _ = _gaps("return")
    assert returned == "True"
    assert full > 95
    assert after < 5


def test_trimming_gives_back_what_was_kept() -> None:
    if not malloc.return_large_blocks():
        malloc.trim()
        return
    returned, full, after, trimmed = _gaps()
    assert returned == "False"
    assert min(full, after) > 95  # what is to be mended: freed, and yet held
    assert trimmed < 5


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(malloc, "_glibc", lambda: None)
    assert not malloc.return_large_blocks()
    assert not malloc.keep_blocks()
    malloc.trim()


_KEPT = """
import resource, sys
import numpy as np
from mug.model.memory.malloc import keep_blocks, return_large_blocks
kept = keep_blocks() if "keep" in sys.argv else return_large_blocks()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    np.ones(1 << 20).sum()
before = faults()
for _ in range(20):
    np.ones(1 << 20).sum()
print(kept, faults() - before)
"""


def test_blocks_that_are_kept_need_no_new_pages() -> None:
    if not malloc.return_large_blocks():
        return
    found = {}
    for word in ("keep", "return"):
        done = subprocess.run(
            [sys.executable, "-c", _KEPT, word], check=True, capture_output=True, text=True
        )
        possible, faults = done.stdout.split()
        assert possible == "True"
        found[word] = int(faults)
    assert found["keep"] < found["return"] / 10
