"""A data set's report as one HTML page that asks nobody for anything: no script, no request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from markupsafe import Markup

from mug.files import atomic_write
from mug.prepare.report.bins import TITLES, Distribution
from mug.prepare.report.collect import DatasetReport, RejectedGroup, Sample, SplitReport
from mug.prepare.report.draw import bars_html
from mug.render.chart_image import clock_text, render_chart, summary
from mug.render.html import fragment
from mug.render.page import Heading, PageSection, document
from mug.render.png import picture_html

_KIND = "data set report"
_OPENING = f" · {_KIND}</title>".encode()
_REPORT = "mug.prepare.report/report.html"
_PART_NAMES = {"train": "Training", "val": "Validation", "test": "Test"}
_MOST_ITEMS = 40


def write_page(report: DatasetReport, path: Path) -> None:
    """Write the page; the same data set gives the same bytes."""
    with atomic_write(path, "w", encoding="utf-8") as handle:
        handle.write(page(report))


def is_own_page(path: Path) -> bool:
    """Tell a page that `write_page` has made."""
    with path.open("rb") as handle:
        return _OPENING in handle.read(1 << 16)


def page(report: DatasetReport) -> str:
    """The page as text."""
    sections = [
        PageSection("numbers", "In numbers", _totals(report.totals)),
        PageSection("splits", "Splits", _split(report.split)),
        PageSection("features", "Features", _features(report.features)),
        PageSection("shapes", "Charts and songs", _grid(_bars(d.title, d) for d in report.shapes)),
        PageSection("rejected", "Left out", _rejected(report.rejected)),
    ]
    if report.samples:
        sections.append(PageSection("samples", "Sample charts", _samples(report.samples)))
    about = fragment(_REPORT, "facts", about=report.about, notes=report.notes)
    tools = " · ".join(report.tools)
    foot = f"{f'Measured by {tools}. ' if tools else ''}Point at a bar to see its value."
    return document(Heading(report.name, _KIND, "Data set report", about), sections, foot)


def _totals(totals: Mapping[str, int | float]) -> Markup:
    tiles = [
        (_number(value), name.removesuffix("s") if value == 1 else name)
        for name, value in totals.items()
    ]
    return fragment(_REPORT, "totals", tiles=tiles)


def _number(value: float) -> str:
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return text.replace(",", "\u202f")


def _grid(cards: Iterable[Markup]) -> Markup:
    return fragment(_REPORT, "grid", cards=list(cards), kind="")


def _bars(title: str, distribution: Distribution) -> Markup:
    unknown = _number(distribution.unknown) if distribution.unknown else ""
    drawn = bars_html(distribution)
    return fragment(
        _REPORT, "bars", title=title, note=distribution.note, unknown=unknown, drawn=drawn
    )


def _features(features: Mapping[str, Distribution]) -> Markup:
    cards = [_bars(distribution.title, distribution) for distribution in features.values()]
    return fragment(_REPORT, "features", cards=cards)


def _split(split: SplitReport) -> Markup:
    if not split.charts:
        return fragment(_REPORT, "no_split", problem=split.problem)
    total = max(sum(split.charts.values()), 1)
    parts = [
        {
            "name": _PART_NAMES[part],
            "charts": _number(charts),
            "songs": _number(split.songs[part]),
            "width": f"{100 * charts / total:.3f}%" if charts else "",
        }
        for part, charts in split.charts.items()
    ]
    return fragment(
        _REPORT,
        "split",
        origin=split.origin[:1].upper() + split.origin[1:],
        parts=parts,
        outside=_number(split.outside) if split.outside else "",
        problem=split.problem,
    )


def _rejected(groups: Iterable[RejectedGroup]) -> Markup:
    return fragment(_REPORT, "rejected", groups=[_group(group) for group in groups])


def _group(group: RejectedGroup) -> dict[str, object]:
    rule = group.rule.replace("_", " ")
    more = len(group.items) - _MOST_ITEMS
    return {
        "count": _number(len(group.items)),
        "title": rule[:1].upper() + rule[1:],
        "stage": group.stage,
        "listed": group.items[:_MOST_ITEMS],
        "more": _number(more) if more > 0 else "",
    }


def _samples(samples: Iterable[Sample]) -> Markup:
    return fragment(_REPORT, "samples", cards=[_sample(sample) for sample in samples])


def _sample(sample: Sample) -> Markup:
    beatmap = sample.beatmap
    picture = render_chart(beatmap, max_width=1400, max_height=760)
    title = " - ".join(part for part in (beatmap.artist, beatmap.title) if part) or "untitled"
    about = f"[{beatmap.version}] by {beatmap.creator or 'unknown'}"
    about += f", from {clock_text(sample.from_ms)}"
    return fragment(
        _REPORT,
        "sample",
        image=picture_html(picture, summary(beatmap), colours=48),
        title=title,
        about=about,
        chips=list(_chips(sample.features)),
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
