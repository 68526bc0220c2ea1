"""Editing: new notes within a region of a chart; everything else stays as it is.

The region's latents are sampled again while those beside it are held (a latent frame lasts 371 ms
and mixes the columns, so its borders are coarser than the region's). Of the decoded notes only
those within the region are taken. What lies outside is never decoded: it is the chart's own.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu.patch import ChartFile, lines_beside, replace_objects
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.clock import FrameClock
from mug.encoding.beat_axis import BeatAxis
from mug.errors import GenerationError
from mug.pipeline.beat import song_with_lines
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.decode import encode_notes, rows_of
from mug.pipeline.finish.cleanup import Changes, Surroundings, fix_notes, snap_notes
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.request import Edit, GenerationRequest
from mug.pipeline.sample import ChartRequest, KnownRegion, ShouldStop, chart_seed
from mug.protocols import Progress

KEPT_IN_THE_WAY = "a note that stays is in the way"
NEW_IN_THE_WAY = "another new note is in the way"
LEFT_REGION = "its end lies outside the region: it became a tap"


@dataclass(frozen=True)
class Dropped:
    """A new note that could not be taken as it was.

    Args:
        note: as the network and the clean-up made it.
        reason: one of the constants of this module.
    """

    note: HitObject
    reason: str


@dataclass(frozen=True)
class Variation:
    """Variation of a chart that an edit makes.

    Args:
        removed: indices into the chart's hit objects.
        added: new notes, by time, then column.
        dropped: new notes that were left out or cut.
        changes: what snapping and fixing did to the new notes of the whole song.
    """

    removed: tuple[int, ...] = ()
    added: tuple[HitObject, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    changes: Changes = field(default_factory=Changes, compare=False)

    def apply(self, beatmap: Beatmap) -> Beatmap:
        """The edited chart, objects by time, then column."""
        gone = set(self.removed)
        stay = [note for index, note in enumerate(beatmap.hit_objects) if index not in gone]
        return beatmap.with_objects(beatmap.with_objects([*stay, *self.added]).sorted_objects())

    def apply_to_file(self, chart: ChartFile) -> ChartFile:
        """The edited file; every line but those of removed and new notes stays to the byte."""
        return replace_objects(chart, self.removed, self.added)


def merge(beatmap: Beatmap, fresh: Sequence[HitObject], edit: Edit) -> Variation:
    """Put new notes into the region of a chart; what stays wins wherever the two meet.

    A new note equal to one that it would replace leaves that one in place, hit sounds included.

    Args:
        beatmap: the chart.
        fresh: new notes of the whole song; those outside the region are not looked at.
        edit: what may change.
    """
    taken, dropped = take(beatmap, fresh, edit)
    return variation_of(beatmap, taken, edit, dropped)


def take(
    beatmap: Beatmap, fresh: Sequence[HitObject], edit: Edit
) -> tuple[list[HitObject], list[Dropped]]:
    """New notes that fit between those that stay, and the others; see `merge`."""
    columns: dict[int, list[tuple[float, float]]] = {}
    for note in beatmap.hit_objects:
        if not edit.replaceable(note):
            insort(columns.setdefault(note.column, []), (note.start_ms, note.last_ms))
    kept = {column: _Spans(spans, edit.seam_ms) for column, spans in columns.items()}
    last: dict[int, float] = {}
    taken: list[HitObject] = []
    dropped: list[Dropped] = []
    for given in sorted(fresh, key=lambda n: (n.start_ms, n.column)):
        note = given
        if isinstance(note, LongNote) and not edit.free(note):
            note = Rice(note.column, note.start_ms)
        if not edit.free(note):
            continue
        if note.column in kept and kept[note.column].meet(note):
            dropped.append(Dropped(given, KEPT_IN_THE_WAY))
        elif last.get(note.column, -math.inf) >= note.start_ms:
            dropped.append(Dropped(given, NEW_IN_THE_WAY))
        else:
            if note != given:
                dropped.append(Dropped(given, LEFT_REGION))
            last[note.column] = note.last_ms
            taken.append(note)
    return taken, dropped


def variation_of(
    beatmap: Beatmap, taken: Sequence[HitObject], edit: Edit, dropped: Sequence[Dropped] = ()
) -> Variation:
    """The difference between a chart and the same chart with these notes in its region."""
    replaceable = {i: n for i, n in enumerate(beatmap.hit_objects) if edit.replaceable(n)}
    by_place = {_place(note): index for index, note in replaceable.items()}
    added = [
        note for note in taken if replaceable.pop(by_place.get(_place(note), -1), None) is None
    ]
    return Variation(tuple(sorted(replaceable)), tuple(added), tuple(dropped))


def _place(note: HitObject) -> tuple[int, float, float, bool]:
    return note.column, note.start_ms, note.last_ms, isinstance(note, LongNote)


class _Spans:
    """Time spans in which a column is taken."""

    def __init__(self, spans: list[tuple[float, float]], seam_ms: float) -> None:
        self._starts = [start for start, _ in spans]
        # The latest end so far: charts of people may hold overlapping notes.
        self._ends: list[float] = []
        for _, end in spans:
            self._ends.append(max(end, self._ends[-1] if self._ends else -math.inf))
        self._seam_ms = seam_ms

    def meet(self, note: HitObject) -> bool:
        """Return whether a note lies within or too close to one of them."""
        if self._seam_ms > 0:
            before = bisect_left(self._starts, note.last_ms + self._seam_ms)
            return before > 0 and self._ends[before - 1] > note.start_ms - self._seam_ms
        before = bisect_right(self._starts, note.last_ms)
        return before > 0 and self._ends[before - 1] >= note.start_ms


def kept_frames(
    clock: FrameClock, frames: int, edit: Edit, axis: BeatAxis | None = None
) -> Bool[Tensor, " t"]:
    """True for latent frames of which no part may change.

    Args:
        clock: of the model.
        frames: latent frames.
        edit: what may change.
        axis: of the song, for a model in beats.
    """
    length = clock.latent_frame_ms
    starts = torch.arange(frames, dtype=torch.float64) * length
    ends = starts + length
    if axis is not None:
        starts, ends = (
            torch.from_numpy(axis.to_real_ms(side.numpy(), clock)) for side in (starts, ends)
        )
    keep = (ends <= edit.region.start_ms) | (starts >= edit.region.end_ms)
    for lock in edit.locks:
        if lock.columns is None:
            keep |= (starts >= lock.start_ms) & (ends <= lock.end_ms)
    return keep


def edit_chart(
    generator: ChartGenerator,
    beatmap: Beatmap,
    request: GenerationRequest,
    edit: Edit,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> tuple[Variation, ...]:
    """New notes for the region of a chart, `request.count` times.

    They are snapped to the chart's own red lines, where it has any.

    Args:
        generator: the model.
        beatmap: the chart.
        request: the song, the prompt, the number of variations and how to sample.
        edit: what may change.
        progress: called as `progress(done, total)` after every network step.
        should_stop: asked before every network step; True ends it with `Cancelled`.

    Raises:
        GenerationError: when the model makes charts of another number of columns, and for a chart
            without red lines where it counts in beats.
    """
    model = generator.model
    _check(model, beatmap, edit)
    if edit.strength == 0:
        return (Variation(),) * request.count
    song = song_with_lines(model, generator.song(request.audio), beatmap.red_lines)
    latent, _ = encode_notes(model, song, beatmap.hit_objects)
    keep = kept_frames(model.clock, song.latent_frames, edit, song.axis)
    chart_requests = [
        ChartRequest(request.prompt, request.negative_prompt, chart_seed(request.seed, index))
        for index in range(request.count)
    ]
    timed = replace(request.finish, red_lines=beatmap.red_lines)  # for models with beat condition
    raw = generator.sample(
        song,
        chart_requests,
        replace(request, finish=timed),
        known=KnownRegion(latent, keep, edit.strength, rows_of(model, song, beatmap.hit_objects)),
        progress=progress,
        should_stop=should_stop,
    )
    where = Surroundings(beatmap.keys, beatmap.red_lines, song.duration_ms)
    return tuple(_fitted(beatmap, notes, request.finish_by_prompt, edit, where) for notes in raw)


def _check(model: LoadedModel, beatmap: Beatmap, edit: Edit) -> None:
    """Refuse a chart that the model cannot edit, and columns that it does not have."""
    if beatmap.keys != model.keys:
        raise GenerationError(
            "pipeline.model_makes_charts_of_columns",
            keys=model.keys,
            file=beatmap.path,
            value=beatmap.keys,
        )
    for column in edit.region.columns or ():
        if not 0 <= column < beatmap.keys:
            raise GenerationError(
                "pipeline.chart_has_columns_to",
                last=beatmap.keys - 1,
                value=column,
                file=beatmap.path,
            )
    if model.in_beats and not beatmap.red_lines:
        raise GenerationError(
            "pipeline.chart_to_edit_has_no_red_lines",
            file=beatmap.path,
            remedy="remedy.give_tempo_of_song",
        )


def _fitted(
    beatmap: Beatmap,
    raw: Sequence[HitObject],
    options: FinishOptions,
    edit: Edit,
    where: Surroundings,
) -> Variation:
    """Raw notes snapped, put between those that stay, and fixed without touching these."""
    changes = Changes()
    snapped = snap_notes(raw, options, where, changes)
    taken, dropped = take(beatmap, snapped, edit)
    stay = [note for note in beatmap.hit_objects if not edit.replaceable(note)]
    standing = set(stay)

    def locked(note: HitObject) -> bool:
        return note in standing or not edit.free(note)

    fixed = fix_notes([*stay, *taken], options, where, changes, locked)
    left = sorted(
        (note for note in fixed if note not in standing), key=lambda n: (n.start_ms, n.column)
    )
    found = variation_of(beatmap, left, edit, dropped)
    return replace(found, changes=changes)


def bytes_changed_outside(before: ChartFile, after: ChartFile, edit: Edit) -> int:
    """Bytes that differ between two files beside the lines of the notes that may change.

    0 is what editing promises; this compares the files as they are.
    """
    stay = {note for note in before.beatmap.hit_objects if not edit.replaceable(note)}
    one, two = (
        b"".join(
            lines_beside(
                chart,
                [
                    index
                    for index, note in enumerate(chart.beatmap.hit_objects)
                    if edit.free(note) and note not in stay
                ],
            )
        ).rstrip(b"\r\n")
        for chart in (before, after)
    )
    differing = sum(a != b for a, b in zip(one, two, strict=False))
    return differing + abs(len(one) - len(two))


def describe_edit(beatmap: Beatmap, edit: Edit, variation: Variation) -> dict[str, Any]:
    """Describe an edit in plain containers."""
    region = edit.region
    return {
        "region": {
            "start_ms": None if region.start_ms == -math.inf else region.start_ms,
            "end_ms": None if region.end_ms == math.inf else region.end_ms,
            "columns": None if region.columns is None else sorted(region.columns),
        },
        "strength": edit.strength,
        "kept": len(beatmap.hit_objects) - len(variation.removed),
        "removed": len(variation.removed),
        "added": len(variation.added),
        "dropped": [
            {"column": d.note.column, "start_ms": d.note.start_ms, "reason": d.reason}
            for d in variation.dropped
        ],
        "mended": list(variation.changes.listed),
    }
