"""Prior over straight and triplet beats around each beat, and the cost of a rare voice.

A song is a mixture of voices whose weights change slowly. The weights are found by expectation
maximisation: each beat is shared out among the voices by how well each explains its notes, times
the weight that the voice has in the beats around it, some more in the whole song. Beats whose
notes lie where all voices have lines (on the beat alone) say nothing and change nothing. Source:
the usual mixture model (Dempster, Laird and Rubin 1977) with a symmetric Beta prior on the weights.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

# Beats around that count, as the mean distance of an exponential, and how much all others do.
_AROUND_BEATS = 32.0
_FARTHEST = 128
_WHOLE_SONG = 0.2
# So many beats of each voice are taken for granted, so that a few beats say little.
_PSEUDO_BEATS = 1.0
_ROUNDS = 12
# No voice costs more for being rare, in nats: clear notes win against their surroundings.
_MOST = 2.0


def rarity_of_voices(
    explained: Float[np.ndarray, "b v"],
) -> Float[np.ndarray, "b v"]:
    """Cost of each voice in each beat for being rarer than the commonest, 0 to 2 nats.

    Args:
        explained: what the notes of each beat cost in each voice, in nats; infinite where the
            voice is not allowed.
    """
    count, voices = explained.shape
    if count == 0 or voices < 2:
        return np.zeros((count, voices))
    least = explained.min(axis=1, keepdims=True)
    fit = np.exp(-(explained - np.where(np.isfinite(least), least, 0.0)))
    weights = np.full((count, voices), 1.0 / voices)
    for _ in range(_ROUNDS):
        share = fit * weights
        share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-300)
        weights = _smoothed(share) + _PSEUDO_BEATS
        weights /= weights.sum(axis=1, keepdims=True)
    rarity: Float[np.ndarray, "b v"] = np.log(weights.max(axis=1, keepdims=True) / weights)
    capped: Float[np.ndarray, "b v"] = np.minimum(rarity, _MOST)
    return capped


def _smoothed(share: Float[np.ndarray, "b v"]) -> Float[np.ndarray, "b v"]:
    """Beats of each voice around each beat, the near ones for more."""
    away = np.abs(np.arange(-_FARTHEST, _FARTHEST + 1))
    kernel = np.exp(-away / _AROUND_BEATS)
    count = len(share)
    near = np.stack(
        [np.convolve(column, kernel)[_FARTHEST : _FARTHEST + count] for column in share.T], axis=1
    )
    found: Float[np.ndarray, "b v"] = near + _WHOLE_SONG * share.sum(axis=0)
    return found
