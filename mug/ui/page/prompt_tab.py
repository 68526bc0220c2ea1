"""The tab that reads a chart's features as a prompt."""

from __future__ import annotations

from typing import Any

import gradio as gr

from mug.ui import requests
from mug.ui.handlers import Handlers
from mug.ui.jobs.tasks import Read
from mug.ui.page import fragments
from mug.ui.page.form import CHART_FILES, Form, file_field
from mug.ui.page.visitor import owner_of

_QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal"}


def prompt_tab(handlers: Handlers, form: Form, tabs: gr.Tabs) -> None:
    """Build the tab.

    Args:
        handlers: what answers.
        form: controls of the tab that makes charts; they take a prompt over.
        tabs: to go there.
    """
    t = handlers.t
    gr.HTML(fragments.hint(t("read_hint")))
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=300):
            label = t("chart_file", kinds=" ".join(CHART_FILES))
            file = file_field(handlers, "chart", label, "mug-chart")
            rate = gr.Slider(0.5, 2.0, 1.0, step=0.05, label=t("rate"), info=t("rate_hint"))
            measure = gr.Button(t("measure"), variant="primary", elem_id="mug-measure")
        with gr.Column(scale=7, min_width=300):
            which = gr.Dropdown(label=t("which_chart"), visible=False, interactive=True)
            yaml = gr.Code(label=t("prompt_yaml"), language="yaml", interactive=False, lines=12)
            said = gr.HTML()
            use = gr.Button(t("use_prompt"), visible=False)
    found = gr.State([])

    def show(read: Read, index: int) -> tuple[str, str]:
        return read[index]["yaml"], fragments.beyond(read[index]["beyond"], t)

    async def look(request: gr.Request, path: str | None, speed: float) -> tuple[Any, ...]:
        read = await handlers.read_chart(owner_of(request), path, speed)
        names = [(one["name"], index) for index, one in enumerate(read)]
        several = gr.Dropdown(choices=names, value=0, visible=len(read) > 1)
        return read, several, *show(read, 0), gr.Button(visible=True)

    names = [name for name in requests.controls_of({}) if name in form]

    def take(read: Read, index: int | None) -> list[Any]:
        wanted = requests.controls_of(read[index or 0]["prompt"])
        gr.Info(t("used_prompt", tab=t("make")))
        return [gr.Tabs(selected="make"), *(_within(wanted, name, form) for name in names)]

    names = [*names, *(n for n in requests.NUMBERS if n in form and n not in names)]
    measure.click(look, [file, rate], [found, which, yaml, said, use], **_QUIET)
    which.input(show, [found, which], [yaml, said], queue=False, **_QUIET)
    use.click(take, [found, which], [tabs, *(form[name] for name in names)], **_QUIET)


def _within(wanted: dict[str, Any], name: str, form: Form) -> Any:
    """A control's new value, within the range of its slider."""
    if name not in wanted:
        return gr.skip()
    value, control = wanted[name], form[name]
    if isinstance(control, gr.Slider):
        return min(max(float(value), control.minimum), control.maximum)
    return value
