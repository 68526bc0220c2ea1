"""The convolution kernel of a structured state-space layer, from the parameters of its systems.

A channel's system is x' = Ax + bu, y = Re(c x), A = diag(w) - p p* over conjugate pairs, made
discrete with step dt by the bilinear rule: dA = (I - dt/2 A)^-1 (I + dt/2 A). The kernel's
generating function is evaluated at the roots of unity and transformed back.

Source: Gu, Goel, Re 2022, Efficiently Modeling Long Sequences with Structured State Spaces
(S4, appendix C); reference facts, section 2.6.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

KERNEL_SUMS = ("half", "conjugate")


class System(NamedTuple):
    """Parameters as complex numbers, one state of each conjugate pair; dt in frames."""

    w: Complex[Tensor, "h n"]
    B: Complex[Tensor, "h n"]
    P: Complex[Tensor, "h n"]
    C: Complex[Tensor, "channels h n"]
    dt: Float[Tensor, " h"]


@cache
def hippo_legs(states: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """HiPPO-LegS in normal-plus-low-rank form: eigenvalues w, input b and correction p.

    A + p p' is -1/2 plus a skew matrix, so it is unitarily diagonal; one eigenvalue of each
    conjugate pair is kept, the fastest first. The eigenvectors' free phase is chosen such that p is
    positive, which makes the result the same with every linear-algebra library.

    Args:
        states: size of the full system, even.

    Source: S4, theorem 1 and appendix C.1; Gu et al. 2020, HiPPO, theorem 2.
    """
    # In float64: the eigenvalues span four orders of magnitude (0.26 to 1303 for 64 states).
    n = np.arange(states)
    root = np.sqrt(2 * n + 1)
    # HiPPO-LegS is far from normal, so that its own eigenvectors are useless in floating point;
    # with p p' added it is normal, and `eigh` finds orthogonal ones.
    A = -np.tril(np.outer(root, root), -1) - np.diag(n + 1.0)
    p = np.sqrt(n + 0.5)
    skew = A + np.outer(p, p) + 0.5 * np.eye(states)
    frequency, V = np.linalg.eigh(-1j * skew)
    # Ascending: the first half are the negative imaginary parts; their conjugates follow of them.
    frequency, V = frequency[: states // 2], V[:, : states // 2]
    low_rank = V.conj().T @ p
    # Eigenvectors are free up to a phase, which libraries choose differently.
    phase = low_rank / np.abs(low_rank)
    return -0.5 + 1j * frequency, (V.conj().T @ root) / phase, np.abs(low_rank) + 0j


def pairs(z: Complex[Tensor, "*axes n"]) -> Complex[Tensor, "*axes n2"]:
    """The stored states followed by their conjugates: the full system."""
    return torch.cat([z, z.conj()], dim=-1)


def transition(system: System) -> Complex[Tensor, "h n2 n2"]:
    """The discrete transition matrix dA of the full system.

    With D = (1 - dt/2 diag(w))^-1 the Woodbury identity gives dA = 2 (I - dt/2 A)^-1 - I =
    2D - 1 - dt Dp p*D / (1 + dt/2 p*Dp).
    """
    dt, p = system.dt[:, None], pairs(system.P)
    # Bilinear rule: a stable continuous system stays stable for every step size.
    d = 1 / (1 - dt / 2 * pairs(system.w))
    strength = dt / (1 + dt / 2 * (p.conj() * d * p).sum(-1, keepdim=True))
    low_rank = (strength * d * p)[:, :, None] * (p.conj() * d)[:, None, :]
    return torch.diag_embed(2 * d - 1) - low_rank


def bound_to(
    system: System, bound: int, length: int
) -> tuple[Complex[Tensor, "channels h n"], int]:
    """The output matrix in the form C (I - dA^L) for some L >= length, and that L.

    Args:
        system: with C in the form that belongs to `bound`.
        bound: the L of the given C; 0 for the plain output matrix.
        length: frames that the kernel must reach.

    Returns:
        The given C where it reaches far enough; else L = length for a plain one, and L doubled as
        often as needed otherwise, since (I - dA^L)(I + dA^L) = I - dA^2L.
    """
    if bound >= length:
        return system.C, bound
    states = system.C.shape[-1]
    rows = pairs(system.C).transpose(0, 1)
    # By squaring: log2(L) products of 64 x 64 matrices a channel.
    power = torch.linalg.matrix_power(transition(system), bound or length)
    if bound == 0:
        rows, bound = rows - rows @ power, length
    while bound < length:
        rows, bound = rows + rows @ power, 2 * bound
        power = power @ power if bound < length else power
    return rows.transpose(0, 1)[..., :states], bound


def impulse_response(
    system: System, bound: int, kernel_sum: str
) -> Float[Tensor, "channels h {bound}"]:
    """The kernel of length `bound` of a system whose C is bound to it.

    With the node s = 1 + e^-iθ and g = 2 (1 - e^-iθ), the sums q = dt Σ v / (g - w dt s) stay
    finite at θ = π, where the textbook's z = g / s does not; half angles keep s and g exact near 0
    and π.

    Args:
        system: C in the form C (I - dA^bound).
        bound: length L.
        kernel_sum: one of `KERNEL_SUMS`.

    Source: S4, algorithm 1.
    """
    # Non-negative frequencies alone: the spectrum of a real kernel mirrors them.
    half_angle = torch.arange(bound // 2 + 1, dtype=system.dt.dtype, device=system.dt.device)
    half_angle = half_angle * (math.pi / bound)
    turn = torch.polar(torch.ones_like(half_angle), -half_angle)
    s, g = 2 * half_angle.cos() * turn, 4j * half_angle.sin() * turn
    rows = torch.stack([system.B, system.P])
    columns = torch.cat([system.C, system.P.conj()[None]])
    v = torch.einsum("ahn,bhn,h->habn", rows, columns, system.dt.to(rows.dtype))
    q = _cauchy(v, system.w * system.dt[:, None], s, g)
    # The second state of each pair. Without it the kernel is not the system's, but the original
    # left it out where no compiled extension was installed (B1).
    if kernel_sum == "conjugate":
        q = q + _cauchy(v.conj(), system.w.conj() * system.dt[:, None], s, g)
    # Woodbury's identity for the rank-one correction: the four sums of B and P with C and P*.
    bc, bq, pc, pq = q[:, 0, :-1], q[:, 0, -1:], q[:, 1, :-1], q[:, 1, -1:]
    spectrum = 2 * (bc - s * bq * pc / (1 + s * pq))
    out: Tensor = torch.fft.irfft(_hermitian(spectrum, bound), n=bound).transpose(0, 1)
    return out


def _cauchy(v: Tensor, poles: Tensor, s: Tensor, g: Tensor) -> Tensor:
    """Σ_n v[h, a, b, n] / (g[l] - poles[h, n] s[l]) as [h, a, b, l]."""
    sums: Tensor = _CauchySum.apply(v.flatten(1, 2), poles, s, g)  # type: ignore[no-untyped-call]
    return sums.reshape(*v.shape[:3], -1)


class _CauchySum(torch.autograd.Function):
    """The sum with a gradient that makes the table of all h, n and l again, and only once more.

    With r = 1 / (g - w s) and q = Σ_n v r: dq/dv = r and dq/dw = v r² s, of which the sums over l
    are matrix products. Left to automatic differentiation, six tables of that size are made and
    one is kept.
    """

    @staticmethod
    def forward(ctx: Any, v: Tensor, poles: Tensor, s: Tensor, g: Tensor) -> Tensor:
        ctx.save_for_backward(v, poles, s, g)
        return v @ _reciprocals(poles, s, g)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        v, poles, s, g = ctx.saved_tensors
        table = _reciprocals(poles, s, g)
        to_v = grad @ table.mH
        # In place: the table of all channels, states and frequencies is the largest tensor here.
        squares = table.mul_(table)
        to_poles = (v.conj() * ((grad * s.conj()) @ squares.mH)).sum(dim=1)
        return to_v, to_poles, None, None


def _reciprocals(poles: Tensor, s: Tensor, g: Tensor) -> Tensor:
    return (g - poles[:, :, None] * s).reciprocal_()


def _hermitian(spectrum: Tensor, length: int) -> Tensor:
    """Real at θ = 0 and π, as a real signal's spectrum is; the half sum's is not there.

    An inverse transform is undefined otherwise; the CPU libraries drop the imaginary part, so that
    doing it here gives every device their result.
    """
    keep = torch.ones(spectrum.shape[-1], device=spectrum.device, dtype=spectrum.real.dtype)
    # Frequency 0, and for even lengths the last one: both are their own mirror image.
    keep[0] = 0
    if length % 2 == 0:
        keep[-1] = 0
    return torch.complex(spectrum.real, spectrum.imag * keep)
