"""Base of all samplers: the loop, the kept region, the start, randomness."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from mug.diffusion.samplers.spacing import Level, levels
from mug.diffusion.schedule import NoiseSchedule
from mug.errors import GenerationError
from mug.protocols import Denoiser, Prediction, Progress

Generators = torch.Generator | Sequence[torch.Generator] | None
"""One generator for the batch, one for each item (which then does not depend on its neighbours),
or torch's own."""


class Constraint(NamedTuple):
    """A region whose content is known and stays (in-painting, continuing a chart).

    Attributes:
        mask: True where the content is known; broadcasts against the sample.
        known: the clean content; only its masked part is read.
        noise: the noise to put on it at every level, which keeps trajectories smooth for the
            multi-step samplers; drawn afresh at every level where None.
    """

    mask: Tensor
    known: Tensor
    noise: Tensor | None = None

    def noisy(self, x_t: Tensor, alpha_bar: float, generator: Generators) -> Tensor:
        """`x_t` with the known region as it is at this noise level."""
        noise = noise_like(x_t, generator) if self.noise is None else self.noise
        # The known part at the sample's own noise level (RePaint): the network sees one consistent
        # input.
        known = alpha_bar**0.5 * self.known + (1 - alpha_bar) ** 0.5 * noise
        return torch.where(self.mask.bool(), known.to(x_t), x_t)

    def clean(self, x: Tensor) -> Tensor:
        """`x` with the known region exactly as given."""
        # Bit for bit: even the last step leaves rounding errors in the known part.
        return torch.where(self.mask.bool(), self.known.to(x), x)


class SamplerRun(NamedTuple):
    """Arguments that one call of `Sampler.sample` gives to its steps.

    Attributes:
        denoise: the network, its condition and its guidance.
        plan: the levels that are visited, the noisiest first.
        generator: of the noise that is added on the way.
    """

    denoise: Denoiser
    plan: Sequence[Level]
    generator: Generators

    def predict(self, x: Float[Tensor, "b ..."], step: int) -> Prediction:
        """The denoiser's answer for a batch that is at one time step."""
        return self.denoise(x, torch.full((len(x),), step, dtype=torch.long, device=x.device))


Step = Callable[[Tensor, int], Tensor]
"""The sample after a step, from the sample before it and the step's place in the plan."""


class Sampler(ABC):
    """Turns noise into data with a denoiser, whatever network, condition or axes are behind it.

    The loop over the levels stands here. A method gives its step, see `stepper`.

    Args:
        spacing: which time steps it visits, see `mug.diffusion.samplers.spacing`.
    """

    def __init__(self, spacing: str) -> None:
        self.spacing = spacing

    @property
    def adds_noise(self) -> bool:
        """Return whether the result depends on the generator, not on `x_T` alone."""
        return False

    def calls(self, steps: int) -> int:
        """Return how often so many steps call the denoiser."""
        return steps

    @abstractmethod
    def stepper(self, run: SamplerRun) -> Step:
        """The method's step; what it remembers from step to step lives as long as this run."""

    def sample(
        self,
        denoise: Denoiser,
        x_T: Float[Tensor, "b ..."],
        schedule: NoiseSchedule,
        *,
        steps: int,
        generator: Generators = None,
        constraint: Constraint | None = None,
        progress: Progress | None = None,
        skip: int = 0,
    ) -> Float[Tensor, "b ..."]:
        """A sample from the noise `x_T` in `steps` steps, less the first `skip` of them.

        With `skip`, `x_T` is a sample at the level of the first step taken, see `begin`; where
        all are left out it is the answer. `original` spacings may take more steps than asked for.

        Args:
            denoise: predicts the clean sample and the noise.
            x_T: standard normal noise.
            schedule: the noise levels of training.
            steps: how many.
            generator: of the noise that the method or the constraint adds.
            constraint: a region that is known.
            progress: called as `progress(done, total)` after each step.
            skip: see above.
        """
        plan = levels(schedule, steps, self.spacing, skip)
        x, step = x_T, self.stepper(SamplerRun(denoise, plan, generator))
        for index, level in enumerate(plan):
            if constraint is not None:
                x = constraint.noisy(x, level.bar, generator)
            x = step(x, index)
            if progress is not None:
                progress(index + 1, len(plan))
        return x if constraint is None else constraint.clean(x)


class Start(NamedTuple):
    """Start of sampling that is to stay near a known sample.

    Attributes:
        x: what to give a sampler as `x_T`.
        skip: how many of its steps to leave out.
    """

    x: Tensor
    skip: int


def begin(
    sampler: Sampler,
    x_0: Float[Tensor, "b ..."],
    noise: Float[Tensor, "b ..."],
    schedule: NoiseSchedule,
    *,
    steps: int,
    strength: float,
) -> Start:
    """A start that keeps part of a known sample.

    Args:
        sampler: whose steps are meant.
        x_0: the known sample, clean.
        noise: standard normal.
        schedule: the noise levels.
        steps: as they will be given to the sampler.
        strength: share of the steps that is taken, at least one above 0. At 1 sampling begins at
            the noise alone and ignores `x_0`; at 0 nothing is left to do.

    Raises:
        GenerationError: for a strength outside 0 ... 1.

    Source: Meng et al. 2022 (SDEdit), algorithm 2, with any sampler.
    """
    if not 0 <= strength <= 1:
        raise GenerationError("common.strength_must_be_0_to_1", value=strength)
    plan = levels(schedule, steps, sampler.spacing)
    if strength == 1:
        return Start(noise, 0)
    taken = min(len(plan), math.ceil(strength * len(plan) - 1e-9))
    if taken == 0:
        return Start(x_0, len(plan))
    skip = len(plan) - taken
    bar = plan[skip].bar
    return Start(bar**0.5 * x_0 + (1 - bar) ** 0.5 * noise, skip)


def noise_like(x: Tensor, generator: Generators) -> Tensor:
    """Standard normal noise; drawn where the generator lives, so that seeds hold on any device.

    Raises:
        ValueError: when there are several generators, but not one for each item.
    """
    if isinstance(generator, Sequence):
        if len(generator) != len(x):
            raise ValueError(f"{len(generator)} generators for a batch of {len(x)}")
        # Item by item: a chart depends on its own seed, not on its neighbours in the batch.
        return torch.cat([noise_like(x[i : i + 1], g) for i, g in enumerate(generator)])
    device = x.device if generator is None else generator.device
    return torch.randn(x.shape, generator=generator, device=device, dtype=x.dtype).to(x.device)


def half_log_snr(bar: float) -> float:
    """Half the log signal-to-noise ratio at an abar; infinite on clean data."""
    return math.inf if bar >= 1 else 0.5 * math.log(bar / (1 - bar))
