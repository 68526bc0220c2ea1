"""Registry of the functions that fill the columns of the feature database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.difficulty.names import LN_CLASSES, SKILL_NAMES, Value
from mug.difficulty.skills import ESTIMATE, SkillSource
from mug.difficulty.stars import (
    DENSITY_ALGORITHM,
    LN_ALGORITHM,
    ln_classes,
    ln_ratio,
    rows_a_second,
    sr_algorithm,
    star_rating,
)
from mug.errors import DataError
from mug.messages.message import Message
from mug.util import nearest

# What osu! calls the states of a beatmapset, and which feature value each of them is; the others
# (qualified, pending, wip) say nothing yet and stay unknown.
_STATUS: Mapping[str, str | None] = {
    **dict.fromkeys(("ranked", "approved", "1", "2"), "ranked"),
    **dict.fromkeys(("loved", "4"), "loved"),
    **dict.fromkeys(("graveyard", "-2"), "graveyard"),
    **dict.fromkeys(("qualified", "pending", "wip", "3", "0", "-1"), None),
}


@dataclass(frozen=True)
class RankedMap:
    """Rank status of beatmapsets on osu!.

    Args:
        status: by the id of the set.
        unlisted: of a set that is not listed; None is unknown. The original said `graveyard`.
    """

    status: Mapping[str, str | None] = field(default_factory=dict)
    unlisted: str | None = None

    @classmethod
    def read(cls, path: Path | None, unlisted: str | None = None) -> RankedMap:
        """Read lines of `id status`; no file is an empty one.

        Raises:
            DataError: names the line that is something else.
        """
        if unlisted is not None and unlisted not in _STATUS:
            raise DataError(
                "difficulty.unknown_status", value=unlisted, remedy=nearest(unlisted, _STATUS)
            )
        if path is None:
            return cls({}, unlisted and _STATUS[unlisted])
        if not path.is_file():
            raise DataError("difficulty.no_such_list_of_beatmapsets", file=path)
        status: dict[str, str | None] = {}
        for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
            words = line.split()
            if not words:
                continue
            if len(words) != 2 or not words[0].isdigit() or words[1].lower() not in _STATUS:
                raise DataError(
                    "difficulty.expected_id_status",
                    file=path,
                    line=number,
                    value=line,
                    remedy=Message("remedy.status_is_one_of", names=", ".join(_STATUS)),
                )
            status[words[0]] = _STATUS[words[1].lower()]
        return cls(status, unlisted and _STATUS[unlisted])

    def of(self, beatmapset: str) -> str | None:
        """State of a set; sets without an id are unknown unless `unlisted` says otherwise."""
        return self.status.get(beatmapset, self.unlisted)


@dataclass(frozen=True)
class Computation:
    """A function that fills columns.

    Args:
        names: the features that it gives.
        version: changes whenever its results do; rows of another version are computed again. It
            gets what measures Etterna's numbers.
        compute: values by name, of a chart and what measures Etterna's numbers; None is unknown.
        same_at_any_rate: the values stay when a song is played faster or slower.
    """

    names: tuple[str, ...]
    version: Callable[[SkillSource], str]
    compute: Callable[[Beatmap, SkillSource], Mapping[str, Value]]
    same_at_any_rate: bool = False


def _stars(beatmap: Beatmap, _source: SkillSource) -> Mapping[str, Value]:
    return {"sr": star_rating(beatmap)}


def _long_notes(beatmap: Beatmap, _source: SkillSource) -> Mapping[str, Value]:
    ratio = ln_ratio(beatmap.hit_objects)
    classes = {name: int(value) for name, value in ln_classes(ratio).items()}
    return {"ln_ratio": ratio, **classes}


def _density(beatmap: Beatmap, _source: SkillSource) -> Mapping[str, Value]:
    return {"density": rows_a_second(beatmap.hit_objects)}


def _skills(beatmap: Beatmap, source: SkillSource) -> Mapping[str, Value]:
    from mug.difficulty.skill_values import skill_values

    return skill_values(beatmap, source)


# The rank status is looked up, not computed (`RankedMap`).
COMPUTATIONS: tuple[Computation, ...] = (
    Computation(("sr",), lambda _: sr_algorithm(), _stars),
    Computation(
        ("ln_ratio", *LN_CLASSES), lambda _: LN_ALGORITHM, _long_notes, same_at_any_rate=True
    ),
    Computation(("density",), lambda _: DENSITY_ALGORITHM, _density),
    Computation(SKILL_NAMES, lambda source: source.version, _skills),
)


def tool_version(names: tuple[str, ...], source: SkillSource = ESTIMATE) -> str:
    """Versions that compute these features: `name,name@version`, blanks between."""
    asked = (
        (",".join(name for name in computation.names if name in names), computation.version(source))
        for computation in COMPUTATIONS
    )
    return " ".join(f"{given}@{version}" for given, version in asked if given)


def compute_features(
    beatmap: Beatmap, names: tuple[str, ...], source: SkillSource = ESTIMATE
) -> dict[str, Value]:
    """Values of all computations that give one of these features.

    Raises:
        MinaCalcError: when the user's module that measures Etterna's numbers has none.
    """
    found: dict[str, Value] = {}
    for computation in COMPUTATIONS:
        if set(computation.names) & set(names):
            found |= computation.compute(beatmap, source)
    return {name: value for name, value in found.items() if name in names}
