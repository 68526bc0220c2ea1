"""Request to a model, edit of a chart, and their result, as values; torch is not imported."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import HitObject
from mug.errors import GenerationError
from mug.messages.message import Message
from mug.pipeline import plain
from mug.pipeline.defaults import GUIDANCE_SCALE, SAMPLER, STEPS, WINDOW_S
from mug.pipeline.finish.cleanup import Changes
from mug.pipeline.finish.options import FinishOptions
from mug.timing.estimate import TimingEstimate

MAX_COUNT = 64


@dataclass(frozen=True)
class GenerationRequest:
    """Request for charts of a song.

    Args:
        audio: the song.
        prompt: feature name to value; a feature that is absent or None is left to the model.
        negative_prompt: what guidance steers away from; empty is the unconditional model.
        count: charts to make, 1 ... 64.
        steps: sampler steps.
        sampler: its name, see `mug.diffusion.samplers.registry`, `mug.pipeline.defaults`.
        guidance_scale: how strongly the prompt is followed; 1 is off.
        seed: same seed and request, same charts.
        batch_size: charts made at once; less needs less memory.
        finish: timing, snapping and clean-up.
        guidance_interval: part of the noise range, 0 (clean) ... 1, in which to guide; outside,
            a step takes half the time. None guides at every step.
        window_s: seconds; a longer song is made in overlapping windows of this length that are
            denoised together, see `mug.diffusion.windows`.
        bind_rows: of a model with a rhythm scorer: its rows hold, exactly; else the model may
            leave rows out and add others.
    """

    audio: Path
    prompt: Mapping[str, Any] = field(default_factory=dict)
    negative_prompt: Mapping[str, Any] = field(default_factory=dict)
    count: int = 1
    steps: int = STEPS
    sampler: str = SAMPLER
    guidance_scale: float = GUIDANCE_SCALE
    seed: int = 0
    batch_size: int = 4
    finish: FinishOptions = field(default_factory=FinishOptions)
    guidance_interval: tuple[float, float] | None = None
    window_s: float = WINDOW_S
    bind_rows: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MAX_COUNT:
            raise GenerationError(
                "pipeline.number_of_charts_out_of_range", most=MAX_COUNT, value=self.count
            )
        if not 0 <= self.guidance_scale <= 100:
            raise GenerationError("pipeline.guidance_scale_out_of_range", value=self.guidance_scale)
        low, high = self.guidance_interval or (0, 1)
        if not 0 <= low <= high <= 1:
            raise GenerationError(
                "pipeline.guidance_interval_must_be_two_numbers",
                value=self.guidance_interval,
            )
        if not self.window_s > 0:
            raise GenerationError("pipeline.window_must_be_longer_than_0", value=self.window_s)
        if self.batch_size < 1:
            raise GenerationError("pipeline.batch_size_must_be_positive", value=self.batch_size)
        if not -(2**63) <= self.seed < 2**63:
            raise GenerationError("pipeline.seed_must_fit_in_64_bits", value=self.seed)

    @property
    def finish_by_prompt(self) -> FinishOptions:
        """Options of finishing with the stars and the share of long notes that are asked for.

        The stars give the tier. What the options set themselves stays.
        """
        found, stars, share = self.finish, self.prompt.get("sr"), self.prompt.get("ln_ratio")
        if found.star_rating is None and stars is not None:
            found = replace(found, star_rating=float(stars))
        if found.long_notes is None and share is not None:
            found = replace(found, long_notes=float(share))
        return found

    def to_plain(self) -> dict[str, Any]:
        """Return all fields as JSON can hold them."""
        found: dict[str, Any] = plain.to_plain(self)
        return found

    @classmethod
    def from_plain(cls, fields: Mapping[str, Any]) -> GenerationRequest:
        """Return the request of such fields; those that are not there keep their defaults.

        Raises:
            GenerationError: for an unknown field, and a value that it cannot have.
        """
        found: GenerationRequest = plain.from_plain(cls, fields, "request")
        return found


@dataclass(frozen=True)
class GenerationResult:
    """Result of a request.

    Args:
        beatmaps: the finished charts.
        raw: the notes as the network wrote them, one tuple a chart.
        timing: the song's tempo as given or estimated; given red lines stand in the charts.
        changes: what clean-up changed, one entry a chart.
        asked: the prompt that made each chart.
        seeds: the seed of each chart's own noise.
        indices: number of each chart within the request, which gave its seed.
        meant: what each chart is to be judged by, where that is not the prompt that made it;
            empty where it is.
        sound_notices: on what of the song's file could not be read.
    """

    beatmaps: tuple[Beatmap, ...]
    raw: tuple[tuple[HitObject, ...], ...]
    timing: TimingEstimate
    changes: tuple[Changes, ...]
    asked: tuple[Mapping[str, Any], ...]
    seeds: tuple[int, ...]
    indices: tuple[int, ...]
    meant: tuple[Mapping[str, Any], ...] = ()
    sound_notices: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Region:
    """A part of a chart.

    Args:
        start_ms: where it begins.
        end_ms: where it ends; what lies exactly there is outside.
        columns: counted from 0; None for all.
    """

    start_ms: float = -math.inf
    end_ms: float = math.inf
    columns: frozenset[int] | None = None

    def __post_init__(self) -> None:
        if not self.start_ms < self.end_ms:
            raise GenerationError(
                "pipeline.region_must_end_after_begins", value=(self.start_ms, self.end_ms)
            )

    def holds(self, note: HitObject) -> bool:
        """Return whether a note lies in it as a whole."""
        inside = self.start_ms <= note.start_ms and note.last_ms < self.end_ms
        return inside and self._has(note.column)

    def touches(self, note: HitObject) -> bool:
        """Return whether any part of a note lies in it."""
        inside = note.start_ms < self.end_ms and note.last_ms >= self.start_ms
        return inside and self._has(note.column)

    def _has(self, column: int) -> bool:
        return self.columns is None or column in self.columns


@dataclass(frozen=True)
class Edit:
    """Edit of a chart: what may change, and how much.

    Args:
        region: notes that lie in it as a whole are regenerated; a hold that crosses its border
            stays.
        locks: parts of the region in which nothing changes after all.
        locked: says of a note of the chart that it stays wherever it is.
        strength: 0 leaves the chart, 1 ignores what the region held.
        seam_ms: a new note this close to one that stays, in its column, is dropped.
    """

    region: Region = Region()
    locks: tuple[Region, ...] = ()
    locked: Callable[[HitObject], bool] | None = None
    strength: float = 1.0
    seam_ms: float = 60.0

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise GenerationError("common.strength_must_be_0_to_1", value=self.strength)
        if not (math.isfinite(self.seam_ms) and self.seam_ms >= 0):
            raise GenerationError("pipeline.seam_must_not_be_negative", value=self.seam_ms)

    def free(self, note: HitObject) -> bool:
        """Return whether a note of this place may appear or vanish."""
        return self.region.holds(note) and not any(lock.touches(note) for lock in self.locks)

    def replaceable(self, note: HitObject) -> bool:
        """Return whether this note of the chart may vanish."""
        return self.free(note) and not (self.locked is not None and self.locked(note))
