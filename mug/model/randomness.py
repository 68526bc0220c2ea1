"""Random generators that are a function of what they are for."""

from __future__ import annotations

import numpy as np
import torch


def seeded_generator(*key: int) -> torch.Generator:
    """A CPU generator for a key such as (seed, step, rank); equal keys give equal numbers.

    Drawing for step n needs no history, so that a resumed run goes on exactly.
    """
    state = np.random.SeedSequence([part % 2**64 for part in key]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))


def row_generators(rows: int, rank: int, processes: int, *key: int) -> list[torch.Generator]:
    """A generator for each row of this process's part of a batch.

    Row n of one of several processes is row `rank + processes * n` of the batch of them all, as
    `EpochSampler` deals items out. So it gets the same numbers however many processes share the
    batch.

    Args:
        rows: of this process.
        rank: which process this is.
        processes: how many there are.
        key: what the numbers are for, such as (seed, step).
    """
    return [seeded_generator(*key, rank + processes * row) for row in range(rows)]
