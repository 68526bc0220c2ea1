"""List the models at hand, and choose the one that commands and page take.

The model that --ckpt names comes first, then the one chosen here, then the shipped one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mug.cli.common import OK, run
from mug.pipeline.model.choice import (
    find_model,
    own_models,
    read_choice,
    save_choice,
    shipped_models,
)


def main() -> int:
    """Choose or forget, then list what there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    act = parser.add_mutually_exclusive_group()
    act.add_argument("--use", type=Path, metavar="MODEL", help="take this model from now on")
    act.add_argument(
        "--forget", type=int, metavar="KEYS", help="for so many columns, take the shipped one again"
    )
    args = parser.parse_args()
    if args.use is not None:
        from mug.pipeline.model.checkpoint import load_model

        save_choice(load_model(args.use).keys, args.use)  # what cannot be loaded is not chosen
    if args.forget is not None:
        save_choice(args.forget, None)
    chosen = read_choice()
    for keys in chosen:
        print(f"{keys} keys, chosen: {find_model(keys=keys)}")
    for path in shipped_models():
        print(f"shipped: {path}")
    for path in own_models():
        print(f"yours: {path}")
    if not (chosen or shipped_models() or own_models()):
        print("There is no model here: `make demo-training` trains a small one.")
    return OK


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="Nothing was chosen.")
