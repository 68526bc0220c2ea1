"""Charts that a model makes for the benchmark: asked, sampled, finished with either timing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject
from mug.evaluation.rows import Figures, Judged, ResultRow
from mug.evaluation.songs import Against
from mug.features import FeatureValue
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.make import Made, make_each
from mug.pipeline.model.song import EncodedSong
from mug.pipeline.plan import Plan
from mug.pipeline.request import GenerationRequest
from mug.protocols import Progress

RAW, FINISHED, BEST = "raw", "post-processed", "best of N"
GIVEN, FREE = "given", "free"

Asked = Mapping[str, FeatureValue]


@dataclass(frozen=True)
class ModelRun:
    """Options of sampling from a model.

    Args:
        seeds: samples a human chart.
        candidates: charts that the best is chosen from, for each seed; 1 leaves that column out.
        how: sampler, steps, guidance and what else holds for every chart; its song, prompt, seed,
            count and names are not read.
    """

    seeds: int = 2
    candidates: int = 4
    how: GenerationRequest = field(default_factory=lambda: GenerationRequest(Path()))

    def request(self, audio: Path, prompt: Asked) -> GenerationRequest:
        """Return what the model is asked for."""
        return replace(self.how, audio=audio, prompt=prompt, count=1)


@dataclass(frozen=True)
class Maker:
    """A model at work on one song.

    Args:
        generator: the model.
        against: the human chart; its tempo is the given timing.
        run: how the model is asked.
    """

    generator: ChartGenerator
    against: Against
    run: ModelRun

    @property
    def song(self) -> EncodedSong:
        """The encoded song."""
        return self.generator.song(self.against.song.audio)

    def request(self, prompt: Asked, *, seed: int = 0, timing: str = FREE) -> GenerationRequest:
        """Return a request for a chart.

        Args:
            prompt: what the chart is to be like.
            seed: of the request.
            timing: `given`, that of the human chart, or `free`, as estimated from the sound.
        """
        human, request = self.against.human, self.run.request(self.against.song.audio, prompt)
        lines = human.red_lines if timing == GIVEN else ()
        finish = replace(request.finish, title=human.title, artist=human.artist, red_lines=lines)
        return replace(request, seed=seed, finish=finish)

    def make(
        self,
        requests: Sequence[GenerationRequest],
        plan: Plan | None = None,
        progress: Progress | None = None,
    ) -> list[Made]:
        """Return the charts of each request, made as everywhere; see `make_each`."""
        return make_each(self.generator, requests, plan, progress)

    def raw(self, notes: Sequence[HitObject]) -> Beatmap:
        """Return the notes as they are, in a chart with the human red lines."""
        human = self.against.human
        return replace(human.with_objects(notes), timing=human.red_lines)

    def judged(
        self,
        chart: Beatmap,
        *,
        part: str,
        column: str,
        figures: Figures,
        timing: str = GIVEN,
        seed: int = 0,
        variant: str = "",
        asked: Asked | None = None,
    ) -> Judged:
        """A chart of a part other than the table, with its row; arguments as of `ResultRow`."""
        against = self.against
        row = ResultRow(
            against.song.name,
            against.human.version,
            column,
            timing,
            seed,
            figures,
            chart=against.index,
            part=part,
            variant=variant,
            asked=asked or {},
        )
        return Judged(row, chart)
