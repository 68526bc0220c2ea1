"""The sound of a chart: found whatever the letter case, slashes, accents and packing."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from mug.beatmap.sound_file import find_sound, look_for
from mug.errors import DataError


@pytest.mark.parametrize(
    ("there", "named"),
    [
        ("audio.ogg", "Audio.OGG"),
        ("Sound/Audio.ogg", "sound\\AUDIO.ogg"),
        ("audio.ogg", "./audio.ogg"),
        ("audio.ogg", " audio.ogg "),
        ("sub/audio.ogg", "sub//audio.ogg"),
        (unicodedata.normalize("NFD", "été.ogg"), "Été.ogg"),
        ("what_.ogg", "what?.ogg"),
    ],
)
def test_names_that_mean_a_file(tmp_path: Path, there: str, named: str) -> None:
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_bytes(b"x")
    found = find_sound(tmp_path / "a.osu", named)
    assert found.resolve() == (tmp_path / there).resolve()


@pytest.mark.parametrize(
    "named", ["", " ", "b.ogg", "a.ogg/b", "x" * 5000, "a\0b", "sub/a.ogg", "/"]
)
def test_names_of_nothing(tmp_path: Path, named: str) -> None:
    (tmp_path / "a.ogg").write_bytes(b"x")
    assert look_for(tmp_path, named) is None
    with pytest.raises(DataError, match="not beside it"):
        find_sound(tmp_path / "a.osu", named)


def test_stepmania_takes_the_first_sound_of_the_folder(tmp_path: Path) -> None:
    for name in ("intro.ogg", "song.ogg", "z.ogg", "a.txt"):
        (tmp_path / name).write_bytes(b"x")
    for suffix in (".sm", ".ssc"):
        assert find_sound(tmp_path / f"a{suffix}", "gone.mp3").name == "song.ogg"
        assert find_sound(tmp_path / f"a{suffix}", "Z.OGG").name == "z.ogg"
    with pytest.raises(DataError):
        find_sound(tmp_path / "a.osu", "gone.mp3")


def test_the_only_sound_of_a_package_is_its_charts(tmp_path: Path) -> None:
    (tmp_path / "a.ogg").write_bytes(b"x")
    assert find_sound(tmp_path / "a.osu", "gone.mp3", packed=True).name == "a.ogg"
    (tmp_path / "b.ogg").write_bytes(b"x")
    with pytest.raises(DataError):
        find_sound(tmp_path / "a.osu", "gone.mp3", packed=True)
