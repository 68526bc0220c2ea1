"""Templates: everything is escaped, what is missing is an error, and all of them travel along."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import jinja2
import pytest
from html_page import Page
from markupsafe import Markup
from PIL import Image
from repository import ROOT

from mug.render.html import fragment, render, style
from mug.render.page import Heading, PageSection, document
from mug.render.png import picture_html
from mug.render.svg import Axes, Dot, DotRow, Pair, Point, Scale, Series, card, dot_plot, drawing
from mug.render.svg import paired_bars as pairs

EVIL = '<script>alert("x")</script><img src="https://evil.example/x.png" onerror=\'alert(1)\'>'
TEMPLATES = sorted((ROOT / "mug").rglob("templates/*"))


def _trusts_nothing(html: str) -> None:
    page = Page(html)
    assert "script" not in page.tags
    assert not [address for address in page.addresses if "evil" in address]
    assert "onerror=" not in re.sub(r"=\"[^\"]*\"|>[^<]*<", "", html)


def test_a_page_trusts_no_title() -> None:
    section = PageSection("one", EVIL, Markup("<p>kept</p>"))
    html = document(Heading(EVIL, "report", EVIL), [section], EVIL)
    _trusts_nothing(html)
    assert "<p>kept</p>" in html
    assert html.startswith("<!doctype html>")


def test_plots_trust_no_label() -> None:
    scale = Scale(0.0, 1.0)
    dots = (Dot(0.5, 0.4, 0.6, EVIL),)
    axes = Axes(scale, scale, EVIL, EVIL)
    for html in (
        dot_plot(EVIL, EVIL, [DotRow(EVIL, "ours", dots, EVIL)]),
        card(EVIL, EVIL, Markup("<b>kept</b>")),
        pairs([Pair(EVIL, 0.1, 0.2)]),
        drawing([Series("ours", (Point(0.5, 0.5, EVIL),))], axes, EVIL),
        picture_html(Image.new("RGB", (2, 2)), EVIL, colours=2),
    ):
        _trusts_nothing(html)


def test_quotes_are_spelled_as_the_standard_library_spells_them() -> None:
    assert ">it&#x27;s &quot;so&quot; &amp;#39;<" in card('it\'s "so" &#39;', "", Markup(""))


def test_a_missing_value_or_template_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("mug.render/document.html", title="x")
    with pytest.raises(jinja2.UndefinedError):
        fragment("mug.render/plots.html", "card", title="x")
    with pytest.raises(jinja2.TemplateNotFound):
        render("mug.render/no_such.html")
    assert "prefers-color-scheme" in style("mug.render", "page.css")


def test_every_template_is_package_data() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    data = settings["tool"]["setuptools"]["package-data"]
    assert len(TEMPLATES) >= 9
    for path in TEMPLATES:
        package = ".".join(path.parents[1].relative_to(ROOT).parts)
        within = str(path.relative_to(path.parents[1]))
        assert any(fnmatch(within, pattern) for pattern in data[package]), path


_TAGS = (
    "a|article|b|code|details|div|em|figure|h[1-6]|header|i|img|li|mark|meta|p|section|small|span"
    "|table|td|th|tr|ul"
)


def _html_in_strings(path: Path) -> list[str]:
    return re.findall(rf"""["'](?:</?(?:{_TAGS}|mug-\w+)[ >])""", path.read_text(encoding="utf-8"))


def test_no_html_is_put_together_in_code() -> None:
    """Drawings (SVG) are; pages and their pieces come from templates."""
    assert {
        str(path): found
        for path in sorted((ROOT / "mug").rglob("*.py"))
        if (found := _html_in_strings(path))
    } == {}


def test_texts_that_templates_ask_for_exist() -> None:
    from mug.messages.message import catalogue

    asked = {
        name
        for path in TEMPLATES
        for name in re.findall(r'\bt\("(\w+)"[,)]', path.read_text(encoding="utf-8"))
    }
    assert len(asked) > 5
    assert {name for name in asked if f"page.{name}" not in catalogue("en")} == set()


def test_notes_are_drawn_in_one_place() -> None:
    """Who draws rectangles knows no notes, but for the painter of charts."""
    drawing_notes = {
        str(path.relative_to(ROOT / "mug"))
        for path in (ROOT / "mug").rglob("*.py")
        if re.search(r"<rect|ImageDraw", text := path.read_text(encoding="utf-8"))
        and re.search(r"import .*(?:HitObject|LongNote)", text)
    }
    assert drawing_notes == {"render/chart_excerpt.py", "render/chart_image.py"}
