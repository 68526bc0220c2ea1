"""The web page: drop a song, shape the chart, play it in the browser.

Listens on this computer alone unless --listen, --host or --share says otherwise.
"""

from __future__ import annotations

import argparse
import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from mug.cli.charts.model_options import add_model_options
from mug.cli.common import run
from mug.errors import CheckpointError, ConfigError, MugError
from mug.pipeline.model.choice import find_model, models_by_keys
from mug.util import workplace

if TYPE_CHECKING:
    from mug.ui.serving import Serving

ROOT = workplace()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_model_options(made)
    made.add_argument("--device", default="auto", help="auto (default), cpu, cuda")
    made.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    made.add_argument("--listen", action="store_true", help="listen on all addresses")
    made.add_argument("--port", type=int, help="default: the first free one from 7860 on")
    made.add_argument("--share", action="store_true", help="a public address by Gradio's servers")
    made.add_argument(
        "--auth", action="append", default=[], metavar="NAME:PASSWORD", help="who may enter"
    )
    made.add_argument(
        "--auth_file",
        type=Path,
        metavar="FILE",
        help="the same, a line each: a command line is seen by others of the computer",
    )
    made.add_argument("--lang", choices=("en", "zh"), help="default: the browser's")
    made.add_argument(
        "--max_mb", type=int, default=100, help="size that an upload may have (default 100)"
    )
    _add_limits(made)
    made.add_argument(
        "--out", type=Path, default=ROOT / "outputs/webui", help="where jobs lie for a day"
    )
    return made


def _add_limits(made: argparse.ArgumentParser) -> None:
    """Add what a server for others needs."""
    made.add_argument(
        "--max_gb",
        type=float,
        default=10.0,
        help="space that jobs and uploads may take; the oldest go first (default 10)",
    )
    made.add_argument(
        "--job_gb",
        type=float,
        default=4.0,
        help="memory that one request may take beyond the model (default 4)",
    )
    made.add_argument(
        "--job_minutes",
        type=float,
        default=30.0,
        help="time that one request may take (default 30)",
    )
    made.add_argument(
        "--allow_host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name of this server, as of a reverse proxy or a tunnel; *.example.org "
        "stands for all below it",
    )
    made.add_argument(
        "--proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="a reverse proxy: its X-Forwarded-For names the visitor",
    )


def serving_of(args: argparse.Namespace) -> Serving:
    """Options of serving the page, from the command line.

    Raises:
        ConfigError: for a name without a password, two addresses, or a size that is none.
    """
    from mug.ui.serving import Serving

    if args.listen and args.host is not None:
        raise ConfigError(
            "scripts.listen_and_host_name_two_addresses", remedy="remedy.leave_out_either"
        )
    for name in ("job_gb", "job_minutes"):
        if not 0 < getattr(args, name) < math.inf:
            raise ConfigError("scripts.number_above_0", value=f"--{name}")
    if not args.max_gb * 1000 >= 4 * args.max_mb:
        raise ConfigError("scripts.files_need_space_for_four_uploads", value=args.max_gb)
    if args.max_mb < 1:
        raise ConfigError("scripts.upload_may_have_at_least_1", value=args.max_mb)
    return Serving(
        host="0.0.0.0" if args.listen else args.host or "127.0.0.1",
        port=args.port,
        share=args.share,
        auth=tuple(_pair(text) for text in [*args.auth, *_lines(args.auth_file)]),
        language=args.lang,
        max_mb=args.max_mb,
        max_gb=args.max_gb,
        job_gb=args.job_gb,
        job_minutes=args.job_minutes,
        hosts=tuple(args.allow_host),
        proxies=tuple(args.proxy),
    )


def main() -> int:
    """Serve the page until Ctrl-C."""
    args = parser().parse_args()
    serving = serving_of(args)
    from mug.ui.app import serve, service_in

    checkpoint, why_none = _model(args)
    others = models_by_keys() if args.ckpt is None and checkpoint is not None else []
    service = service_in(args.out, checkpoint, args.device, why_none, others, serving)
    page, address, shared = serve(service, serving)
    print(f"The page is at {address}", flush=True)
    for line in serving.remarks(shared):
        print(line, flush=True)
    if why_none is not None:
        print(why_none, flush=True)
    service.model.start()  # after the address: reading a model takes longer than all before
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        page.close()
    return 0


def _model(args: argparse.Namespace) -> tuple[Path | None, MugError | None]:
    """Return the model to load, or why there is none: the page opens all the same."""
    try:
        return find_model(args.ckpt, args.keys), None
    except CheckpointError as error:
        return None, error


def _lines(file: Path | None) -> list[str]:
    """Lines of a file that are not empty.

    Raises:
        ConfigError: for a file that cannot be read, or has none: the page would be open.
    """
    if file is None:
        return []
    try:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("scripts.file_cannot_be_read", file=file, value=str(error)) from error
    if not lines:
        raise ConfigError("scripts.expected_name_password", file=file)
    return lines


def _pair(text: str) -> tuple[str, str]:
    name, colon, password = text.partition(":")
    if not (name and colon and password):
        raise ConfigError("scripts.expected_name_password", value="--auth")
    return name, password


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="The page is closed.")
