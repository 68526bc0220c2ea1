"""Round steps for axes."""

from __future__ import annotations

import math


def round_step(least: float, *, whole: bool = False) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not below."""
    least = max(least, 1.0 if whole else 1e-3)
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * 0.999999)
