"""Peak memory of a device or of this process."""

from __future__ import annotations

import torch


def peak_memory_mib(device: torch.device) -> float | None:
    """Peak memory so far in MiB: of the device where it keeps count, else of this process.

    None where the system tells neither.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    import sys

    unit = 1 if sys.platform == "darwin" else 2**10  # bytes on macOS, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
