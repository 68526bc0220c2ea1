"""Measure the stars that a model reaches for stars that it is given, and write reached.json."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from mug.threads import wait_passively

    wait_passively()
    from mug.cli.models.calibrate_model import command

    sys.exit(command())
