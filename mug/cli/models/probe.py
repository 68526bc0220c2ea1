"""Probe a model for its use of sound, features and beat: loss by tenth of the noise range.

    python scripts/probe_conditions.py CKPT --data PATH/beatmap.txt --out probe

Prints a table in Markdown: the loss, that of the best constant answer, and by how much it grows
with another song's sound, in silence, without features, and without the beat. Writes OUT.csv,
OUT.json and the picture OUT.png.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path
from typing import Any

from mug.cli.common import add_overwrite_option, run
from mug.files import write_together

PARTS = {"train": "train", "val": "validation", "test": "test"}


def main() -> int:
    """Read model and charts, probe, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ckpt", type=Path, help="training checkpoint (its config names the data)")
    parser.add_argument("--data", type=Path, help="list of charts, instead of the config's")
    parser.add_argument("--part", choices=sorted(PARTS), default="val", help="of the split")
    parser.add_argument("--items", type=int, default=32, help="charts at most (default 32)")
    parser.add_argument("--draws", type=int, default=4, help="time steps an item and tenth")
    parser.add_argument("--batch_size", type=int, default=4)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="path of the results without an ending")
    add_overwrite_option(parser)
    parser.add_argument("override", nargs="*", help="key=value over the checkpoint's config")
    args = parser.parse_intermixed_args()

    from mug.callbacks.condition_probe import ConditionProbe
    from mug.callbacks.probe_report import probe_table, write_probe
    from mug.diffusion.probe import VARIANTS
    from mug.pipeline.model.checkpoint import load_model

    model = load_model(args.ckpt, args.device)
    batches = _batches(args, model.config)
    callback = ConditionProbe(without=VARIANTS, draws=args.draws, feature_yaml=_features(model))
    found = callback.probe(model.ddpm, batches)
    songs = {song for batch in batches for song in batch["meta"]["set"]}
    count = sum(len(batch["note"]) for batch in batches)
    print(f"{count} items of {len(songs)} song(s), {args.draws} draws an item and tenth")
    if len(songs) == 1:
        print("One song alone: for another song's sound, its own from elsewhere (swap_audio)")
    print()
    print(probe_table(found))
    if args.out is not None:
        with write_together(overwrite=args.overwrite):
            written = write_probe(found, args.out, f"{args.ckpt.name}: loss by tenth of noise")
        print("\n".join(f"wrote {path}" for path in written))
    return 0


def _features(model: Any) -> str:
    return str(model.config["data"]["params"]["common_params"]["features"]["feature_yaml"])


def _batches(args: argparse.Namespace, config: dict[str, Any]) -> list[dict[str, Any]]:
    """Batches of the part, on the device; the same ones each time."""
    import torch
    from torch.utils.data import default_collate

    from mug.cli.models.shared_config import check_shared
    from mug.config import with_overrides
    from mug.data.datamodule import merged_params
    from mug.errors import DataError
    from mug.util import instantiate_from_config

    check_shared({"data": config.get("data")}, args.ckpt)
    overrides = list(args.override)
    if args.data is not None:
        overrides.append(f"data.params.common_params.txt_file={args.data}")
    params = with_overrides(config, overrides)["data"]["params"]
    node = params.get(PARTS[args.part])
    if node is None:
        raise DataError("scripts.checkpoint_config_has_no_such_part", value=args.part)
    own = merged_params(node.get("params"), params.get("common_params"))
    dataset = instantiate_from_config({"target": node["target"], "params": own})
    items = islice((dataset[index] for index in range(len(dataset))), args.items)
    batches, waiting = [], list(items)
    for first in range(0, len(waiting), args.batch_size):
        batch = default_collate(waiting[first : first + args.batch_size])
        move = {k: v.to(args.device) for k, v in batch.items() if isinstance(v, torch.Tensor)}
        batches.append({**batch, **move})
    return batches


def command() -> int:
    """Run the command line; the exit code."""
    return run(main, when_stopped="Nothing was written.")
