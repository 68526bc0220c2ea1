"""Between latents and notes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mug.beatmap.hit_objects import HitObject
from mug.encoding.bound_rows import RowTable, bind_rows, chords_together, rows_at
from mug.encoding.convertor import Encoded, ManiaConvertor
from mug.encoding.warp import to_axis, to_song
from mug.pipeline.defaults import WINDOW_S
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.model.song import EncodedSong
from mug.pipeline.sample import device_of, windows_of


def convertor_for(model: LoadedModel, song: EncodedSong) -> ManiaConvertor:
    """The convertor between notes and this model's note tensors, for a song's length."""
    return ManiaConvertor(
        model.clock,
        model.keys,
        song.latent_frames * model.clock.notes_per_latent,
        reference=model.published,
    )


def decode_latent(
    model: LoadedModel, song: EncodedSong, z: Tensor, rows: RowTable | None = None
) -> tuple[HitObject, ...]:
    """The notes that a latent `[c, t]` stands for, by time, then column.

    Args:
        model: from `load_model`.
        song: from `encode_song` with the same model, on its axis for a model in beats.
        z: the latent.
        rows: lines that have a row each, and no others have one; as sampled when None.
    """
    logits = note_logits(model, song, z)
    convertor = convertor_for(model, song)
    if song.axis is None:
        return tuple(convertor.decode(logits, from_logits=True))
    if rows is None:
        logits = chords_together(logits, convertor.layout)
    else:
        logits = bind_rows(logits, rows, convertor.layout)
    notes = convertor.decode(logits, from_logits=True, whole_ms=False)
    inside = [note for note in to_song(notes, song.axis, model.clock) if note.start_ms >= 0]
    return tuple(sorted(inside, key=lambda note: (note.start_ms, note.column)))


def note_logits(model: LoadedModel, song: EncodedSong, z: Tensor) -> Float[np.ndarray, "c t"]:
    """Logits and offsets of a latent `[c, t]`, a value for each note frame."""
    windows = windows_of(model, song.latent_frames, WINDOW_S)
    with torch.inference_mode():
        decoded: np.ndarray = (
            windows.map(model.ddpm.generation.decode, z[None])[0].float().cpu().numpy()
        )
    return decoded


def encode_notes(
    model: LoadedModel, song: EncodedSong, notes: Sequence[HitObject]
) -> tuple[Tensor, Encoded]:
    """The latent `[c, t]` of notes, and what the note grid could not hold of them."""
    if song.axis is not None:
        notes = to_axis(notes, song.axis, model.clock)
    encoded = convertor_for(model, song).encode(notes)
    with torch.inference_mode():
        tensor = torch.from_numpy(encoded.note)[None].to(device_of(model))
        posterior = model.ddpm.model.first_stage_model.encode(tensor)  # type: ignore[operator]
        latent: Tensor = posterior.mode()[0] * model.ddpm.generation.latents.factor
    return latent, encoded


def rows_of(model: LoadedModel, song: EncodedSong, notes: Sequence[HitObject]) -> RowTable | None:
    """The lines nearest to the starts of notes, as rows; None for a song without an axis."""
    if song.axis is None:
        return None
    starts = np.array([note.start_ms for note in notes], np.float64)
    return rows_at(song.axis.beats(starts), song.latent_frames)
