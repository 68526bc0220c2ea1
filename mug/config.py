"""YAML composition, overrides, and the resolved config that is kept.

A config is one or more YAML files. `defaults:` names files that are merged, in order, before the
file's own keys; several files given on the command line are merged from left to right; then come
`key=value` overrides; then `${...}` is filled in. What leaves this module are plain dicts, lists
and scalars. Nothing in a file can run anything: YAML tags that build objects, and resolvers such
as `${oc.env:...}`, are refused, and `target:` reaches only what `mug.util` allows.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mug.errors import ConfigError
from mug.messages.message import Message
from mug.util import (
    atomic_write,
    check_params,
    find_file,
    for_inference,
    get_obj_from_str,
    nearest,
)

Plain = dict[str, Any]

TOP_LEVEL = ("constants", "data", "defaults", "lightning", "model", "version")
LIGHTNING = ("callbacks", "logger", "modelcheckpoint", "trainer")

# Trainer arguments of Lightning 1.x that the original's files use; `mug.train` translates them.
LEGACY_TRAINER = ("gpus",)

COMMAND_LINE = Path("(command line)")

_Sources = list[tuple[Path, Any]]
"""Files in the order of merging, and what they say."""

_RESOLVER = re.compile(r"\$\{[^}:]*:")


def load_config(
    paths: Sequence[str | Path], overrides: Sequence[str] = (), *, check: bool = True
) -> Plain:
    """Reads, merges, overrides, fills in and checks.

    Args:
        paths: YAML files, merged from left to right.
        overrides: `dotted.key=value`; the value is YAML, list items go by index
            (`model.params.channel_mult.1=2`).
        check: also refuse unknown keys and parameters (see `check_config`).

    Raises:
        ConfigError: names the file, the key and the value.
    """
    config, sources = _merged(paths, overrides)
    if check:
        check_config(config, sources)
    return config


def load_inference_config(path: str | Path) -> Plain:
    """The config beside a model's weights; what only training reads of it is not checked.

    That would take the trainer and everything that the config names: seconds and memory that
    whoever makes charts has no use for. The model's node is checked as for `load_config`.

    Raises:
        ConfigError: as for `load_config`.
    """
    config, sources = _merged([path], ())
    sections = {
        name: for_inference(node) if name == "model" else {} for name, node in config.items()
    }
    check_config(sections, sources)
    return config


def _merged(paths: Sequence[str | Path], overrides: Sequence[str]) -> tuple[Plain, _Sources]:
    """Files and overrides as one, and where each key comes from."""
    if not paths:
        raise ConfigError("config.no_config_given", remedy="remedy.name_config_with_base")
    sources = [source for path in paths for source in _sources(find_file(path), ())]
    merged = OmegaConf.create({})
    for file, content in sources:
        merged = _merge(merged, content, file)
    for override in overrides:
        _apply_override(merged, override)
    return _resolve(merged), [*sources, *_as_sources(overrides)]


def save_config(config: Mapping[str, Any], path: str | Path) -> None:
    """Write a resolved config as YAML, whole or not at all."""
    text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
    with atomic_write(Path(path), "w", encoding="utf-8") as handle:
        handle.write(text)


# ---------------------------------------------------------------------------- reading


def _sources(path: Path, parents: tuple[Path, ...]) -> Iterator[tuple[Path, DictConfig]]:
    """The files that make up one file, in the order in which they are merged."""
    if path.resolve() in parents:
        chain = " -> ".join(str(p) for p in (*parents, path.resolve()))
        raise ConfigError("config.defaults_goes_round_in_circle", file=path, value=chain)
    content = _read(path)
    defaults = content.pop("defaults", None)
    names = [] if defaults is None else [defaults] if isinstance(defaults, str) else list(defaults)
    for name in names:
        yield from _sources(_find_default(str(name), path), (*parents, path.resolve()))
    yield path, content


def _find_default(name: str, parent: Path) -> Path:
    beside = parent.parent / name
    if beside.exists():
        return beside
    try:
        return find_file(name)
    except ConfigError as error:
        raise ConfigError(
            "config.defaults_names_file_does_not_exist",
            file=parent,
            value=name,
            remedy="remedy.paths_are_relative_to_file_working",
        ) from error


def _read(path: Path) -> DictConfig:
    try:
        content = OmegaConf.load(path)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ConfigError(
            "config.not_valid_yaml", problem=error.problem, file=path, line=line
        ) from error
    except (yaml.YAMLError, OmegaConfBaseException, UnicodeDecodeError, OSError) as error:
        raise ConfigError("config.cannot_be_read", reason=str(error), file=path) from error
    if not isinstance(content, DictConfig):
        raise ConfigError("config.expected_key_value_lines", file=path)
    _refuse_resolvers(OmegaConf.to_container(content, resolve=False), path)
    return content


def _refuse_resolvers(node: Any, file: Path, key: str = "") -> None:
    if isinstance(node, Mapping):
        for name, value in node.items():
            _refuse_resolvers(value, file, f"{key}.{name}".lstrip("."))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            _refuse_resolvers(value, file, f"{key}.{index}")
    elif isinstance(node, str) and _RESOLVER.search(node):
        raise ConfigError(
            "config.calls_resolver",
            key=key,
            file=file,
            value=node,
            remedy="remedy.only_dotted_key_is_allowed",
        )
    elif not isinstance(node, str | int | float | bool | None):
        raise ConfigError("config.is_not_plain_yaml", key=key, file=file, value=str(node))


# ---------------------------------------------------------------------------- merging


def _merge(base: DictConfig, content: DictConfig, file: Path) -> DictConfig:
    try:
        merged = OmegaConf.merge(base, content)
    except (OmegaConfBaseException, TypeError, ValueError) as error:
        raise ConfigError(
            "config.cannot_be_merged", reason=_first_line(error), file=file
        ) from error
    assert isinstance(merged, DictConfig)
    return merged


def _split_override(override: str) -> tuple[str, Any]:
    key, sign, text = override.partition("=")
    if not sign or not re.fullmatch(r"[\w./#-]+(\[\d+\]|\.[\w./#-]+)*", key):
        raise ConfigError(
            "config.not_override",
            value=override,
            remedy="remedy.write_dotted_key_value",
        )
    try:
        value = OmegaConf.to_container(OmegaConf.from_dotlist([f"value={text}"]))
    except (yaml.YAMLError, OmegaConfBaseException) as error:
        raise ConfigError("config.value_is_not_valid_yaml", value=override) from error
    assert isinstance(value, dict)
    _refuse_resolvers(value["value"], COMMAND_LINE, key)
    return key.replace("[", ".").replace("]", ""), value["value"]


def _apply_override(config: DictConfig, override: str) -> None:
    key, value = _split_override(override)
    try:
        OmegaConf.update(config, key, value, merge=True, force_add=True)
    except (OmegaConfBaseException, IndexError, TypeError, ValueError) as error:
        node = _walk(config, key)
        is_list = isinstance(node, ListConfig)
        length = Message("remedy.list_has_items", count=len(node)) if is_list else None
        raise ConfigError(
            "config.cannot_be_set",
            reason=_first_line(error),
            file=COMMAND_LINE,
            value=override,
            remedy=length,
        ) from error


def _walk(config: Any, key: str) -> Any:
    """The deepest list or mapping on the way to `key`."""
    node = config
    for part in key.split(".")[:-1]:
        try:
            child = node[int(part)] if isinstance(node, ListConfig) else node.get(part)
        except (IndexError, ValueError):
            return node
        if not isinstance(child, DictConfig | ListConfig):
            return node
        node = child
    return node


def _as_sources(overrides: Sequence[str]) -> list[tuple[Path, DictConfig]]:
    sources = []
    for override in overrides:
        key, value = _split_override(override)
        content = OmegaConf.create({})
        OmegaConf.update(content, key, value, force_add=True)
        sources.append((COMMAND_LINE, content))
    return sources


def _resolve(config: DictConfig) -> Plain:
    try:
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(
            "config.cannot_be_filled_in",
            reason=_first_line(error),
            value=getattr(error, "full_key", None),
            remedy="remedy.interpolation_names_key_from_top",
        ) from error
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


# ---------------------------------------------------------------------------- checking


def check_config(config: Plain, sources: Sequence[tuple[Path, Any]] = ()) -> None:
    """Refuse unknown keys before anything is built.

    Checked are the top level, `lightning`, its Trainer arguments, and the parameters of every
    `target:` against its class.

    Args:
        config: resolved, as `load_config` returns it.
        sources: files in the order of merging, so that a message can name the one at fault.

    Raises:
        ConfigError: names the key, its file and line, and the nearest valid name.
    """
    _check_keys(config, TOP_LEVEL, "", sources)
    lightning = config.get("lightning") or {}
    if not isinstance(lightning, Mapping):
        raise _at(
            ConfigError("config.lightning_is_not_mapping", value=lightning), "lightning", sources
        )
    _check_keys(lightning, LIGHTNING, "lightning", sources)
    if lightning.get("trainer"):
        accepted = (*_trainer_arguments(), *LEGACY_TRAINER)
        _check_keys(lightning["trainer"], accepted, "lightning.trainer", sources)
    for key, node in _targets(config, ""):
        try:
            _check_node(key, node)
        except ConfigError as error:
            place = f"{key}.target" if str(error.value) in str(node["target"]) else key
            raise _at(error, place, sources) from error


def _trainer_arguments() -> list[str]:
    from pytorch_lightning import Trainer

    return [name for name in inspect.signature(Trainer.__init__).parameters if name != "self"]


def _check_keys(
    node: Mapping[str, Any], accepted: Sequence[str], where: str, sources: Sequence[Any]
) -> None:
    for key in node:
        if key not in accepted:
            dotted = f"{where}.{key}" if where else str(key)
            said = Message("config.unknown_key_in", where=where) if where else "config.unknown_key"
            error = ConfigError(said, value=key, remedy=nearest(str(key), accepted))
            raise _at(error, dotted, sources)


def _targets(node: Any, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All nodes with a `target`, with their dotted keys."""
    items: Any = ()
    if isinstance(node, Mapping):
        if "target" in node:
            yield key, node
        items = node.items()
    elif isinstance(node, list):
        items = enumerate(node)
    for name, value in items:
        yield from _targets(value, f"{key}.{name}" if key else str(name))


