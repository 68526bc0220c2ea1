"""Probe a model for its use of sound, features and beat: loss by tenth of the noise range."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from mug.threads import wait_passively

    wait_passively()
    from mug.cli.models.probe import command

    sys.exit(command())
