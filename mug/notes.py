"""The one owner of the note tensor's channel order."""

from __future__ import annotations

from dataclasses import dataclass

from mug.errors import DataError


@dataclass(frozen=True, slots=True)
class NoteLayout:
    """Channel order of a note tensor `[4 * keys, note_frames]`.

    Four blocks of `keys` rows each: start (a hit begins in this frame), start_offset (where in the
    frame, 0 ... 1), holding (a long note is held on in this frame), end_offset (where in the frame
    the long note ends). `docs/note_tensor.md` draws eight frames of it.

    Args:
        keys: number of columns, 1 ... 18.
    """

    keys: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.keys <= 18:
            raise DataError("encoding.note_tensor_has_1_to_18", value=self.keys)

    @classmethod
    def from_channels(cls, channels: int) -> NoteLayout:
        """Layout of a tensor with so many channels."""
        if channels % 4:
            raise DataError("encoding.channels_of_note_tensor_are_four", value=channels)
        return cls(channels // 4)

    @property
    def channels(self) -> int:
        """Rows of the note tensor."""
        return 4 * self.keys

    @property
    def start(self) -> slice:
        """Rows that say: a hit begins here."""
        return slice(0, self.keys)

    @property
    def start_offset(self) -> slice:
        """Rows with the place of the start within its frame, 0 ... 1."""
        return slice(self.keys, 2 * self.keys)

    @property
    def holding(self) -> slice:
        """Rows that say: a long note is held on here."""
        return slice(2 * self.keys, 3 * self.keys)

    @property
    def end_offset(self) -> slice:
        """Rows with the place of the end within its frame, 0 ... 1."""
        return slice(3 * self.keys, 4 * self.keys)
