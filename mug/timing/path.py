"""The likeliest way through the windows of a song, where each change costs."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64


def likeliest_path(
    gain: Float64[np.ndarray, "windows states"], change: float
) -> Int64[np.ndarray, " windows"]:
    """The state of each window with the largest sum of gains, less so much for each change.

    Args:
        gain: of each state in each window.
        change: cost of another state than in the window before.
    """
    total = gain[0].copy()
    back = np.zeros(gain.shape, dtype=np.int64)
    states = np.arange(gain.shape[1])
    for index in range(1, len(gain)):
        best = int(np.argmax(total))
        moves = total[best] - change > total
        back[index] = np.where(moves, best, states)
        total = np.where(moves, total[best] - change, total) + gain[index]
    path = np.zeros(len(gain), dtype=np.int64)
    path[-1] = int(np.argmax(total))
    for index in range(len(gain) - 1, 0, -1):
        path[index - 1] = back[index, path[index]]
    return path
