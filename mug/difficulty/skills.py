"""Source of Etterna's numbers: our estimator, or a user's own MinaCalc. Never both.

The two have one scale but not one value, and versions of either differ. Which one measured a chart
stands beside its values, in the row's `tool_version`; a database and a training set hold one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from mug.difficulty import minacalc
from mug.difficulty.names import MSD_VERSION
from mug.errors import DataError

_LOG = logging.getLogger(__name__)

CHOICES = ("auto", "estimate", "minacalc")
"""`auto` keeps to what the database has, else takes the user's module where there is one."""

_MINACALC = "minacalc-"


@dataclass(frozen=True)
class SkillSource:
    """Source that measures skill sets.

    Args:
        version: names it, without blanks.
    """

    version: str

    @property
    def is_minacalc(self) -> bool:
        """Return whether it is a user's module rather than our estimator."""
        return self.version.startswith(_MINACALC)

    def check(self) -> None:
        """Make sure that this process measures with this very version.

        Raises:
            DataError: when it would not.
        """
        here = minacalc_source() if self.is_minacalc else ESTIMATE
        if here != self:
            raise DataError(
                "difficulty.process_would_measure_msd_with_another",
                value=(here.version, self.version),
                remedy="remedy.install_same_minacalc_module_on_all",
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
            "difficulty.there_is_no_python_module_named",
            remedy="remedy.build_your_own_or_measure",
        )
    return SkillSource(_MINACALC + minacalc.of_this_process().version)
