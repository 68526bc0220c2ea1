"""Results of an analysis of sound, on disk: computed once, read piecewise by every worker."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from jaxtyping import Float16

from mug.audio.load import load_audio
from mug.audio.mel import MelParams, log_mel
from mug.errors import AudioError
from mug.files import atomic_write

log = logging.getLogger(__name__)

# Part of every file's name: raise it when `load_audio` or `log_mel` give other numbers.
VERSION = 1

Frames = Float16[np.ndarray, "frames values"]
MelFrames = Float16[np.ndarray, "frames n_mels"]
_Stamp = tuple[str, int, int, int, int]
_SEAL_BYTES = 32
# Numpy reads a header as Python source.
_UNREADABLE = (OSError, ValueError, EOFError, SyntaxError, TokenError, TypeError, OverflowError)


class SoundCache:
    """Frames of sounds as memory-mapped `.npy` files, time first.

    A file's name is a hash of the sound file's bytes and what was computed from them: a song in two
    folders is stored once, and nothing stale is ever read. Files appear whole (written beside,
    then renamed), so that several processes may share a folder.

    Args:
        folder: where the files lie; made when first written to.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._digests: dict[_Stamp, str] = {}  # of sound files, so that each is hashed once
        self._known: dict[_Stamp, int] = {}  # sums of cache files whose checksum was right

    def named(self, audio_path: str | Path, version: Any, params: Any) -> Path:
        """Path of what was computed from a sound file, by version and parameters (plain values).

        Raises:
            AudioError: when the sound file cannot be read.
        """
        key = [version, self._digest(Path(audio_path)), params]
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode())
        return self.folder / f"{digest.hexdigest()[:40]}.npy"

    def kept(self, path: Path, values: int, compute: Callable[[], Frames]) -> Frames:
        """The frames in a file of the cache, read-only; computed when they are not there yet.

        Args:
            path: as `named` gives it.
            values: of each frame; a file with another number is damaged.
            compute: gives the frames.
        """
        found = self._open(path, values)
        if found is None:
            _write(path, np.ascontiguousarray(compute()))
            found = self._open(path, values)
        if found is None:
            raise AudioError(
                "audio.cache_cannot_be_read_back",
                file=path,
                remedy="remedy.check_disk_and_delete_folder",
            )
        return found

    def _digest(self, audio_path: Path) -> str:
        try:
            stamp = _stamp(audio_path)
            if stamp not in self._digests:
                with audio_path.open("rb") as handle:
                    self._digests[stamp] = hashlib.file_digest(handle, "sha256").hexdigest()
        except OSError as error:
            raise AudioError(
                "audio.file_cannot_be_opened",
                file=audio_path,
                value=str(error),
                remedy="remedy.check_path",
            ) from error
        return self._digests[stamp]

    def _open(self, path: Path, values: int) -> Frames | None:
        """The array in a cache file; None where there is none, or it is damaged."""
        if not path.exists():
            return None
        stamp = _stamp(path)
        try:
            kept: Frames = np.load(path, mmap_mode="r", allow_pickle=False)
            self._compare(path, stamp, kept, values)
        except _UNREADABLE as error:
            log.warning("%s is damaged and is made again: %s", path, error)
            return None
        return kept

    def _compare(self, path: Path, stamp: _Stamp, kept: np.ndarray, values: int) -> None:
        """Raise ValueError for an array that is not, or no longer, what was written."""
        if stamp not in self._known:
            _check(path, kept, values)
            self._known[stamp] = _sum(kept)
        elif self._known[stamp] != _sum(kept):
            raise ValueError("its values changed")


class MelCache(SoundCache):
    """Log-mel spectrograms of sound files, by `MelParams` and `VERSION`."""

    def path_of(self, audio_path: str | Path, params: MelParams) -> Path:
        """Path of the cached spectrogram of a sound file.

        Raises:
            AudioError: when the sound file cannot be read.
        """
        return self.named(audio_path, VERSION, params.key)

    def get(self, audio_path: str | Path, params: MelParams) -> MelFrames:
        """The spectrogram of a sound file, read-only; computed when it is not there yet.

        Raises:
            AudioError: when the sound file cannot be decoded.
        """

        def compute() -> MelFrames:
            return log_mel(load_audio(audio_path, params.sample_rate), params).T

        return self.kept(self.path_of(audio_path, params), params.n_mels, compute)


def _stamp(path: Path) -> _Stamp:
    """Tell a file from a later one under the same name."""
    status = path.stat()
    # The time of the last change of any kind too: nobody can set it back.
    return str(path), status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns


def _sum(frames: np.ndarray) -> int:
    """Sum of the bits of an array that was checked, to see whether they are the same still.

    It sees every change of one value, and takes a thirtieth of the time of the checksum.
    """
    bits = frames.reshape(-1).view(np.uint16)
    whole = len(bits) // 4 * 4
    words = np.add.reduce(bits[:whole].view(np.uint64), dtype=np.uint64)
    return int(words) + int(np.add.reduce(bits[whole:], dtype=np.uint64))


def _write(path: Path, frames: Frames) -> None:
    with atomic_write(path) as handle:
        np.save(handle, frames)
        handle.write(_seal(frames))


def _check(path: Path, kept: np.ndarray, values: int) -> None:
    """Raise ValueError for an array of another kind, or one that is not what was written."""
    if kept.dtype != np.float16 or kept.ndim != 2 or kept.shape[1] != values:
        raise ValueError(f"it holds {kept.dtype} {kept.shape}")
    with path.open("rb") as handle:
        handle.seek(-_SEAL_BYTES, 2)
        if handle.read() != _seal(kept):
            raise ValueError("its checksum is wrong")


def _seal(frames: np.ndarray) -> bytes:
    """Checksum that stands after the array."""
    return hashlib.sha256(repr(frames.shape).encode() + frames.tobytes()).digest()
