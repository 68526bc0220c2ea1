"""Names of what is measured about a difficulty, apart from the code that measures.

A run that finds nothing new compares versions and is done, without importing numerical packages.
"""

from __future__ import annotations

LN_CLASSES = ("rc", "hb", "ln")
"""Rice, hybrid and long-note charts, by their share of long notes."""

Value = float | int | str | None
"""A feature's value; None is unknown."""

MSD_VERSION = "mug-msd-3 (MinaCalc 434)"
"""Our estimator of Etterna's numbers; raise it when they change: charts are measured again."""

SKILL_SETS = (
    "stream", "jumpstream", "handstream", "stamina", "jackspeed", "chordjack", "technical",
)  # fmt: skip
"""Etterna's seven skill sets, in MinaCalc's order."""

MSD_KEYS = 4
"""Columns of the charts that Etterna's numbers are made for; others have none."""

SKILL_NAMES = ("ett", *(f"{name}_ett" for name in SKILL_SETS), *SKILL_SETS)
"""The features that are made of its numbers."""
