"""Say what a modder would about charts: what cannot be played, and what is odd for its tier."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from mug.threads import wait_passively

    wait_passively()
    from mug.cli.charts.lint import command

    sys.exit(command())
