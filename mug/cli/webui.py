"""The web page: drop a song, shape the chart, play it in the browser.

Listens on this computer alone unless --listen, --host or --share says otherwise.
"""

from __future__ import annotations

import argparse
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from mug.cli.common import run
from mug.errors import ConfigError
from mug.util import workplace

if TYPE_CHECKING:
    from mug.ui.serving import Serving

ROOT = workplace()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument(
        "--ckpt", type=Path, help="checkpoint (default: the newest in outputs/demo, models)"
    )
    made.add_argument("--device", default="auto", help="auto (default), cpu, cuda")
    made.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    made.add_argument("--listen", action="store_true", help="listen on all addresses")
    made.add_argument("--port", type=int, help="default: the first free one from 7860 on")
    made.add_argument("--share", action="store_true", help="a public address by Gradio's servers")
    made.add_argument(
        "--auth", action="append", default=[], metavar="NAME:PASSWORD", help="who may enter"
    )
    made.add_argument("--lang", choices=("en", "zh"), help="default: the browser's")
    made.add_argument(
        "--max_mb", type=int, default=100, help="size that an upload may have (default 100)"
    )
    made.add_argument(
        "--out", type=Path, default=ROOT / "outputs/webui", help="where jobs lie for a day"
    )
    return made


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
    if args.max_mb < 1:
        raise ConfigError("scripts.upload_may_have_at_least_1", value=args.max_mb)
    return Serving(
        host="0.0.0.0" if args.listen else args.host or "127.0.0.1",
        port=args.port,
        share=args.share,
        auth=tuple(_pair(text) for text in args.auth),
        language=args.lang,
        max_mb=args.max_mb,
    )


def main() -> int:
    """Serve the page until Ctrl-C."""
    args = parser().parse_args()
    serving = serving_of(args)
    from mug.ui.app import serve, service_in
    from mug.ui.model import find_checkpoint

    checkpoint = args.ckpt or find_checkpoint(ROOT)
    service = service_in(args.out, checkpoint, args.device)
    page, address, shared = serve(service, serving)
    print(f"The page is at {address}", flush=True)
    for line in serving.remarks(shared):
        print(line, flush=True)
    if checkpoint is None:
        print("There is no model yet: `make demo` trains a small one.", flush=True)
    service.model.start()  # after the address: reading a model takes longer than all before
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        page.close()
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, colon, password = text.partition(":")
    if not (name and colon and password):
        raise ConfigError("scripts.expected_name_password", value="--auth")
    return name, password


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="The page is closed.")
