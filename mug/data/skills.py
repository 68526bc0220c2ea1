"""Where Etterna's numbers come from: our estimator, or a user's own MinaCalc. Never both.

The two have one scale but not one value, and versions of either differ. Which one measured a chart
stands beside its values, in the row's `tool_version`; a database and a training set hold one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mug.data import minacalc
from mug.data.feature_db import FeatureDB, Value
from mug.data.measures import MSD_VERSION, SKILL_NAMES
from mug.errors import DataError
from mug.util import nearest

_LOG = logging.getLogger(__name__)

CHOICES = ("auto", "estimate", "minacalc")
"""`auto` keeps to what the database has, else takes the user's module where there is one."""

_MINACALC = "minacalc-"
_NOTED = "msd"  # in the database's table of versions


@dataclass(frozen=True)
class SkillSource:
    """What measures skill sets.

    Args:
        version: names it, without blanks.
    """

    version: str

    @property
    def is_minacalc(self) -> bool:
        """Whether it is a user's module rather than our estimator."""
        return self.version.startswith(_MINACALC)

    def check(self) -> None:
        """Makes sure that this process measures with this very version.

        Raises:
            DataError: when it would not.
        """
        here = minacalc_source() if self.is_minacalc else ESTIMATE
        if here != self:
            raise DataError(
                "this process would measure MSD with another tool than the run",
                value=(here.version, self.version),
                remedy="Install the same minacalc module on all machines, or give --msd estimate",
            )


ESTIMATE = SkillSource(MSD_VERSION.replace(" ", "_"))
"""Our estimator."""


def minacalc_source() -> SkillSource:
    """The user's module.

    Raises:
        DataError: when there is none, or it does not work.
    """
    if not minacalc.is_installed():
        raise DataError(
            "there is no Python module named minacalc",
            remedy="Build your own, or measure with --msd estimate",
        )
    return SkillSource(_MINACALC + minacalc.of_this_process().version)


def choose(asked: str, db: FeatureDB) -> SkillSource:
    """The one source of a run.

    `auto` keeps to what the database has. Another explicit choice is taken: all charts of the list
    are measured anew then, and charts outside it are refused (mug.data.prepare_features).

    Raises:
        DataError: for an unknown choice, a module that is missing or does not work, and when
            `auto` would mix two sources.
    """
    if asked not in CHOICES:
        raise DataError("unknown source of MSD", value=asked, remedy=nearest(asked, CHOICES))
    before = noted(db)
    source = _pick(asked, before)
    if asked == "auto" and before and before.is_minacalc != source.is_minacalc:
        raise DataError(
            "this database's MSD values come from another source; they are not mixed",
            file=db.path,
            value=(before.version, source.version),
            remedy="Install the minacalc module again, or measure all charts anew with"
            " --msd estimate",
        )
    return source


def note(db: FeatureDB, source: SkillSource) -> None:
    """Notes what measures a database's values from now on."""
    db.note_version(_NOTED, source.version)


def _pick(asked: str, before: SkillSource | None) -> SkillSource:
    if asked == "estimate" or (asked == "auto" and before and not before.is_minacalc):
        return ESTIMATE
    if asked == "auto" and not minacalc.is_installed():
        return ESTIMATE
    try:
        return minacalc_source()
    except DataError as error:
        if asked == "minacalc" or before:
            raise
        _LOG.warning("MSD is estimated: %s", error)
        return ESTIMATE


def noted(db: FeatureDB) -> SkillSource | None:
    """The source of a database's values; None where it has none."""
    version = db.noted_version(_NOTED)
    if version is not None:
        return SkillSource(version)
    found = db.select("SELECT DISTINCT tool_version FROM beatmaps")
    versions = {source_in(row[0]) for row in found} - {""}
    if not versions:
        return None
    # Estimates of several versions may meet here; they are measured anew anyway.
    return SkillSource(sorted(versions)[0])


def refuse_another_run(db: FeatureDB, source: SkillSource) -> None:
    """Makes sure that nobody has changed a database's source meanwhile.

    Raises:
        DataError: when another process has begun to measure with another one.
    """
    if db.noted_version(_NOTED) not in (None, source.version):
        raise DataError(
            "another run measures this data set's MSD with another tool",
            file=db.path,
            value=(db.noted_version(_NOTED), source.version),
            remedy="Let one run end, and give all of them the same --msd",
        )


def source_in(tool_version: str) -> str:
    """The version of the source in a row's `tool_version`; empty where it names none."""
    for word in tool_version.split(" "):
        names, _, version = word.partition("@")
        if not set(SKILL_NAMES).isdisjoint(names.split(",")):
            return version
    return ""


def refuse_a_mixture(rows: Iterable[tuple[str, str, Mapping[str, Value]]]) -> None:
    """Makes sure that all charts with MSD values got them from one source.

    Args:
        rows: chart, `tool_version` and features.

    Raises:
        DataError: names a chart of each of two sources.
    """
    first: dict[str, str] = {}
    for chart, tool_version, features in rows:
        if any(features.get(name) is not None for name in SKILL_NAMES):
            first.setdefault(source_in(tool_version), chart)
    if len(first) > 1:
        (one, here), (other, there) = sorted(first.items())[:2]
        raise DataError(
            "MSD values of different sources must not meet in one training set",
            file=there,
            value=(f"{here}: {one or 'another program'}", f"{there}: {other}"),
            remedy="Measure all with scripts/prepare_beatmap_features.py --msd estimate",
        )
