"""Regenerate part of a chart and keep the rest of the file as it is, byte for byte."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from mug.threads import wait_passively

    wait_passively()
    from mug.cli.charts.edit import command

    sys.exit(command())
