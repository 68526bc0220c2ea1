"""Handlers of the buttons: from Gradio's values to jobs and back."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from mug.errors import Cancelled, GenerationError, MugError
from mug.timing.tempo_map import TempoMap
from mug.ui import requests
from mug.ui.jobs import operations, tasks
from mug.ui.jobs.files import read_written
from mug.ui.jobs.job import Job
from mug.ui.jobs.owner import Owner
from mug.ui.jobs.queue import JobQueue
from mug.ui.page import fragments
from mug.ui.page.sentences import sentence
from mug.ui.page.texts import Texts
from mug.ui.service import Service

_POLL_S, _SHORT_S = 0.3, 0.05

NOTHING = Markup("")

Update = dict[str, Any]
"""New values of components, by name."""


class Handlers:
    """Answers to the buttons of one language's page. It keeps nothing between calls.

    Args:
        service: what all visitors share.
        texts: the language.
        max_mb: size that an upload may have.
    """

    def __init__(self, service: Service, texts: Texts, max_mb: int) -> None:
        self.service, self.t, self.max_mb = service, texts, max_mb

    def refused(self, zone: str, what: str, kinds: Sequence[str]) -> gr.HTML:
        """Messages for files that a place of the page cannot take.

        Args:
            zone: id of the place.
            what: `song` or `chart`.
            kinds: endings of names that it takes.
        """
        return gr.HTML(fragments.upload_says(zone, what, kinds, self.max_mb, self.t))

    async def tags(self, visitor: Owner, audio: str | None, *before: str) -> str:
        """Title and artist of a song that was dropped, for `page/page.js` to fill in.

        Args:
            visitor: who dropped it.
            audio: the song; None where it was taken away.
            before: what the fields hold; what is written there meanwhile stays.
        """
        found = ["", ""]
        if audio is not None:
            found = list(await self.read(tasks.ReadNames(Path(audio)), visitor))
        return json.dumps({"found": found, "before": before})

    async def generate(self, values: Update, owner: Owner) -> AsyncIterator[Update]:
        """Make charts; yield progress, then everything that the results show."""
        audio = values["song"]
        if not audio:
            raise gr.Error(self.t("no_song"), print_exception=False)
        task = await self.generation(values, Path(audio), owner)
        notice = await asyncio.to_thread(self._beyond_training, task)
        async for update in self._follow(task, owner, notice):
            yield update

    def _beyond_training(self, task: tasks.MakeCharts) -> Markup:
        """Sentences on what the model was not trained on, to be seen before it is made."""
        from mug.pipeline.report import beyond_training

        model = self.service.named(task.model)
        found = beyond_training(model.release, model.schema, task.request, task.plan)
        return fragments.notices(found, self.t)

    async def generation(self, values: Update, audio: Path, owner: Owner) -> tasks.MakeCharts:
        """The task of making charts.

        Raises:
            gr.Error: for a request that cannot be.
        """
        if values.get("timing") == "from_file" and values.get("timing_file"):
            path = Path(values["timing_file"])
            lines = await self.read(tasks.ReadTempo(path), owner)
            values = {**values, "timing_file": (path.name, lines)}
        with ErrorMessages(self.t.language):
            return await asyncio.to_thread(self._generation, values, audio)

    def _generation(self, values: Update, audio: Path) -> tasks.MakeCharts:
        model = self.service.named(values.get("model"))
        request = requests.request_of(values, audio, model.schema)
        return tasks.MakeCharts(request, requests.plan_of(values), self.t.language, model.name)

    async def snap_again(self, key: str, tempo: str, owner: Owner) -> AsyncIterator[Update]:
        """Snap the charts to another timing."""
        with ErrorMessages(self.t.language):
            lines = requests.tempo_of(tempo)
        async for update in self._follow(tasks.SnapAgain(key, lines, self.t.language), owner):
            yield update

    async def edit(self, values: Update, owner: Owner) -> AsyncIterator[Update]:
        """Regenerate the region that is selected in the player."""
        state = json.loads(values["player_state"] or "{}")
        region = state.get("region")
        if not region:
            raise gr.Error(self.t("no_region"), print_exception=False)
        span = (float(region["start_ms"]), float(region["end_ms"]))
        columns = [int(column) for column in region["columns"]]
        task = await self.editing(values, int(state.get("index", 0)), span, columns)
        async for update in self._follow(task, owner):
            yield update

    async def editing(
        self, values: Update, chart: int, span: tuple[float, float], columns: Sequence[int]
    ) -> tasks.EditRegion:
        """The task of regenerating a region.

        Args:
            values: of the controls: `key`, `strength`, `variations`, `lock_holds`, and those of the
                request where `same_prompt` is on.
            chart: which one, from 0.
            span: begin and end of the region, in ms.
            columns: that may change, from 0; empty for all.

        Raises:
            gr.Error: for an edit that cannot be.
        """
        with ErrorMessages(self.t.language):
            return await asyncio.to_thread(self._editing, values, chart, span, columns)

    def _editing(
        self, values: Update, chart: int, span: tuple[float, float], columns: Sequence[int]
    ) -> tasks.EditRegion:
        from mug.pipeline.request import Edit, Region

        start, end = span
        if not (math.isfinite(start) and math.isfinite(end)):
            raise GenerationError("ui.region_has_finite_times", value=span)
        edit = Edit(
            Region(start, end, frozenset(columns) or None),
            locked=tasks.is_hold if values["lock_holds"] else None,
            strength=float(values["strength"]),
        )
        variations = tasks.Variations(
            prompt=requests.prompt_of(values) if values.get("same_prompt") else None,
            count=requests.whole("variations", values["variations"], 1, requests.MOST_CHARTS),
            seed=requests.seed_of(values.get("seed")),
        )
        return tasks.EditRegion(values["key"], chart, edit, variations, self.t.language)

    async def _follow(
        self, task: tasks.ChartsTask, owner: Owner, notice: Markup = NOTHING
    ) -> AsyncIterator[Update]:
        """Progress of a task while it waits and runs, below a notice, then what it made."""
        t = self.t
        job = self.join(task, owner)
        shown = ""
        try:
            while not job.finished.is_set():
                text = notice + fragments.waiting(job, self.service.job_queue.place(job), t)
                if text != shown:
                    shown = text
                    yield {"said": text, "generate": gr.Button(interactive=False),
                           "cancel": gr.Button(visible=True)}  # fmt: skip
                await asyncio.sleep(_POLL_S)
        finally:
            self.service.job_queue.give_up(job)  # the visitor is gone; nothing for a finished one
        idle = {"generate": gr.Button(interactive=True), "cancel": gr.Button(visible=False)}
        if isinstance(job.error, Cancelled):
            yield {**idle, "said": fragments.said(t("cancelled"), "plain")}
        elif job.error is not None:
            reason = sentence(job.error, t.language)
            yield {**idle, "said": fragments.said(reason, "bad")}
            raise gr.Error(reason, print_exception=False)
        else:
            assert isinstance(job.result, operations.JobResult)
            done = notice + fragments.said(t("done"))
            if job.result.notice is not None:
                done += fragments.said(job.result.notice.text(t.language), "bad")
            yield {**idle, **await asyncio.to_thread(self.shown, job.result), "said": done}

    def join(self, task: tasks.ChartsTask, owner: Owner) -> Job:
        """Put a task that makes charts in line.

        Raises:
            gr.Error: when the line is full, or this owner has enough in it.
        """
        files = (task.request.audio,) if isinstance(task, tasks.MakeCharts) else ()
        with ErrorMessages(self.t.language):
            return self.service.job_queue.join(partial(self.service.do, task), owner, files)

    async def made(self, task: tasks.ChartsTask, owner: Owner) -> operations.JobResult:
        """Do a task that makes charts, and wait for it.

        Raises:
            gr.Error: for what the task raises.
        """
        job = self.join(task, owner)
        result = await self._waited(self.service.job_queue, job)
        assert isinstance(result, operations.JobResult)
        return result

    async def read(self, task: tasks.ReadingTask, owner: Owner) -> Any:
        """Read an upload, in a line of its own.

        Raises:
            gr.Error: for what the task raises.
        """
        queue, reading = self.service.readings, partial(self.service.look, task)
        with ErrorMessages(self.t.language):
            job = queue.join(reading, owner, (task.path,))
        return await self._waited(queue, job)

    async def _waited(self, queue: JobQueue, job: Job) -> object:
        try:
            while not job.finished.is_set():
                await asyncio.sleep(_SHORT_S)
        finally:
            queue.give_up(job)
        with ErrorMessages(self.t.language):
            if job.error is not None:
                raise job.error
        return job.result

    def cancel(self, owner: Owner) -> None:
        """Give up whatever this visitor waits for."""
        self.service.job_queue.cancel(owner)

    def show(self, key: str) -> Update:
        """An earlier version of the charts."""
        with ErrorMessages(self.t.language):
            revision = self.service.folders.find(key)
            return self.shown(operations.JobResult(revision, read_written(revision)))

    def shown(self, outcome: operations.JobResult) -> Update:
        """Everything that the results show of a revision."""
        revision, written, t = outcome.revision, outcome.written, self.t
        folders = self.service.folders
        with ErrorMessages(self.t.language):
            tempo = requests.tempo_text(operations.current_tempo(folders, revision.key))
            timing = operations.readings(folders, revision.key)
        return {
            "stage": fragments.player(revision, written, t),
            "downloads": fragments.downloads(revision, written, t),
            "report": fragments.report(revision, t),
            "picture": fragments.picture(revision, written, t),
            "results": gr.Column(visible=True),
            "key": revision.key,
            "tempo": tempo,
            "bench": fragments.workbench(revision, tempo, timing, t),
            "history": gr.Dropdown(choices=self._versions(revision.key), value=revision.key),
        }

    def _versions(self, key: str) -> list[tuple[str, str]]:
        folders = self.service.folders
        job_folder = folders.find(key).folder.parent
        found = []
        for folder in sorted(job_folder.glob("[0-9]" * 4)):
            name = f"{job_folder.name}/{folder.name}"
            if (folder / "result.json").exists():
                origin = read_written(folders.find(name)).origin
                label = self.t(f"version_{origin}", number=int(folder.name))
                found.append((label, name))
        return found

    async def tempo_from(self, visitor: Owner, path: str | None) -> str:
        """The tempo map of a chart's file."""
        if path is None:
            raise gr.Error(self.t("no_chart"), print_exception=False)
        lines = await self.read(tasks.ReadTempo(Path(path)), visitor)
        return requests.tempo_text(TempoMap(lines))

    async def read_chart(self, visitor: Owner, path: str | None, rate: float) -> tasks.Read:
        """The prompt of each chart in a file.

        Args:
            visitor: who asks.
            path: a chart or a package.
            rate: as if the song were played so many times as fast.

        Raises:
            gr.Error: for a file that cannot be read.
        """
        if not path:
            raise gr.Error(self.t("no_chart"), print_exception=False)
        schema = self.service.model.schema
        found: tasks.Read = await self.read(tasks.ReadChart(Path(path), schema, rate), visitor)
        return found


class ErrorMessages:
    """Turns the project's errors into sentences for the visitor, without a stack trace.

    Args:
        language: of the visitor.
    """

    def __init__(self, language: str) -> None:
        self._language = language

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise `gr.Error` for a `MugError`."""
        if isinstance(error, MugError):
            raise gr.Error(sentence(error, self._language), print_exception=False) from error
