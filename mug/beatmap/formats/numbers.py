"""Numbers as text, exact in both directions."""

from __future__ import annotations

import math
import re
from decimal import Context, Decimal

from mug.messages.message import Message

MAX_CHARACTERS = 2000  # the exact text of any double has fewer; conversions of millions take hours
EXACT = Context(prec=800)  # exact for every double, so that no time changes on its way
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")


class LineError(ValueError):
    """A line means nothing; the reader adds file, number and text.

    Args:
        code: of what is wrong with it, in the catalogues.
        values: of the placeholders in the text of the code.
    """

    def __init__(self, code: str, /, **values: object) -> None:
        super().__init__(Message(code, **values))


def number(text: str, what: str) -> Decimal:
    """A finite decimal number.

    Raises:
        LineError: for anything else, `nan` and `inf` included.
    """
    if len(text) > MAX_CHARACTERS or not _NUMBER.fullmatch(text.strip()):
        raise LineError("chart.is_not_finite_number", what=what)
    return Decimal(text.strip())


def number_text(value: float, shift_ms: int = 0) -> str:
    """The shortest text of a number; whole numbers without a point.

    Raises:
        LineError: for `nan` and infinities, which the file format has no text for.
    """
    if not math.isfinite(value):
        raise LineError("chart.is_not_finite_number", what=value)
    if value == int(value) and abs(whole := int(value) - shift_ms) < 2**53:
        return str(whole)  # the times of most charts, without a decimal in between
    exact = EXACT.subtract(Decimal(repr(value)), Decimal(shift_ms))
    if exact == int(exact) and abs(exact) < 2**53:
        return str(int(exact))
    plain = f"{exact:f}"
    return plain if len(plain) <= 24 else repr(value) if shift_ms == 0 else plain
