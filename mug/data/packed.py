"""Spectrograms on their way to the network: named while they travel, made where they end.

A loader process says which frames of which cached file an item needs, and waits for the disk to
have them. The process that trains copies them to the network's device as they lie in the file: half
precision, time first, neither padded nor changed. What makes an item's spectrogram of them (another
speed, silenced and shifted rows, silence behind the end) is a handful of numbers, and is done where
the network is. The values are the same on any device, for all steps are rounded one by one.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from mug.data.augment import neighbours, stretched_frames


class SpectrogramPlan(NamedTuple):
    """Plan of an item's spectrogram, made of its song's.

    Args:
        song_frames: frames of the song.
        frames: frames of the song at its speed in the item.
        first: which of those the item begins with.
        length: frames of the item; those beyond the song are silent.
        begin: frame of the song with which the frames taken begin.
        silent_from: frame of the item from which on it is silent.
        band: first row and number of rows that are silenced.
        pitch: rows that all is moved up by; the band moves along.
    """

    song_frames: int
    frames: int
    first: int
    length: int
    begin: int
    silent_from: int
    band: tuple[int, int] = (0, 0)
    pitch: int = 0

    @property
    def taken(self) -> int:
        """Frames of the item that come from the song."""
        return max(0, min(self.frames - self.first, self.length, self.silent_from))


class Frames(NamedTuple):
    """Frames of a song, time first: in a file that all processes can map, or in memory.

    Args:
        file: an uncompressed array file; None for frames in memory.
        offset: bytes in the file before the first of these frames.
        shape: frames, then the rest.
        dtype: name of the values' type.
        array: the frames where they are in no file.
    """

    file: str | None
    offset: int
    shape: tuple[int, ...]
    dtype: str
    array: np.ndarray | None = None

    @classmethod
    def of(cls, song: Float[np.ndarray, "n *b"], begin: int, end: int) -> Frames:
        """Frames `begin` to `end` of a song; those of a memory map are named, others copied."""
        part = song[begin:end]
        if not isinstance(song, np.memmap) or song.filename is None:
            return cls(None, 0, part.shape, part.dtype.name, np.ascontiguousarray(part))
        offset = song.offset + begin * song[:1].nbytes
        return cls(str(song.filename), offset, part.shape, part.dtype.name)

    def read(self) -> Float[np.ndarray, "n *b"]:
        """The frames; not to be written to."""
        if self.array is not None:
            return self.array
        assert self.file is not None
        # A private map, since torch takes no read-only arrays; it takes memory only if written to.
        mode: Literal["c"] = "c"
        return np.memmap(self.file, self.dtype, mode, self.offset, self.shape)

    def wait(self) -> None:
        """Touch every page, so that whoever reads the frames next finds them in memory."""
        if self.file is not None:
            self.read().reshape(-1).view(np.uint8)[:: mmap.PAGESIZE].max(initial=0)


class PackedAudio(NamedTuple):
    """The frames of a song that an item needs, and what becomes of them."""

    frames: Frames
    plan: SpectrogramPlan

    def spectrogram(self) -> Float[Tensor, "*b t"]:
        """The item's spectrogram in float32."""
        out = torch.zeros(*self.frames.shape[1:], self.plan.length)
        fill(out, torch.from_numpy(self.frames.read()), self.plan)
        return out


def pack(
    song: Float[np.ndarray, "n *b"],
    rate: float,
    first: int,
    count: int,
    silent_from: int | None = None,
) -> PackedAudio:
    """Pack the part of a song that an item needs.

    Args:
        song: its spectrogram, time first.
        rate: speed multiplier.
        first: frame with which the item begins, at that speed.
        count: frames of the item.
        silent_from: frame of the item from which on it is silent.
    """
    length = len(song)
    frames = stretched_frames(length, rate)
    begin, end = first, min(first + count, length)
    last = min(frames, first + count)
    if frames != length:
        begin = int(neighbours(length, frames, first, first + 1)[0][0])
        end = int(neighbours(length, frames, last - 1, last)[1][0]) + 1
    plan = SpectrogramPlan(
        length, frames, first, count, begin, count if silent_from is None else silent_from
    )
    return PackedAudio(Frames.of(song, begin, end), plan)


