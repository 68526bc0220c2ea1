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
