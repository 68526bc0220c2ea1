"""Tasks of the page as values that another process can be handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mug.audio.tags import song_names
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.beatmap.timing_points import TimingPoint
from mug.features import FeatureSchema
from mug.timing.tempo_map import TempoMap, timing_from_file
from mug.ui.jobs import operations
from mug.ui.jobs.bench import Bench, Following
from mug.ui.jobs.folders import JobFolders
from mug.ui.jobs.operations import JobResult

if TYPE_CHECKING:
    from mug.pipeline.plan import Plan
    from mug.pipeline.request import Edit, GenerationRequest

Read = list[dict[str, Any]]
"""`name`, `prompt`, `yaml` and `beyond` of each chart in a file."""


@dataclass(frozen=True)
class MakeCharts:
    """Make charts for a song.

    Args:
        request: what is asked for.
        plan: candidates or a spread.
        language: of the preview.
        model: its name.
    """

    request: GenerationRequest
    plan: Plan
    language: str
    model: str

    def needs(self, folders: JobFolders) -> str:
        """Return the name of the model that it needs."""
        return self.model

    def __call__(self, bench: Bench, following: Following) -> JobResult:
        """Make them."""
        return operations.make_charts(
            bench.model(self.model).generator(),
            bench.folders,
            self.request,
            self.plan,
            following,
            self.language,
            self.model,
        )


@dataclass(frozen=True)
class _ChangeOfCharts:
    """A change of charts that were made before, by the same model.

    Args:
        key: of the revision.
    """

    key: str

    def needs(self, folders: JobFolders) -> str:
        """Return the name of the model that made the charts."""
        return operations.model_name(folders, self.key)


@dataclass(frozen=True)
class SnapAgain(_ChangeOfCharts):
    """Snap charts to another timing.

    Args:
        key: of the revision.
        tempo: red lines.
        language: of the preview.
    """

    tempo: TempoMap
    language: str

    def __call__(self, bench: Bench, following: Following) -> JobResult:
        """Snap them."""
        following.progress(1, 1)  # all that is left is what follows the network's steps
        return operations.snap_again(
            bench.generator_of(self.key),
            bench.folders,
            self.key,
            self.tempo,
            "given",
            self.language,
        )


@dataclass(frozen=True)
class Variations:
    """Changes of an edit to the request that made a chart.

    Args:
        prompt: another one; None keeps it.
        count: of variations.
        seed: of their noise.
    """

    prompt: Mapping[str, Any] | None
    count: int
    seed: int

    def of(self, before: GenerationRequest) -> GenerationRequest:
        """Return the request for the new notes."""
        wanted = before if self.prompt is None else replace(before, prompt=self.prompt)
        return replace(wanted, count=self.count, seed=self.seed)


@dataclass(frozen=True)
class EditRegion(_ChangeOfCharts):
    """Make a region of a chart again.

    Args:
        key: of the revision.
        chart: which one, from 0.
        edit: region, locks and strength.
        variations: that are asked for.
        language: of the preview.
    """

    chart: int
    edit: Edit
    variations: Variations
    language: str

    def __call__(self, bench: Bench, following: Following) -> JobResult:
        """Make it."""
        return operations.edit_region(
            bench.generator_of(self.key),
            bench.folders,
            self.key,
            self.chart,
            self.edit,
            self.variations.of,
            following,
            self.language,
        )


ChartsTask = MakeCharts | SnapAgain | EditRegion


def is_hold(note: HitObject) -> bool:
    """Return whether a note is held; an edit may lock those."""
    return isinstance(note, LongNote)


@dataclass(frozen=True)
class ReadChart:
    """Read the features of the charts in a file as prompts.

    Args:
        path: a chart or a package.
        schema: features of the model.
        rate: as if the song were played so many times as fast.
    """

    path: Path
    schema: FeatureSchema
    rate: float

    def __call__(self, bench: Bench, following: Following) -> Read:
        """Read them."""
        from mug.pipeline.prompt import prompt_text, prompts_of_file

        return [
            {
                "name": f"{chart.artist} - {chart.title} [{chart.version}]",
                "prompt": dict(prompt.positive),
                "yaml": prompt_text(prompt),
                "beyond": list(prompt.beyond(self.schema)),
            }
            for chart, prompt in prompts_of_file(self.path, self.schema, rate=self.rate)
        ]


@dataclass(frozen=True)
class ReadNames:
    """Read title and artist from the tags of a song.

    Args:
        path: the song.
    """

    path: Path

    def __call__(self, bench: Bench, following: Following) -> tuple[str, str]:
        """Read them."""
        names = song_names(self.path)
        return names.title, names.artist


@dataclass(frozen=True)
class ReadTempo:
    """Read the red lines of a chart.

    Args:
        path: the chart.
    """

    path: Path

    def __call__(self, bench: Bench, following: Following) -> tuple[TimingPoint, ...]:
        """Read them."""
        return timing_from_file(self.path).red_lines


ReadingTask = ReadNames | ReadTempo | ReadChart
