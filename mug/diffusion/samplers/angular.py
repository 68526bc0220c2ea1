"""Adams steps along the angle between signal and noise: the fewest calls for generation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from mug.diffusion.samplers.adams import POINTS, MultiStep, PastPrediction, lagrange, quadrature


class AngularSampler(MultiStep):
    """Adams steps of what a v-predicting network sees, whatever the network predicts.

    At the angle phi, tan(phi) = sqrt(1 - abar) / sqrt(abar), a sample is x = cos(phi) x_0 +
    sin(phi) eps, and the probability-flow equation is dx/dphi = v = cos(phi) eps - sin(phi) x_0.
    Within a step all predictions are seen from one angle theta, that of its middle: q =
    cos(theta) eps - sin(theta) x_0 is taken for a polynomial in phi through the last predictions,
    and the rest is exact: x / cos(phi - theta) grows by the integral of q over tan(phi - theta).
    Where x_0 and eps do not change, neither does q, and a step of any length is right.

    With theta = 0 in place of the middle this is DEIS (noise predictions, as PLMS), with theta =
    pi / 2 Adams on predictions of the clean sample (DPM-Solver++, `adams`). Between them early
    steps keep the stability of the one and late steps the accuracy of the other, and the last step,
    onto clean data, is of the same order as the others.

    Args:
        spacing: which time steps, see `mug.diffusion.samplers.spacing`.
        order: predictions that a polynomial goes through.
        corrector: how many the repeated step uses, the new one included; 0 repeats none.

    Source: the angle, Salimans and Ho 2022, appendix D; multi-step exponential integration, Zhang
        and Chen 2023 (DEIS), eq. 15; corrector after Zhao et al. 2023 (UniPC), algorithm 1.
    """

    def __init__(self, spacing: str = "guided", order: int = 2, corrector: int = 3) -> None:
        super().__init__(spacing, order, corrector)

    def advance(
        self, x: Tensor, bar: float, bar_next: float, known: Sequence[PastPrediction]
    ) -> Tensor:
        """A step of the sample, onto clean data too."""
        start, end = _angle(bar), _angle(bar_next)
        middle, half = (start + end) / 2, (end - start) / 2
        places = middle + half * POINTS
        # The derivative of tan(phi - theta), by which q is integrated.
        density = half / np.square(np.cos(places - middle))
        shares = quadrature(density, lagrange([_angle(k.bar) for k in known], places))
        grown = x / math.cos(half)
        for share, one in zip(shares, known, strict=True):
            seen = math.cos(middle) * one.eps - math.sin(middle) * one.x_0
            grown = grown + share * seen
        # Back from x / cos(phi - theta), at the end of the step.
        return math.cos(half) * grown


def _angle(bar: float) -> float:
    # atan2 is exact at both ends; rounding may bring 1 - bar a hair below 0.
    return math.atan2(math.sqrt(max(1 - bar, 0.0)), math.sqrt(bar))
