"""One normalised convolution of the audio encoder in training: as three layers, and as we do it.

    python benchmarks/step_layers.py

Forward and backward pass in bfloat16 on one thread, the fewest processor milliseconds of some
turns, and MiB kept between the two passes. "Recomputed" is `mug.model.speed.normed_conv`, "frames
first" the same with the channels side by side in memory (`mug.model.speed.channels_last`). Some
seconds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mug.model.modules import Normalize
from mug.model.speed.channels_last import to_channels_last
from mug.model.speed.normed_conv import normed_conv

SHAPES = ((1, 128, 32768), (2, 128, 4096), (2, 256, 2048), (4, 512, 256))


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=4)
    given = parser.parse_args()
    torch.set_num_threads(1)
    names = ("three layers", "recomputed", "frames first")
    heads = "".join(f" {name} ms | MiB |" for name in names)
    sys.stdout.write(f"| items x channels x frames |{heads}\n|---{'|---|---' * len(names)}|\n")
    for shape in SHAPES:
        norm, conv = Normalize(shape[1]), nn.Conv1d(shape[1], shape[1], 3, padding=1)
        x = torch.randn(shape).bfloat16()
        ways: list[tuple[Tensor, Callable[[Tensor], Tensor]]] = [
            (x, lambda x, n=norm, c=conv: c(functional.silu(n(x)))),  # type: ignore[misc]
            (x, lambda x, n=norm, c=conv: normed_conv(x, n, c)),  # type: ignore[misc]
            (to_channels_last(x), lambda x, n=norm, c=conv: normed_conv(x, n, c)),  # type: ignore[misc]
        ]
        cells = [_measure(data, way, given.repeats) for data, way in ways]
        row = "".join(f" {ms:.1f} | {mib:.1f} |" for ms, mib in cells)
        sys.stdout.write(f"| {' x '.join(map(str, shape))} |{row}\n")
    return 0


def _measure(data: Tensor, way: Callable[[Tensor], Tensor], repeats: int) -> tuple[float, float]:
    """Processor milliseconds of both passes, MiB of activations kept between them."""
    x, kept, best = data.detach().requires_grad_(), {}, float("inf")

    def keep(tensor: Tensor) -> Tensor:
        if tensor.dtype == torch.bfloat16 and tensor.numel() >= data.numel():
            kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    for _ in range(repeats + 1):
        began = time.process_time()
        with (
            torch.autocast("cpu", torch.bfloat16),
            torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        ):
            out = way(x)
        torch.autograd.backward(out, torch.ones_like(out))
        best = min(best, time.process_time() - began)
        x.grad, size = None, sum(kept.values())
        kept.clear()
    return 1000 * best, size / 2**20


if __name__ == "__main__":
    sys.exit(main())
