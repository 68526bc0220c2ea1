"""Turn a checkpoint, ours or the original's, into safetensors + model.yaml."""

from __future__ import annotations

import argparse
from pathlib import Path

from mug.cli.common import add_overwrite_option, run
from mug.files import write_together
from mug.pipeline.output.own_files import check_model_folder


def main() -> int:
    """Parse the arguments, convert, and say what was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "checkpoint", type=Path, help="a .ckpt file (the original's needs model.yaml beside it)"
    )
    parser.add_argument("out", type=Path, help="folder for model.safetensors and model.yaml")
    add_overwrite_option(parser)
    args = parser.parse_args()
    check_model_folder(args.out, overwrite=args.overwrite)

    from mug.model.memory.skip_init import SkipInit
    from mug.pipeline.model.checkpoint import (
        build_model,
        load_model,
        read_checkpoint,
        save_inference,
    )
    from mug.pipeline.model.config_limits import MOST_WEIGHTS

    config, weights, published = read_checkpoint(args.checkpoint)
    with SkipInit(MOST_WEIGHTS):  # only whether it can be built
        build_model(config, published=published)
    with write_together():
        digest = save_inference(args.out, config, weights, published=published)
    load_model(args.out)
    count = sum(value.numel() for value in weights.values())
    print(f"{args.out}: {len(weights)} tensors, {count:,} numbers, sha256 {digest}")
    return 0


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="Nothing was written.")
