"""Etterna's numbers of a chart as features, measured by the source of the run."""

from __future__ import annotations

from mug.beatmap.beatmap import Beatmap
from mug.difficulty import minacalc
from mug.difficulty.msd import Msd, estimate_msd, skill_flags
from mug.difficulty.msd_features import KEYS
from mug.difficulty.names import SKILL_NAMES, SKILL_SETS, Value
from mug.difficulty.skills import SkillSource


def skill_values(beatmap: Beatmap, source: SkillSource, rate: float = 1.0) -> dict[str, Value]:
    """The fifteen features; None for charts of other than four columns, or too short to rate.

    Args:
        beatmap: the chart at rate 1.
        source: what measures it.
        rate: speed multiplier.

    Raises:
        DataError: for notes or rates that cannot be rated.
        MinaCalcError: when the user's module has no answer.
    """
    if beatmap.keys != KEYS:
        return dict.fromkeys(SKILL_NAMES)
    times = [note.start_ms for note in beatmap.hit_objects]
    columns = [note.column for note in beatmap.hit_objects]
    if source.is_minacalc:
        msd = Msd(*minacalc.of_this_process().values(times, columns, rate))
    else:
        msd = estimate_msd(times, columns, rate)
    return features_of(msd)


def features_of(msd: Msd) -> dict[str, Value]:
    """The fifteen features of eight numbers; None for charts too short to rate."""
    if not msd.overall > 0:
        return dict.fromkeys(SKILL_NAMES)
    # Beyond four digits the numbers depend on how many threads the linear algebra runs on.
    numbers = {f"{name}_ett": round(getattr(msd, name), 4) for name in SKILL_SETS}
    flags = {name: int(value) for name, value in skill_flags(msd).items()}
    return {"ett": round(msd.overall, 4), **numbers, **flags}
