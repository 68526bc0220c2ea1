"""Rules by which charts become items: ours, and the original's for its published weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from mug.data.collection import Collection
from mug.data.item_options import SplitOptions
from mug.encoding.convertor import ManiaConvertor
from mug.encoding.note_arrays import NoteArrays, encode_arrays
from mug.encoding.transform import Transform
from mug.errors import ConfigError
from mug.util import nearest


class ItemRules:
    """Our rules.

    Attributes:
        reference_convertor: the notes are encoded as by the original, see `ManiaConvertor`.
        cut_audio: audio is silent from two seconds after the last note on.
        clamp_top: a feature's maximum is in its last bin.
        star_rating_at_rate: of charts played at another speed, see `mug.data.prompts`.
        validates_on_training: charts to validate with are trained on, too.
    """

    reference_convertor = False
    cut_audio = False
    clamp_top = True
    star_rating_at_rate = "exact"
    validates_on_training = False

    def paths(self, collection: Collection, part: str, split: SplitOptions) -> list[Path]:
        """Charts of a part, in their order."""
        return collection.part(part, split.fractions, split.salt)

    def song(self, song: np.ndarray, _audio_frames: int) -> np.ndarray:
        """Part of a song's spectrogram that is used, time first."""
        return song

    def encode(
        self, notes: NoteArrays, transform: Transform, convertor: ManiaConvertor
    ) -> tuple[np.ndarray, np.ndarray]:
        """Notes and the mask of the chart's frames, `[c, t]` and `[t]`."""
        return encode_arrays(
            notes, transform, convertor.clock, convertor.layout, convertor.max_frames
        )


class OriginalRules(ItemRules):
    """The original's rules, quirks included (B3, B9, B10, B11, B36, B37 of docs/parity.md)."""

    reference_convertor = True
    cut_audio = True
    clamp_top = False
    star_rating_at_rate = "linear"
    validates_on_training = True

    def paths(self, collection: Collection, part: str, _split: SplitOptions) -> list[Path]:
        """All charts to train on; the last tenth of them for the other parts."""
        paths = collection.ordered()
        return paths if part == "train" else paths[int(len(paths) * 0.9) :]

    def song(self, song: np.ndarray, audio_frames: int) -> np.ndarray:
        """At most an item of it, and one frame: the original decodes no more."""
        return song[: audio_frames + 1]

    def encode(
        self, notes: NoteArrays, transform: Transform, convertor: ManiaConvertor
    ) -> tuple[np.ndarray, np.ndarray]:
        """As the original's convertor, object by object."""
        encoded = convertor.encode(notes.objects(), transform)
        return encoded.note, encoded.valid


RULES: Mapping[str, ItemRules] = MappingProxyType({"own": ItemRules(), "original": OriginalRules()})


def rules_of(name: str) -> ItemRules:
    """Return the rules of a name.

    Raises:
        ConfigError: for an unknown one.
    """
    if name not in RULES:
        raise ConfigError("data.unknown_item_rules", value=name, remedy=nearest(name, RULES))
    return RULES[name]
