"""Training from nothing: compose songs, prepare them, train on them, chart a song held out."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from mug.threads import wait_passively

    wait_passively()
    from mug.cli.models.demo_training import command

    sys.exit(command())
