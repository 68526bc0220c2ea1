"""Protocols between the parts of the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from torch import Tensor


class Prediction(NamedTuple):
    """A denoiser's answer: the clean sample and the noise, whatever the network's output means."""

    x0: Tensor
    eps: Tensor


class Condition(NamedTuple):
    """Condition of the network: features `[b, c, tokens]` and audio levels `[b, c_i, t_i]`."""

    context: Tensor | None
    audio: Sequence[Tensor]


@runtime_checkable
class Denoiser(Protocol):
    """Predicts the clean sample and the noise at one noise level."""

    def __call__(self, x_t: Tensor, step: Tensor) -> Prediction:
        """`x_t` `[b, ...]` at the integer time steps `step` `[b]`, 0 ... N-1."""
        ...


Progress = Callable[[int, int], None]
"""Called as `progress(done, total)` after each unit of work."""


@runtime_checkable
class FirstStage(Protocol):
    """An autoencoder between data and latents."""

    def encode(self, x: Tensor) -> Any:
        """Posterior with `mode()`, `sample()` and `kl()`."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """Data (logits for notes) from latents."""
        ...
