"""Adams steps in log signal-to-noise: high order from predictions that are already there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

from mug.diffusion.sampling import Run, Sampler, Step, half_log_snr

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(16)


class _Known(NamedTuple):
    """A prediction of the clean sample at a half log signal-to-noise ratio."""

    log_snr: float
    x_0: Tensor


class AdamsSampler(Sampler):
    """Multi-step predictor and corrector, one call of the denoiser a step; deterministic.

    The clean sample is taken for a polynomial in the log signal-to-noise ratio through the last
    predictions; the rest of the probability-flow equation is integrated exactly. When a step's
    prediction is there, the step before is taken again with it, which costs no call.

    Args:
        spacing: which time steps, see `mug.diffusion.spacing`.
        order: predictions that a polynomial goes through.
        corrector: take each step again once its prediction is known.

    Source: Zhang and Chen 2023 (DEIS), eq. 15, in the log signal-to-noise ratio as Xue et al. 2023
        (SA-Solver, without noise); corrector after Zhao et al. 2023 (UniPC), algorithm 1.
    """

    def __init__(self, spacing: str = "logsnr", order: int = 3, *, corrector: bool = True) -> None:
        super().__init__(spacing)
        self.order, self.corrector = order, corrector

    def stepper(self, run: Run) -> Step:
        """Remembers the last predictions, and the sample from which the last step was taken."""
        history: list[_Known] = []  # newest first
        before: Tensor | None = None

        def step(x: Tensor, index: int) -> Tensor:
            nonlocal before
            at, bar, bar_next = run.plan[index]
            here = _Known(half_log_snr(bar), run.predict(x, at).x0)
            if self.corrector and before is not None:
                x = _advance(before, history[0].log_snr, here.log_snr, [here, *history])
            history.insert(0, here)
            del history[self.order :]
            before = x
            return _advance(x, here.log_snr, half_log_snr(bar_next), history)

        return step


def _advance(x: Tensor, start: float, end: float, known: Sequence[_Known]) -> Tensor:
    """The sample at another noise level, the clean sample a polynomial through `known`.

    Args:
        x: sample at the log signal-to-noise ratio `start`.
        start: where it is.
        end: where it goes; infinite for clean data, which is then the newest prediction.
        known: predictions, the newest first.
    """
    if math.isinf(end):
        return known[0].x_0
    signal, noise = _factors(end)
    following = noise / _factors(start)[1] * x
    for weight, one in zip(weights([k.log_snr for k in known], start, end), known, strict=True):
        following = following + signal * weight * one.x_0
    return following


def weights(nodes: Sequence[float], start: float, end: float) -> list[float]:
    """Integral of exp(l - end) times each node's Lagrange polynomial over start ... end."""
    half = (end - start) / 2
    places = half * (_POINTS + 1) + start
    found = []
    for i, node in enumerate(nodes):
        values = np.exp(places - end)
        for j, other in enumerate(nodes):
            if j != i:
                values = values * (places - other) / (node - other)
        found.append(float(half * (_WEIGHTS * values).sum()))
    return found


def _factors(log_snr: float) -> tuple[float, float]:
    """Factors of the clean sample and of the noise."""
    return (1 + math.exp(-2 * log_snr)) ** -0.5, (1 + math.exp(2 * log_snr)) ** -0.5
