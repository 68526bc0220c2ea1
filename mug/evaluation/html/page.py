"""The benchmark as pages that ask nobody for anything: `results.html`, and one page a song.

They hold no script and make no request, so that they work from a folder, a mail or a stick.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mug.evaluation.html.chart_compare import agreement_strip
from mug.evaluation.html.data import Results, kind_of, short_path
from mug.evaluation.html.parts import part_sections
from mug.evaluation.html.plots import pattern_plots, plots
from mug.evaluation.html.shell import (
    SONGS,
    benchmark_page,
    chart_anchor,
    chips,
    file_link,
    grid,
    page_name,
    plain_table,
)
from mug.evaluation.html.song import Case, song_page, worst_cases
from mug.evaluation.html.table import goals_html, shown, table_html
from mug.evaluation.markdown.summary import over_songs
from mug.evaluation.markdown.tables import Column
from mug.evaluation.markdown.write import few_songs
from mug.evaluation.rows import ResultRow
from mug.files import atomic_write
from mug.metrics.statistics import Summary
from mug.render.html import fragment
from mug.render.page import PageSection
from mug.render.svg import Dot, DotRow, Scale, dot_plot, track

PAGE = "results.html"
_PAGE = "mug.evaluation.html/page.html"
_MOST_CASES = 8
_SHOWN = ("seeds", "candidates", "steps", "guidance_scale", "keys", "device")


def write_pages(plain: Mapping[str, Any], out: Path) -> list[Path]:
    """Write `results.html` and the songs' pages; the same results give the same bytes.

    Args:
        plain: what `mug.evaluation.results.results` made, e.g. the content of `results.json`.
        out: folder of results, with the charts; the pages are written there.

    Raises:
        DataError: for results of another version.
        BeatmapError: for a chart that is not there or cannot be read.
    """
    results = Results.of(plain, out)
    cases = worst_cases(results)
    written = {out / PAGE: page(results, cases)}
    for name in results.names:
        written[out / SONGS / page_name(name)] = song_page(name, results, cases)
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, "w", encoding="utf-8") as handle:
            handle.write(text)
    return list(written)


def page(results: Results, cases: Sequence[Case]) -> str:
    """The page over all songs as text.

    Args:
        results: to show.
        cases: judged charts beside the human ones, the worst first.
    """
    column = results.headline
    sections: list[PageSection] = []
    if column is not None:
        about = fragment(_PAGE, "goals_about", notes=few_songs(len(results.names)))
        sections.append(PageSection("goals", "Goals", about + goals_html(results)))
        sections.append(PageSection("worst", "Worst cases", _worst(cases, column)))
    about = fragment(_PAGE, "table_about")
    sections.append(PageSection("table", "All figures", about + table_html(results)))
    if column is not None:
        sections.append(PageSection("baselines", "Against the baselines", _pairs(results)))
    for number, (title, cards) in enumerate(plots(results).items()):
        kind = "plots" if "<svg" in cards[0] else "wide"
        sections.append(PageSection(f"plots-{number}", title, grid(cards, kind)))
    if column is not None and (found := pattern_plots(results, column)):
        about = fragment(_PAGE, "patterns_about", label=column.label)
        sections.append(PageSection("patterns", "Patterns", about + grid(found, "masonry")))
    for name, (title, content) in part_sections(results).items():
        sections.append(PageSection(name, title, content))
    sections.append(PageSection("songs", "Songs", _songs(results)))
    sections.append(PageSection("run", "How this was made", _run(results)))
    return benchmark_page("Benchmark", results.name, sections, _head(results))


def _head(results: Results) -> Markup:
    songs = len({row.song for row in results.rows})
    charts = len({(row.song, row.chart) for row in results.rows})
    labels = [
        f"{songs} song{'s' * (songs != 1)}",
        f"{charts} human charts",
        f"{len(results.rows)} rows",
    ]
    if results.command.get("checkpoint"):
        labels += [
            f"{name.replace('_', ' ')} {results.command[name]}"
            for name in _SHOWN
            if results.command.get(name) is not None
        ]
    notes = [f"{one['figure']} is left out: {one['why']}" for one in results.parts["left_out"]]
    if songs == 1:
        said = "One song only: intervals are over its charts and say nothing about other songs."
        notes.insert(0, said)
    if results.command.get("synthetic") or results.command.get("held_out"):
        said = "Composed songs: what is called human here are charts by rules, not by people."
        notes.insert(0, said)
    warnings = fragment(_PAGE, "warnings", notes=notes)
    return chips((label, "") for label in labels) + warnings


def _pairs(results: Results) -> Markup:
    """The paired differences with their intervals."""
    cards = []
    for base in dict.fromkeys(one.base for one in results.differences):
        lines = []
        for one in results.differences:
            found = one.summary
            if one.base != base or not found.charts:
                continue
            said = f"{shown(found.mean, 3)} [{shown(found.low, 3)}, {shown(found.high, 3)}]"
            dot = Dot(found.mean, found.low, found.high, said)
            text = shown(found.mean, 3)
            lines.append(DotRow(one.column.label, kind_of(one.column), (dot,), text))
        if lines:
            about = "F1 ±20 ms, chart by chart; to the right of 0 is better than the baseline"
            cards.append(dot_plot(f"Minus {base}", about, lines, goal=0.0))
    return grid(cards, "wide")


def _worst(cases: Sequence[Case], column: Column) -> Markup:
    about = fragment(_PAGE, "worst_about", label=column.label)
    return about + grid([_case(case) for case in cases[:_MOST_CASES]], "wide")


def _case(case: Case) -> Markup:
    row = case.row
    return fragment(
        _PAGE,
        "case",
        address=f"{SONGS}/{page_name(row.song)}#{chart_anchor(row.chart)}",
        row=row,
        file=file_link(row),
        strip=agreement_strip(case.compared) if case.compared else "",
        chips=chips(_figure_labels(row)),
    )


def _figure_labels(row: ResultRow) -> list[tuple[str, str]]:
    """Figures of a chart for display, with a class for those that miss their goal."""
    figures = row.figures
    labels = [(f"F1 {shown(figures.get('f1_20', math.nan), 3)}", "")]
    for name, text, decimals, limit in (
        ("sr_error", "star rating", 2, 0.25),
        ("violations", "violations", 0, 0.0),
        ("lint_warnings_a_minute", "lint warnings/min", 1, math.inf),
        ("ln_abs_error", "LN ratio off by", 3, 0.05),
        ("clean_rate", "clean rate", 3, math.inf),
    ):
        value = figures.get(name, math.nan)
        if math.isfinite(value):
            sign = "+" if name == "sr_error" and value > 0 else ""
            kind = "bad" if abs(value) > limit else ""
            labels.append((f"{text} {sign}{shown(value, decimals)}", kind))
    return labels


def _songs(results: Results) -> Markup:
    """A line a song, the worst first."""
    column = results.headline
    found: list[tuple[str, Summary]] = [
        (name, over_songs(results.in_column(column, name), "f1_20")) for name in results.names
    ]
    found.sort(key=lambda entry: (entry[1].mean, entry[0]))
    scale = Scale(0.0, 1.0)
    lines = [
        [
            fragment(_PAGE, "song_link", address=f"{SONGS}/{page_name(name)}", name=name),
            str(len({row.chart for row in results.of_song(name)})),
            shown(summary.mean, 3),
            fragment(
                _PAGE,
                "song_bar",
                track=track([Dot(summary.mean, summary.low, summary.high)], scale),
            ),
        ]
        for name, summary in found
    ]
    who = f"F1 ±20 ms, {column.label}" if column else "F1 ±20 ms, all columns"
    head = ["song", "human charts", who, "with the interval over its charts"]
    return fragment(_PAGE, "in_card", content=plain_table(head, lines, "Songs"))


def _run(results: Results) -> Markup:
    """The options as they were given; folders by their last names."""
    lines = [
        [fragment(_PAGE, "option", name=name), _option(value)]
        for name, value in results.command.items()
        if value is not None
    ]
    return fragment(_PAGE, "run", table=plain_table(["option", "value"], lines, "Options"))


def _option(value: object) -> str:
    text = str(value)
    return short_path(text) if text.startswith(("/", "~")) else text
