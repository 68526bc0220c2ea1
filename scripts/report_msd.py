"""Compare the MSD estimate with recorded MinaCalc values and print the figures of docs/msd.md."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from mug.threads import wait_passively

    wait_passively()
    from mug.cli.models.report_msd import command

    sys.exit(command())
