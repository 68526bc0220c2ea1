"""Structured state-space layer (S4): a convolution over all of time, made by a linear system.

Unlike the original's, the forward pass never changes a weight or a buffer, and its result does not
depend on which lengths came before (B2).

Source: Gu, Goel, Re 2022, Efficiently Modeling Long Sequences with Structured State Spaces;
reference facts, section 2.6, B1, B2.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn
from torch.nn import functional

from mug.errors import ConfigError
from mug.model.checkpointing import checkpoint
from mug.model.s4_kernel import KERNEL_SUMS, System, bound_to, hippo_legs, impulse_response
from mug.model.speed.precision import at_least_float32, without_autocast


class NPLRKernel(nn.Module):
    """The kernel of S4 as a pure function of parameters, the buffer `L` and the length.

    `C` and the integer buffer `L` belong together. L = 0: C is the systems' output matrix. L > 0: C
    holds C (I - dA^L), from which a kernel of length L follows without a matrix power; published
    checkpoints and models prepared by `bind_length` are like that. A longer input doubles L for
    this one call.

    Gradients are exact in both forms. For L < length they pass through dA^length, which is
    recomputed in the backward pass (some gigabytes otherwise) and slow; `bind_length` first makes
    training cheap. dt, B, P and w carry `_no_weight_decay = True`: they are the dynamics, and
    zero is no neutral value for them. C is an ordinary output weight.

    Args:
        features: independent systems.
        states: states of each, even; half are stored.
        channels: kernels a system makes.
        kernel_sum: "conjugate" sums over both states of each pair, which is right; "half" over the
            stored ones alone, as the original did without compiled extensions, so that its
            published weights need it (B1).

    Raises:
        ConfigError: for another `kernel_sum`.
    """

    L: Tensor

    def __init__(
        self, features: int, states: int, channels: int = 1, kernel_sum: str = "conjugate"
    ) -> None:
        super().__init__()
        if kernel_sum not in KERNEL_SUMS:
            raise ConfigError(
                "model.unknown_kernel_sum", value=kernel_sum, remedy="remedy.half_or_conjugate"
            )
        self.kernel_sum = kernel_sum
        w, b, p = hippo_legs(states)
        shape = (features, states // 2)
        # Time steps from 0.001 to 0.1, evenly on a logarithmic scale: with a real part of -1/2 a
        # state fades over 2 / dt = 20 to 2000 frames.
        low, high = math.log(0.001), math.log(0.1)
        # A complex standard normal variable has variance 1/2 in each part.
        self.C = nn.Parameter(torch.randn(channels, *shape, 2) * math.sqrt(0.5))
        self.log_dt = nn.Parameter(torch.rand(features) * (high - low) + low)
        self.B = nn.Parameter(_as_real(b).repeat(1, features, 1, 1))
        self.P = nn.Parameter(_as_real(p).repeat(1, features, 1, 1))
        # The real part is -exp of this, so that no step of training can make a system unstable.
        self.inv_w_real = nn.Parameter(torch.full(shape, math.log(0.5)))
        self.w_imag = nn.Parameter(_as_real(w)[:, 1].repeat(features, 1))
        # Whole numbers in the state dict: published checkpoints store their length here.
        self.register_buffer("L", torch.tensor(0))
        for parameter in (self.log_dt, self.B, self.P, self.inv_w_real, self.w_imag):
            parameter._no_weight_decay = True  # type: ignore[attr-defined]
        self._last: tuple[int, Tensor, Tensor] | None = None

    def forward(self, length: int) -> Float[Tensor, "channels h {length}"]:
        """The first `length` values of each kernel, in float32 (float64 for a float64 module).

        Without gradients the last kernel is kept and given again while nothing has changed.
        """
        if torch.is_grad_enabled():
            # Only a kernel beyond L needs a matrix power, whose intermediate tables are the large
            # ones.
            unbound = int(self.L) < length
            kernel: Tensor = checkpoint(self._kernel, length, enabled=unbound)
            return kernel
        # Comparing all values is cheap beside a kernel, and notices a change however it was made.
        signature = torch.cat(
            [self.L.reshape(1).double(), *(p.flatten() for p in self.parameters())]
        )
        if self._last is not None:
            known_length, known, kernel = self._last
            if known_length == length and _same(known, signature):
                return kernel
        kernel = self._kernel(length)
        self._last = (length, signature, kernel)
        return kernel

    @torch.no_grad()
    def bind_length(self, length: int) -> None:
        """Rewrite `C` and `L` in place so that kernels up to `length` need no matrix power.

        What the original does inside its first forward pass. The kernel of `length` stays the same,
        shorter ones too with the conjugate sum (not with the half sum). Nothing happens where L
        already reaches.
        """
        C, bound = bound_to(self.system(), int(self.L), length)
        self.C.copy_(torch.view_as_real(C.resolve_conj()))
        self.L.fill_(bound)

    def system(self) -> System:
        """The parameters as complex numbers, in float32 at least."""
        real, imag, log_dt = map(at_least_float32, (self.inv_w_real, self.w_imag, self.log_dt))
        B, P, C = (torch.view_as_complex(at_least_float32(p)) for p in (self.B, self.P, self.C))
        return System(torch.complex(-real.exp(), imag), B[0], P[0], C, log_dt.exp())

    def _kernel(self, length: int) -> Tensor:
        system = self.system()
        C, bound = bound_to(system, int(self.L), length)
        return impulse_response(system._replace(C=C), bound, self.kernel_sum)[..., :length]


def _as_real(values: np.ndarray) -> Tensor:
    return torch.view_as_real(torch.as_tensor(values.astype(np.complex64)))


def _same(a: Tensor, b: Tensor) -> bool:
    return a.device == b.device and a.dtype == b.dtype and torch.equal(a, b)


class S4(nn.Module):
    """One S4 layer: per-channel convolution over all of time, GELU, gated mixing of the channels.

    Args:
        features: channels H.
        d_state: states of each channel's system.
        bidirectional: also look ahead, with a second kernel.
        kernel_sum: see `NPLRKernel`.
    """

    def __init__(
        self,
        features: int,
        d_state: int = 64,
        bidirectional: bool = False,
        kernel_sum: str = "conjugate",
    ) -> None:
        super().__init__()
        self.D = nn.Parameter(torch.randn(1, features))
        # A scale per channel, like a normalisation's; decaying it would only fade the skip path.
        self.D._no_weight_decay = True  # type: ignore[attr-defined]
        inner = NPLRKernel(features, d_state, 2 if bidirectional else 1, kernel_sum)
        self.kernel = nn.ModuleDict({"kernel": inner})  # the name in the original's checkpoints
        self.output_linear = nn.Sequential(nn.Conv1d(features, 2 * features, 1), nn.GLU(dim=1))

    def forward(self, u: Float[Tensor, "b h t"]) -> Float[Tensor, "b h t"]:
        """The system and the transforms run in float32 whatever the autocast state says."""
        with without_autocast(u):
            y = self._convolve(at_least_float32(u))
        out: Tensor = self.output_linear(functional.gelu(y).to(u.dtype))
        return out

    def bind_length(self, length: int) -> None:
        """Prepare training at inputs of up to `length` frames; see `NPLRKernel.bind_length`."""
        self._kernel_module().bind_length(length)

    def _kernel_module(self) -> NPLRKernel:
        kernel = self.kernel["kernel"]
        assert isinstance(kernel, NPLRKernel)
        return kernel

    def response(self, length: int) -> Complex[Tensor, "h bins"]:
        """Spectrum of the kernel for inputs of `length` frames, see `convolve`."""
        # Not through __call__: tools that hook every call (torch-summary) expect tensors.
        kernel = self._kernel_module().forward(length)
        size = fast_length(2 * length)
        if len(kernel) == 2:  # the second one runs backwards: it ends where the first begins
            ahead = functional.pad(kernel[1].flip(-1), (size - length, 0))
            kernel = functional.pad(kernel[:1], (0, size - length)) + ahead
        spectrum: Tensor = torch.fft.rfft(kernel[0], n=size)
        return spectrum

    def convolve(
        self, u: Float[Tensor, "b h t"], response: Complex[Tensor, "h bins"]
    ) -> Float[Tensor, "b h t"]:
        """Linear convolution by transforms of twice the length or more, plus the direct path D u.

        Args:
            u: input in float32 at least.
            response: from `response`, for this length.
        """
        length = u.shape[-1]
        size = fast_length(2 * length)
        # Twice the length: a circular convolution of that size wraps nothing onto the first frames.
        y = torch.fft.irfft(torch.fft.rfft(u, n=size) * response, n=size)[..., :length]
        out: Tensor = y + at_least_float32(self.D)[0, :, None] * u
        return out

    def _convolve(self, u: Tensor) -> Tensor:
        return self.convolve(u, self.response(u.shape[-1]))


@cache
def fast_length(least: int) -> int:
    """The shortest length from `least` on that transforms quickly: 1, 3, 5, 9 or 15 times 2^n.

    A length with a large prime factor takes four times as long.
    """
    return min(
        factor << max(0, math.ceil(math.log2(least / factor))) for factor in (1, 3, 5, 9, 15)
    )


@torch.no_grad()
def bind_lengths(network: nn.Module, *inputs: Any) -> None:
    """Bind every S4 layer inside to the length that it meets when the network gets these inputs.

    Call it once before training a new model; a forward pass in evaluation mode finds the lengths.
    """

    def bind(layer: nn.Module, arguments: tuple[Any, ...]) -> None:
        assert isinstance(layer, S4)
        layer.bind_length(arguments[0].shape[-1])

    layers = [module for module in network.modules() if isinstance(module, S4)]
    handles = [layer.register_forward_pre_hook(bind) for layer in layers]
    # Evaluation mode, for the pass must draw no dropout and change no running statistic; the modes
    # of all modules come back afterwards, whatever happens.
    modes = [(module, module.training) for module in network.modules()]
    try:
        network.eval()
        network(*inputs)
    finally:
        for module, training in modes:
            module.training = training
        for handle in handles:
            handle.remove()
