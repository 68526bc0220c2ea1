"""The song in a package: the file itself where players read it as the charts have it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_sounds import attack_times, clicks, write_sound

from mug.audio.load import decode
from mug.pipeline.request import GenerationRequest
from mug.pipeline.song_file import packaged_song, with_names

RATE = 44100


@pytest.mark.parametrize("ending", ["mp3", "ogg"])
def test_several_streams_are_packed_as_the_charts_have_them(tmp_path: Path, ending: str) -> None:
    data = write_sound(tmp_path / f"one.{ending}", clicks(3.2, RATE), RATE).read_bytes()
    song = tmp_path / f"song.{ending}"
    song.write_bytes(data + data)
    (tmp_path / "out").mkdir()
    packed = packaged_song(song, tmp_path / "out")
    assert packed.read_bytes() != song.read_bytes()
    assert packed.name == with_names(GenerationRequest(audio=song)).finish.audio_filename
    samples, rate = soundfile.read(packed, always_2d=True)
    times = attack_times(samples[:, 0], rate)
    own, _ = decode(song)
    np.testing.assert_allclose(times, attack_times(own[:, 0], RATE), atol=2e-3)
    assert len(times) == 6


@pytest.mark.parametrize("ending", ["mp3", "ogg"])
@pytest.mark.parametrize("part", [1.0, 0.6])
def test_whole_and_cut_files_stay_as_they_are(tmp_path: Path, ending: str, part: float) -> None:
    song = write_sound(tmp_path / f"song.{ending}", clicks(3.2, RATE), RATE)
    song.write_bytes(song.read_bytes()[: int(part * song.stat().st_size)])
    (tmp_path / "out").mkdir()
    assert packaged_song(song, tmp_path / "out").suffix == f".{ending}"
