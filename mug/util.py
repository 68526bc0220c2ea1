"""Objects from configuration: `{target: package.module.Class, params: {...}}`.

Only names below allowed packages can be reached, so that loading a YAML file cannot run anything
else; a misspelt parameter is refused with the nearest valid name.
"""

from __future__ import annotations

import difflib
import gc
import importlib
import inspect
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import is_dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args, get_type_hints

from mug.errors import ConfigError
from mug.messages.message import Message

_PACKAGE = Path(__file__).resolve().parent

ALLOWED_PREFIXES = ("mug.", "torch.", "pytorch_lightning.")

# torch callables that make sense in a config; everything else under torch. stays out of reach.
_TORCH_ALLOWED = ("torch.nn.", "torch.optim.")

_own_prefixes: list[str] = []

_MOST_YAML = 1 << 20

_APPLE_DOUBLE = b"\0\5\x16\7"

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


@contextmanager
def without_collection() -> Iterator[None]:
    """No garbage collection inside; what is there at the end is not looked through again.

    For imports and models of a short command: they make millions of objects that stay.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


def allow_packages(names: Iterable[str]) -> None:
    """Let configs name classes of further packages, which the user said to trust.

    Raises:
        ConfigError: for what is no name of a package, and for Python's own.
    """
    for name in names:
        if not name.isidentifier() or name in sys.stdlib_module_names:
            raise ConfigError("config.not_own_package", value=name)
        _own_prefixes.append(f"{name}.")


def get_obj_from_str(target: str) -> Any:
    """The class behind a dotted name.

    Raises:
        ConfigError: for a name outside the allowed packages, or one that does not exist.
    """
    prefixes = (*ALLOWED_PREFIXES, *_own_prefixes)
    allowed = target.startswith(prefixes) and (
        not target.startswith("torch.") or target.startswith(_TORCH_ALLOWED)
    )
    if not allowed:
        raise ConfigError(
            "config.target_is_not_allowed",
            value=target,
            remedy="remedy.targets_may_name",
        )
    module_name, _, attribute = target.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and not module_name.startswith(error.name):
            raise  # a package that the module itself needs is missing: say that, not this
        raise ConfigError(
            "config.no_such_module", value=target, remedy="remedy.check_target"
        ) from error
    found = getattr(module, attribute, None)
    # Only what is defined below an allowed package: `mug.util.importlib` must not be a way out.
    defined_in = getattr(found, "__module__", None) or ""
    if not inspect.isclass(found) or not f"{defined_in}.".startswith(prefixes):
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


def groups_of(factory: Any) -> dict[str, type]:
    """Parameters that are groups, and their classes: dataclasses that a YAML file spells out.

    Only classes of ours have groups; annotations of other packages are not looked at.
    """
    if not str(getattr(factory, "__module__", "")).startswith("mug."):
        return {}
    hints = get_type_hints(factory.__init__ if inspect.isclass(factory) else factory)
    found = {}
    for name in accepted_names(factory) or ():
        hint = hints.get(name)
        for choice in (hint, *get_args(hint)):  # `Group | None` as well as `Group`
            if inspect.isclass(choice) and is_dataclass(choice):
                found[name] = choice
    return found


def check_params(factory: Any, params: Mapping[str, Any], where: str, inside: str = "") -> None:
    """Refuse unknown keys, also inside groups, with the nearest valid name.

    Args:
        factory: what takes them.
        params: keys and values as a YAML file says them.
        where: name of the factory for messages.
        inside: dotted path of the group that `params` are, with a dot at the end.

    Raises:
        ConfigError: names the key (with its group), the class and the accepted names.
    """
    accepted = accepted_names(factory)
    if accepted is None:
        return
    groups = groups_of(factory)
    for key, value in params.items():
        if key not in accepted:
            raise ConfigError(
                "config.takes_no_parameter",
                where=where,
                value=f"{inside}{key}",
                remedy=_nearest_parameter(str(key), accepted, groups, inside),
            )
        if key not in groups or value is None or isinstance(value, groups[key]):
            continue
        if not isinstance(value, Mapping):
            raise ConfigError(
                "config.is_group_not_value",
                key=f"{inside}{key}",
                where=where,
                value=value,
                remedy=Message(
                    "remedy.write_key_inside_group",
                    key=f"{inside}{key}",
                    names=", ".join(sorted(accepted_names(groups[key]) or ())),
                ),
            )
        check_params(groups[key], value, where, f"{inside}{key}.")


def _nearest_parameter(
    key: str, accepted: Iterable[str], groups: Mapping[str, type], inside: str
) -> Message:
    """A remedy as `nearest` gives it, which also knows the names inside groups."""
    dotted = {name: f"{inside}{name}" for name in accepted}
    for group, kind in groups.items():
        for name in sorted(accepted_names(kind) or ()):
            for spelling in (name, f"{group}_{name}", f"{group}.{name}"):
                dotted.setdefault(spelling, f"{inside}{group}.{name}")
    close = difflib.get_close_matches(key, dotted, n=1)
    if not close:
        return nearest(key, accepted)
    name, names = dotted[close[0]], ", ".join(sorted(accepted))
    return Message("remedy.did_you_mean", name=name, names=names)


def with_groups(factory: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with each mapping that is a group made a value of its class."""
    found = dict(params)
    for name, kind in groups_of(factory).items():
        if isinstance(found.get(name), Mapping):
            found[name] = kind(**with_groups(kind, found[name]))
    return found


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
    return factory(**with_groups(factory, params))


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


