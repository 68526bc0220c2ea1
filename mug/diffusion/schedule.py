"""Noise schedule: the one owner of beta and alpha-bar."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mug.errors import ConfigError
from mug.util import nearest

KINDS = ("scaled_linear", "linear", "cosine", "sqrt")

# The original names its schedules after the quantity that it draws a line through. Its "linear" is
# a line through the square root of beta, which the field calls scaled_linear; its "sqrt_linear" is
# DDPM's linear. Only configuration files of `mug.diffusion.diffusion.DDPM` speak this dialect.
_ORIGINAL_NAMES = {"linear": "scaled_linear", "sqrt_linear": "linear", "ddpm_linear": "linear"}


def kind_from_config(name: str) -> str:
    """The schedule that a `beta_schedule:` of a DDPM configuration means.

    `linear` there means scaled_linear, as in the original's files; DDPM's own line through beta is
    `ddpm_linear` (or `sqrt_linear`, the original's word for it). Other names mean themselves.
    """
    return _ORIGINAL_NAMES.get(name, name)


def make_betas(
    kind: str, steps: int, linear_start: float, linear_end: float, cosine_s: float = 8e-3
) -> Float[np.ndarray, "n"]:
    """Variance that each step adds, in float64.

    Source: Ho et al. 2020 (linear); Rombach et al. 2022 (scaled_linear: a line through the square
    root of beta); Nichol and Dhariwal 2021, eq. 17 (cosine).

    Raises:
        ConfigError: for an unknown name.
    """
    if kind == "scaled_linear":
        return np.square(np.linspace(linear_start**0.5, linear_end**0.5, steps))
    if kind in ("linear", "sqrt_linear", "ddpm_linear"):
        return np.linspace(linear_start, linear_end, steps)
    if kind == "sqrt":
        return np.sqrt(np.linspace(linear_start, linear_end, steps))
    if kind == "cosine":
        # The offset keeps the first betas from being too small to learn anything from.
        position = np.arange(steps + 1) / steps + cosine_s
        alphas_bar: np.ndarray = np.cos(position / (1 + cosine_s) * np.pi / 2) ** 2
        # Limited as in the paper: near the end alpha-bar falls to 0, and beta to 1.
        betas: np.ndarray = np.minimum(1 - alphas_bar[1:] / alphas_bar[:-1], 0.999)
        return betas
    raise ConfigError("model.unknown_noise_schedule", value=kind, remedy=nearest(kind, KINDS))


class NoiseSchedule:
    """Alpha-bar, beta and the posterior q(x_{t-1} | x_t, x_0) at N time steps.

    Everything is computed in float64; `tables` holds float32 copies under the original's buffer
    names, in its order. Nothing here depends on the number of axes of the data.

    Args:
        kind: scaled_linear, linear (DDPM's), cosine or sqrt.
        steps: N, the number of time steps.
        linear_start: first beta of the linear kinds.
        linear_end: last beta of the linear kinds.
        cosine_s: offset of the cosine kind.
        v_posterior: weight of beta in the posterior variance, 0 for the true posterior.
        given_betas: betas that replace those of `kind`.

    Source: Ho et al. 2020, eqs. 4, 6 and 7.
    """

    def __init__(
        self,
        kind: str = "scaled_linear",
        steps: int = 1000,
        linear_start: float = 1e-4,
        linear_end: float = 2e-2,
        *,
        cosine_s: float = 8e-3,
        v_posterior: float = 0.0,
        given_betas: Sequence[float] | None = None,
    ) -> None:
        if steps < 1:
            raise ConfigError("model.schedule_needs_at_least_one_step", value=steps)
        self.kind = kind
        self.betas = (
            make_betas(kind, steps, linear_start, linear_end, cosine_s)
            if given_betas is None
            else np.asarray(given_betas, dtype=np.float64)
        )
        # 0 would repeat a noise level and 1 destroy all signal: both divide by zero further down.
        if not ((self.betas > 0) & (self.betas < 1)).all():
            raise ConfigError(
                "model.beta_out_of_range",
                value=(float(self.betas.min()), float(self.betas.max())),
                remedy="remedy.check_linear_start_linear_end_or_given_betas",
            )
        self.steps = len(self.betas)
        # In float64: a thousand factors below 1 would lose digits in float32.
        self.alphas_bar = np.cumprod(1 - self.betas)
        self.tables = {
            name: torch.from_numpy(values.astype(np.float32))
            for name, values in _tables(self.betas, self.alphas_bar, v_posterior).items()
        }
        self._placed: dict[torch.device, dict[str, Tensor]] = {}

    @property
    def log_snr(self) -> Float[np.ndarray, "n"]:
        """Half the log signal-to-noise ratio, log(sqrt(abar) / sqrt(1 - abar)), decreasing."""
        # log1p is exact where alpha-bar is close to 0.
        return 0.5 * (np.log(self.alphas_bar) - np.log1p(-self.alphas_bar))

    def at(self, name: str, step: Int[Tensor, "b"], like: Tensor) -> Tensor:
        """One table's values at the steps, shaped `[b, 1, ...]` to fit `like`, on its device."""
        # One copy of the tables a device; moving them at every call would wait for the device.
        placed = self._placed.get(like.device)
        if placed is None:
            placed = {key: table.to(like.device) for key, table in self.tables.items()}
            self._placed[like.device] = placed
        values = placed[name][step.to(like.device)]
        # One number an item, with axes of one behind it to broadcast over the rest.
        return values.view(-1, *[1] * (like.ndim - 1)).to(like.dtype)

    def q_sample(
        self, x_0: Float[Tensor, "b ..."], step: Int[Tensor, "b"], noise: Float[Tensor, "b ..."]
    ) -> Float[Tensor, "b ..."]:
        """`x_0` with the noise of time step `step`: sqrt(abar) x_0 + sqrt(1 - abar) noise."""
        return (
            self.at("sqrt_alphas_cumprod", step, x_0) * x_0
            + self.at("sqrt_one_minus_alphas_cumprod", step, x_0) * noise
        )


def _tables(
    betas: Float[np.ndarray, "n"], alphas_bar: Float[np.ndarray, "n"], v_posterior: float
) -> dict[str, np.ndarray]:
    alphas = 1 - betas
    # Before the first step the data are clean.
    previous = np.append(1.0, alphas_bar[:-1])
    variance = (1 - v_posterior) * betas * (1 - previous) / (1 - alphas_bar) + v_posterior * betas
    return {
        "betas": betas,
        "alphas_cumprod": alphas_bar,
        "alphas_cumprod_prev": previous,
        "sqrt_alphas_cumprod": np.sqrt(alphas_bar),
        "sqrt_one_minus_alphas_cumprod": np.sqrt(1 - alphas_bar),
        "log_one_minus_alphas_cumprod": np.log(1 - alphas_bar),
        "sqrt_recip_alphas_cumprod": np.sqrt(1 / alphas_bar),
        "sqrt_recipm1_alphas_cumprod": np.sqrt(1 / alphas_bar - 1),
        "posterior_variance": variance,
        # The first step's true posterior has no variance; its logarithm would be -inf.
        "posterior_log_variance_clipped": np.log(np.maximum(variance, 1e-20)),
        "posterior_mean_coef1": betas * np.sqrt(previous) / (1 - alphas_bar),
        "posterior_mean_coef2": (1 - previous) * np.sqrt(alphas) / (1 - alphas_bar),
    }
