"""Charts that a model makes for the benchmark: asked, sampled, finished with either timing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject
from mug.beatmap.timing_points import TimingPoint
from mug.evaluation.rows import Figures, Judged, ResultRow
from mug.evaluation.songs import Against
from mug.features import FeatureValue
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.defaults import SAMPLER, STEPS
from mug.pipeline.finish.chart import finish_chart, red_lines_of
from mug.pipeline.finish.cleanup import Changes
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.request import GenerationRequest
from mug.pipeline.sample import ChartRequest, EncodedSong, chart_seed

RAW, FINISHED, BEST = "raw", "post-processed", "best of N"
GIVEN, FREE = "given", "free"

Asked = Mapping[str, FeatureValue]


@dataclass(frozen=True)
class ModelRun:
    """Options of sampling from a model.

    Args:
        seeds: samples a human chart.
        candidates: charts that the best is chosen from, for each seed; 1 leaves that column out.
        steps: sampler steps.
        sampler: by name.
        guidance_scale: 1 is off.
    """

    seeds: int = 2
    candidates: int = 4
    steps: int = STEPS
    sampler: str = SAMPLER
    guidance_scale: float = 5.0

    def request(self, audio: Path, prompt: Asked) -> GenerationRequest:
        """Request to the model."""
        return GenerationRequest(
            audio,
            prompt,
            steps=self.steps,
            sampler=self.sampler,
            guidance_scale=self.guidance_scale,
        )


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

    def request(self, prompt: Asked) -> GenerationRequest:
        """Request to the model."""
        return self.run.request(self.against.song.audio, prompt)

    def sample(self, asked: Sequence[tuple[Asked, int, int]]) -> list[tuple[HitObject, ...]]:
        """Raw notes for prompts, each with a seed and a number of the candidate."""
        chart_requests = [
            ChartRequest(prompt, {}, chart_seed(seed, number)) for prompt, seed, number in asked
        ]
        return self.generator.sample(self.song, chart_requests, self.request({}))

    def raw(self, notes: Sequence[HitObject]) -> Beatmap:
        """The notes as they are, in a chart with the human red lines."""
        human = self.against.human
        return replace(human.with_objects(notes), timing=human.red_lines)

    def finish(
        self, notes: Sequence[HitObject], stars: float, timing: str
    ) -> tuple[Beatmap, Changes]:
        """A post-processed chart.

        Args:
            notes: raw.
            stars: asked for; gives the tier.
            timing: `given` or `free`.
        """
        options = self._options(stars, timing)
        return finish_chart(
            notes,
            options,
            keys=self.generator.model.keys,
            index=0,
            timing=options.timing_for(lambda: self.song.timing),
            duration_ms=self.song.duration_ms,
        )

    def estimated_red_lines(self) -> tuple[TimingPoint, ...]:
        """The red lines that are estimated from the sound."""
        options = self._options(self.against.stars, FREE)
        return red_lines_of(options, options.timing_for(lambda: self.song.timing))

    def _options(self, stars: float, timing: str) -> FinishOptions:
        human = self.against.human
        return replace(
            FinishOptions(title=human.title, artist=human.artist),
            audio_filename=human.audio_filename,
            red_lines=human.red_lines if timing == GIVEN else (),
            star_rating=stars,
        )

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