def read_yaml(file: Path) -> Any:
    """Return the content of a small YAML file that anybody may have written, as plain values.

    Aliases may not make a few lines stand for millions of values, nor for themselves.

    Raises:
        OSError: when it cannot be read.
        UnicodeDecodeError: when it is no text.
        yaml.YAMLError: when it is no YAML, larger than 1 MiB, or stands for more than a million
            values.
    """
    import yaml

    with file.open("rb") as handle:
        data = handle.read(_MOST_YAML + 1)
    try:
        content = yaml.safe_load(data.decode("utf-8")) if len(data) <= _MOST_YAML else None
        whole = len(data) <= _MOST_YAML and _values(content, {}) <= _MOST_YAML
    except RecursionError as error:
        raise yaml.YAMLError("values within values without end") from error
    if not whole:
        raise yaml.YAMLError(f"larger than {_MOST_YAML} bytes or values")
    return content


def _values(node: Any, known: dict[int, float]) -> float:
    """Count values with all inside, as often as they stand there; a cycle has infinitely many."""
    if not isinstance(node, list | tuple | set | dict):
        return 1
    if id(node) not in known:
        known[id(node)] = math.inf
        inside = [*node, *node.values()] if isinstance(node, dict) else node
        known[id(node)] = 1 + sum(_values(one, known) for one in inside)
    return known[id(node)]


def folders_below(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Walk through folders as `os.walk` does, and through symbolic links to folders after them.

    Every real folder comes once, so that links that lead back end.

    Yields:
        (folder, names of its folders, names of its files); what is taken out of the former is
        not walked through.
    """
    seen: set[str] = set()
    waiting = [root]
    while waiting:
        links: list[Path] = []
        for here, subfolders, files in os.walk(waiting.pop(0)):
            real = os.path.realpath(here)
            if real in seen:
                subfolders[:] = []
                continue
            seen.add(real)
            subfolders.sort()
            yield Path(here), subfolders, sorted(files)
            links += [path for name in subfolders if (path := Path(here, name)).is_symlink()]
        waiting += links


def is_resource_fork(name: str, read: Callable[[int], bytes]) -> bool:
    """Tell if a file is what macOS keeps beside another on other systems, with the same ending.

    Source: RFC 1740, appendix B (AppleDouble).

    Args:
        name: of the file.
        read: gives its first bytes.
    """
    return name.startswith("._") and read(len(_APPLE_DOUBLE)) == _APPLE_DOUBLE


def files_below(root: Path) -> list[Path]:
    """Return all files in a folder and below it, in order; see `folders_below`.

    What macOS keeps beside files on other systems is left out.
    """
    found = [here / name for here, _, files in folders_below(root) for name in files]
    return sorted(path for path in found if path.is_file() and not beside_another(path))


def beside_another(path: Path) -> bool:
    """`is_resource_fork` of a file on disk."""
    return path.name.startswith("._") and is_resource_fork(path.name, partial(_head, path))


def _head(path: Path, size: int) -> bytes:
    with path.open("rb") as handle:
        return handle.read(size)
