"""Spectrograms that travel packed are those of the items, bit for bit."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flat_configs import TRAIN_DATA, build
from hypothesis import given
from hypothesis import strategies as st
from plain_augment import fit_frames, shift_pitch
from tiny_songs import make_songs
from torch.utils.data import default_collate

from mug.data.augment import stretch
from mug.data.datamodule import DataModuleFromConfig
from mug.data.packed import AudioBatch, Frames, collate, pack, unpacked
from mug.reference.config import translate

RANDOM = {
    "mirror_p": 0.5,
    "rate_p": 0.5,
    "rate": [0.8, 1.25],
    "pitch_p": 0.5,
    "freq_mask_p": 0.5,
    "cut_audio": True,
    "max_audio_frame": 512,
}


@given(
    st.integers(1, 60),
    st.floats(0.5, 2) | st.just(1.0),
    st.integers(0, 30),
    st.integers(1, 40),
    st.integers(0, 50),
    st.tuples(st.integers(0, 6), st.integers(0, 3)),
    st.integers(-8, 8),
    st.booleans(),
)
def test_a_packed_spectrogram_is_stretched_cut_silenced_and_shifted(
    frames: int,
    rate: float,
    first: int,
    count: int,
    silent_from: int,
    band: tuple[int, int],
    pitch: int,
    planes: bool,
) -> None:
    shape = (2, 6, frames) if planes else (6, frames)
    song = np.random.default_rng(frames).random(shape).astype(np.float16)
    first = min(first, max(1, round(frames / rate)) - 1)
    expected = stretch(song.astype(np.float32), rate, first=first, count=count)
    expected = fit_frames(expected, count).copy()
    expected[..., silent_from:] = 0
    expected[..., band[0] : band[0] + band[1], :] = 0
    expected = shift_pitch(expected, pitch)
    packed = pack(np.moveaxis(song, -1, 0), rate, first, count, silent_from)
    packed = packed._replace(plan=packed.plan._replace(band=band, pitch=pitch))
    np.testing.assert_array_equal(packed.spectrogram().numpy(), expected)


def test_frames_of_a_file_are_named_and_not_copied(tmp_path: Path) -> None:
    values = np.arange(4000, dtype=np.float16).reshape(1000, 4)
    np.save(tmp_path / "song.npy", values)
    frames = Frames.of(np.load(tmp_path / "song.npy", mmap_mode="r"), 700, 930)
    assert frames.array is None
    assert len(pickle.dumps(frames)) < 500
    frames.wait()
    np.testing.assert_array_equal(frames.read(), values[700:930])
    np.testing.assert_array_equal(Frames.of(values, 700, 930).read(), values[700:930])


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_songs(tmp_path_factory.mktemp("songs"), songs=3)


@pytest.mark.parametrize("changes", [{}, {"crop": True}, {"cached": False}, {"audio_kind": "stft"}])
def test_batches_are_the_stacked_items(songs: Path, changes: dict[str, Any]) -> None:
    cache = songs.parent / "cache" if changes.get("cached", True) else None
    chosen = {**RANDOM, **{k: v for k, v in changes.items() if k != "cached"}}
    dataset = build(TRAIN_DATA, txt_file=songs, with_audio=True, cache_dir=cache, **chosen)
    keys = [(epoch, index) for epoch in range(3) for index in range(len(dataset))]
    expected = default_collate([dataset[key] for key in keys])
    batch = collate([dataset.packed(key) for key in keys])
    assert isinstance(batch["audio"], AudioBatch)
    made = unpacked(pickle.loads(pickle.dumps(batch)))
    moved = unpacked({**batch, "audio": batch["audio"].to("cpu")})
    for found in (made, moved):
        assert found["meta"] == expected["meta"]
        assert all(torch.equal(found[name], expected[name]) for name in ("note", "valid", "audio"))
    assert unpacked({**batch, "note": batch["note"].bfloat16()})["audio"].dtype == torch.bfloat16


@pytest.mark.parametrize("workers", [0, 2])
def test_the_data_module_hands_out_the_items(songs: Path, workers: int) -> None:
    params = {
        **RANDOM,
        "txt_file": str(songs),
        "with_audio": True,
        "cache_dir": str(songs.parent / "cache"),
    }
    node = translate({"target": TRAIN_DATA, "params": params})
    loaders = DataModuleFromConfig(2, train=node, num_workers=workers)
    loaders.setup("fit")
    loader = loaders.train_dataloader()
    dataset = loaders.datasets["train"]
    keys = list(loader.sampler)
    for number, batch in enumerate(loader):
        made = loaders.on_after_batch_transfer(batch, 0)
        expected = default_collate([dataset[key] for key in keys[2 * number : 2 * number + 2]])
        assert torch.equal(made["audio"], expected["audio"])
        assert torch.equal(made["note"], expected["note"])
    assert number == (len(keys) - 1) // 2
