"""The benchmark as pages that ask nobody for anything: `results.html`, and one page a song.

They hold no script and make no request, so that they work from a folder, a mail or a stick.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from mug.evaluation.html.chart_compare import agreement_strip
from mug.evaluation.html.data import Results, kind_of, short_path
from mug.evaluation.html.parts import part_sections
from mug.evaluation.html.plots import pattern_plots, plots
from mug.evaluation.html.shell import (
    SONGS,
    Section,
    chart_anchor,
    chips,
    document,
    file_link,
    grid,
    page_name,
    plain_table,
)
from mug.evaluation.html.song import Case, song_page, worst_cases
from mug.evaluation.html.table import goals_html, shown, table_html
from mug.evaluation.markdown.summary import over_songs
from mug.evaluation.markdown.tables import Column
from mug.evaluation.rows import ResultRow
from mug.metrics.statistics import Summary
from mug.render.svg import Dot, DotRow, Scale, dot_plot, track
from mug.util import atomic_write

PAGE = "results.html"
_MOST_CASES = 8
_SHOWN = ("seeds", "candidates", "steps", "guidance_scale", "keys", "device")


def write_pages(plain: Mapping[str, Any], out: Path) -> list[Path]:
    """Writes `results.html` and the songs' pages; the same results give the same bytes.

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
    sections: list[Section] = []
    if column is not None:
        sections.append(("goals", "Goals", _GOALS_ABOUT + goals_html(results)))
        sections.append(("worst", "Worst cases", _worst(cases, column)))
    sections.append(("table", "All figures", _TABLE_ABOUT + table_html(results)))
    if column is not None:
        sections.append(("baselines", "Against the baselines", _pairs(results)))
    for number, (title, cards) in enumerate(plots(results).items()):
        kind = "plots" if "<svg" in cards[0] else "wide"
        sections.append((f"plots-{number}", title, grid(cards, kind)))
    if column is not None and (found := pattern_plots(results, column)):
        about = (
            f'<p class="lead">{escape(column.label)} beside the human charts that it was'
            " held against, all together.</p>"
        )
        sections.append(("patterns", "Patterns", about + _KEY_PAIR + grid(found, "masonry")))
    for name, (title, content) in part_sections(results).items():
        sections.append((name, title, content))
    sections.append(("songs", "Songs", _songs(results)))
    sections.append(("run", "How this was made", _run(results)))
    return document("Benchmark", results.name, sections, _head(results))


_GOALS_ABOUT = (
    '<p class="lead">✓ the whole interval meets the goal, ≈ the goal lies within the interval,'
    " ✗ the whole interval misses it.</p>"
)
_TABLE_ABOUT = (
    '<p class="lead">Mean by song, with the 95 % bootstrap interval as a bar; a row has one scale'
    " that begins at 0. Point at a cell for the numbers. A dash: the figure does not apply.</p>"
    '<ul class="key"><li class="ours"><i></i>judged</li><li class="human"><i></i>charts by people'
    '</li><li class="base"><i></i>baselines without a model</li></ul>'
)
_KEY_PAIR = (
    '<ul class="key"><li class="human"><i></i>people</li><li class="ours"><i></i>judged</li></ul>'
)


def _head(results: Results) -> str:
    songs = len({row.song for row in results.rows})
    charts = len({(row.song, row.chart) for row in results.rows})
    facts = [
        f"{songs} song{'s' * (songs != 1)}",
        f"{charts} human charts",
        f"{len(results.rows)} rows",
    ]
    if results.command.get("checkpoint"):
        facts += [
            f"{name.replace('_', ' ')} {results.command[name]}"
            for name in _SHOWN
            if results.command.get(name) is not None
        ]
    notes = [f"{one['figure']} is left out: {one['why']}" for one in results.parts["left_out"]]
    if songs == 1:
        said = "One song only: intervals are over its charts and say nothing about other songs."
        notes.insert(0, said)
    if results.command.get("synthetic"):
        said = "Composed songs: what is called human here are charts by rules, not by people."
        notes.insert(0, said)
    return chips((fact, "") for fact in facts) + "".join(
        f'<p class="warn">{escape(note)}</p>' for note in notes
    )


def _pairs(results: Results) -> str:
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


def _worst(cases: Sequence[Case], column: Column) -> str:
    about = (
        f'<p class="lead">{escape(column.label)}: the charts with the lowest F1 ±20 ms. A box is'
        " four seconds of the song, filled up to F1; orange above it: what lint finds.</p>"
    )
    return about + grid([_case(case) for case in cases[:_MOST_CASES]], "wide")


def _case(case: Case) -> str:
    row = case.row
    address = f"{SONGS}/{page_name(row.song)}#{chart_anchor(row.chart)}"
    strip = agreement_strip(case.compared) if case.compared else ""
    return (
        f'<div class="card case"><div class="head"><h3><a href="{address}">{escape(row.song)}'
        f" [{escape(row.difficulty)}]</a></h3><span>seed {row.seed} · {file_link(row)}</span></div>"
        f"{strip}{chips(_facts(row))}</div>"
    )


def _facts(row: ResultRow) -> list[tuple[str, str]]:
    """Figures of a chart for display, with a class for those that miss their goal."""
    figures = row.figures
    facts = [(f"F1 {shown(figures.get('f1_20', math.nan), 3)}", "")]
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
            facts.append((f"{text} {sign}{shown(value, decimals)}", kind))
    return facts


def _songs(results: Results) -> str:
    """A line a song, the worst first."""
    column = results.headline
    found: list[tuple[str, Summary]] = [
        (name, over_songs(results.in_column(column, name), "f1_20")) for name in results.names
    ]
    found.sort(key=lambda entry: (entry[1].mean, entry[0]))
    scale = Scale(0.0, 1.0)
    lines = [
        [
            f'<a href="{SONGS}/{page_name(name)}">{escape(name)}</a>',
            str(len({row.chart for row in results.of_song(name)})),
            shown(summary.mean, 3),
            f'<span class="ours bar">{track([Dot(summary.mean, summary.low, summary.high)], scale)}'
            "</span>",
        ]
        for name, summary in found
    ]
    who = f"F1 ±20 ms, {column.label}" if column else "F1 ±20 ms, all columns"
    head = ["song", "human charts", who, "with the interval over its charts"]
    return f'<div class="card">{plain_table(head, lines, "Songs")}</div>'


def _run(results: Results) -> str:
    """The options as they were given; folders by their last names."""
    lines = [
        [f"<code>--{escape(name)}</code>", escape(_option(value))]
        for name, value in results.command.items()
        if value is not None
    ]
    return (
        '<p class="lead">Every figure is defined in <code>docs/benchmark.md</code>; every row is in'
        f' <a href="results.json">results.json</a>, the table in <a href="results.md">results.md'
        f'</a>.</p><div class="card">{plain_table(["option", "value"], lines, "Options")}</div>'
    )


def _option(value: object) -> str:
    text = str(value)
    return short_path(text) if text.startswith(("/", "~")) else text