def _check_node(key: str, node: Mapping[str, Any]) -> None:
    target = node["target"]
    if not isinstance(target, str):
        raise ConfigError("config.target_is_not_name", value=target)
    factory = get_obj_from_str(target)
    beside = ("target", "params", "base_learning_rate") if key == "model" else ("target", "params")
    for name in node:
        if name not in beside:
            raise ConfigError(
                "config.unknown_key_beside_target",
                target=target,
                value=name,
                remedy=nearest(str(name), beside),
            )
    params = node.get("params") or {}
    if not isinstance(params, Mapping):
        raise ConfigError("config.params_of_is_not_mapping", target=target, value=params)
    check_params(factory, params, target)
    common = params.get("common_params") or {}
    for part in ("train", "validation", "test") if common else ():
        if isinstance(params.get(part), Mapping) and "target" in params[part]:
            name = str(params[part]["target"])
            check_params(get_obj_from_str(name), common, f"common_params for {name}")


def _at(error: ConfigError, key: str, sources: Sequence[tuple[Path, Any]]) -> ConfigError:
    """The same error with the file and line that say `key`, or that say most of it."""
    wanted = [*key.split("."), *([str(error.value)] if isinstance(error.value, str) else [])]
    best: tuple[int, Path | None, int | None] = (0, None, None)
    for file, content in sources:
        plain = OmegaConf.to_container(content) if isinstance(content, DictConfig) else content
        depth, line = _depth_and_line(file, plain, wanted)
        if depth >= best[0] and depth:
            best = (depth, file, line)
    what = error.what if key in error.what else Message("config.at_key", what=error.what, key=key)
    return ConfigError(what, file=best[1], line=best[2], value=error.value, remedy=error.remedy)


def _depth_and_line(file: Path, plain: Any, wanted: list[str]) -> tuple[int, int | None]:
    """Number of steps of the key path in a source, and the line of the last one."""
    if file == COMMAND_LINE or not file.exists():
        depth, node = 0, plain
        while depth < len(wanted) and isinstance(node, Mapping) and wanted[depth] in node:
            node, depth = node[wanted[depth]], depth + 1
        return depth, None
    tree: Any = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    depth, line = 0, None
    names = list(wanted)
    while names and isinstance(tree, yaml.MappingNode):
        found = [(k, v) for k, v in tree.value if k.value in (names[0], "params")]
        exact = [pair for pair in found if pair[0].value == names[0]] or found
        if not exact:
            break
        name_node, tree = exact[-1]
        if name_node.value == names[0]:
            names.pop(0)
            depth += 1
        line = name_node.start_mark.line + 1
    return depth, line
