"""The web page: `python webui.py`; `--help` lists the flags, `mug/cli/webui.py` does the work."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from mug.threads import wait_passively

    wait_passively()
    from mug.cli.webui import command

    sys.exit(command())
