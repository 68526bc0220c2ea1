"""Memory that was freed goes back to the system, where the C library is glibc.

By itself glibc keeps what a process freed for what it may want next, and raises the size up to
which it does so (to 32 MiB) as soon as a large block is freed. A network's weights and activations
leave it with gaps of such sizes, which nothing fills. Source: mallopt(3), malloc_trim(3).
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_M_MMAP_THRESHOLD = -3
_LARGE = 1 << 18
"""Bytes from which on a block is the system's own; a step of the full U-Net is no slower for it."""


@cache
def return_large_blocks() -> bool:
    """Has large blocks go back as soon as they are freed, in this process from now on.

    Returns:
        Whether the C library does so; nothing changes where it can't.
    """
    library = _glibc()
    # A threshold that is set by hand also stops glibc from raising it by itself.
    return library is not None and bool(library.mallopt(_M_MMAP_THRESHOLD, _LARGE))


def trim() -> None:
    """Give back all that is free now."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    # Other C libraries do not have mallopt or malloc_trim.
    return library if hasattr(library, "gnu_get_libc_version") else None
