"""A data set's report as one HTML page that asks nobody for anything: no script, no request."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from mug.prepare.report.bins import TITLES, Distribution
from mug.prepare.report.collect import DatasetReport, RejectedGroup, Sample, SplitReport
from mug.prepare.report.draw import bars_html
from mug.render.chart_image import clock_text, render_chart, summary
from mug.render.png import png_bytes
from mug.util import atomic_write

_STYLE = Path(__file__).with_name("report.css")
# A browser that keeps to this asks no server for anything, whatever a chart's title says.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_PART_NAMES = {"train": "Training", "val": "Validation", "test": "Test"}
_MOST_ITEMS = 40


def write_page(report: DatasetReport, path: Path) -> None:
    """Writes the page; the same data set gives the same bytes."""
    with atomic_write(path, "w", encoding="utf-8") as handle:
        handle.write(page(report))


def page(report: DatasetReport) -> str:
    """The page as text."""
    sections = [
        ("numbers", "In numbers", _totals(report.totals)),
        ("splits", "Splits", _split(report.split)),
        ("features", "Features", _features(report.features)),
        ("shapes", "Charts and songs", _grid(_bars(d.title, d) for d in report.shapes)),
        ("rejected", "Left out", _rejected(report.rejected)),
    ]
    if report.samples:
        sections.append(("samples", "Sample charts", _samples(report.samples)))
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title, _ in sections)
    body = "".join(
        f'<section id="{name}"><h2>{title}</h2>{content}</section>'
        for name, title, content in sections
    )
    about = f'<p class="about">{escape(report.about)}</p>' if report.about else ""
    notes = "".join(f'<p class="warn">{escape(note)}</p>' for note in report.notes)
    tools = " · ".join(escape(tool) for tool in report.tools)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(report.name)} · data set report</title>
<style>{_STYLE.read_text(encoding="utf-8")}</style></head>
<body><header><p class="eyebrow">Data set report</p><h1>{escape(report.name)}</h1>
<nav>{links}</nav>{about}{notes}</header>
<main>{body}<footer>{f"Measured by {tools}. " if tools else ""}Point at a bar to see its value.
</footer></main></body></html>
"""


def _totals(totals: Mapping[str, int | float]) -> str:
    tiles = (
        f'<div class="card tile"><b>{_number(value)}</b>'
        f"<span>{escape(name.removesuffix('s') if value == 1 else name)}</span></div>"
        for name, value in totals.items()
    )
    return f'<div class="grid tiles">{"".join(tiles)}</div>'


def _number(value: float) -> str:
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return text.replace(",", "\u202f")


def _grid(cards: Iterable[str], kind: str = "") -> str:
    return f'<div class="grid {kind}">{"".join(cards)}</div>'


def _bars(title: str, distribution: Distribution) -> str:
    unknown = (
        f'<span class="unknown">{_number(distribution.unknown)} unknown</span>'
        if distribution.unknown
        else ""
    )
    return (
        f'<div class="card"><div class="head"><h3>{escape(title)}</h3>{unknown}</div>'
        f'<p class="note">{escape(distribution.note)}</p>{bars_html(distribution)}</div>'
    )


def _features(features: Mapping[str, Distribution]) -> str:
    cards = (_bars(distribution.title, distribution) for distribution in features.values())
    return (
        '<p class="lead">What a model can be asked for, in the bins that it sees. The bar at the'
        " end of an axis also holds what lies beyond.</p>" + _grid(cards)
    )


def _split(split: SplitReport) -> str:
    if not split.charts:
        return f'<div class="card"><p class="bad">No split: {escape(split.problem)}</p></div>'
    total = max(sum(split.charts.values()), 1)
    bar, legend = "", ""
    for index, (part, charts) in enumerate(split.charts.items()):
        if charts:
            bar += f'<i class="part{index}" style="width:{100 * charts / total:.3f}%"></i>'
        songs = split.songs[part]
        legend += (
            f'<li><i class="part{index}"></i><b>{_PART_NAMES[part]}</b> {_number(charts)} charts'
            f" · {_number(songs)} songs</li>"
        )
    if split.outside:
        legend += f"<li><b>In no part</b> {_number(split.outside)} charts</li>"
    verdict = (
        f'<p class="bad">{escape(split.problem)}</p>'
        if split.problem
        else '<p class="good">✓ No beatmapset, sound or file lies in two parts.</p>'
    )
    return (
        f'<p class="lead">{escape(split.origin[:1].upper() + split.origin[1:])}.</p>'
        f'<div class="card"><div class="split">{bar}</div><ul class="legend">{legend}</ul>'
        f"{verdict}</div>"
    )


def _rejected(groups: Iterable[RejectedGroup]) -> str:
    listed = "".join(_group(group) for group in groups)
    if not listed:
        return '<div class="card"><p class="good">✓ Nothing was left out.</p></div>'
    return f'<div class="card">{listed}</div>'


def _group(group: RejectedGroup) -> str:
    items = "".join(
        f"<li><code>{escape(item)}</code> {escape(detail)}</li>"
        for item, detail in group.items[:_MOST_ITEMS]
    )
    if len(group.items) > _MOST_ITEMS:
        items += f"<li>and {_number(len(group.items) - _MOST_ITEMS)} more</li>"
    rule = group.rule.replace("_", " ")
    return (
        f"<details><summary><b>{_number(len(group.items))}</b>"
        f" {escape(rule[:1].upper() + rule[1:])}"
        f"<em>{escape(group.stage)}</em></summary><ul>{items}</ul></details>"
    )


def _samples(samples: Iterable[Sample]) -> str:
    return (
        '<p class="lead">Some bars of charts from the easiest to the hardest. Time runs upwards,'
        " strips from left to right.</p>" + _grid((_sample(s) for s in samples), "charts")
    )


def _sample(sample: Sample) -> str:
    beatmap = sample.beatmap
    picture = render_chart(beatmap, max_width=1400, max_height=760)
    data = base64.b64encode(png_bytes(picture, colours=48)).decode()
    title = " - ".join(part for part in (beatmap.artist, beatmap.title) if part) or "untitled"
    about = f"[{beatmap.version}] by {beatmap.creator or 'unknown'}"
    about += f", from {clock_text(sample.from_ms)}"
    chips = "".join(f"<span>{escape(text)}</span>" for text in _chips(sample.features))
    return (
        '<figure class="card"><div class="scroll">'
        f'<img loading="lazy" src="data:image/png;base64,{data}" width="{picture.width}"'
        f' height="{picture.height}" alt="{escape(summary(beatmap))}"></div>'
        f"<figcaption><h3>{escape(title)}</h3><p>{escape(about)}</p>"
        f'<div class="chips">{chips}</div></figcaption></figure>'
    )


def _chips(features: Mapping[str, object]) -> Iterable[str]:
    """Numbers of a chart, and those of its classes that hold."""
    for name, value in features.items():
        if value is None or (value == 0 and name not in ("sr", "ln_ratio")):
            continue
        title = TITLES.get(name, name).removesuffix(": a main skill")
        if name in ("sr", "ln_ratio", "ett") and isinstance(value, int | float):
            yield f"{title} {value:.2f}"
        elif isinstance(value, str):
            yield value
        elif value == 1 and not name.endswith("_ett"):
            yield title
