"""The parts of the protocol beside the charts' table, as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mug.evaluation.cost import COST_FIGURES
from mug.evaluation.editing import EDITING_FIGURES
from mug.render.markdown import header, row

_LABELS = {"sr": "star rating", "ln_ratio": "LN ratio", "msd": "MSD"}

Plain = Mapping[str, Any]


def head(first: str, columns: Iterable[str]) -> list[str]:
    """The first two lines of a table."""
    return header([first, *columns])


def line(first: str, cells: Iterable[str]) -> str:
    """A line of a table."""
    return row([first, *cells])


def cell(summary: Plain, decimals: int) -> str:
    """Mean and interval of a summary, and how many charts failed; a dash where none has it."""
    lost = f"{summary['failed']} failed" if summary["failed"] else ""
    if not summary["charts"]:
        return lost or "–"
    shown = _interval(summary["mean"], summary, decimals)
    return f"{shown}, {lost}" if lost else shown


def part_tables(found: Plain) -> list[list[str]]:
    """A table for each part that there is.

    Args:
        found: from `mug.evaluation.results.results`.
    """
    return [
        _distances(found["distances"]) if found["columns"] else [],
        _sweep(found["sweep"]),
        _reached(found["sweep"]),
        _switches(found["switches"]),
        _by_figure("editing", EDITING_FIGURES, found["editing"]) if found["editing"] else [],
        _cost(found["cost"]),
        [f"Left out, for it failed its probes: {x['figure']} ({x['why']})"
         for x in found["left_out"]],
    ]  # fmt: skip


def _interval(value: float | None, span: Plain, decimals: int) -> str:
    if value is None:
        return "–"
    shown = f"{value:.{decimals}f}"
    if span["low"] is None or span["high"] is None:
        return shown
    return f"{shown} [{span['low']:.{decimals}f}, {span['high']:.{decimals}f}]"


def _distances(found: Plain) -> list[str]:
    if not found["entries"]:
        return [f"No distances between sets of charts: {found['why_not']}."]
    lines = head(
        f"distance from {found['reference']} ({found['humans']})",
        ("charts", "kernel distance ↓", "Fréchet distance ↓"),
    )
    for entry in found["entries"]:
        cells = [str(entry["charts"])]
        for name, decimals in (("kernel", 4), ("frechet", 1)):
            cells.append(_interval(entry[name]["value"], entry[name], decimals))
        lines.append(line(entry["label"], cells))
    return lines


def _sweep(found: Plain) -> list[str]:
    if not found:
        return []
    rows = (
        ("bias", "star rating − asked"),
        ("abs_error", "abs. star rating − asked ↓"),
        ("spearman", "Spearman of asked and reached ↑"),
    )
    lines = head("sweep of the star rating", found)
    for name, label in rows:
        lines.append(line(label, (cell(of[name], 3) for of in found.values())))
    return lines


def _reached(found: Plain) -> list[str]:
    if not found:
        return []
    points = {
        label: {point["asked"]: point for point in of["points"]} for label, of in found.items()
    }
    lines = head("asked for, stars", (f"reached, {label}" for label in found))
    for stars in sorted({asked for listed in points.values() for asked in listed}):
        cells = (cell(listed[stars], 2) for listed in points.values())
        lines.append(line(f"{stars:.1f}", cells))
    return lines


def _switches(found: Sequence[Plain]) -> list[str]:
    if not found:
        return []
    lines = head(
        "switch, on minus off",
        ("column", "moves what it is about by", "moves most", "by, in standard deviations"),
    )
    for one in found:
        own, most = one["effects"][one["feature"]], one["effects"][one["moved"]]
        size = most["standard"]
        lines.append(
            line(
                one["switch"],
                (
                    one["column"],
                    f"{_label(one['feature'])} {cell(own, 3)}",
                    _label(one["moved"]),
                    "–" if size is None else f"{size:+.2f}",
                ),
            )
        )
    return lines


def _label(name: str) -> str:
    return _LABELS.get(name, name.replace("msd_", "MSD "))


def _by_figure(
    first: str, figures: Sequence[tuple[str, str, int]], columns: Mapping[str, Plain]
) -> list[str]:
    lines = head(first, columns)
    for name, label, decimals in figures:
        lines.append(line(label, (cell(of[name], decimals) for of in columns.values())))
    return lines


def _cost(found: Plain) -> list[str]:
    if not found:
        return []
    threads = found["threads"]
    return _by_figure(
        f"cost of a chart, {threads} thread{'s' * (threads != 1)}", COST_FIGURES, {"": found}
    )
