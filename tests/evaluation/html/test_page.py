"""The benchmark's pages: all rows are there, nothing is trusted, nobody is asked for anything."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from browser import launched
from evaluation_pages import EVIL, LABEL, PARTS, run_of
from html_page import Page

from mug.errors import DataError
from mug.evaluation.html.data import Results
from mug.evaluation.html.page import PAGE, write_pages
from mug.evaluation.html.shell import page_name

Run = tuple[dict[str, Any], Path]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("benchmark")
    out = folder / "out"
    plain = run_of(folder / "songs", out)
    (out / "results.json").write_text(json.dumps(plain), encoding="utf-8")
    write_pages(plain | PARTS, out)
    return plain, out


def pages(out: Path) -> dict[str, Page]:
    listed = [out / PAGE, *sorted(out.glob("pages/*"))]
    return {path.name: Page(path.read_text(encoding="utf-8")) for path in listed}


def test_the_pages_stand_alone_and_trust_no_title(found: Run) -> None:
    _, out = found
    for name, page in pages(out).items():
        assert "script" not in page.tags, name
        assert "link" not in page.tags, name
        outside = [a for a in page.addresses if re.match(r"[a-z]+:", a) and a[:5] != "data:"]
        assert outside == [], name
        assert len(page.names) == len(set(page.names)), name
        text = next(out.rglob(name)).read_text(encoding="utf-8")
        assert "default-src 'none'" in text
        assert "prefers-color-scheme: dark" in text
        assert "url(" not in text
        assert "@import" not in text
    assert EVIL in pages(out)[PAGE].text  # as words


def test_links_lead_somewhere(found: Run) -> None:
    _, out = found
    written = pages(out)
    count = 0
    for name, page in written.items():
        folder = next(out.rglob(name)).parent
        for address in page.addresses:
            if address.startswith("data:") or address == "results.md":  # of evaluate.py
                continue
            path, _, anchor = address.partition("#")
            target = (folder / unquote(path)).resolve() if path else folder / name
            assert target.is_file(), address
            assert not anchor or anchor in written[target.name].names, address
            count += address.endswith(".osu")
    assert count == sum(bool(row["file"]) for row in found[0]["rows"]) + 4  # and the worst


def test_every_row_appears(found: Run) -> None:
    plain, out = found
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in plain["rows"]:
        rows.setdefault(row["song"], []).append(row)
    assert len(rows) == 2
    for song, mine in rows.items():
        page = pages(out)[page_name(song)]
        linked = [unquote(a).removeprefix("../") for a in page.addresses if a.endswith(".osu")]
        assert sorted(linked) == sorted(row["file"] for row in mine if row["file"])
        for row in mine:
            for value in [row["figures"].get("f1_20"), row["figures"].get("seed_distance")]:
                assert value is None or f"{value:.3f}" in page.text


def test_the_table_has_every_figure_and_column(found: Run) -> None:
    plain, out = found
    text = pages(out)[PAGE].text
    for column in plain["columns"]:
        assert column["name"] in text
    known = {
        figure
        for cells in plain["summary"].values()
        for figure, cell in cells.items()
        if cell["charts"]
    }
    for figure in plain["figures"]:
        assert (figure["title"] in text) == (figure["name"] in known), figure["name"]
    mean = plain["summary"][LABEL]["f1_20"]["mean"]
    assert f"{mean:.3f}" in text


def test_the_worst_come_first(found: Run) -> None:
    plain, out = found
    rows = [r for r in plain["rows"] if r["column"] == "post-processed"]
    worst: dict[tuple[str, int], float] = {}
    for row in sorted(rows, key=lambda r: r["figures"]["f1_20"]):
        worst.setdefault((row["song"], row["chart"]), row["figures"]["f1_20"])
    text = (out / PAGE).read_text(encoding="utf-8")
    cases = re.findall(r'case"><div class="head"><h3><a href="([^"]+)"', text)
    assert cases == [f"pages/{page_name(song)}#chart-{chart}" for song, chart in worst]
    song = page_name(next(iter(worst))[0])
    own = [f"chart-{chart}" for name, chart in worst if page_name(name) == song]
    assert [name for name in pages(out)[song].names if name.startswith("chart-")] == own


def test_other_pieces_of_the_protocol_are_shown(found: Run) -> None:
    _, out = found
    page = pages(out)[PAGE]
    for said in (
        "Kernel distance",
        "floor of people",
        f"Sweep: {LABEL}",
        "star rating over a sweep, Spearman",
        "standard deviations of the switch's own feature",
        "a quarter in the middle",
        "1 thread",
        "some figure is left out",
    ):
        assert said in page.text
    assert {"distances", "switches", "editing", "cost"} <= set(page.names)


def test_what_was_not_asked_for_has_no_section(found: Run, tmp_path: Path) -> None:
    plain = {k: v for k, v in found[0].items() if k not in PARTS}
    write_pages(plain | {"rows": [], "songs": []}, tmp_path)
    page = pages(tmp_path)[PAGE]
    assert not {"distances", "switches", "editing", "cost", "patterns"} & set(page.names)
    assert "Sweep" not in page.text


def test_the_same_results_give_the_same_bytes(found: Run) -> None:
    plain, out = found
    written = write_pages(plain | PARTS, out)
    first = [path.read_bytes() for path in written]
    write_pages(plain | PARTS, out)
    assert [path.read_bytes() for path in written] == first
    assert len(written) == 3


def test_baselines_alone_make_a_page(found: Run, tmp_path: Path) -> None:
    plain, _ = found
    judged = [c["label"] for c in plain["columns"] if c["kind"] == "model"]
    alone = plain | {
        "command": {"songs": "x"},
        "rows": [
            r | {"file": ""} for r in plain["rows"] if r["column"] not in ("raw", "post-processed")
        ],
        "columns": [c for c in plain["columns"] if c["kind"] != "model"],
        "paired": [p for p in plain["paired"] if p["column"] not in judged],
        "songs": [],
    }
    write_pages(alone, tmp_path)
    page = pages(tmp_path)[PAGE]
    assert "charts by rules, not by people" not in page.text
    write_pages(alone | {"command": {"synthetic": 2}}, tmp_path)
    assert "charts by rules, not by people" in pages(tmp_path)[PAGE].text
    assert "Baselines" in page.text
    assert "goals" not in page.names
    assert "not kept" in pages(tmp_path)[page_name(EVIL)].text


def test_something_else_is_refused(found: Run, tmp_path: Path) -> None:
    plain, _ = found
    for broken in ({}, {**plain, "rows": [{}]}, {**plain, "figures": [{"name": "x"}]}):
        with pytest.raises(DataError, match=r"no results of this version.*again"):
            Results.of(broken, tmp_path)


def test_goals_have_values_and_no_verdict(found: Run) -> None:
    _, out = found
    text = pages(out)[PAGE].text
    assert "Fewer than 10 songs" in text
    assert not set("✓≈✗") & set(text)


@pytest.mark.parametrize("name", ["..", "CON", "a/b", "", "ü", "x" * 300, EVIL])
def test_page_names_are_plain_and_apart(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]{8,70}\.html", page_name(name))
    assert page_name(name) != page_name(name + ".")


@pytest.mark.browser
def test_nothing_overflows_and_nothing_complains_in_a_browser(found: Run) -> None:
    _, out = found
    complaints, requests, wide = [], [], []
    with launched() as chromium:
        for width, theme in ((1280, "light"), (390, "dark")):
            context = chromium.new_context(
                viewport={"width": width, "height": 900}, color_scheme=theme
            )
            page = context.new_page()
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda request: requests.append(request.url))
            for path in (out / PAGE, *out.glob("pages/*")):
                page.goto(path.as_uri())
                page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    wide.append((path.name, width))
                # Cells that are cut would hide figures: only boxes that scroll may be too narrow.
                wide += page.evaluate(
                    "[...document.querySelectorAll('.card, h1, h2, .dots, .chips')]"
                    ".filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.innerText)"
                )
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
                "rgb(16, 18, 26)" if theme == "dark" else "rgb(244, 245, 250)"
            )
            context.close()
    assert complaints == []
    assert wide == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
