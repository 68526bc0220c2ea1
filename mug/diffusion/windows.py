"""Long songs in windows that overlap: denoised together step by step, so that they agree.

At every step each window is predicted on its own and the predictions are blended, weights falling
towards a window's ends; the sampler goes on with the whole. One window is no windows: the same
numbers bit for bit. Memory grows with the window, time with the song.

Source: Bar-Tal et al. 2023, MultiDiffusion, eq. 5, with tapered weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mug.errors import GenerationError
from mug.protocols import Denoiser, Prediction


@dataclass(frozen=True)
class Windows:
    """Positions of the windows on an axis of frames.

    Args:
        frames: length of the whole.
        size: length of each window.
        starts: first frame of each, ascending; together they cover the whole.
    """

    frames: int
    size: int
    starts: tuple[int, ...]

    @classmethod
    def over(cls, frames: int, size: int, overlap: int, multiple: int = 1) -> Windows:
        """As few windows as cover the whole, evenly spread, neighbours sharing `overlap` or more.

        Args:
            frames: length of the whole; a multiple of `multiple`.
            size: length of a window; rounded down to a multiple. A shorter whole is one window.
            overlap: frames that neighbours share at least.
            multiple: starts and sizes are multiples of this.

        Raises:
            GenerationError: when the windows could not advance, or the whole is no multiple.
        """
        # The U-Net halves the length several times; whole windows must survive that.
        size -= size % multiple
        if frames % multiple or frames < 1:
            raise GenerationError("model.windows_cannot_cover", frames=multiple, value=frames)
        if frames <= size:
            return cls(frames, frames, (0,))
        if overlap < 0 or size - overlap < multiple:
            raise GenerationError(
                "model.window_cannot_overlap_so_much",
                frames=size,
                value=overlap,
                remedy="remedy.take_longer_windows_or_smaller_overlap",
            )
        # Rounded up: the least number of windows whose steps do not exceed size - overlap.
        count = 1 + -(-(frames - size) // (size - overlap - (size - overlap) % multiple))
        last = (frames - size) // multiple
        # Evenly spread, so that no pair of neighbours shares much less than the others.
        starts = tuple(multiple * (i * last // (count - 1)) for i in range(count))
        return cls(frames, size, starts)

    def slices(self, ratio: float = 1) -> tuple[slice, ...]:
        """Each window as a slice of an axis with `ratio` times the frames."""
        return tuple(slice(int(s * ratio), int((s + self.size) * ratio)) for s in self.starts)

    @cached_property
    def weights(self) -> Float[Tensor, "n size"]:
        """Share of each window in each of its frames; over all windows they sum to 1 everywhere.

        Towards a neighbour they fall in a straight line over what the two share.
        """
        # In float64, so that the shares of a frame sum to 1 within float32's rounding.
        rows = torch.ones(len(self.starts), self.size, dtype=torch.float64)
        for i, (a, b) in enumerate(zip(self.starts, self.starts[1:], strict=False)):
            shared = a + self.size - b
            # At the middles of frames: no window has a share of exactly 0, and the two ramps mirror
            # each other.
            ramp = (torch.arange(shared, dtype=torch.float64) + 0.5) / max(shared, 1)
            rows[i, self.size - shared :] *= 1 - ramp
            rows[i + 1, :shared] *= ramp
        # Where three windows overlap, the ramps of two pairs meet; dividing makes the sum 1 again.
        total = self._sum(rows)
        return torch.stack(
            [row / total[part] for row, part in zip(rows, self.slices(), strict=True)]
        ).float()

    def _sum(self, rows: Tensor) -> Tensor:
        total = torch.zeros(self.frames, dtype=rows.dtype)
        for row, part in zip(rows, self.slices(), strict=True):
            total[part] += row
        return total

    def blend(self, parts: Iterable[Float[Tensor, "*axes s"]]) -> Float[Tensor, "*axes t"]:
        """The whole from one tensor a window, whose last axis is the window's or a multiple of it.

        A fraction is allowed too (coarser levels); weights are then those in the middle of each
        coarse frame.
        """
        if len(self.starts) == 1:
            return next(iter(parts))
        whole: Tensor | None = None
        for row, start, part in zip(self.weights, self.starts, parts, strict=True):
            ratio = part.shape[-1] / self.size
            if whole is None:
                shape = (*part.shape[:-1], round(self.frames * ratio))
                whole = part.new_zeros(shape)
            first = round(start * ratio)
            # Levels of the audio encoder are finer or coarser than the frames of the windows.
            share = _resized(row, part.shape[-1]).to(part)
            whole[..., first : first + part.shape[-1]] += part * share
        assert whole is not None
        return whole

    def map(
        self, function: Callable[[Tensor], Tensor], x: Float[Tensor, "*axes t"]
    ) -> Float[Tensor, "*b s"]:
        """A function of a sequence applied window by window, the results blended."""
        ratio = x.shape[-1] / self.frames
        return self.blend(function(x[..., part]) for part in self.slices(ratio))


def windowed(denoisers: Sequence[Denoiser], windows: Windows) -> Denoiser:
    """A denoiser of the whole from one for each window.

    Noise and clean sample are affine in each other with the same factors everywhere, so that
    blending both keeps them consistent.
    """
    if len(windows.starts) == 1:
        return denoisers[0]

    def denoise(x_t: Float[Tensor, "b c t"], step: Int[Tensor, "b"]) -> Prediction:
        parts = [
            # Copied once here: each layer that reads a strided view would copy it again.
            one(x_t[..., part].contiguous(), step)
            for one, part in zip(denoisers, windows.slices(), strict=True)
        ]
        return Prediction(
            windows.blend(part.x0 for part in parts), windows.blend(part.eps for part in parts)
        )

    return denoise


def _resized(row: Float[Tensor, "size"], length: int) -> Float[Tensor, "{length}"]:
    """Weights on a finer or coarser grid; neighbours' still sum to 1."""
    size = len(row)
    if length >= size:
        return row.repeat_interleave(length // size)
    # The mean of neighbours' weights, for these sum to 1 frame by frame and so in the mean.
    return row.reshape(length, -1).mean(-1)
