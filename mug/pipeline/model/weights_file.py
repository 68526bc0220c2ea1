"""Weights in a safetensors file, read one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mug.errors import CheckpointError
from mug.messages.message import plain

_PAGES = 1 << 24
"""Bytes of a file that are read before it is opened again."""
_ALIGNMENT = 64
"""Bytes; torch's own for tensors on a processor."""


class WeightsFile(Mapping[str, Tensor]):
    """Weights of a safetensors file, read when asked for, so that they are never held all at once.

    A weight that is looked up lies in the file's own pages, for use at once; `read` copies.

    Args:
        path: the file.

    Raises:
        CheckpointError: when it is none, and later when it is no longer the same.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._unread = path, 0
        self._stamp = _stamp(path)
        self._reader = self._open()
        self.metadata = dict(self._reader.metadata() or {})
        names = self._reader.keys()
        self._shapes = {key: torch.Size(self._reader.get_slice(key).get_shape()) for key in names}

    def _open(self) -> Any:
        from safetensors import SafetensorError, safe_open

        try:
            return safe_open(self.path, framework="pt")
        except SafetensorError as error:
            raise CheckpointError(
                "pipeline.file_is_damaged_or_no_safetensors",
                file=self.path,
                remedy=plain(str(error)),
            ) from error

    def __getitem__(self, key: str) -> Tensor:
        if _stamp(self.path) != self._stamp:
            raise CheckpointError(
                "pipeline.file_was_changed_while_model_was",
                file=self.path,
                remedy="remedy.load_model_again",
            )
        if self._unread <= 0:  # pages that were read count as memory until the file is closed
            self._reader, self._unread = self._open(), _PAGES
        if key not in self:
            raise KeyError(key)
        value: Tensor = self._reader.get_tensor(key)
        self._unread -= value.nbytes
        return value

    def shape(self, key: str) -> torch.Size:
        """The shape of a weight, which is not read for it."""
        return self._shapes[key]

    def read(self, types: Mapping[str, torch.dtype]) -> dict[str, Tensor]:
        """Copies of some weights, side by side in one block of memory.

        A block goes back to the system when the last of its weights is gone. Weights of their own
        each would stay with the process as gaps, too small for what comes next.

        Args:
            types: of each weight in memory.
        """
        block = _block({key: (self.shape(key), dtype) for key, dtype in types.items()})
        for key, value in block.items():
            value.copy_(self[key])
        return block

    def __contains__(self, key: object) -> bool:
        return key in self._shapes

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Stamp that tells a file from another of its name; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _block(wanted: Mapping[str, tuple[torch.Size, torch.dtype]]) -> dict[str, Tensor]:
    """Empty tensors in one block of memory."""
    sizes = {key: shape.numel() * dtype.itemsize for key, (shape, dtype) in wanted.items()}
    places = {key: -(-size // _ALIGNMENT) * _ALIGNMENT for key, size in sizes.items()}
    block, start, found = torch.empty(sum(places.values()), dtype=torch.uint8), 0, {}
    for key, (shape, dtype) in wanted.items():
        found[key] = block[start : start + sizes[key]].view(dtype).view(shape)
        start += places[key]
    return found
