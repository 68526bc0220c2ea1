"""Weights in a safetensors file, read one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from mug.errors import CheckpointError

_PAGES = 1 << 24
"""Bytes of a file that are read before it is opened anew."""


class WeightsFile(Mapping[str, Tensor]):
    """Weights of a safetensors file, read when asked for, so that they are never held all at once.

    Args:
        path: the file.

    Raises:
        CheckpointError: when it is none, and later when it is no longer the same.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._unread = path, 0
        self._stamp = _stamp(path)
        self._reader = self._open()
        self.metadata = dict(self._reader.metadata() or {})
        self._names = list(self._reader.keys())

    def _open(self) -> Any:
        from safetensors import SafetensorError, safe_open

        try:
            return safe_open(self._path, framework="pt")
        except SafetensorError as error:
            raise CheckpointError(
                "this file is damaged or no safetensors file", file=self._path, remedy=str(error)
            ) from error

    def __getitem__(self, key: str) -> Tensor:
        if _stamp(self._path) != self._stamp:
            raise CheckpointError(
                "the file was changed while its model was in use",
                file=self._path,
                remedy="Load the model again",
            )
        if self._unread <= 0:  # pages that were read count as memory until the file is closed
            self._reader, self._unread = self._open(), _PAGES
        value: Tensor = self._reader.get_tensor(key).clone()
        self._unread -= value.nbytes
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What tells a file from another that takes its name; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
