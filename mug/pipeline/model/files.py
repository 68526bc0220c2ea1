"""Files of a model: weights and config, in three formats, none of which can run code."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from mug.config import load_inference_config, naming, save_config
from mug.errors import CheckpointError, ConfigError, MugError
from mug.files import atomic_write
from mug.messages.message import Message, plain
from mug.model.stand_ins import check_tensors, read_pickle
from mug.model.weights import SYSTEM, check_system, hash_weights
from mug.pipeline.model.config_limits import check_plain, config_faults
from mug.pipeline.model.inference_classes import for_inference
from mug.pipeline.model.named_classes import Fault, class_faults, first_stages, places
from mug.pipeline.model.names import CONFIG_NAME, PACKED_CONFIG_NAME, WEIGHTS_NAME
from mug.pipeline.model.sums import check_sums
from mug.pipeline.model.weights_file import WeightsFile
from mug.reference.config import translate

FORMAT, FORMAT_VERSION = "mug-diffusion", "1"

_REQUIRED = {
    "format": re.compile(FORMAT),
    "version": re.compile(r"\d+"),
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "published": re.compile("True|False"),
}
"""Metadata that every file of our inference format has; the first ones had no system."""


def read_checkpoint(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor], bool]:
    """Config, weights, and whether they are the original's; nothing is built yet."""
    config, weights, published = open_checkpoint(path)
    if isinstance(weights, WeightsFile):  # copies, which outlive the file
        check_hash(weights, hash_weights(weights))
        weights = {key: value.clone() for key, value in weights.items()}
    return config, dict(weights), published


def open_checkpoint(path: str | Path) -> tuple[dict[str, Any], Mapping[str, Tensor], bool]:
    """As `read_checkpoint`; weights of a safetensors file are read when asked for."""
    given = Path(path)
    if given.is_dir():
        if not (given / WEIGHTS_NAME).exists():
            raise CheckpointError(
                "pipeline.folder_holds_no_weights",
                name=WEIGHTS_NAME,
                file=given,
                remedy="remedy.name_ckpt_file_or_folder_made",
            )
        given = given / WEIGHTS_NAME
    if not given.is_file():
        raise CheckpointError(
            "common.no_such_checkpoint",
            file=given,
            remedy="remedy.make_demo_training_trains_one_and_says",
        )
    if given.suffix == ".safetensors":
        stored = WeightsFile(given)
        check_system(stored.metadata, given)
        check_metadata(stored.metadata, given)
        return config_beside(given), stored, stored.metadata.get("published") == "True"
    content = _read_pickle(given)
    weights = content.get("state_dict", content)
    if not isinstance(weights, Mapping) or not all(isinstance(v, Tensor) for v in weights.values()):
        raise CheckpointError("pipeline.no_state_dict_in_file", file=given)
    with _checkpoint_errors(given):
        check_tensors(weights, given)
    if "mug_config" in content:
        return _config_inside(content["mug_config"], given), dict(weights), False
    return config_beside(given), dict(weights), True


def save_inference(
    folder: Path, config: Mapping[str, Any], weights: Mapping[str, Tensor], *, published: bool
) -> str:
    """Write our inference format and return the hash of the weights.

    Args:
        folder: made when missing; its two files are replaced together, weights first.
        config: resolved config.
        weights: state dict of the diffusion model.
        published: whether the weights are the original's (kept in the file's metadata).
    """
    digest = write_weights(folder, weights, published=published)
    save_config(dict(config), folder / CONFIG_NAME)
    return digest


def write_weights(folder: Path, weights: Mapping[str, Tensor], *, published: bool) -> str:
    """Write the weights alone, as `save_inference` does, and return their hash."""
    from safetensors.torch import save

    plain = {key: value.detach().cpu().contiguous() for key, value in weights.items()}
    digest = hash_weights(plain)
    metadata = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "system": SYSTEM,
        "sha256": digest,
        "published": str(published),
    }
    with atomic_write(folder / WEIGHTS_NAME) as handle:
        handle.write(save(plain, metadata=metadata))
    return digest


def check_hash(weights: Mapping[str, Tensor], found: str) -> None:
    """Compare weights with the hash that was noted when they were written; other files have none.

    Raises:
        CheckpointError: for weights that are no longer what was written.
    """
    if not isinstance(weights, WeightsFile):
        return
    noted = weights.metadata.get("sha256")
    if noted is not None and noted != found:
        raise CheckpointError(
            "pipeline.weights_are_damaged",
            file=weights.path,
            value=found,
            noted=noted,
            remedy="remedy.fetch_or_pack_it_again",
        )


