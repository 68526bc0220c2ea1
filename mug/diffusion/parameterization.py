"""Parameterization of the network's output: noise, clean sample, velocity, or data."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from mug.diffusion.schedule import NoiseSchedule
from mug.errors import ConfigError
from mug.protocols import Prediction
from mug.util import nearest

PARAMETERIZATIONS = ("eps", "x0", "v", "recon")


def check_parameterization(name: str) -> str:
    """The name itself.

    Raises:
        ConfigError: unless it is eps, x0, v or recon.
    """
    if name not in PARAMETERIZATIONS:
        raise ConfigError(
            "model.unknown_parameterization", value=name, remedy=nearest(name, PARAMETERIZATIONS)
        )
    return name


class Parameterization:
    """Translates between a network's output and the pair (x_0, eps).

    Args:
        name: `eps` predicts the noise; `x0` the clean sample; `v` sqrt(abar) eps -
            sqrt(1 - abar) x_0; `recon` the clean sample, judged after decoding to data.
        schedule: the noise levels.

    Source: Ho et al. 2020 (eps, x0); Salimans and Ho 2022, section 4 and appendix D (v).
    """

    def __init__(self, name: str, schedule: NoiseSchedule) -> None:
        self.name = check_parameterization(name)
        self.schedule = schedule

    def to_prediction(
        self, output: Float[Tensor, "b ..."], x_t: Float[Tensor, "b ..."], step: Int[Tensor, "b"]
    ) -> Prediction:
        """The clean sample and the noise that an output at `x_t` stands for."""
        signal = self.schedule.at("sqrt_alphas_cumprod", step, x_t)
        noise = self.schedule.at("sqrt_one_minus_alphas_cumprod", step, x_t)
        if self.name == "eps":
            # Small signal at the noisiest steps magnifies the network's error here: the reason for
            # `v`.
            return Prediction((x_t - noise * output) / signal, output)
        if self.name == "v":
            return Prediction(signal * x_t - noise * output, noise * x_t + signal * output)
        return Prediction(output, (x_t - signal * output) / noise)

    def target(
        self, x_0: Float[Tensor, "b ..."], noise: Float[Tensor, "b ..."], step: Int[Tensor, "b"]
    ) -> Float[Tensor, "b ..."]:
        """Target of the output; for recon, the clean sample before decoding."""
        if self.name == "eps":
            return noise
        if self.name == "v":
            signal = self.schedule.at("sqrt_alphas_cumprod", step, x_0)
            spread = self.schedule.at("sqrt_one_minus_alphas_cumprod", step, x_0)
            return signal * noise - spread * x_0
        return x_0

    def lvlb_weights(self) -> Float[np.ndarray, "n"]:
        """Weight of each step's squared error in the variational bound, in float64.

        The first is set to the second, whose posterior has a variance. For x0 and recon this is
        the original's formula, kept because its logs are in these units (it is probably meant to
        read 0.5 sqrt(abar) / (2 (1 - abar))). For v it follows from |eps error|^2 =
        abar |v error|^2.

        Source: Ho et al. 2020, eq. 12 (eps).
        """
        betas, alphas_bar = self.schedule.betas, self.schedule.alphas_bar
        weights: np.ndarray
        if self.name in ("x0", "recon"):
            weights = 0.5 * np.sqrt(alphas_bar) / (2 - alphas_bar)
        else:
            variance = self.schedule.tables["posterior_variance"].double().numpy()
            with np.errstate(divide="ignore"):  # the first step's variance is 0; replaced below
                weights = betas**2 / (2 * variance * (1 - betas) * (1 - alphas_bar))
            if self.name == "v":
                weights = weights * alphas_bar
        if len(weights) > 1:
            weights[0] = weights[1]
        return weights
