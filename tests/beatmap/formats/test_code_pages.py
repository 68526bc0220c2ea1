"""Code pages by evidence: the sound that is there, then letters; never control characters."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mug.beatmap.formats.code_pages import PAGES, likeliest
from mug.beatmap.formats.encodings import decode, decode_names, detect
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.registry import kind_of, read_any

TITLES = [
    ("한국 노래", "cp949"),
    ("봄날", "cp949"),
    ("강남스타일", "cp949"),
    ("中文歌曲", "gbk"),
    ("月亮代表我的心", "gbk"),
    ("青花瓷", "gbk"),
    ("告白氣球", "cp950"),
    ("千本桜", "cp932"),
    ("残酷な天使のテーゼ", "cp932"),
    ("Русская песня", "cp1251"),
    ("Катюша", "cp1251"),
    ("ЛЕТО", "cp1251"),
    ("Déjà—vu créée", "cp1252"),
    ("Größe über alles", "cp1252"),
    ("Mötley Crüe", "cp1252"),
    ("¿Dónde está?", "cp1252"),
    ("Don’t stop", "cp1252"),
]
FORMS = {
    ".sm": "#TITLE:{};\n#MUSIC:{};\n#BPMS:0=120;\n#NOTES:dance-single:::1::1000;\n",
    ".osu": "osu file format v14\n[General]\nAudioFilename: {1}\nMode: 3\n[Metadata]\nTitle:{0}\n"
    "[Difficulty]\nCircleSize:4\n[HitObjects]\n64,192,1,1,0\n",
    ".qua": "AudioFile: {1}\nMode: Keys4\nTitle: {0}\nHitObjects:\n- Lane: 1\n  StartTime: 1\n",
    ".mc": '{{"meta":{{"mode":0,"song":{{"title":"{0}"}},"mode_ext":{{"column":4}}}},'
    '"time":[{{"beat":[0,0,1],"bpm":120}}],"note":[{{"beat":[0,0,1],"column":0}},'
    '{{"beat":[0,0,1],"sound":"{1}","type":1}}]}}',
}


@pytest.mark.parametrize(("title", "page"), TITLES)
def test_titles_are_told_apart_by_their_letters(title: str, page: str) -> None:
    assert likeliest(title.encode(page), PAGES) == page
    assert decode_names([f"{title}.ogg".encode(page), b"a.osu"]) == [f"{title}.ogg", "a.osu"]


@pytest.mark.parametrize("suffix", FORMS)
@pytest.mark.parametrize(("title", "page"), TITLES[::3])
def test_every_format_is_read_so(tmp_path: Path, suffix: str, title: str, page: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(FORMS[suffix].format(title, "a.ogg").encode(page))
    (chart,) = read_any(path, losses=LossReport())
    assert chart.title == title


@pytest.mark.parametrize("suffix", FORMS)
def test_the_sound_that_is_there_decides(tmp_path: Path, suffix: str) -> None:
    """The same bytes are a name in several code pages."""
    name = "愛".encode("cp950")
    path = tmp_path / f"a{suffix}"
    path.write_bytes(FORMS[suffix].encode("ascii").replace(b"{0}", b"t").replace(b"{}", b"t", 1)
                     .replace(b"{1}", name + b".ogg").replace(b"{}", name + b".ogg")
                     .replace(b"{{", b"{").replace(b"}}", b"}"))  # fmt: skip
    for page in ("cp950", "gbk", "cp1252"):
        sound = tmp_path / f"{name.decode(page)}.ogg"
        sound.write_bytes(b"OggS")
        (chart,) = read_any(path, losses=LossReport())
        assert chart.audio_filename == sound.name
        sound.unlink()


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=40))
def test_no_control_characters_come_of_letters(junk: bytes) -> None:
    data = b"Title:" + bytes(byte | 0x80 for byte in junk)
    text = decode(data)
    assert text.startswith("Title:")
    assert not any(unicodedata.category(letter) == "Cc" for letter in text)


def test_a_damaged_letter_leaves_utf8_alone() -> None:
    data = "Title:夜明けのうた\nArtist:夜".encode()[:-1]
    assert detect(data) == "utf-8"
    assert decode(data).startswith("Title:夜明けのうた\nArtist:")


@pytest.mark.parametrize("page", ["utf-16-le", "utf-16-be", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("suffix", FORMS)
def test_wide_letters_with_and_without_a_mark(tmp_path: Path, suffix: str, page: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(FORMS[suffix].format("夜 t", "a.ogg").encode(page))
    assert kind_of(path) == suffix
    (chart,) = read_any(path, losses=LossReport())
    assert chart.title == "夜 t"
    if page in ("utf-16-le", "utf-16-be"):  # cut in a letter
        path.write_bytes(FORMS[suffix].format("夜 t", "a.ogg").encode(page) + b"\n")
    assert read_any(path, losses=LossReport())[0].title == "夜 t"
