"""The benchmark's page about one song: each human chart beside what was made after it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mug.beatmap.formats.osu import chart as osu
from mug.evaluation.html.chart_compare import (
    PART_MS,
    STRIPS,
    Compared,
    agreement_strip,
    chart_image,
    compare,
    excerpt_drawing,
)
from mug.evaluation.html.data import HumanChart, Results, column_of, kind_of
from mug.evaluation.html.shell import (
    benchmark_page,
    chart_anchor,
    chips,
    file_link,
    plain_table,
)
from mug.evaluation.html.table import shown
from mug.evaluation.rows import CHARTS, ResultRow
from mug.lint.findings import Finding
from mug.lint.rules import lint
from mug.lint.text_report import column_list, timestamp
from mug.render.chart_image import clock_text, summary
from mug.render.html import fragment
from mug.render.page import PageSection

_SONG = "mug.evaluation.html/song.html"
_FIGURES = (
    ("F1 ±10", "f1_10", 3),
    ("±20", "f1_20", 3),
    ("±50 ms", "f1_50", 3),
    ("clean rate", "clean_rate", 3),
    ("phase ms", "phase_ms", 1),
    ("star rating", "sr", 2),
    ("− reference's", "sr_error", 2),
    ("LN − reference's, abs.", "ln_abs_error", 3),
    ("notes / human", "notes_ratio", 2),
    ("violations", "violations", 0),
    ("lint errors/min", "lint_errors_a_minute", 1),
    ("warnings/min", "lint_warnings_a_minute", 1),
)
_MOST_FINDINGS = 60


@dataclass(frozen=True)
class Case:
    """A judged chart to look at.

    Args:
        row: its figures.
        compared: it and the human chart; None where its file is not there.
    """

    row: ResultRow
    compared: Compared | None


def worst_cases(results: Results) -> list[Case]:
    """The worst chart after each human chart, by F1 ±20 ms, the worst of all first.

    Raises:
        BeatmapError: for a judged chart that cannot be read.
    """
    if results.headline is None:
        return []
    rows = results.in_column(results.headline)
    rows.sort(key=lambda r: (r.figures.get("f1_20", math.nan), r.song, r.chart, r.seed))
    worst: dict[tuple[str, int], ResultRow] = {}
    for row in rows:
        worst.setdefault((row.song, row.chart), row)
    return [_case(row, results) for row in worst.values()]


def _case(row: ResultRow, results: Results) -> Case:
    human = results.human(row)
    if human is None or not row.file:
        return Case(row, None)
    judged = osu.read(results.out / row.file)
    return Case(row, compare(human.beatmap, judged, lint(judged, star_rating=human.stars)))


def song_page(name: str, results: Results, cases: Sequence[Case]) -> str:
    """The page as text.

    Args:
        name: of the song.
        results: of all songs.
        cases: what to show pictures of, one a human chart at most; the worst first.
    """
    rows = results.of_song(name)
    charts = [row for row in rows if row.part == CHARTS]
    pictured = {case.row.chart: case for case in cases if case.row.song == name}
    sections = []
    for index in [*pictured, *sorted({row.chart for row in charts} - set(pictured))]:
        mine = [row for c in results.columns for row in results.in_column(c, name)]
        mine = [row for row in mine if row.chart == index]
        content = _chart(mine, results.human(mine[0]), pictured.get(index))
        title = mine[0].difficulty or "untitled"
        sections.append(PageSection(chart_anchor(index), title, content))
    others = [row for row in rows if row.part != CHARTS]
    if others:
        sections.append(PageSection("more", "Other pieces of the protocol", _others(others)))
    about = _about(results.songs.get(name, ()), charts)
    return benchmark_page(fragment(_SONG, "back"), name, sections, about)


def _about(humans: Sequence[HumanChart], rows: Sequence[ResultRow]) -> Markup:
    labels = [f"{len({row.chart for row in rows})} human charts", f"{len(rows)} charts judged"]
    if humans:
        labels.append(clock_text(max(chart.beatmap.last_ms for chart in humans)))
        tempi = sorted({round(line.bpm) for line in humans[0].beatmap.red_lines})
        labels.append(" to ".join(dict.fromkeys(f"{t} BPM" for t in (tempi[0], tempi[-1]))))
    return chips((label, "") for label in labels) + fragment(_SONG, "about")


def _chart(rows: Sequence[ResultRow], human: HumanChart | None, case: Case | None) -> Markup:
    said = human and {"stars": f"{human.stars:.2f}", "said": summary(human.beatmap)}
    pictures = "" if case is None else _pictures(case)
    return fragment(_SONG, "chart", human=said, pictures=pictures, figures=_figures(rows))


def _figures(rows: Sequence[ResultRow]) -> Markup:
    head = ["chart", "seed", *(title for title, _, _ in _FIGURES), "file"]
    lines = []
    for row in rows:
        column = column_of(row)
        who = fragment(_SONG, "who", kind=kind_of(column), label=column.label)
        numbers = [shown(row.figures.get(name, float("nan")), d) for _, name, d in _FIGURES]
        lines.append([who, str(row.seed), *numbers, file_link(row, "../")])
    return plain_table(head, lines, "Figures of these charts")


def _pictures(case: Case) -> Markup:
    label = column_of(case.row).label
    found = case.compared
    if found is None:
        return fragment(_SONG, "no_pictures")
    start = found.worst_start()
    span = f"{clock_text(start)} to {clock_text(start + STRIPS * PART_MS)}"
    return fragment(
        _SONG,
        "pictures",
        label=label,
        seed=case.row.seed,
        strip=agreement_strip(found),
        span=span,
        excerpt=excerpt_drawing(found, start),
        wholes=_wholes(found, label),
        findings=_findings(found.findings, found.judged.keys),
    )


def _wholes(found: Compared, label: str) -> Markup:
    pictures = [
        (chart_image(found.human), "human"),
        (chart_image(found.judged, found.findings), f"{label}; findings framed"),
    ]
    return fragment(_SONG, "wholes", pictures=pictures)


def _findings(findings: Sequence[Finding], keys: int) -> Markup:
    if not findings:
        return fragment(_SONG, "no_findings")
    listed = [
        {
            "time": timestamp(finding.time_ms),
            "severity": finding.severity,
            "columns": column_list(finding.columns, keys),
            "message": finding.message,
        }
        for finding in findings[:_MOST_FINDINGS]
    ]
    return fragment(
        _SONG,
        "findings",
        count=len(findings),
        counts=_by_rule(findings),
        listed=listed,
        more=max(len(findings) - _MOST_FINDINGS, 0),
    )


def _by_rule(findings: Sequence[Finding]) -> str:
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.rule] = counts.get(finding.rule, 0) + 1
    ordered: Mapping[str, int] = dict(sorted(counts.items(), key=lambda x: (-x[1], x[0])))
    return ", ".join(f"{count} {rule}" for rule, count in ordered.items())


def _others(rows: Sequence[ResultRow]) -> Markup:
    """Rows of the other pieces, all figures that they have."""
    lines = [
        [
            row.part,
            row.difficulty,
            column_of(row).label,
            row.variant,
            ", ".join(
                f"{name} {shown(value, 3)}"
                for name, value in row.figures.items()
                if value == value  # noqa: PLR0124 - not a number is left out
            ),
            file_link(row, "../"),
        ]
        for row in rows
    ]
    head = ["part", "human chart", "column", "variant", "figures", "file"]
    parts = ", ".join(dict.fromkeys(row.part for row in rows))
    table = plain_table(head, lines, "Other rows")
    return fragment(_SONG, "others", count=len(rows), parts=parts, table=table)
