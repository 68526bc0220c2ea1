"""Clean a data set: write clean.txt, its split and a manifest beside the list of charts."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from mug.threads import wait_passively

    wait_passively()
    from mug.cli.prepare.filter import command

    sys.exit(command())