def fill(out: Float[Tensor, "*b t"], window: Float[Tensor, "n *b"], plan: SpectrogramPlan) -> None:
    """Write an item's spectrogram into zeros.

    Args:
        out: zeros.
        window: frames `plan.begin` ... of the song, on the device of `out`; left as it is.
        plan: what becomes of them.
    """
    bands, taken = out.shape[-2], plan.taken
    low, high = max(plan.pitch, 0), bands + min(plan.pitch, 0)
    if low >= high or not taken:
        return
    rows = slice(low - plan.pitch, high - plan.pitch)
    part = window[..., rows]
    same = plan.frames == plan.song_frames
    part = part[:taken] if same else _stretched(part.to(out.dtype), plan)
    out[..., low:high, :taken] = part.movedim(0, -1)
    start, width = plan.band
    out[..., max(start + plan.pitch, 0) : max(start + width + plan.pitch, 0), :] = 0


def _stretched(part: Tensor, plan: SpectrogramPlan) -> Tensor:
    """The frames at their speed; as `mug.data.augment.stretch`, time first."""
    ends = (plan.first, plan.first + plan.taken)
    left, right, weight = neighbours(plan.song_frames, plan.frames, *ends)
    share = torch.from_numpy(weight).to(part).view(-1, *[1] * (part.ndim - 1))
    near, far = (
        part[torch.from_numpy(side - plan.begin).to(part.device)] for side in (left, right)
    )
    return near.mul_(1 - share).add_(far.mul_(share))


class AudioBatch:
    """Packed spectrograms of a batch.

    Args:
        items: one for each.
        windows: the frames of each as tensors, once they have been read.
    """

    def __init__(
        self, items: Sequence[PackedAudio], windows: Sequence[Tensor] | None = None
    ) -> None:
        self.items = tuple(items)
        self._windows = None if windows is None else tuple(windows)

    @property
    def windows(self) -> tuple[Float[Tensor, "_ *b"], ...]:
        """The frames of each item."""
        if self._windows is None:
            self._windows = tuple(torch.from_numpy(item.frames.read()) for item in self.items)
        return self._windows

    def to(self, device: torch.device | str, *, non_blocking: bool = True) -> AudioBatch:
        """The same on another device; does not wait where the frames are in pinned memory."""
        moved = [window.to(device, non_blocking=non_blocking) for window in self.windows]
        return AudioBatch(self.items, moved)

    def pin_memory(self, device: str | None = None) -> AudioBatch:
        """The same in memory from which a GPU copies while it computes."""
        return AudioBatch(self.items, [window.pin_memory() for window in self.windows])

    def spectrograms(self, dtype: torch.dtype = torch.float32) -> Float[Tensor, "batch *b t"]:
        """All spectrograms, where the frames are; computed in float32."""
        windows = self.windows
        shape = (len(windows), *windows[0].shape[1:], self.items[0].plan.length)
        out = torch.zeros(shape, device=windows[0].device)
        for spectrogram, window, item in zip(out, windows, self.items, strict=True):
            fill(spectrogram, window, item.plan)
        return out.to(dtype)


@runtime_checkable
class Packing(Protocol):
    """A dataset whose items can be had packed."""

    def __len__(self) -> int:
        """Number of items."""
        ...

    def packed(self, key: tuple[int, int] | int) -> dict[str, Any]:
        """The item of a key, with `audio` as `PackedAudio` where it has any."""
        ...


class PackedItems(Dataset[dict[str, Any]]):
    """Another dataset's items, packed."""

    def __init__(self, dataset: Packing) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        """Number of items."""
        return len(self.dataset)

    def __getitem__(self, key: tuple[int, int] | int) -> dict[str, Any]:
        """The packed item of a key."""
        return self.dataset.packed(key)


def collate(items: list[dict[str, Any]]) -> dict[str, Any]:
    """A batch of packed items: `audio` becomes an `AudioBatch`, the rest is stacked as usual."""
    others = [{name: item[name] for name in item if name != "audio"} for item in items]
    batch: dict[str, Any] = default_collate(others)
    if "audio" in items[0]:
        audio = AudioBatch([item["audio"] for item in items])
        for item in audio.items:
            item.frames.wait()
        batch["audio"] = audio
    return batch


def unpacked(batch: dict[str, Any]) -> dict[str, Any]:
    """The batch as the networks take it; one without packed audio as it is."""
    audio = batch.get("audio")
    if not isinstance(audio, AudioBatch):
        return batch
    return {**batch, "audio": audio.spectrograms(batch["note"].dtype)}
