"""Title and artist of a sound file."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from audio_sounds import clicks, write_sound

from mug.audio.tags import Tags, names_from, read_tags, song_names
from mug.errors import AudioError


@pytest.mark.parametrize("kind", ["OGG", "FLAC", "MP3"])
def test_written_names_are_read(tmp_path, kind):
    path = tmp_path / f"song.{kind.lower()}"
    with soundfile.SoundFile(path, "w", 22050, 1, format=kind) as handle:
        handle.title, handle.artist = "Lied", "Some  One"
        handle.write(clicks(1.5, 22050))
    assert read_tags(path) == Tags("Lied", "Some One")


@pytest.mark.parametrize("kind", ["OGG", "WAV", "MP3"])
def test_without_tags_names_are_empty(tmp_path, kind):
    path = write_sound(tmp_path / "song.mp3", clicks(1.5, 22050), 22050, kind)
    assert read_tags(path) == Tags("", "")


@pytest.mark.parametrize(
    "data", [b"", b"text, not sound", b"ID3\x03\0\0\xff\xff\xff\xff", b"OggS" * 9]
)
def test_what_cannot_be_read_has_no_names(tmp_path, data):
    path = tmp_path / "song.mp3"
    path.write_bytes(data)
    assert read_tags(path) == Tags()


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(AudioError, match="cannot be opened"):
        read_tags(tmp_path / "none.mp3")


@pytest.mark.parametrize(
    ("stem", "artist", "title"),
    [
        ("Artist - Title", "Artist", "Title"),
        ("01. Artist - Title", "Artist", "Title"),
        ("03 - Artist - Title", "Artist", "Title"),
        ("03 - Title", "", "Title"),
        ("03_Artist_-_Title", "Artist", "Title"),
        ("Artist – Title (Remix)", "Artist", "Title (Remix)"),
        ("Artist - Title - Remix", "Artist", "Title - Remix"),
        ("AC-DC - Back-to-Back", "AC-DC", "Back-to-Back"),
        ("2 Unlimited - No Limit", "2 Unlimited", "No Limit"),
        ("1999 - Prince", "1999", "Prince"),
        ("a_b - c_d", "a_b", "c_d"),
        ("Title", "", "Title"),
        ("12 Title", "", "12 Title"),
        ("夜 - 明け", "夜", "明け"),
        ("-", "", "-"),
    ],
)
def test_names_of_files(stem: str, artist: str, title: str) -> None:
    assert names_from(stem) == Tags(title=title, artist=artist)


def test_tags_come_before_the_name(tmp_path: Path) -> None:
    silent = tmp_path / "Artist - Title.wav"
    silent.write_bytes(b"RIFF")
    assert song_names(silent) == Tags(title="Title", artist="Artist")
