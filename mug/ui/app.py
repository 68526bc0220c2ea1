"""The web page: both languages, their tabs, and how they are served."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from mug.errors import MugError
from mug.messages.message import LANGUAGES
from mug.ui.api import add_api
from mug.ui.handlers import Handlers, Service
from mug.ui.jobs.folders import JobFolders
from mug.ui.jobs.queue import JobQueue
from mug.ui.model import PageModel
from mug.ui.page import fragments
from mug.ui.page.about import about
from mug.ui.page.make_tab import make_tab, owner_of
from mug.ui.page.prompt_tab import prompt_tab
from mug.ui.page.texts import Texts
from mug.ui.page.theme import theme
from mug.ui.routes import PAGE_FOLDER, at_the_head, routes
from mug.ui.serving import Serving

_KEEP_S = 24 * 3600


def build(service: Service, serving: Serving) -> gr.Blocks:
    """The page in both languages; the first at `/`, the other at its name."""
    first, other = _languages(serving)
    page = gr.Blocks(
        title=Texts(first)("name"), analytics_enabled=False, delete_cache=(3600, _KEEP_S)
    )

    def gone(request: gr.Request) -> None:
        service.job_queue.cancel(owner_of(request))

    page.queue(default_concurrency_limit=16, max_size=128)
    with page:
        page.unload(gone)
        _language(service, serving, Texts(first), f"/{other}?language={other}", with_api=True)
    with page.route(LANGUAGES[other], f"/{other}"):
        page.unload(gone)
        _language(service, serving, Texts(other), f"/?language={first}", with_api=False)
    return page


def _languages(serving: Serving) -> tuple[str, str]:
    """That of the first page, and the other."""
    first = serving.language or "en"
    return first, next(language for language in LANGUAGES if language != first)


def _language(service: Service, serving: Serving, t: Texts, other: str, *, with_api: bool) -> None:
    """One language's page."""
    handlers = Handlers(service, t, serving.max_mb)
    gr.HTML(fragments.head(t, other))
    status = gr.HTML(fragments.status(service.model, t), elem_id="mug-model")
    timer = gr.Timer(1.0, active=True)
    with gr.Tabs(elem_id="mug-tabs") as tabs:
        with gr.Tab(t("make"), id="make"):
            form = make_tab(handlers)
        with gr.Tab(t("read"), id="read"):
            prompt_tab(handlers, form, tabs)
        with gr.Tab(t("about"), id="about"):
            gr.HTML(about(t))

    def look(name: str) -> tuple[str, gr.Timer]:
        model = service.named(name)
        return fragments.status(model, t), gr.Timer(active=model.state == "loading")

    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden"}
    timer.tick(look, form["model"], [status, timer], api_visibility="private", **quiet)
    form["model"].input(look, form["model"], [status, timer], api_visibility="private", **quiet)
    if with_api:
        add_api(handlers)


def serve(service: Service, serving: Serving) -> tuple[gr.Blocks, str, str | None]:
    """Start the server in threads of its own: the page, its address, and the public one."""
    page = build(service, serving)
    _, address, shared = page.launch(**launch_arguments(service, serving))
    service.folders.keep_swept()
    return page, address, shared


def launch_arguments(service: Service, serving: Serving) -> dict[str, Any]:
    """Arguments of Gradio's `launch`."""
    first, other = _languages(serving)
    paths = {"/": first, f"/{other}": other, f"/{other}/": other}
    return {
        "server_name": serving.host,
        "server_port": serving.port,
        "share": serving.share,
        "auth": list(serving.auth) or None,
        "prevent_thread_lock": True,
        "quiet": True,
        "max_file_size": f"{serving.max_mb}mb",
        "allowed_paths": [str(service.folders.root)],
        "theme": theme(),
        "css_paths": PAGE_FOLDER / "page.css",
        "footer_links": ["api"],
        "ssr_mode": False,
        "app_kwargs": {
            "routes": routes(service.folders),
            "middleware": [at_the_head(paths, by_browser=serving.language is None)],
        },
    }


def service_in(
    folder: Path,
    checkpoint: Path | None,
    device: str = "auto",
    why_none: MugError | None = None,
    others: Sequence[Path] = (),
) -> Service:
    """A service that keeps its files below a folder.

    Args:
        folder: for jobs and uploads.
        checkpoint: model that the page begins with.
        device: of all models.
        why_none: reason why there is no checkpoint.
        others: further models to choose from; each is loaded when it is chosen.
    """
    uploads = (folder / "uploads").resolve()
    os.environ["GRADIO_TEMP_DIR"] = str(uploads)
    folders = JobFolders(folder / "jobs", uploads=uploads)
    first = PageModel(checkpoint, device, why_none)
    further = tuple(PageModel(path, device) for path in others if path != checkpoint)
    return Service(first, folders, JobQueue(), further)
