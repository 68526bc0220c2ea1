"""Compose sample songs with charts, by code alone: no recordings, no samples, no network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from mug.threads import wait_passively

    wait_passively()
    from mug.cli.models.compose import command

    sys.exit(command())
