"""Songs of the detector's fit are known by their sound files, whatever these are called."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mug.timing.fitted_songs import FITTED_SONGS, was_fitted_on


def test_another_file_is_none_of_them(tmp_path: Path) -> None:
    (tmp_path / "goin-under.ogg").write_bytes(b"another song")
    assert not was_fitted_on(tmp_path / "goin-under.ogg")


@pytest.mark.real_data
def test_the_real_songs_are_known_under_any_name(real_data: Path, tmp_path: Path) -> None:
    sounds = [
        path
        for folder in (real_data / "songs", real_data / "audio" / "timed")
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".mp3", ".ogg")
    ]
    assert {path.parent.name for path in sounds} == set(FITTED_SONGS.values())
    assert all(was_fitted_on(path) for path in sounds)
    shutil.copy(sounds[0], tmp_path / "renamed.bin")
    assert was_fitted_on(tmp_path / "renamed.bin")
