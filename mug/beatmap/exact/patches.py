"""Other bytes in a file, and the way back, as data.

A patch lists places with the bytes that stand there and those that come, as text of one letter
below 256 a byte. It fits only the file that it was made for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mug.beatmap.exact.view import Splice, View
from mug.errors import BeatmapError

BytePatch = tuple[int, bytes, bytes]  # place in the file, what stands there, what comes
_BYTES = "latin-1"


def patches_of(view: View, splices: Iterable[Splice]) -> list[BytePatch]:
    """Return splices of units as patches of bytes, by place."""
    ordered = sorted(splices, key=lambda one: (one.start, one.end))
    return [(view.byte(s.start), view.raw(s.start, s.end), s.new) for s in ordered]


def patched(data: bytes, patches: Sequence[BytePatch]) -> tuple[bytes, list[BytePatch]]:
    """Return a file with other bytes, and the patches that lead back.

    Raises:
        BeatmapError: where something else stands than a patch says.
    """
    out, back, at = bytearray(), [], 0
    for place, old, new in patches:
        if place < at or data[place : place + len(old)] != old:
            raise BeatmapError("chart.patch_does_not_fit", value=place)
        out += data[at:place]
        back.append((len(out), new, old))
        out += new
        at = place + len(old)
    return bytes(out) + data[at:], back


def to_plain(member: str, patches: Iterable[BytePatch]) -> dict[str, Any]:
    """Return patches of a member as an operation."""
    listed = [[at, old.decode(_BYTES), new.decode(_BYTES)] for at, old, new in patches]
    return {"op": "patch", "member": member, "splices": listed}


def from_plain(listed: Iterable[Any]) -> list[BytePatch]:
    """Return the patches of an operation.

    Raises:
        BeatmapError: for what is none.
    """
    found = []
    for one in listed:
        try:
            at, old, new = one
            found.append((int(at), old.encode(_BYTES), new.encode(_BYTES)))
        except (TypeError, ValueError, AttributeError) as error:
            raise BeatmapError("chart.patch_does_not_fit", value=one) from error
    return found
