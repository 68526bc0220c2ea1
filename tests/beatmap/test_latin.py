"""ASCII titles beside the true ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.registry import for_osu
from mug.beatmap.latin import latin, with_latin


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Plain: a - b", "Plain: a - b"),
        ("Café déjà", "Cafe deja"),
        ("Привет ✨ мир", "Privet sparkles mir"),
        ("夜", "Ye"),
        ("한국", "HanGug"),
        ("\u200b", "untitled"),
        ("", ""),
    ],
)
def test_titles(text: str, plain: str) -> None:
    assert latin(text) == plain


@given(st.text(max_size=30))
def test_it_is_ascii_on_one_line_and_never_empty(text: str) -> None:
    plain = latin(text)
    assert plain.isascii()
    assert plain.isprintable()
    assert bool(plain.strip()) == bool(text.strip()) or not text.isprintable()
    assert latin(plain) == plain


def test_the_true_title_stays() -> None:
    found = with_latin({"Title": "夜 ✨", "Artist": "A", "Creator": "x"})
    assert found == {
        "Title": "Ye sparkles",
        "TitleUnicode": "夜 ✨",
        "Artist": "A",
        "Creator": "x",
    }
    kept = with_latin({"Title": "夜", "TitleUnicode": "夜明け"})
    assert kept["TitleUnicode"] == "夜明け"
    chart = Beatmap(4, metadata={"Title": "夜"}, general={"AudioFilename": "a//b.ogg"})
    made = for_osu(chart, LossReport())
    assert (made.title, made.metadata["TitleUnicode"]) == ("Ye", "夜")
    assert made.audio_filename == "a/b.ogg"
