"""Pieces of the page: whatever a file or a chart is called, it is text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from html_page import Page
from markupsafe import escape

from mug.errors import MugError
from mug.messages.message import LANGUAGES, Message
from mug.timing.estimate import TimingEstimate
from mug.ui.jobs.files import REPORT, Written
from mug.ui.jobs.folders import Revision
from mug.ui.model import PageModel
from mug.ui.page import fragments
from mug.ui.page.about import about
from mug.ui.page.texts import Texts

EVIL = '<script>alert("x")</script><img src="https://evil.example/x.png" onerror=alert(1)>'
ENTRY = {"feature": EVIL, "asked": EVIL, "reached": EVIL}


def _chart() -> dict[str, object]:
    return {
        "difficulty": EVIL,
        "compared": [ENTRY],
        "reached": {
            "sr": 3.2, "notes": 5, "long_notes": 1, "notes_per_second": {"mean": 1.0, "peak": 2.0},
        },
        "findings": {"total": 3},
        "changes": {"moved": 1},
        "score": {"total": 0.5},
        "seed": 7,
    }  # fmt: skip


def _pieces(t: Texts, folder: Path) -> dict[str, str]:
    revision = Revision("job", 1, folder)
    (folder / REPORT).write_text(json.dumps({"charts": [_chart()]}), encoding="utf-8")
    written = Written(
        files=[("osz", EVIL), ("osu", f"A - B (me) [{EVIL}].osu")], failed=[EVIL], picture=True
    )
    far = Message("pipeline.beyond_range", feature=EVIL, asked=9.0, heard=8.0)
    return {
        "said": fragments.said(EVIL),
        "beyond": fragments.beyond([far], t),
        "upload_says": fragments.upload_says(EVIL, "song", [EVIL], 60, t),
        "downloads": fragments.downloads(revision, written, t),
        "picture": fragments.picture(revision, written, t),
        "report": fragments.report(revision, t),
        "workbench": fragments.workbench(revision, EVIL, TimingEstimate(120.0, 0.0, 1.0), t),
        "title": fragments.title(EVIL) + fragments.legend(EVIL) + fragments.hint(EVIL),
        "head": fragments.head(t, "/zh"),
        "about": about(t),
        "empty": fragments.empty(t) + fragments.region(t),
    }


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_piece_trusts_a_text(language: str, tmp_path: Path) -> None:
    for name, html in _pieces(Texts(language), tmp_path).items():
        page = Page(html)
        assert "script" not in page.tags, name
        assert not [address for address in page.addresses if "evil" in address[:30]], name


def test_what_is_wrong_with_the_model_is_text(tmp_path: Path) -> None:
    model = PageModel(tmp_path / EVIL.replace("/", "_"))
    model.start()
    with pytest.raises(MugError):
        model.generator()
    html = fragments.status(model, Texts("en"))
    assert Page(html).tags == ["p"]
    assert "no such checkpoint" in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_missed_stars_are_said_in_red(language: str, tmp_path: Path) -> None:
    entry = {"feature": "sr", "asked": 5.0, "reached": 3.2, "difference": -1.8}
    chart = {**_chart(), "difficulty": "A <b>", "compared": [entry], "missed_stars": "asked"}
    chart["given"] = {"sr": 6.25}
    revision, t = Revision("job", 1, tmp_path), Texts(language)
    (tmp_path / REPORT).write_text(json.dumps({"charts": [chart]}), encoding="utf-8")
    shown = fragments.report(revision, t)
    first, _, rest = shown.partition("</p>")
    assert 'data-kind="bad"' in first
    assert all(part in first for part in ("A &lt;b&gt;", "5.00", "3.20"))
    assert t("given_stars") in rest
    assert "6.25" in rest
    chart |= {"missed_stars": None, "given": {}}
    (tmp_path / REPORT).write_text(json.dumps({"charts": [chart]}), encoding="utf-8")
    shown = fragments.report(revision, t)
    assert 'data-kind="bad"' not in shown
    assert t("given_stars") not in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_is_missed_and_the_timing_are_said_in_red(
    language: str, tmp_path: Path
) -> None:
    ratio = Message("pipeline.number_is_missed", feature="ln_ratio", asked=0.5, reached=0.2)
    jacks = Message("pipeline.feature_is_missed", feature="jackspeed")
    beat = Message("pipeline.no_beat_was_found", bpm=120.0)
    chart = {**_chart(), "difficulty": "A <b>", "missed_stars": None}
    chart["missed"] = [message.to_plain() for message in (ratio, jacks)]
    kept = {"charts": [chart], "timing": {"notices": [beat.to_plain()]}}
    (tmp_path / REPORT).write_text(json.dumps(kept), encoding="utf-8")
    revision, t = Revision("job", 1, tmp_path), Texts(language)
    shown = fragments.report(revision, t)
    assert shown.count('data-kind="bad"') == 3
    assert str(escape(beat.text(language))) in shown
    for part in ("A &lt;b&gt;", "0.50", "0.20", t("ln_ratio"), t("jackspeed")):
        assert part in shown


def test_what_was_not_trained_is_said_in_red() -> None:
    values = {"feature": "sr", "asked": 7.5, "least": 0.5, "most": 6.0}
    messages = [Message("pipeline.beyond_what_was_trained", **values)]
    shown = fragments.notices(messages, Texts("en"))
    assert 'data-kind="bad"' in shown
    assert f"{Texts('en')('sr')} 7.5 is beyond" in shown
    assert "7.5" in fragments.notices(messages, Texts("zh"))
    assert fragments.notices([], Texts("en")) == ""