def check_metadata(metadata: Mapping[str, str], file: Path) -> None:
    """Refuse damaged metadata of our inference format; files of other programs have none of ours.

    Raises:
        CheckpointError: names the entry.
    """
    if metadata.get("format") != FORMAT and not {"sha256", "published"} & metadata.keys():
        return
    for name, possible in _REQUIRED.items():
        if not possible.fullmatch(metadata.get(name, "")):
            raise CheckpointError(
                "pipeline.metadata_of_weights_is_damaged",
                file=file,
                name=name,
                value=metadata.get(name),
                remedy="remedy.fetch_or_pack_it_again",
            )


@contextmanager
def _checkpoint_errors(path: Path) -> Iterator[None]:
    """Turn what a damaged or hostile file raises into one sentence."""
    try:
        yield
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            "pipeline.file_needs_code_to_be_read",
            file=path,
            remedy=Message("remedy.ask_author_for_safetensors", reason=_first_line(error)),
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(
            "pipeline.file_is_damaged_or_not_checkpoint",
            file=path,
            remedy=Message("remedy.fetch_or_make_it_again", reason=_first_line(error)),
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _read_pickle(path: Path) -> dict[str, Any]:
    with (
        _checkpoint_errors(path),
        warnings.catch_warnings(),
    ):
        # Another pickle protocol is read or refused; the hint to its authors is noise.
        warnings.filterwarnings("ignore", message="Detected pickle protocol")
        content = read_pickle(path)
    if not isinstance(content, dict):
        raise CheckpointError("pipeline.file_holds_no_checkpoint", file=path)
    return content


def config_beside(weights: Path) -> dict[str, Any]:
    """`model.yaml` or `config.yaml`, or a YAML file of the weights' own name, in the same folder.

    A features file that it names is looked for in that folder first. Where the folder is that of a
    shipped model, all its files are compared with their sums.

    Raises:
        CheckpointError: where there is none, or a shipped file is damaged.
        ConfigError: for one that cannot be read.
    """
    check_sums(weights.parent)
    names = (weights.with_suffix(".yaml").name, CONFIG_NAME, PACKED_CONFIG_NAME)
    for candidate in (weights.parent / name for name in names):
        if candidate.is_file():
            config = load_inference_config(candidate, for_inference, model_faults)
            with naming(candidate), config_errors():
                _set_features(config, weights.parent)
            return config
    raise CheckpointError(
        "pipeline.no_config_beside_checkpoint",
        file=weights,
        remedy=Message("remedy.put_config_into_same_folder", name=CONFIG_NAME),
    )


def _config_inside(given: Any, file: Path) -> dict[str, Any]:
    """The config in a training checkpoint of ours, in groups.

    Raises:
        ConfigError: names the file and the key.
    """
    with naming(file):
        check_plain(given, "mug_config")
        with config_errors():
            config = translate(given)
        refuse_faults(model_faults(config))
    return config


def refuse_faults(faults: Iterable[Fault]) -> None:
    """Raise the first of some faults, with its key."""
    for key, error in faults:
        what = Message("config.at_key", what=error.what, key=key)
        raise ConfigError(what, value=error.value, remedy=error.remedy)


def model_faults(config: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults of the config of a model: see `config_faults` and `class_faults`.

    Raises:
        CheckpointError: for the config of a first stage.
    """
    model = config.get("model")
    if isinstance(model, Mapping) and str(model.get("target")) in first_stages():
        raise no_diffusion_model(model.get("target"))
    model = for_inference(model)
    yield from class_faults(model, "model", places())
    yield from config_faults(config, model)


def no_diffusion_model(target: Any) -> CheckpointError:
    """The error for a model that makes no charts."""
    return CheckpointError(
        "pipeline.checkpoint_holds_no_diffusion_model",
        value=target,
        remedy="remedy.give_checkpoint_of_diffusion",
    )


@contextmanager
def config_errors() -> Iterator[None]:
    """Turn what a config without sense raises where it is translated or built into one sentence."""
    try:
        yield
    except MugError:
        raise
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise ConfigError(
            "config.makes_no_model",
            value=plain(_first_line(error)),
            remedy="remedy.take_config_that_came_with_weights",
        ) from error


def _set_features(config: Mapping[str, Any], folder: Path) -> None:
    """Name the features file by its full path where it lies beside the weights."""
    params = features_params(config)
    named = params.get("path_to_yaml")
    if named is not None and not Path(named).is_absolute() and (folder / named).is_file():
        params["path_to_yaml"] = str((folder / named).resolve())


def features_params(config: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of the feature encoder; none in a model without features."""
    node = config["model"]["params"].get("cond_stage_config") or {}
    params: dict[str, Any] = node.get("params") or {}
    return params
