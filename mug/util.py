"""Objects from configuration: `{target: package.module.Class, params: {...}}`.

Only names below allowed packages can be reached, so that loading a YAML file cannot run anything
else; a misspelt parameter is refused with the nearest valid name.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

from mug.errors import ConfigError
from mug.messages.message import Message

_PACKAGE = Path(__file__).resolve().parent

ALLOWED_PREFIXES = ("mug.", "torch.", "pytorch_lightning.")

# Names in the original's YAML files and in published `model.yaml`, and where they live here.
LEGACY_TARGETS = {
    "main.DataModuleFromConfig": "mug.data.datamodule.DataModuleFromConfig",
    "main.SetupCallback": "mug.callbacks.setup.SetupCallback",
    "main.LearningRateMonitor": "pytorch_lightning.callbacks.LearningRateMonitor",
    "main.CUDACallback": "mug.callbacks.resources.ResourceCallback",
    "mug.data.dataset.BeatmapLogger": "mug.callbacks.beatmap_logger.BeatmapLogger",
}
LEGACY_PREFIXES = {"ldm.lr_scheduler.": "mug.lr_scheduler."}

# Classes that train, and what they are without a trainer: the same networks, names and arguments.
# Named here so that making charts need not import the training class to find the other.
INFERENCE_TARGETS = {
    "mug.diffusion.diffusion.DDPM": "mug.diffusion.latent_diffusion.LatentDiffusion",
    "mug.firststage.autoencoder.AutoencoderKL": (
        "mug.firststage.variational.VariationalAutoencoder"
    ),
}

# torch callables that make sense in a config; everything else under torch. stays out of reach.
_TORCH_ALLOWED = ("torch.nn.", "torch.optim.")

_MARKERS = {"__is_first_stage__", "__is_unconditional__"}


def nearest(name: str, accepted: Iterable[str]) -> Message:
    """A remedy: the accepted name that is most like the given one, and the whole list."""
    names = sorted(accepted)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return Message("remedy.did_you_mean", name=close[0], names=", ".join(names))
    return (
        Message("remedy.accepted", names=", ".join(names))
        if names
        else Message("remedy.none_accepted")
    )


def resolve_target(target: str) -> str:
    """The name behind a legacy alias; the name itself otherwise."""
    if target in LEGACY_TARGETS:
        return LEGACY_TARGETS[target]
    for old, new in LEGACY_PREFIXES.items():
        if target.startswith(old):
            return new + target[len(old) :]
    return target


def for_inference(node: Any) -> Any:
    """A copy of a config node with the classes that train replaced by those that do not.

    A target that `INFERENCE_TARGETS` does not name stays as it is.
    """
    if isinstance(node, list | tuple):
        return [for_inference(value) for value in node]
    if not isinstance(node, Mapping):
        return node
    found = {key: for_inference(value) for key, value in node.items()}
    if isinstance(found.get("target"), str):
        name = resolve_target(found["target"])
        found["target"] = INFERENCE_TARGETS.get(name, found["target"])
    return found


def get_obj_from_str(target: str) -> Any:
    """The class behind a dotted name.

    Raises:
        ConfigError: for a name outside the allowed packages, or one that does not exist.
    """
    name = resolve_target(target)
    allowed = name.startswith(ALLOWED_PREFIXES) and (
        not name.startswith("torch.") or name.startswith(_TORCH_ALLOWED)
    )
    if not allowed:
        raise ConfigError(
            "config.target_is_not_allowed",
            value=target,
            remedy="remedy.targets_may_name",
        )
    module_name, _, attribute = name.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and not module_name.startswith(error.name):
            raise  # a package that the module itself needs is missing: say that, not this
        raise ConfigError(
            "config.no_such_module", value=name, remedy="remedy.check_target"
        ) from error
    found = getattr(module, attribute, None)
    # Only what is defined below an allowed package: `mug.util.importlib` must not be a way out.
    defined_in = getattr(found, "__module__", None) or ""
    if not inspect.isclass(found) or not f"{defined_in}.".startswith(ALLOWED_PREFIXES):
        names = [
            key
            for key, value in vars(module).items()
            if inspect.isclass(value) and value.__module__.startswith("mug")
        ]
        raise ConfigError(
            "config.module_has_no_class",
            module_name=module_name,
            value=attribute,
            remedy=nearest(attribute, names),
        )
    return found


def accepted_names(factory: Any) -> set[str] | None:
    """Keyword names that a class or function takes; None where it takes any."""
    parameters = inspect.signature(factory).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


def check_params(factory: Any, params: Mapping[str, Any], where: str) -> None:
    """Refuse unknown keys with the nearest valid name.

    Raises:
        ConfigError: names the key, the class and the accepted names.
    """
    accepted = accepted_names(factory)
    if accepted is None:
        return
    for key in params:
        if key not in accepted:
            raise ConfigError(
                "config.takes_no_parameter",
                where=where,
                value=key,
                remedy=nearest(str(key), accepted),
            )


def instantiate_from_config(config: Mapping[str, Any] | str | None, **extra: Any) -> Any:
    """Build `target(**params, **extra)`; the markers of latent diffusion and None give None.

    Args:
        config: plain containers (not OmegaConf nodes) with `target` and, optionally, `params`.
        extra: further arguments by name; they win over `params`.
    """
    if config is None or (isinstance(config, str) and config in _MARKERS):
        return None
    if not isinstance(config, Mapping) or "target" not in config:
        raise ConfigError(
            "config.expected_mapping_with_target",
            value=config,
            remedy="remedy.write_target_and_params",
        )
    for key in config:
        if key not in ("target", "params"):
            raise ConfigError(
                "config.unknown_key_beside_target",
                target=config["target"],
                value=key,
                remedy=nearest(str(key), ("target", "params")),
            )
    factory = get_obj_from_str(str(config["target"]))
    params = {**(config.get("params") or {}), **extra}
    check_params(factory, params, str(config["target"]))
    return factory(**params)


def workplace() -> Path:
    """Return the repository's root where the code lies in one, else the working directory."""
    root = _PACKAGE.parent
    return root if (root / "configs").is_dir() else Path.cwd()


def find_file(path: str | Path) -> Path:
    """Find a file named in a config: from the working directory, the repository or the package.

    An installed package holds the shipped configs in a folder of its own.

    Raises:
        ConfigError: when it lies in none of them.
    """
    given = Path(path)
    for candidate in (given, _PACKAGE.parent / given, _PACKAGE / given):
        if candidate.exists():
            return candidate
    raise ConfigError("common.no_such_file", file=given, remedy="remedy.check_path_in_config")


@contextmanager
def atomic_write(path: Path, mode: str = "wb", **kwargs: Any) -> Iterator[IO[Any]]:
    """Open a temporary file beside `path` and rename it into place when the block succeeds.

    A reader never sees a half-written file, and a failure leaves the old one untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(
        mode, dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False, **kwargs
    ) as handle:
        temporary = Path(handle.name)
        try:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        except BaseException:
            handle.close()
            temporary.unlink(missing_ok=True)
            raise
    temporary.chmod(0o644)
    temporary.replace(path)
