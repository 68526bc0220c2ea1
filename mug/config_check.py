"""Refusals of what a config must not say, with the file and line at fault."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from mug.errors import ConfigError
from mug.messages.message import Message
from mug.util import check_params, get_obj_from_str, nearest

Plain = dict[str, Any]

COMMAND_LINE = Path("(command line)")

Sources = list[tuple[Path, Any]]
"""Files in the order of merging, and what they say."""

TOP_LEVEL = ("constants", "data", "defaults", "lightning", "model", "release", "version")
LIGHTNING = ("callbacks", "logger", "modelcheckpoint", "trainer")

# Trainer arguments of Lightning 1.x that the original's files use; `mug.train` translates them.
LEGACY_TRAINER = ("gpus",)


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
        raise at_key(
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
            raise at_key(error, place, sources) from error


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
            raise at_key(error, dotted, sources)


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


def at_key(error: ConfigError, key: str, sources: Sequence[tuple[Path, Any]]) -> ConfigError:
    """The same error with the file and line that say `key`, or that say most of it."""
    named = error.value.split(".") if isinstance(error.value, str) else []  # a key with its groups
    wanted = [*key.split("."), *named]
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
        while depth < len(wanted) and isinstance(node, Mapping):
            if wanted[depth] in node:
                node, depth = node[wanted[depth]], depth + 1
            elif "params" in node:
                node = node["params"]
            else:
                break
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


def check_time_axes(config: Plain, config_of: Callable[[str], Mapping[str, Any] | None]) -> None:
    """Refuse to train on weights that were trained on another time axis.

    Args:
        config: resolved.
        config_of: gives the config in a checkpoint, None where it holds none.

    Raises:
        ConfigError: names the checkpoint and both axes.
    """
    params = config["model"].get("params") or {}
    stage = (params.get("first_stage_config") or {}).get("params") or {}
    own = _time_axis(config)
    for path in (params.get("ckpt_path"), stage.get("ckpt_path")):
        found = config_of(str(path)) if path and Path(path).is_file() else None
        if found is not None and _time_axis(found) != own:
            raise ConfigError(
                "config.checkpoint_has_another_time_axis",
                file=path,
                value=_time_axis(found),
                expected=own,
                remedy="remedy.train_first_stage_on_same_axis",
            )


def _time_axis(config: Mapping[str, Any]) -> str:
    data = (config.get("data") or {}).get("params") or {}
    window = (data.get("common_params") or {}).get("window") or {}
    return str(window.get("time_axis") or "ms")
