"""Comparing tensors with the recorded numbers of the original."""

from typing import Any

import numpy as np
import torch
from repository import load_golden


def assert_recorded(ours: Any, recording: str, array: str, noise: float | None = None) -> None:
    """Fails where a tensor differs from a recording by more than rounding explains.

    Allowed is 30 times what float32 itself costs (measured by the original against float64; `noise`
    where the recording does not say), or 2e-5 of the standard deviation.
    """
    meta, arrays = load_golden(recording)
    about = meta["arrays"][array]
    values = np.asarray(ours.detach() if isinstance(ours, torch.Tensor) else ours)
    assert list(values.shape) == about["shape"]
    expected = arrays[array].reshape(-1)
    given = values.reshape(-1)[:: about.get("stride", 1)]
    assert given.shape == expected.shape
    noise = about.get("fp32_vs_fp64", {}).get("max_abs", noise or 0.0)
    allowed = max(30 * noise, 2e-5 * about["std"])
    error = np.abs(given.astype(np.float64) - expected).max()
    assert error <= allowed, f"{recording}/{array}: max error {error:.3g} > {allowed:.3g}"
