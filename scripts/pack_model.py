"""Pack a trained model into the folder that is shipped: fp16, its config, features and card."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from mug.threads import wait_passively

    wait_passively()
    from mug.cli.models.pack_model import command

    sys.exit(command())
