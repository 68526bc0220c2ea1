"""Weights from files, without running code, and which names a list of keys selects."""

from __future__ import annotations

import hashlib
import logging
import pickle
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mug.errors import CheckpointError
from mug.model.stand_ins import check_tensors, read_pickle

log = logging.getLogger(__name__)

SYSTEM = "chart"
"""The system that weights are of; those of others, such as one for sound, are refused."""


def check_system(metadata: Mapping[str, str] | None, file: Path) -> None:
    """Refuse weights of another system, by the metadata of a safetensors file.

    Raises:
        CheckpointError: names the file and the system.
    """
    system = (metadata or {}).get("system", SYSTEM)  # older files have no such entry
    if system != SYSTEM:
        raise CheckpointError(
            "model.file_is_of_another_system",
            file=file,
            value=system,
            remedy="remedy.name_model_that_makes_charts",
        )


def selects(keys: Iterable[str], name: str) -> bool:
    """Return whether a name starts with one of the keys, or contains one written `#key`."""
    return any(
        key[1:] in name if key.startswith("#") else name.startswith(key) for key in keys if key
    )


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` file, a Lightning checkpoint or a bare state dict.

    Of a model folder it reads the weights in it; weights in fp16 are as the folder has them.

    Raises:
        CheckpointError: when the file is missing, damaged, or needs code to be read.
    """
    file = Path(path)
    if file.is_dir():
        file /= "model.safetensors"
    if not file.is_file():
        raise CheckpointError(
            "common.no_such_checkpoint", file=file, remedy="remedy.check_ckpt_path"
        )
    if file.suffix == ".safetensors":
        return _read_safetensors(file)
    try:
        content = read_pickle(file)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise CheckpointError(
            "model.file_is_damaged_or_needs_code",
            file=file,
            remedy="remedy.make_again_or_convert_with_convert_checkpoint",
        ) from error
    weights = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(weights, Mapping) or not all(isinstance(v, Tensor) for v in weights.values()):
        raise CheckpointError("model.no_state_dict_in_file", file=file)
    try:
        check_tensors(weights, file)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            "model.file_is_damaged_or_needs_code",
            file=file,
            value=str(error),
            remedy="remedy.make_again_or_convert_with_convert_checkpoint",
        ) from error
    return dict(weights)


def hash_weights(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 over the sorted names, shapes and bytes of the tensors."""
    digest = hashlib.sha256()
    for key in sorted(weights):
        value = weights[key].detach().cpu().contiguous()
        digest.update(f"{key} {tuple(value.shape)} {value.dtype}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _read_safetensors(file: Path) -> dict[str, Tensor]:
    from safetensors import safe_open

    with safe_open(file, framework="pt") as opened:
        check_system(opened.metadata(), file)
        return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118


def config_in(path: str | Path) -> dict[str, Any] | None:
    """The config that a training checkpoint of ours holds; None for other files.

    A damaged file has none either: `load_weights` says what is wrong with it.
    """
    if Path(path).suffix != ".ckpt":
        return None
    try:
        content = read_pickle(Path(path), mmap=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError):
        return None
    found = content.get("mug_config") if isinstance(content, dict) else None
    return dict(found) if isinstance(found, dict) else None


def load_weights(module: nn.Module, path: str | Path, ignore_keys: Sequence[str] = ()) -> None:
    """Fill a module from a file.

    Args:
        module: what to fill.
        path: see `read_state_dict`.
        ignore_keys: names to leave out (see `selects`); these alone may be missing.

    Raises:
        CheckpointError: when other names are missing or unknown, or shapes differ.
    """
    own = module.state_dict()
    # Everything is compared before anything is loaded: a wrong file leaves the module as it was.
    given = {k: v for k, v in read_state_dict(path).items() if not selects(ignore_keys, k)}
    missing = [key for key in own if key not in given and not selects(ignore_keys, key)]
    unknown = [key for key in given if key not in own]
    unequal = [key for key in given if key in own and given[key].shape != own[key].shape]
    if missing or unknown or unequal:
        raise CheckpointError(
            "model.weights_and_model_do_not_fit",
            file=path,
            value={"missing": missing[:3], "unknown": unknown[:3], "other shape": unequal[:3]},
            remedy="remedy.name_what_may_be_left_out",
        )
    # Not strict: what `ignore_keys` selects may be missing, and the rest was checked above.
    module.load_state_dict(given, strict=False)
    log.info("%s: %d tensors into %s", path, len(given), type(module).__name__)
