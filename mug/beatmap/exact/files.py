"""The formats whose charts can be edited exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.exact.changes import NoteChange
from mug.beatmap.exact.malody import ExactMalody
from mug.beatmap.exact.osu import ExactOsu
from mug.beatmap.exact.quaver import ExactQuaver
from mug.beatmap.exact.stepmania import ExactStepMania
from mug.beatmap.exact.times import TimeMap
from mug.beatmap.exact.view import Splice, View
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.hit_objects import HitObject


@runtime_checkable
class ExactFile(Protocol):
    """A file of charts and the places of what stands in it.

    Every method that changes something returns what to put in the place of which units; the file
    itself stays as it is.
    """

    @property
    def view(self) -> View:
        """The bytes."""

    @property
    def charts(self) -> tuple[Beatmap, ...]:
        """Charts in it, as the readers of the formats have it."""

    @property
    def in_beats(self) -> bool:
        """Its notes stand on beats, not at times."""

    def reread(self, view: View) -> ExactFile:
        """Return the same file with other bytes."""

    def units(self, chart: int) -> list[tuple[tuple[int, int], tuple[int, ...]]]:
        """Return the spans that change as a whole, each with the indices of its notes."""

    def placed(self, chart: int, note: HitObject, old: HitObject | None) -> HitObject:
        """Return a note where the format can hold it.

        Args:
            chart: number of the chart in the file.
            note: as it should be.
            old: as it stands in the file; None for a new one.
        """

    def change(self, chart: int, changes: Sequence[NoteChange]) -> list[Splice]:
        """Change notes, which lie where `placed` put them."""

    def retime(self, chart: int, times: TimeMap) -> list[Splice]:
        """Move all times."""

    def tempo(self, chart: int, time_ms: float, bpm: float) -> tuple[list[Splice], TimeMap]:
        """Change the tempo in force at a time; the map says where beats come to lie."""

    def tags(self, chart: int, text: str) -> list[Splice]:
        """Change the tags, the words that charts are found by."""


Reader = Callable[[View, Path | None, LossReport | None, bool], ExactFile]


def _osu(view: View, path: Path | None, losses: LossReport | None, strict: bool) -> ExactFile:
    return ExactOsu.of(view, path, losses=losses, strict=strict)


def _quaver(view: View, path: Path | None, losses: LossReport | None, strict: bool) -> ExactFile:
    return ExactQuaver.of(view, path, losses=losses, strict=strict)


def _malody(view: View, path: Path | None, losses: LossReport | None, strict: bool) -> ExactFile:
    return ExactMalody.of(view, path, losses=losses, strict=strict)


def _stepmania(view: View, path: Path | None, losses: LossReport | None, strict: bool) -> ExactFile:
    return ExactStepMania.of(view, path, losses=losses, strict=strict)


EXACT: dict[str, Reader] = {
    ".osu": _osu,
    ".qua": _quaver,
    ".mc": _malody,
    ".sm": _stepmania,
    ".ssc": _stepmania,
}
