"""Draw how the features are distributed over composed songs: the pictures of docs/features.md."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from mug.threads import wait_passively

    wait_passively()
    from mug.cli.prepare.feature_figures import command

    sys.exit(command())
