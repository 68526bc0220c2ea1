"""One linear layer of the full model in fp32, bf16 and dynamic int8: time and error.

    python benchmarks/layer_precision.py

Processor milliseconds of one thread, best of several; the error is the root mean square difference
from fp32 in units of the output's deviation.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

SHAPES = ((61, 512, 4096), (244, 256, 2048), (1952, 256, 2048))


@torch.inference_mode()
def main() -> int:
    """Print a table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print("| frames x in x out | fp32 ms | bf16 ms | int8 ms | bf16 error | int8 error |")
    print("|---|---|---|---|---|---|")
    for frames, inner, outer in SHAPES:
        layer, x = nn.Linear(inner, outer).eval(), torch.randn(frames, inner)
        exact = layer(x)
        low = nn.Linear(inner, outer).bfloat16()
        low.load_state_dict(layer.state_dict())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecated, and without a successor in torch itself
            small = torch.ao.quantization.quantize_dynamic(  # type: ignore[no-untyped-call]
                nn.Sequential(layer), {nn.Linear}, dtype=torch.qint8
            )
        ways: list[Callable[[], Tensor]] = [
            partial(layer, x),
            partial(_in_bf16, low, x),
            partial(small, x),
        ]
        times = " | ".join(f"{_best(way):.2f}" for way in ways)
        errors = " | ".join(
            f"{float((way() - exact).pow(2).mean().sqrt() / exact.std()):.4f}" for way in ways[1:]
        )
        print(f"| {frames} x {inner} x {outer} | {times} | {errors} |")
    return 0


def _in_bf16(layer: nn.Linear, x: Tensor) -> Tensor:
    out: Tensor = layer(x.bfloat16())
    return out.float()


def _best(way: Callable[[], Tensor], repeats: int = 20) -> float:
    found = []
    for _ in range(repeats):
        began = time.process_time()
        way()
        found.append(time.process_time() - began)
    return 1000 * min(found)


if __name__ == "__main__":
    sys.exit(main())
