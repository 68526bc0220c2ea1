"""Packing of a trained model into the folder that is shipped.

A model folder holds `model.safetensors` (networks in fp16, tables in fp32), `config.yaml`,
`features.yaml`, `README.md` (the model card), and where there are any `rhythm.safetensors` (the
rhythm scorer) and `reached.json` (stars that come out for stars that are asked for).
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mug.beatmap.hit_objects import HitObject
from mug.config import save_config
from mug.errors import CheckpointError
from mug.files import atomic_write
from mug.model.memory.skip_init import SkipInit
from mug.model.speed.precision import lowered_names
from mug.pipeline.model.checkpoint import build_model
from mug.pipeline.model.config_limits import MOST_WEIGHTS
from mug.pipeline.model.files import (
    features_params,
    write_weights,
)
from mug.pipeline.model.names import (
    FEATURES_NAME,
    PACKED_CONFIG_NAME,
    SCORER_NAME,
    WEIGHTS_NAME,
)
from mug.pipeline.model.release import SECTION, Release
from mug.pipeline.plain import to_plain
from mug.util import find_file

MOST_BYTES = 12 * 2**20
"""Bytes that the weights of a shipped model may have."""

_LARGEST_HALF = float(torch.finfo(torch.float16).max)
_SAME_TIME_MS = 10.0
_START = ("ckpt_path", "ignore_keys")
_DATA_PATHS = {"txt_file": "data/beatmap.txt", "cache_dir": "data/cache"}


def halved(model: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights of a diffusion model with those of its networks' large layers in fp16.

    These are convolutions, linear layers and embeddings. Tables (the noise schedule, the latents'
    factor), normalisations and state-space systems stay as they are, and so does a weight that
    fp16 cannot hold.

    Args:
        model: the network that the weights are of.
        weights: its state dict.
    """
    names = set(lowered_names(model)) | {
        f"{name}.weight" for name, part in model.named_modules() if isinstance(part, nn.Embedding)
    }
    return {
        key: value.half() if key in names and _fits(value) else value.detach().clone()
        for key, value in weights.items()
    }


def _fits(value: Tensor) -> bool:
    return value.is_floating_point() and bool((value.abs() <= _LARGEST_HALF).all())


def packed_config(config: Mapping[str, Any], release: Release) -> dict[str, Any]:
    """Return a model's config as it is packed: model, data without paths of one machine, release.

    Args:
        config: as the model was trained with.
        release: what else the config states.
    """
    found = {name: copy.deepcopy(config[name]) for name in ("model", "data") if name in config}
    params = features_params(found)
    if "path_to_yaml" in params:
        params["path_to_yaml"] = FEATURES_NAME
    common = ((found.get("data") or {}).get("params") or {}).get("common_params") or {}
    for group in (common, common.get("audio") or {}):
        group.update({name: path for name, path in _DATA_PATHS.items() if group.get(name)})
    if (common.get("features") or {}).get("feature_yaml"):
        common["features"]["feature_yaml"] = FEATURES_NAME
    packed: dict[str, Any] = _without_paths(found)
    if "version" in config:
        packed["version"] = config["version"]
    return {**packed, SECTION: to_plain(release)}


def _without_paths(node: Any) -> Any:
    """Leave out absolute paths, and the checkpoint that training began with, less what it left out.

    Other machines do not have them, and further training starts from all of the packed weights.

    A rhythm scorer lies in the model's folder.
    """
    if isinstance(node, Mapping):
        return {
            name: SCORER_NAME if name == "scorer" and value else _without_paths(value)
            for name, value in node.items()
            if name == "scorer"
            or not (name in _START or (isinstance(value, str) and Path(value).is_absolute()))
        }
    return [_without_paths(value) for value in node] if isinstance(node, list) else node


def write_model(
    folder: Path,
    config: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    release: Release,
    *,
    published: bool = False,
) -> int:
    """Write weights, config and features file of a model folder; the bytes of the weights.

    Args:
        folder: made when missing; what else it holds stays.
        config: as the model was trained with.
        weights: its averaged weights.
        release: what the config states besides.
        published: whether the weights are the original's.

    Raises:
        CheckpointError: when the weights are larger than a shipped model may be.
    """
    with SkipInit(MOST_WEIGHTS):  # for the kinds of its layers alone
        model = build_model(config, published=published)
    features = find_file(features_params(config)["path_to_yaml"]).read_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    write_weights(folder, halved(model, weights), published=published)
    save_config(packed_config(config, release), folder / PACKED_CONFIG_NAME)
    with atomic_write(folder / FEATURES_NAME) as handle:
        handle.write(features)
    size = (folder / WEIGHTS_NAME).stat().st_size
    if size > MOST_BYTES:
        raise CheckpointError(
            "pipeline.packed_model_is_too_large",
            most=MOST_BYTES // 2**20,
            file=folder / WEIGHTS_NAME,
            value=size,
            remedy="remedy.train_narrower_model",
        )
    return size


def same_share(before: Sequence[HitObject], after: Sequence[HitObject]) -> float:
    """Return the share of notes of two charts that both have, to within 10 ms; 1 for two empty.

    It is 2·common / (notes of one + notes of the other).
    """
    total = len(before) + len(after)
    if total == 0:
        return 1.0
    cells = Counter(_cell(note) for note in before)
    common = 0
    for note in after:
        column, cell = _cell(note)
        near = next((c for c in (cell, cell - 1, cell + 1) if cells[column, c] > 0), None)
        if near is not None:
            cells[column, near] -= 1
            common += 1
    return 2 * common / total


def _cell(note: HitObject) -> tuple[int, int]:
    return note.column, round(note.start_ms / _SAME_TIME_MS)
