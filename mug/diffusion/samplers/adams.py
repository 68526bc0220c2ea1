"""Adams methods: high order from predictions that are already there."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from torch import Tensor

from mug.diffusion.samplers.base import Sampler, SamplerRun, Step, half_log_snr

# Exact for polynomials; the exponential factor is smooth over a step.
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(16)
"""Places and weights of a quadrature over -1 ... 1, exact to degree 31."""


class PastPrediction(NamedTuple):
    """A prediction at a noise level."""

    bar: float
    x_0: Tensor
    eps: Tensor


class MultiStep(Sampler):
    """Predictor and corrector from past predictions, one call of the denoiser a step.

    When a step's prediction is there, the step before is taken again with it, which costs no
    call. Deterministic.

    Args:
        spacing: which time steps, see `mug.diffusion.samplers.spacing`.
        order: predictions that a polynomial goes through.
        corrector: how many the repeated step uses, the new one included; 0 repeats none.

    Source: Zhao et al. 2023 (UniPC), algorithm 1.
    """

    def __init__(self, spacing: str, order: int, corrector: int) -> None:
        super().__init__(spacing)
        self.order, self.corrector = order, corrector

    @abstractmethod
    def advance(
        self, x: Tensor, bar: float, bar_next: float, known: Sequence[PastPrediction]
    ) -> Tensor:
        """The sample at another noise level.

        Args:
            x: the sample.
            bar: abar where it is.
            bar_next: abar where it goes; 1 is clean data.
            known: predictions, the newest first.
        """

    def stepper(self, run: SamplerRun) -> Step:
        """Remember the last predictions, and the sample from which the last step was taken."""
        history: list[PastPrediction] = []  # newest first
        before: Tensor | None = None

        def step(x: Tensor, index: int) -> Tensor:
            nonlocal before
            at, bar, bar_next = run.plan[index]
            here = PastPrediction(bar, *run.predict(x, at))
            if self.corrector and before is not None:
                # The step before again, with the prediction at its end: an interpolation where the
                # first was an extrapolation.
                known = [here, *history][: self.corrector]
                x = self.advance(before, history[0].bar, bar, known)
            history.insert(0, here)
            # Latents of a whole batch each: keep no more than the next step reads.
            del history[max(self.order, self.corrector - 1) :]
            before = x
            return self.advance(x, bar, bar_next, history[: self.order])

        return step


class AdamsSampler(MultiStep):
    """Adams steps in the logarithm of the signal-to-noise ratio.

    The clean sample is taken for a polynomial in it through the last predictions; the rest of the
    probability-flow equation is integrated exactly.

    Args:
        spacing: which time steps, see `mug.diffusion.samplers.spacing`.
        order: predictions that a polynomial goes through.
        corrector: take each step again once its prediction is known.

    Source: Zhang and Chen 2023 (DEIS), eq. 15, in the log signal-to-noise ratio as Xue et al. 2023
        (SA-Solver, without noise); corrector after Zhao et al. 2023 (UniPC), algorithm 1.
    """

    def __init__(self, spacing: str = "logsnr", order: int = 3, *, corrector: bool = True) -> None:
        super().__init__(spacing, order, order + 1 if corrector else 0)

    def advance(
        self, x: Tensor, bar: float, bar_next: float, known: Sequence[PastPrediction]
    ) -> Tensor:
        """A step of the sample; onto clean data it is the newest prediction."""
        # The log ratio is infinite there, and the limit of the step is the clean sample itself.
        if bar_next >= 1:
            return known[0].x_0
        start, end = half_log_snr(bar), half_log_snr(bar_next)
        signal, noise = _factors(end)
        following = noise / _factors(start)[1] * x
        shares = weights([half_log_snr(k.bar) for k in known], start, end)
        for weight, one in zip(shares, known, strict=True):
            following = following + signal * weight * one.x_0
        return following


def weights(nodes: Sequence[float], start: float, end: float) -> list[float]:
    """Integral of exp(l - end) times each node's Lagrange polynomial over start ... end."""
    half = (end - start) / 2
    # From -1 ... 1 to start ... end.
    places = half * (POINTS + 1) + start
    return quadrature(half * np.exp(places - end), lagrange(nodes, places))


def quadrature(
    density: Float[np.ndarray, "points"], functions: Iterable[Float[np.ndarray, "points"]]
) -> list[float]:
    """Integral of each function times a density, both given at the quadrature's places."""
    return [float((WEIGHTS * (density * values)).sum()) for values in functions]


def lagrange(
    nodes: Sequence[float], places: Float[np.ndarray, "points"]
) -> Iterator[Float[np.ndarray, "points"]]:
    """For each node the polynomial that is 1 there and 0 at the others, at the places."""
    for i, node in enumerate(nodes):
        values = np.ones_like(places)
        for j, other in enumerate(nodes):
            if j != i:
                values = values * (places - other) / (node - other)
        yield values


def _factors(log_snr: float) -> tuple[float, float]:
    """Factors of the clean sample and of the noise."""
    # sqrt(abar) and sqrt(1 - abar), from the log ratio alone.
    return (1 + math.exp(-2 * log_snr)) ** -0.5, (1 + math.exp(2 * log_snr)) ** -0.5
