"""Train a model: `python main.py --base configs/mug/demo.yaml -t [key=value ...]`.

`python main.py --help` lists the flags; `mug/train.py` does the work.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from mug.threads import wait_passively

    wait_passively()
    from mug.train import main

    sys.exit(main())
