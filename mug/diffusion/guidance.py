"""Classifier-free guidance: a denoiser that listens harder to its condition."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mug.protocols import Condition, Denoiser, Prediction


def guide(
    make: Callable[[Condition], Denoiser],
    condition: Condition,
    negative: Condition | None,
    guidance_scale: float,
    interval: tuple[int, int] | None = None,
) -> Denoiser:
    """A denoiser whose answer is negative + scale · (condition - negative).

    Both answers come from one call with twice the batch, the negative half first. The noise and
    the clean sample are affine in each other, so combining both keeps them consistent.

    Args:
        make: gives the plain denoiser of a condition.
        condition: what is asked for.
        negative: what to move away from: nothing asked (the usual choice) or any other prompt.
        guidance_scale: 1 turns guidance off, as does a missing `negative`, at half the cost.
        interval: first and last time step at which to guide; outside, the condition alone answers,
            at half the cost. None guides everywhere.

    Source: Ho and Salimans 2022, eq. 6; Kynkäänniemi et al. 2024, eq. 5 (interval).
    """
    if negative is None or guidance_scale == 1:
        return make(condition)
    # One condition of twice the batch: prompts are embedded and audio is joined once, not at every
    # step.
    denoise = make(join(negative, condition))
    plain = None if interval is None else make(condition)

    def guided(x_t: Float[Tensor, "b ..."], step: Int[Tensor, "b"]) -> Prediction:
        if interval is not None and plain is not None:
            low, high = int(step.min()), int(step.max())
            # A batch is guided as a whole or not at all; samplers give all items the same step.
            if not (interval[0] <= low and high <= interval[1]):
                return plain(x_t, step)
        # Twice the batch in one call keeps a device busier than two calls do.
        both = denoise(torch.cat([x_t, x_t]), torch.cat([step, step]))
        return Prediction(*(_combine(part, guidance_scale) for part in both))

    return guided


def guided(denoise: Denoiser, negative: Denoiser | None, guidance_scale: float) -> Denoiser:
    """As `guide`, in two calls of the usual batch: the same answer in less memory, more slowly.

    Args:
        denoise: with what is asked for.
        negative: with what to move away from.
        guidance_scale: 1 turns guidance off, as does a missing `negative`, at half the cost.
    """
    if negative is None or guidance_scale == 1:
        return denoise

    def in_two_calls(x_t: Float[Tensor, "b ..."], step: Int[Tensor, "b"]) -> Prediction:
        away, towards = negative(x_t, step), denoise(x_t, step)
        parts = zip(away, towards, strict=True)
        # x_t is the same for both answers, so x_0 and eps may each be combined: they stay
        # consistent.
        return Prediction(*(a + guidance_scale * (b - a) for a, b in parts))

    return in_two_calls


def join(first: Condition, second: Condition) -> Condition:
    """Both conditions as one batch, `first` in front.

    Each half has as many rows as the longest part of either; parts of a batch of one are repeated.
    Audio that both share (the same tensors, with a batch of one) is not copied.

    Raises:
        ValueError: when only one of them has a context.
    """
    if (first.context is None) != (second.context is None):
        raise ValueError("one condition has features and the other has none")
    rows = max(_rows(first), _rows(second))
    context = None
    if first.context is not None and second.context is not None:
        context = torch.cat([_repeat(first.context, rows), _repeat(second.context, rows)])
    audio = [
        # A song's audio serves both halves: copying all levels at every step costs hundreds of MB
        # (B49).
        a if a is b and len(a) == 1 else torch.cat([_repeat(a, rows), _repeat(b, rows)])
        for a, b in zip(first.audio, second.audio, strict=True)
    ]
    return Condition(context, audio)


def _rows(condition: Condition) -> int:
    context = () if condition.context is None else (condition.context,)
    return max((len(part) for part in (*context, *condition.audio)), default=1)


def _repeat(x: Tensor, rows: int) -> Tensor:
    return x.expand(rows, *x.shape[1:]) if len(x) == 1 else x


def _combine(both: Float[Tensor, "b2 ..."], scale: float) -> Float[Tensor, "b ..."]:
    negative, positive = both.chunk(2)
    return negative + scale * (positive - negative)
