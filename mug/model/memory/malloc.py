"""Memory that was freed goes back to the system, or stays for what comes next, as a model needs.

Where the C library is glibc. By itself glibc keeps what a process freed for what it may want next,
and raises the size up to which it does so (to 32 MiB) as soon as a large block is freed. A large
network's weights and activations leave it with gaps of such sizes, which nothing fills. A block
that goes back costs a page fault for each 4 KiB when it is wanted again: a third of a small model's
time. Source: mallopt(3), malloc_trim(3).
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGE = 1 << 18
"""Bytes from which on a block is the system's own; a step of the full U-Net is no slower for it."""

_LARGEST_KEPT = 1 << 25
"""Bytes of the largest block that may stay, which is as far as glibc allows."""

_KEPT = 1 << 29
"""Free bytes at the end of the heap that may stay until `trim`."""


def return_large_blocks() -> bool:
    """Has large blocks go back as soon as they are freed, in this process from now on.

    Returns:
        Whether the C library does so; nothing changes where it can't.
    """
    library = _glibc()
    # A threshold that is set by hand also stops glibc from raising it by itself.
    return library is not None and bool(library.mallopt(_M_MMAP_THRESHOLD, _LARGE))


def keep_blocks() -> bool:
    """Has blocks up to 32 MiB stay for what comes next, until `trim`.

    Returns:
        Whether the C library does so; nothing changes where it can't.
    """
    library = _glibc()
    return library is not None and bool(
        library.mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
        and library.mallopt(_M_TRIM_THRESHOLD, _KEPT)
    )


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
