"""The source of a data set's MSD values: one for all charts, noted in the feature database."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from mug.data.feature_db import FeatureDB
from mug.difficulty import minacalc
from mug.difficulty.names import SKILL_NAMES, Value
from mug.difficulty.skills import CHOICES, ESTIMATE, SkillSource, minacalc_source
from mug.errors import DataError
from mug.util import nearest

_LOG = logging.getLogger(__name__)

_NOTED = "msd"  # in the database's table of versions


def choose(asked: str, db: FeatureDB) -> SkillSource:
    """The one source of a run.

    `auto` keeps to what the database has. Another explicit choice is taken: all charts of the list
    are measured again then, and charts outside it are refused (mug.prepare.features).

    Raises:
        DataError: for an unknown choice, a module that is missing or does not work, and when
            `auto` would mix two sources.
    """
    if asked not in CHOICES:
        raise DataError("data.unknown_source_of_msd", value=asked, remedy=nearest(asked, CHOICES))
    before = noted(db)
    source = _pick(asked, before)
    if asked == "auto" and before and before.is_minacalc != source.is_minacalc:
        raise DataError(
            "data.database_msd_values_come_from_another",
            file=db.path,
            value=(before.version, source.version),
            remedy="remedy.install_minacalc_module_again_or_measure",
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
    # Estimates of several versions may meet here; they are measured again anyway.
    return SkillSource(sorted(versions)[0])


def refuse_another_run(db: FeatureDB, source: SkillSource) -> None:
    """Make sure that nobody has changed a database's source meanwhile.

    Raises:
        DataError: when another process has begun to measure with another one.
    """
    if db.noted_version(_NOTED) not in (None, source.version):
        raise DataError(
            "data.another_run_measures_data_set_msd",
            file=db.path,
            value=(db.noted_version(_NOTED), source.version),
            remedy="remedy.let_one_run_end_and_give",
        )


def source_in(tool_version: str) -> str:
    """The version of the source in a row's `tool_version`; empty where it names none."""
    for word in tool_version.split(" "):
        names, _, version = word.partition("@")
        if not set(SKILL_NAMES).isdisjoint(names.split(",")):
            return version
    return ""


def refuse_a_mixture(rows: Iterable[tuple[str, str, Mapping[str, Value]]]) -> None:
    """Make sure that all charts with MSD values got them from one source.

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
            "data.msd_values_of_different_sources",
            file=there,
            value=(f"{here}: {one or 'another program'}", f"{there}: {other}"),
            remedy="remedy.measure_all_by_estimate",
        )
