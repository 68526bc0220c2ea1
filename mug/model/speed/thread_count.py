"""Threads of a network's arithmetic: a small one is as fast with one, and fastest beside others."""

from __future__ import annotations

import os

import torch

from mug.threads import NUMBERS

SMALL = 20_000_000
"""Weights up to which a network's steps are too short to be shared among threads."""


def suit_threads(weights: int) -> None:
    """Have this process compute a small model with one thread, unless the user set a number.

    Results are the same bytes with one thread and with two (docs/performance.md).

    Args:
        weights: of the model that the process is for.
    """
    if weights <= SMALL and not any(name in os.environ for name in NUMBERS):
        torch.set_num_threads(1)
