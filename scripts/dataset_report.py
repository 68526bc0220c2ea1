"""Show a data set on one HTML page: numbers, distributions, splits, what was left out, charts."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from mug.threads import wait_passively

    wait_passively()
    from mug.cli.prepare.report import command

    sys.exit(command())
