"""Train a model further on your own charts: prepare them, train from its weights, pack it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from mug.threads import wait_passively

    wait_passively()
    from mug.cli.models.fine_tune import command

    sys.exit(command())
