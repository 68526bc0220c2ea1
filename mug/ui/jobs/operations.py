"""Operations of the page: make charts, snap them to another timing, edit a region.

Everything that a later step needs lies in the job's folder, so nothing is kept in memory and
users cannot meet.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mug.audio.load import read_sound
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.osu import patch as osu_patch
from mug.beatmap.formats.osu.patch import ChartFile
from mug.errors import GenerationError
from mug.files import atomic_copy
from mug.messages.message import Message
from mug.timing.estimate import TimingEstimate
from mug.timing.tempo_map import TempoMap
from mug.ui.jobs.files import (
    RevisionContents,
    Written,
    charts_of,
    read_written,
    write_revision,
)
from mug.ui.jobs.folders import JobFolders, Revision
from mug.ui.jobs.state import Aims, State, load_state, save_state

if TYPE_CHECKING:
    from mug.pipeline.chart import ChartGenerator
    from mug.pipeline.judge.candidates import Judgement
    from mug.pipeline.make import Made
    from mug.pipeline.plan import Plan
    from mug.pipeline.provenance import Provenance
    from mug.pipeline.request import Edit, GenerationRequest, GenerationResult
    from mug.ui.jobs.bench import Following

RequestOf = Callable[["GenerationRequest"], "GenerationRequest"]

MAX_SONG_MS = 15 * 60_000.0


@dataclass(frozen=True)
class JobResult:
    """A revision that is ready.

    Args:
        revision: where it lies.
        written: its files.
        notice: what is to be done about it, where there is something.
    """

    revision: Revision
    written: Written
    notice: Message | None = None


def make_charts(
    generator: ChartGenerator,
    folders: JobFolders,
    request: GenerationRequest,
    plan: Plan,
    job: Following,
    language: str,
    model_name: str = "",
) -> JobResult:
    """Make charts for a song, in a job of their own.

    Args:
        generator: the model.
        folders: where jobs lie.
        request: what is asked for; its audio is copied.
        plan: candidates or a spread.
        job: gets the progress, and may say stop.
        language: of the preview.
        model_name: remembered, so that the same model edits the charts.

    Raises:
        AudioError: for a song that cannot be read or is longer than a quarter of an hour.
    """
    from mug.pipeline.make import make
    from mug.pipeline.song_file import packaged_song, with_names

    read_sound(request.audio, max_ms=MAX_SONG_MS, mono=True)  # refuses before anything is kept
    job_folder = folders.new_job()
    try:
        song = job_folder / f"song{request.audio.suffix.lower()}"
        atomic_copy(request.audio, song)
        packaged_song(song, job_folder)
        request = replace(with_names(request), audio=song)  # named by what was uploaded
        made = make(generator, request, plan, job.progress, job.should_stop)
        return _store(
            generator,
            folders.new_revision(job_folder),
            replace(_state(made, plan), model=model_name),
            [_chart_file(one) for one in made.result.beatmaps],
            made.report,
            language,
            "generated",
        )
    except BaseException:
        shutil.rmtree(job_folder, ignore_errors=True)
        raise


def _state(made: Made, plan: Plan) -> State:
    """Return what a revision remembers of charts that were made."""
    request, result = made.request, made.result
    goals: tuple[float | None, ...]
    if plan.tiers:
        goals = tuple(float(meant["sr"]) for meant in result.meant)
    else:
        goal = request.prompt.get("sr") if plan.search.reach_stars else None
        goals = (None if goal is None else float(goal),) * len(result.beatmaps)
    aims = Aims(goals, nested=bool(plan.tiers), spare=made.spare)
    return State.of(request, plan, result, aims)


def snap_again(
    generator: ChartGenerator,
    folders: JobFolders,
    key: str,
    tempo: TempoMap,
    source: str,
    language: str,
) -> JobResult:
    """The same notes on another timing, as the job's next revision; nothing is generated.

    Charts that were brought to a star rating are brought to it again, and a spread is nested again.
    Where a model in beats would read the song on other beats, the result says so.

    Args:
        generator: the model, for its number of columns.
        folders: where jobs lie.
        key: of the revision to start from.
        tempo: red lines to snap to.
        source: where these come from, for the report.
        language: of the preview.
    """
    from mug.pipeline.stamp import stamped
    from mug.ui.jobs.resnap import other_beats, snapped, with_lines

    before, state, song = _open(folders, key)
    names = [chart.beatmap.version for chart in charts_of(before, read_written(before))]
    finish = replace(
        state.request.finish, red_lines=tempo.red_lines, timing=None, timing_source=source
    )
    request = replace(state.request, audio=song, finish=finish)
    first = tempo.red_lines[0]
    timing = replace(
        state.timing, bpm=first.bpm, offset_ms=first.time_ms, meter=first.meter, changes=(),
        downbeat_ms=first.time_ms, confidence=1.0,
    )  # fmt: skip
    notice = other_beats(generator.model, state, tempo.red_lines)
    raw = with_lines(generator.model, state, tempo.red_lines)
    moved = replace(state, request=request, timing=timing, raw=raw)
    result, judged = snapped(generator, moved, names)
    charts = [_chart_file(one) for one in stamped(generator.model, request, result, state.plan)]
    after = State.of(request, state.plan, result, state.aims, state.model)
    report = _report(generator, after, result, judged)
    done = _store(generator, _next(folders, before), after, charts, report, language, "timing")
    return replace(done, notice=notice)


def edit_region(
    generator: ChartGenerator,
    folders: JobFolders,
    key: str,
    chart: int,
    edit: Edit,
    request_of: RequestOf,
    job: Following,
    language: str,
) -> JobResult:
    """New notes for a region: the chart and its variations side by side, as the next revision.

    Every line of the file but those of the region's notes, the difficulty's name and the tags
    stays to the byte.

    Args:
        generator: the model.
        folders: where jobs lie.
        key: of the revision to start from.
        chart: which of its charts, from 0.
        edit: region, locks and strength.
        request_of: the request for the new notes, from the one that made the chart.
        job: gets the progress, and may say stop.
        language: of the preview.
    """
    from mug.pipeline.edit import edit_chart
    from mug.pipeline.finish.cleanup import Changes
    from mug.pipeline.judge.candidates import judge_all
    from mug.pipeline.request import GenerationResult
    from mug.pipeline.stamp import provenance

    before, state, _ = _open(folders, key)
    old = charts_of(before, read_written(before))
    if not 0 <= chart < len(old):
        raise GenerationError("ui.no_such_chart", value=chart + 1)
    source, asked = old[chart], state.asked[chart]
    request = request_of(replace(state.request, prompt=asked))
    made = edit_chart(generator, source.beatmap, request, edit, job.progress, job.should_stop)
    files = [source]
    for index, variation in enumerate(made):
        record = provenance(generator.model, request, prompt=request.prompt, index=index)
        name = _variation_name(source.beatmap.version, before.number, index)
        files.append(_renamed(variation.apply_to_file(source), name, record))
    aims = state.aims.varied(chart, asked, request.prompt, len(made))
    prompts = (asked,) + (request.prompt,) * len(made)
    result = GenerationResult(
        beatmaps=tuple(one.beatmap for one in files),
        raw=(state.raw[chart], *(tuple(one.beatmap.hit_objects) for one in files[1:])),
        timing=state.timing,
        changes=(Changes(), *(variation.changes for variation in made)),
        asked=prompts,
        seeds=(state.seeds[chart],) * len(files),
        indices=(state.indices[chart], *range(len(made))),
        meant=aims.meant(prompts),
        sound_notices=generator.song(request.audio).sound.notices,
    )
    request = replace(request, finish=state.request.finish)
    after = State.of(request, aims.plan_of(state.plan), result, aims, state.model)
    report = _report(generator, after, result, judge_all(generator, request, result, {}))
    return _store(generator, _next(folders, before), after, files, report, language, "edit")


def _renamed(edited: ChartFile, name: str, record: Provenance) -> ChartFile:
    """A chart of its own, by its name and by the record of what made it."""
    from mug.pipeline.provenance import stamp

    edited = osu_patch.with_field(edited, "Metadata", "Version", name)
    tags = stamp(edited.beatmap, record).metadata["Tags"]
    return osu_patch.with_field(edited, "Metadata", "Tags", tags)


def _variation_name(version: str, number: int, index: int) -> str:
    return f"{version.partition(' edit ')[0]} edit {number}{chr(ord('a') + index)}"


def current_tempo(folders: JobFolders, key: str) -> TempoMap:
    """The timing of a revision's charts."""
    revision = folders.find(key)
    return TempoMap.of_points(charts_of(revision, read_written(revision))[0].beatmap.red_lines)


