"""List what is ranked on osu!, one `id status` line a beatmapset."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from mug.threads import wait_passively

    wait_passively()
    from mug.cli.prepare.ranked import command

    sys.exit(command())
