"""Handlers of the buttons: from Gradio's values to jobs and back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from markupsafe import Markup

from mug.audio.tags import song_names
from mug.errors import Cancelled, GenerationError, MugError
from mug.timing.tempo_map import timing_from_file
from mug.ui import requests
from mug.ui.jobs import operations
from mug.ui.jobs.files import read_written
from mug.ui.jobs.folders import JobFolders
from mug.ui.jobs.queue import Job, JobQueue
from mug.ui.model import PageModel
from mug.ui.page import fragments
from mug.ui.page.sentences import sentence
from mug.ui.page.texts import Texts

if TYPE_CHECKING:
    from mug.pipeline.chart import ChartGenerator
    from mug.pipeline.plan import Plan
    from mug.pipeline.request import GenerationRequest

_POLL_S = 0.3

NOTHING = Markup("")

Update = dict[str, Any]
"""New values of components, by name."""


@dataclass(frozen=True)
class Service:
    """Service that all visitors share.

    Args:
        model: the model that the page begins with.
        folders: where jobs lie.
        job_queue: where they wait.
        others: further models to choose from.
    """

    model: PageModel
    folders: JobFolders
    job_queue: JobQueue
    others: tuple[PageModel, ...] = ()

    @property
    def models(self) -> tuple[PageModel, ...]:
        """All models, the one that the page begins with first."""
        return (self.model, *self.others)

    def named(self, name: str | None) -> PageModel:
        """Return the model of a name; for none, and one that is gone, the first."""
        return next((one for one in self.models if one.name == name), self.model)

    def generator_of(self, key: str) -> ChartGenerator:
        """Return the model that made the charts of a revision, loaded."""
        return self.named(operations.model_name(self.folders, key)).generator()


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

    def tags(self, audio: str | None, *before: str) -> str:
        """Title and artist of a song that was dropped, for `page/page.js` to fill in.

        Args:
            audio: the song; None where it was taken away.
            before: what the fields hold; what is written there meanwhile stays.
        """
        found = ["", ""]
        if audio is not None:
            with ErrorMessages(self.t.language):
                names = song_names(audio)
            found = [names.title, names.artist]
        return json.dumps({"found": found, "before": before})

    def generate(self, values: Update, owner: str) -> Iterator[Update]:
        """Make charts; yield progress, then everything that the results show."""
        audio = values["song"]
        if not audio:
            raise gr.Error(self.t("no_song"), print_exception=False)
        with ErrorMessages(self.t.language):
            notice = self._beyond_training(values, Path(audio))
        yield from self._follow(self.generation(values, Path(audio)), owner, notice)

    def _requested(self, values: Update, audio: Path) -> tuple[GenerationRequest, Plan]:
        model = self.service.named(values.get("model"))
        return requests.request_of(values, audio, model.schema), requests.plan_of(values)

    def _beyond_training(self, values: Update, audio: Path) -> Markup:
        """Sentences on what the model was not trained on, to be seen before it is made."""
        from mug.pipeline.report import beyond_training

        model = self.service.named(values.get("model"))
        found = beyond_training(model.release, model.schema, *self._requested(values, audio))
        return fragments.notices(found, self.t)

    def generation(self, values: Update, audio: Path) -> Callable[[Job], operations.JobResult]:
        """The job of making charts.

        Raises:
            gr.Error: for a request that cannot be.
        """
        service = self.service
        with ErrorMessages(self.t.language):
            request, plan = self._requested(values, audio)
        model = service.named(values.get("model"))
        return lambda job: operations.make_charts(
            model.generator(), service.folders, request, plan, job, self.t.language, model.name
        )

    def snap_again(self, key: str, tempo: str, owner: str) -> Iterator[Update]:
        """Snap the charts to another timing."""
        with ErrorMessages(self.t.language):
            lines = requests.tempo_of(tempo)
        service = self.service

        def function(job: Job) -> operations.JobResult:
            job.progress(1, 1)  # all that is left is what follows the network's steps
            return operations.snap_again(
                service.generator_of(key), service.folders, key, lines, "given", self.t.language
            )

        yield from self._follow(function, owner)

    def edit(self, values: Update, owner: str) -> Iterator[Update]:
        """Regenerate the region that is selected in the player."""
        state = json.loads(values["player_state"] or "{}")
        region = state.get("region")
        if not region:
            raise gr.Error(self.t("no_region"), print_exception=False)
        span = (float(region["start_ms"]), float(region["end_ms"]))
        columns = [int(column) for column in region["columns"]]
        chart = int(state.get("index", 0))
        yield from self._follow(self.editing(values, chart, span, columns), owner)

    def editing(
        self, values: Update, chart: int, span: tuple[float, float], columns: Sequence[int]
    ) -> Callable[[Job], operations.JobResult]:
        """The job of regenerating a region.

        Args:
            values: of the controls: `key`, `strength`, `variations`, `lock_holds`, and those of the
                request where `same_prompt` is on.
            chart: which one, from 0.
            span: begin and end of the region, in ms.
            columns: that may change, from 0; empty for all.
        """
        from mug.beatmap.hit_objects import LongNote
        from mug.pipeline.edit import Edit, Region

        service = self.service
        with ErrorMessages(self.t.language):
            start, end = span
            if not (math.isfinite(start) and math.isfinite(end)):
                raise GenerationError("ui.region_has_finite_times", value=span)
            edit = Edit(
                Region(start, end, frozenset(columns) or None),
                locked=(lambda note: isinstance(note, LongNote)) if values["lock_holds"] else None,
                strength=float(values["strength"]),
            )
            seed = requests.seed_of(values.get("seed"))
            count = requests.whole("variations", values["variations"], 1, requests.MOST_CHARTS)
            prompt = requests.prompt_of(values) if values.get("same_prompt") else None

        def request_of(before: Any) -> Any:
            wanted = before if prompt is None else replace(before, prompt=prompt)
            return replace(wanted, count=count, seed=seed)

        return lambda job: operations.edit_region(
            service.generator_of(values["key"]),
            service.folders,
            values["key"],
            chart,
            edit,
            request_of,
            job,
            self.t.language,
        )

    def _follow(
        self,
        function: Callable[[Job], operations.JobResult],
        owner: str,
        notice: Markup = NOTHING,
    ) -> Iterator[Update]:
        """Progress of a job while it waits and runs, below a notice, then what it made."""
        job_queue, t = self.service.job_queue, self.t
        with ErrorMessages(self.t.language):
            job = job_queue.join(function, owner)
        shown = ""
        try:
            while not job.finished.wait(_POLL_S):
                text = notice + fragments.waiting(job, job_queue.place(job), t)
                if text != shown:
                    shown = text
                    yield {"said": text, "generate": gr.Button(interactive=False),
                           "cancel": gr.Button(visible=True)}  # fmt: skip
        except GeneratorExit:
            job.cancel()  # the visitor is gone
            raise
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
            yield {**idle, **self.shown(job.result), "said": done}

    def cancel(self, owner: str) -> None:
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

    def tempo_from(self, path: str | None) -> str:
        """The tempo map of a chart's file."""
        if path is None:
            raise gr.Error(self.t("no_chart"), print_exception=False)
        with ErrorMessages(self.t.language):
            return requests.tempo_text(timing_from_file(path))


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
