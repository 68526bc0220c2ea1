"""The web page: both languages, their tabs, and how they are served."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from mug.errors import MugError
from mug.messages.message import LANGUAGES
from mug.ui.access.access import Access
from mug.ui.api import add_api
from mug.ui.handlers import Handlers
from mug.ui.jobs.folders import JobFolders, StorageLimits
from mug.ui.jobs.queue import JobQueue
from mug.ui.model import PageModel
from mug.ui.page import fragments
from mug.ui.page.about import about
from mug.ui.page.make_tab import make_tab
from mug.ui.page.prompt_tab import prompt_tab
from mug.ui.page.texts import Texts
from mug.ui.page.theme import theme
from mug.ui.page.visitor import owner_of
from mug.ui.routes import PAGE_FOLDER, at_the_head, routes
from mug.ui.service import Service
from mug.ui.serving import Serving
from mug.ui.sessions import MOST
from mug.ui.workers.bounds import READING, Bounds
from mug.ui.workers.process import WorkerSetting
from mug.ui.workers.worker import Worker

_KEEP_S = 24 * 3600
_WATCH_S = 1.0
_CALLS = 256  # at a time: more than both queues hold, so that none waits for those that wait


def build(service: Service, serving: Serving) -> gr.Blocks:
    """The page in both languages; the first at `/`, the other at its name."""
    first, other = _languages(serving)
    page = gr.Blocks(
        title=Texts(first)("name"), analytics_enabled=False, delete_cache=(3600, _KEEP_S)
    )

    def gone(request: gr.Request) -> None:
        service.job_queue.cancel(owner_of(request))

    # The fair queues are the service's own: Gradio's would be one by arrival, and of calls.
    page.queue(default_concurrency_limit=None, max_size=None)
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


def _paths(serving: Serving) -> dict[str, str]:
    """Language of the page by its paths."""
    first, other = _languages(serving)
    return {"/": first, f"/{other}": other, f"/{other}/": other}


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
    access = Access(serving, _paths(serving), service.folders.sweep_soon)
    access.prepare()
    _, address, shared = page.launch(**launch_arguments(service, serving, access))
    access.opened(page, shared)
    service.folders.keep_swept(lambda: service.job_queue.files() | service.readings.files())
    _end_abandoned(service, access)
    return page, address, shared


def _end_abandoned(service: Service, access: Access) -> None:
    """Give up jobs to which nobody listens, in a thread of its own."""

    def watch() -> None:
        while True:
            time.sleep(_WATCH_S)
            for queue in (service.job_queue, service.readings):
                queue.end_abandoned(lambda one: access.presence.is_followed(one.address, one.tab))

    threading.Thread(target=watch, name="abandoned", daemon=True).start()


def launch_arguments(service: Service, serving: Serving, access: Access) -> dict[str, Any]:
    """Arguments of Gradio's `launch`."""
    paths = _paths(serving)
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
        "state_session_capacity": MOST,
        "max_threads": _CALLS,
        "app_kwargs": {
            "lifespan": access.lifespan(),
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
    serving: Serving | None = None,
) -> Service:
    """A service that keeps its files below a folder, and works in processes of their own.

    Args:
        folder: for jobs and uploads.
        checkpoint: model that the page begins with.
        device: of all models.
        why_none: reason why there is no checkpoint.
        others: further models to choose from; each is loaded when it is chosen.
        serving: space for files, and bounds of each task that makes charts.
    """
    uploads = (folder / "uploads").resolve()
    os.environ["GRADIO_TEMP_DIR"] = str(uploads)
    serving = serving or Serving()
    limits = StorageLimits(size=int(serving.max_gb * 1e9 / 2))
    folders = JobFolders(folder / "jobs", uploads=uploads, limits=limits)
    bounds = Bounds(memory_mib=1024 * serving.job_gb, seconds=60 * serving.job_minutes)
    further = tuple(path for path in others if path != checkpoint)
    paths = (() if checkpoint is None else (checkpoint,)) + further
    charts = Worker(WorkerSetting(folders.root, paths, device), bounds)
    reader = Worker(WorkerSetting(folders.root), READING)
    first = PageModel(checkpoint, device, why_none, charts.load)
    models = tuple(PageModel(path, device, elsewhere=charts.load) for path in further)
    return Service(first, folders, JobQueue(), models, charts, reader)