def readings(folders: JobFolders, key: str) -> TimingEstimate:
    """Estimate of a revision's beat, with the other readings."""
    return _open(folders, key)[1].timing


def model_name(folders: JobFolders, key: str) -> str:
    """Name of the model that made a revision's charts."""
    return _open(folders, key)[1].model


def _open(folders: JobFolders, key: str) -> tuple[Revision, State, Path]:
    revision = folders.find(key)
    song = next(revision.folder.parent.glob("song.*"))
    return revision, load_state(revision.folder, song), song


def _next(folders: JobFolders, revision: Revision) -> Revision:
    return folders.new_revision(revision.folder.parent)


def _report(
    generator: ChartGenerator,
    state: State,
    result: GenerationResult,
    judged: Sequence[Judgement],
) -> dict[str, Any]:
    from mug.pipeline.report import report_of

    return report_of(generator.model, state.request, state.plan, result, judged)


def _store(
    generator: ChartGenerator,
    revision: Revision,
    state: State,
    charts: Sequence[ChartFile],
    report: Mapping[str, Any],
    language: str,
    origin: str,
) -> JobResult:
    """Write a revision."""
    song = generator.song(state.request.audio)
    packaged = revision.folder.parent / state.request.finish.audio_filename
    save_state(revision.folder, state)
    contents = RevisionContents(charts, report, packaged, song.wave, song.sound.sample_rate, origin)
    return JobResult(revision, write_revision(revision, contents, language))


def _chart_file(beatmap: Beatmap) -> ChartFile:
    return osu_patch.of(osu.encode(beatmap))
