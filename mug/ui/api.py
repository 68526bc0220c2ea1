"""The same as the page, for programs: `generate`, `edit`, `chart_to_prompt`, with typed inputs.

They are called with `gradio_client`; the page's "Use via API" lists their arguments.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr

from mug.diffusion.samplers.registry import SAMPLERS
from mug.ui.handlers import Handlers
from mug.ui.jobs import operations
from mug.ui.jobs.files import REPORT
from mug.ui.page.form import CHART_FILES, SOUNDS
from mug.ui.page.visitor import owner_of
from mug.ui.requests import MOST_CHARTS, MOST_STEPS


def add_api(handlers: Handlers) -> None:
    """Add the three named calls to the page that is being built; nothing of them is seen."""
    with gr.Column(visible=False):
        answer, files = gr.JSON(label="report"), gr.File(file_count="multiple", label="files")
        _add_generate(handlers, answer, files)
        _add_edit(handlers, answer, files)
        chart = gr.File(label="chart", file_types=CHART_FILES, type="filepath")
        rate = gr.Slider(0.1, 10, 1, label="rate")

        async def chart_to_prompt(
            visitor: gr.Request, chart: str | None, rate: float
        ) -> list[dict[str, Any]]:
            """The prompt of each chart in a file: `name`, `prompt`, `yaml`."""
            return await handlers.read_chart(owner_of(visitor), chart, rate)

        gr.Button(visible=False).click(
            chart_to_prompt, [chart, rate], answer, api_name="chart_to_prompt"
        )


def _add_generate(handlers: Handlers, answer: gr.JSON, files: gr.File) -> None:
    usual = handlers.service.model.release.usual
    inputs = [
        gr.File(label="audio", file_types=SOUNDS, type="filepath"),
        gr.JSON(label="prompt: feature name to value", value={}),
        gr.Textbox(label="negative prompt, YAML", value=""),
        gr.Slider(1, MOST_CHARTS, 1, step=1, label="charts"),
        gr.Slider(0, 4 * MOST_CHARTS, 0, step=1, label="choose from so many"),
        gr.Slider(1, MOST_STEPS, usual["steps"], step=1, label="sampler steps"),
        gr.Slider(0, 30, usual["guidance_scale"], label="guidance scale"),
        gr.Radio(list(SAMPLERS), value=usual["sampler"], label="sampler"),
        gr.Number(-1, precision=0, label="seed; -1 draws one"),
        gr.Number(0.0, label="tempo, beats a minute; 0: heard in the song"),
        gr.Number(0.0, label="offset of the first bar, ms"),
        gr.Checkbox(label="a whole spread, Easy to Expert, instead of so many charts"),
        gr.Checkbox(True, label="bring charts to the star rating asked for"),
        gr.JSON(
            label="further fields of the request, as the report's `request` has them", value={}
        ),
        gr.JSON(label="further fields of the plan, as the report's `plan` has them", value={}),
        gr.Textbox(label="model, named as the page does; empty: the first", value=""),
    ]

    async def generate(  # noqa: PLR0913, PLR0917 (the arguments of a call over the network)
        visitor: gr.Request,
        audio: str | None,
        prompt: dict[str, Any] | None,
        negative: str,
        count: float,
        candidates: float,
        steps: float,
        guidance: float,
        sampler: str,
        seed: float,
        bpm: float,
        offset_ms: float,
        spread: bool,
        reach_stars: bool,
        request: dict[str, Any] | None,
        plan: dict[str, Any] | None,
        model: str,
    ) -> tuple[dict[str, Any], list[str]]:
        """Make charts for a song: report and files; the report's `key` names them for `edit`.

        `request` and `plan` of a report make its charts again.
        """
        if not audio:
            raise gr.Error(handlers.t("no_song"), print_exception=False)
        values = {
            "prompt": prompt or {}, "negative": negative, "count": count, "candidates": candidates,
            "steps": steps, "guidance": guidance, "sampler": sampler, "seed": seed, "bpm": bpm,
            "offset": offset_ms, "timing": "by_hand" if bpm else "heard", "spread": spread,
            "reach_stars": reach_stars, "request": request, "plan": plan, "model": model,
        }  # fmt: skip
        owner = owner_of(visitor)
        task = await handlers.generation(values, Path(audio), owner)
        return _answer(await handlers.made(task, owner))

    gr.Button(visible=False).click(generate, inputs, [answer, files], api_name="generate")


def _add_edit(handlers: Handlers, answer: gr.JSON, files: gr.File) -> None:
    inputs = [
        gr.Textbox(label="key of the charts", value=""),
        gr.Number(0, precision=0, label="chart, from 0"),
        gr.Number(0.0, label="begin of the region, ms"),
        gr.Number(0.0, label="end of the region, ms"),
        gr.JSON(label="columns from 0; empty: all", value=[]),
        gr.Slider(0, 1, 1, label="strength"),
        gr.Slider(1, MOST_CHARTS, 1, step=1, label="variations"),
        gr.Number(-1, precision=0, label="seed; -1 draws one"),
    ]

    async def edit(  # noqa: PLR0913, PLR0917 (the arguments of a call over the network)
        request: gr.Request,
        key: str,
        chart: float,
        start_ms: float,
        end_ms: float,
        columns: list[int] | None,
        strength: float,
        variations: float,
        seed: float,
    ) -> tuple[dict[str, Any], list[str]]:
        """Regenerate a region of a chart; the first of the answer's charts is the one before."""
        values = {
            "key": key, "strength": strength, "variations": variations, "seed": seed,
            "lock_holds": False,
        }  # fmt: skip
        task = await handlers.editing(values, int(chart), (start_ms, end_ms), columns or [])
        return _answer(await handlers.made(task, owner_of(request)))

    gr.Button(visible=False).click(edit, inputs, [answer, files], api_name="edit")


def _answer(made: operations.JobResult) -> tuple[dict[str, Any], list[str]]:
    """Report and files of charts that were made."""
    folder = made.revision.folder
    report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    names = {"key": made.revision.key, "charts_files": made.written.charts}
    return {**report, **names}, [str(folder / name) for _, name in made.written.files]
