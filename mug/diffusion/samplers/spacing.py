"""Time steps that a sampler visits: exactly as many as requested, or as the original did."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from mug.diffusion.schedule import NoiseSchedule
from mug.errors import GenerationError
from mug.messages.message import Message
from mug.util import nearest

ORIGINAL = ("original", "original_quad")
_GUIDED_DENSITY = (1.3, 1.1, 0.85, 0.85, 0.9)
"""Steps per time of `guided`, from the noisiest step to the last, against the mean."""


class Level(NamedTuple):
    """One step of a sampler.

    Attributes:
        step: the time step at which it asks the denoiser.
        bar: abar there.
        bar_next: abar where it lands; 1 is clean data.
    """

    step: int
    bar: float
    bar_next: float


def time_steps(schedule: NoiseSchedule, steps: int, spacing: str) -> list[int]:
    """Time steps in the order of sampling, strictly decreasing.

    Args:
        schedule: the noise levels of training.
        steps: how many; the `original` spacings may give more than that.
        spacing: `trailing` evenly in time and always from the noisiest step; `linspace` evenly
            in time from the noisiest to the least noisy; `third` evenly in time and between the
            two: the last step is N / 3s, where `trailing` leaves N / s and `linspace` nothing;
            `guided` with more steps where there is much noise, for there a guided prediction
            turns sharply, and the last at N / 6s;
            `logsnr` evenly in the logarithm of the signal-to-noise ratio; `karras` evenly in the
            seventh root of the noise level; `original` and `original_quad` the reference's,
            evenly in time and in its root.

    Raises:
        GenerationError: for a number outside 1 ... N, one that the original's spacing cannot
            serve, or an unknown spacing.

    Source: Lin et al. 2024, table 2 (trailing, linspace); Lu et al. 2022 (logsnr); Karras et al.
        2022, eq. 5 (karras); reference facts, section 8.1 (original). `guided` was searched for
        on two songs and checked on others, docs/performance.md, "Solvers".
    """
    if spacing in ORIGINAL:
        return _original(schedule, steps, quadratic=spacing == "original_quad")
    if spacing not in _POSITIONS:
        raise GenerationError(
            "model.unknown_spacing",
            value=spacing,
            remedy=nearest(spacing, [*_POSITIONS, *ORIGINAL]),
        )
    _check_range(steps, schedule.steps)
    return _distinct(_POSITIONS[spacing](schedule, steps), schedule.steps)


def levels(schedule: NoiseSchedule, steps: int, spacing: str, skip: int = 0) -> list[Level]:
    """Noise levels of each step.

    The last one lands on clean data (abar 1); with an `original` spacing on abar of time step 0,
    so that a little noise stays in the result, as in the reference.

    Args:
        schedule: the noise levels of training.
        steps: how many.
        spacing: see `time_steps`.
        skip: how many of them, from the noisiest on, are left out: 0 ... all.

    Raises:
        GenerationError: for a `skip` outside that.
    """
    sequence = time_steps(schedule, steps, spacing)
    bars = [float(schedule.alphas_bar[step]) for step in sequence]
    last = float(schedule.alphas_bar[0]) if spacing in ORIGINAL else 1.0
    if not 0 <= skip <= len(sequence):
        raise GenerationError(
            "model.cannot_leave_out_number_of_sampling",
            value=skip,
            remedy=Message("remedy.choose_0_to", most=len(sequence)),
        )
    return [Level(*row) for row in zip(sequence, bars, [*bars[1:], last], strict=True)][skip:]


def _check_range(steps: int, available: int) -> None:
    if not 1 <= steps <= available:
        raise GenerationError(
            "model.cannot_take_number_of_sampling_steps",
            value=steps,
            remedy=Message("remedy.choose_1_to", most=available),
        )


def _trailing(schedule: NoiseSchedule, steps: int) -> Float[np.ndarray, "s"]:
    # Always from N - 1: pure noise at a lower level is nothing that the network was trained on.
    positions: np.ndarray = schedule.steps * (1 - np.arange(steps) / steps) - 1
    return positions


def _linspace(schedule: NoiseSchedule, steps: int) -> Float[np.ndarray, "s"]:
    positions: np.ndarray = np.linspace(schedule.steps - 1, 0, steps)
    return positions


def _third(schedule: NoiseSchedule, steps: int) -> Float[np.ndarray, "s"]:
    positions: np.ndarray = np.linspace(schedule.steps - 1, schedule.steps / (3 * steps), steps)
    return positions


def _guided(schedule: NoiseSchedule, steps: int) -> Float[np.ndarray, "s"]:
    places = np.linspace(0, 1, 201)
    density = np.interp(places, np.linspace(0, 1, len(_GUIDED_DENSITY)), _GUIDED_DENSITY)
    # The density integrated (trapezia); steps lie at equal shares of it.
    share = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    at = np.interp(np.linspace(0, share[-1], steps), share, places)
    noisiest, last = schedule.steps - 1, schedule.steps / (6 * steps)
    positions: np.ndarray = noisiest - at * (noisiest - last)
    return positions


def _at_log_snr(schedule: NoiseSchedule, log_snr: Float[np.ndarray, "s"]) -> np.ndarray:
    """Fractional time steps that have these ratios."""
    positions: np.ndarray = np.interp(-log_snr, -schedule.log_snr, np.arange(schedule.steps))
    return positions


def _logsnr(schedule: NoiseSchedule, steps: int) -> Float[np.ndarray, "s"]:
    ratios = schedule.log_snr
    return _at_log_snr(schedule, np.linspace(ratios[-1], ratios[0], steps))


def _karras(schedule: NoiseSchedule, steps: int) -> Float[np.ndarray, "s"]:
    # The value of Karras et al.: short steps where there is little noise.
    rho = 7.0
    sigma = np.exp(-schedule.log_snr) ** (1 / rho)
    return _at_log_snr(schedule, -rho * np.log(np.linspace(sigma[-1], sigma[0], steps)))


_POSITIONS: dict[str, Callable[[NoiseSchedule, int], np.ndarray]] = {
    "trailing": _trailing,
    "linspace": _linspace,
    "third": _third,
    "guided": _guided,
    "logsnr": _logsnr,
    "karras": _karras,
}


def _distinct(positions: Float[np.ndarray, "s"], available: int) -> list[int]:
    """The nearest whole steps that strictly decrease within 0 ... available - 1."""
    # Networks were trained at whole steps alone.
    chosen = np.clip(np.rint(positions).astype(int), 0, available - 1)
    count = len(chosen)
    down = np.arange(count)
    # Adding the index turns "strictly decreasing" into "not increasing", which a running minimum
    # gives; the floor leaves room for the steps that follow.
    falling = np.minimum.accumulate(chosen + down) - down
    result: list[int] = np.maximum(falling, count - 1 - down).tolist()
    return result


def _original(schedule: NoiseSchedule, steps: int, *, quadratic: bool) -> list[int]:
    """The reference's steps; where it would read past its tables, an error.

    One number is corrected: N itself takes every step, where the reference asks for step N too.
    """
    total = schedule.steps
    _check_range(steps, total)
    if steps == total and not quadratic:
        return list(range(total))[::-1]
    if quadratic:
        ascending = [int(root**2) + 1 for root in np.linspace(0, np.sqrt(total * 0.8), steps)]
    else:
        ascending = [step + 1 for step in range(0, total, total // steps)]
    rises = all(a < b for a, b in itertools.pairwise(ascending))
    if not rises or ascending[-1] >= total:
        raise GenerationError(
            "model.original_spacing_has_no_such_number",
            value=steps,
            remedy="remedy.choose_another_number_or_spacing",
        )
    return ascending[::-1]
