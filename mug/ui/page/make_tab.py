"""The tab that makes charts: song and prompt on the left, what came out beside and below."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import gradio as gr

from mug.ui.handlers import Handlers, Update
from mug.ui.jobs.operations import MAX_SONG_MS
from mug.ui.jobs.owner import Owner
from mug.ui.page import fragments
from mug.ui.page.form import (
    CHART_FILES,
    Form,
    cleanup_form,
    depending_on_model,
    file_field,
    model_form,
    prompt_form,
    prompt_updates,
    sampling_form,
    sampling_updates,
)
from mug.ui.page.visitor import owner_of
from mug.ui.requests import MOST_CHARTS

_RESULTS = (
    "said", "generate", "cancel", "stage", "downloads", "report", "picture", "results", "key",
    "tempo", "bench", "history",
)  # fmt: skip
_QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_STATE = "(first, ...rest) => [window.mugPage.state(), ...rest]"
_FILL_IN = "(tags, ...now) => window.mugPage.fillIn(tags, now)"


def make_tab(handlers: Handlers) -> Form:
    """Build the tab; return its components by name.

    Args:
        handlers: what answers.
    """
    form: Form = {}
    with gr.Row(elem_classes="mug-top", equal_height=False):
        with gr.Column(scale=5, min_width=320, elem_classes="mug-left"):
            form |= _song(handlers)
        with gr.Column(scale=7, min_width=320):
            t = handlers.t
            gr.HTML(fragments.title(t("ask")) + fragments.hint(t("ask_hint")))
            form |= model_form(handlers)
            form |= prompt_form(t, *handlers.service.models)
            form |= sampling_form(t, handlers.service.model.release.usual)
            form |= cleanup_form(handlers)
    form["key"] = gr.State("")
    form |= _results(handlers)
    _wire(handlers, form)
    return form


def _song(handlers: Handlers) -> Form:
    t, form = handlers.t, Form()
    hint = t("song_hint", minutes=round(MAX_SONG_MS / 60000), size=handlers.max_mb)
    form["song"] = file_field(handlers, "song", t("song"), "mug-song")
    gr.HTML(fragments.hint(hint))
    with gr.Row():
        form["title"] = gr.Textbox(label=t("title"), placeholder=t("from_tags"), max_length=200)
        form["artist"] = gr.Textbox(label=t("artist"), placeholder=t("from_tags"), max_length=200)
    form["count"] = gr.Slider(1, MOST_CHARTS, 2, step=1, label=t("count"), info=t("count_hint"))
    with gr.Row():
        form["generate"] = gr.Button(
            t("generate"), variant="primary", size="lg", elem_id="mug-generate", scale=3
        )
        form["cancel"] = gr.Button(t("cancel"), size="lg", visible=False, scale=1)
    form["said"] = gr.HTML("", elem_classes="mug-says")
    return form


def _results(handlers: Handlers) -> Form:
    t, form = handlers.t, Form()
    form["stage"] = gr.HTML(fragments.empty(t), elem_id="mug-stage")
    with gr.Column(visible=False) as results:
        form["downloads"] = gr.HTML()
        form |= _editing(handlers)
        form |= _workbench(handlers)
        with gr.Accordion(t("report"), open=True, elem_classes="mug-fold"):
            form["report"] = gr.HTML()
        with gr.Accordion(t("picture"), open=False, elem_classes="mug-fold"):
            form["picture"] = gr.HTML()
    form["results"] = results
    return form


def _editing(handlers: Handlers) -> Form:
    t, form = handlers.t, Form()
    with gr.Group(elem_classes="mug-group"):
        gr.HTML(fragments.legend(t("edit")) + fragments.hint(t("edit_hint")) + fragments.region(t))
        with gr.Row():
            form["strength"] = gr.Slider(
                0,
                1,
                0.8,
                step=0.05,
                label=t("strength"),
                info=t("strength_hint"),
                min_width=270,
            )
            form["variations"] = gr.Slider(
                1, MOST_CHARTS, 2, step=1, label=t("variations"), min_width=270
            )
        with gr.Row():
            form["lock_holds"] = gr.Checkbox(label=t("lock_holds"))
            form["same_prompt"] = gr.Checkbox(label=t("same_prompt"))
        form["player_state"] = gr.Textbox(visible=False)
        form["remake"] = gr.Button(t("remake"), variant="primary", elem_id="mug-remake")
    form["history"] = gr.Dropdown(label=t("history"), interactive=True, elem_id="mug-history")
    return form


def _workbench(handlers: Handlers) -> Form:
    t, form = handlers.t, Form()
    with gr.Group(elem_classes="mug-group mug-bench"):
        gr.HTML(fragments.legend(t("workbench")) + fragments.hint(t("workbench_hint")))
        form["bench"] = gr.HTML(elem_classes="mug-bench-stage")
        with gr.Accordion(t("red_lines"), open=False, elem_classes="mug-inner"):
            form["tempo"] = tempo = gr.Textbox(
                label=t("red_lines"),
                info=t("red_lines_hint"),
                lines=2,
                max_lines=12,
                elem_id="mug-tempo",
            )
            with gr.Column(elem_id="mug-tempo-file", elem_classes="mug-upload"):
                upload = gr.UploadButton(t("timing_file"), file_types=CHART_FILES, size="sm")
            handlers.refused("mug-tempo-file", "chart", CHART_FILES)
            upload.upload(_asked(handlers.tempo_from), upload, tempo, queue=False, **_QUIET)
        form["snap"] = gr.Button(t("snap_again"), variant="primary", elem_id="mug-snap")
    tempo.change(None, tempo, None, js="(text) => window.mugPage.showTempo(text)")
    return form


def _wire(handlers: Handlers, form: Form) -> None:
    """Buttons to answers."""
    outputs = [form[name] for name in _RESULTS]
    asked = [name for name in form if name not in _RESULTS and name not in _BUTTONS]
    names = [form["title"], form["artist"]]
    tags = gr.Textbox(visible=False)
    form["song"].change(
        _asked(handlers.tags), [form["song"], *names], tags, queue=False, **_QUIET
    ).success(None, [tags, *names], names, js=_FILL_IN, queue=False, **_QUIET)
    form["generate"].click(
        _streamed(form, asked, handlers.generate), [form[name] for name in asked], outputs, **_QUIET
    )
    edited = ["player_state", "key", *(name for name in asked if name != "player_state")]
    form["remake"].click(
        _streamed(form, edited, handlers.edit),
        [form[name] for name in edited],
        outputs,
        js=_STATE,
        **_QUIET,
    )
    form["snap"].click(
        _streamed(
            form,
            ["key", "tempo"],
            lambda values, owner: handlers.snap_again(values["key"], values["tempo"], owner),
        ),
        [form["key"], form["tempo"]],
        outputs,
        js="(key, text) => [key, window.mugPage.tempo(text)]",
        **_QUIET,
    )
    form["history"].input(
        lambda key: _named(form, handlers.show(key)), form["history"], outputs, **_QUIET
    )
    form["cancel"].click(_owned(handlers.cancel), queue=False, **_QUIET)
    _wire_models(handlers, form)


def _wire_models(handlers: Handlers, form: Form) -> None:
    """The choice of another model to the controls that depend on it; it begins to load."""
    t, service = handlers.t, handlers.service

    names = [*depending_on_model(form), *sampling_updates(service.model.release.usual)]

    def chosen(name: str) -> dict[Any, Any]:
        model = service.named(name)
        model.start()
        usual = sampling_updates(model.release.usual)
        return _named(form, prompt_updates(t, model, names) | usual)

    outputs = [form[name] for name in names]
    form["model"].input(chosen, form["model"], outputs, queue=False, **_QUIET)


_BUTTONS = ("remake", "snap")


def _streamed(
    form: Form, names: Sequence[str], answer: Callable[[Update, Owner], AsyncIterator[Update]]
) -> Callable[..., AsyncIterator[dict[Any, Any]]]:
    """A handler for Gradio: values by name in, updates by component out."""

    async def handle(request: gr.Request, *values: Any) -> AsyncIterator[dict[Any, Any]]:
        async for update in answer(dict(zip(names, values, strict=True)), owner_of(request)):
            yield _named(form, update)

    return handle


def _asked(answer: Callable[..., Awaitable[str]]) -> Callable[..., Awaitable[str]]:
    """A handler for Gradio that knows who asks."""

    async def handle(request: gr.Request, *values: Any) -> str:
        return await answer(owner_of(request), *values)

    return handle


def _owned(answer: Callable[[Owner], None]) -> Callable[[gr.Request], None]:
    def handle(request: gr.Request) -> None:
        answer(owner_of(request))

    return handle


def _named(form: Form, update: Update) -> dict[Any, Any]:
    return {form[name]: value for name, value in update.items()}
