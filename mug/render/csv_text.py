"""CSV whose texts stay texts where a spreadsheet opens them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

# Spreadsheets take a text that begins so as a formula, also behind blanks.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def csv_text(names: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return a table as CSV, with a line of names first.

    Numbers stay numbers; a text that a spreadsheet would calculate gets an apostrophe before it.

    Args:
        names: of the columns, in order.
        rows: values by name.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(cell, names))
    writer.writerows([cell(row.get(name, "")) for name in names] for row in rows)
    return text.getvalue()


def cell(value: object) -> object:
    """Return a value that no spreadsheet calculates."""
    if isinstance(value, str) and (value.lstrip(" \u00a0\ufeff") or value).startswith(_FORMULA):
        return f"'{value}"
    return value
