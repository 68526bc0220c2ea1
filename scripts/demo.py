"""Compose a song, chart it with the shipped model, and draw the chart: well below a minute."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from mug.threads import wait_passively

    wait_passively()
    from mug.cli.models.demo import command

    sys.exit(command())
