"""Translation of configs with the original's flat parameters into groups.

Only named keys are moved (`mug.reference.flat_keys`); everything else, misspelt keys too, stays
where it is and is judged by the class that gets it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mug.errors import ConfigError
from mug.messages.message import Message
from mug.reference.flat_keys import (
    ALIAS_PREFIXES,
    ALIASES,
    DATA_MODULE,
    DATASET,
    FLAT_KEYS,
    FlatKeys,
)

_Path = tuple[str, ...]

_REFERENCE = re.compile(r"\$\{([\w.\[\]#-]+)\}")  # an interpolation without another inside
_DATASETS = ("train", "validation", "test", "predict")
_NO_KEYS = FlatKeys({})


def resolve_target(target: str) -> str:
    """Return the name of a class here; the original's names for some of them differ."""
    if target in ALIASES:
        return ALIASES[target]
    for old, new in ALIAS_PREFIXES.items():
        if target.startswith(old):
            return new + target[len(old) :]
    return target


def translate(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with flat parameters moved into their groups, and targets by their own names.

    Args:
        config: plain containers, in the original's form, in ours, or partly both.

    Raises:
        ConfigError: for a parameter that is given twice, flat and in its group, and for one that
            the original knew but that has one possible value here.
    """
    return Translation([config]).apply(config)


class Translation:
    """Moves of keys in configs that are merged later.

    What a key means depends on the class at its place, which another file may name; so all files
    are looked at before one of them is translated.

    Args:
        configs: plain containers in the order of merging.
    """

    def __init__(self, configs: Sequence[Mapping[str, Any]]) -> None:
        self._targets: dict[_Path, str] = {}
        before: dict[_Path, str] | None = None
        while before != self._targets:  # a later file may name the class around an earlier one's
            before = dict(self._targets)
            for config in configs:
                self._note_targets(config)

    def _note_targets(self, config: Mapping[str, Any]) -> None:
        """Remember the classes of a config, outer ones first, for inner places depend on them."""
        waiting: list[tuple[_Path, Any]] = [((), config)]
        while waiting:
            path, node = waiting.pop(0)
            if isinstance(node, Mapping) and isinstance(node.get("target"), str):
                self._targets[path] = resolve_target(node["target"])
            for name, child in _children(node):
                place = self._place(path, name)
                if place is not None:
                    waiting.append(((*path, *place), child))

    def apply(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return one of the configs in groups.

        Raises:
            ConfigError: see `translate`.
        """
        found: dict[str, Any] = self._moved(config, (), ())
        return found

    def override(self, key: str, value: Any) -> tuple[str, Any] | None:
        """Return key and value of an override in groups; None for one that has no effect.

        Args:
            key: dotted, list items by index.
            value: plain.

        Raises:
            ConfigError: see `translate`.
        """
        path: _Path = ()
        raw = tuple(key.split("."))
        for index, name in enumerate(raw):
            if index == len(raw) - 1:
                value = self._value(path, name, value)
            place = self._place(path, name)
            if place is None:
                return None
            path = (*path, *place)
        return ".".join(path), self._moved(value, raw, path)

    def _keys_at(self, path: _Path) -> FlatKeys:
        """The flat keys of the parameters at a place."""
        if path[-1:] == ("params",):
            return FLAT_KEYS.get(self._targets.get(path[:-1], ""), _NO_KEYS)
        if path[-2:] == ("params", "common_params"):
            return self._common_keys(path[:-1])
        return _NO_KEYS

    def _common_keys(self, params: _Path) -> FlatKeys:
        """The flat keys of what all datasets of a data module have in common."""
        if self._targets.get(params[:-1], DATA_MODULE) != DATA_MODULE:
            return _NO_KEYS
        parts = ((*params, part) for part in _DATASETS)
        named = [self._targets[part] for part in parts if part in self._targets]
        kinds = [FLAT_KEYS[target] for target in named if target in FLAT_KEYS]
        if named:
            return kinds[0] if kinds else _NO_KEYS
        return FLAT_KEYS[DATASET]  # a config for generation may name no dataset

    def _place(self, path: _Path, name: str) -> _Path | None:
        """Place of a key of the mapping at `path`, below it; None for a key without an effect."""
        keys = self._keys_at(path)
        if name in keys.dropped or name in keys.fixed:
            return None
        return tuple(keys.places.get(name, name).split("."))

    def _value(self, path: _Path, name: str, value: Any) -> Any:
        """A value in our words."""
        keys = self._keys_at(path)
        if name in keys.fixed and value != keys.fixed[name]:
            raise ConfigError(
                "config.has_one_possible_value",
                key=".".join((*path, name)),
                value=value,
                remedy=Message("remedy.leave_out_or_write", word=keys.fixed[name]),
            )
        words = keys.values.get(name, {})
        if words and not any(value == word for word in words):
            raise ConfigError(
                "config.has_no_such_value",
                key=".".join((*path, name)),
                value=value,
                remedy=Message(
                    "remedy.write_old_or_new_words",
                    old=", ".join(str(word).lower() for word in words),
                    key=keys.places[name],
                    new=", ".join(words.values()),
                ),
            )
        if name == "target" and isinstance(value, str):
            return resolve_target(value)
        return words.get(value, value) if words else value

    def _moved(self, node: Any, raw: _Path, path: _Path) -> Any:
        """A node and what is below it.

        Args:
            node: plain.
            raw: where it stands.
            path: where it goes.
        """
        if isinstance(node, list | tuple):
            return [self._moved(v, (*raw, n), (*path, n)) for n, v in _children(node)]
        if isinstance(node, str):
            return _REFERENCE.sub(lambda match: self._reference(match[1], raw, path), node)
        if not isinstance(node, Mapping):
            return node
        found: dict[str, Any] = {}
        for name, child in node.items():
            value, place = self._value(path, str(name), child), self._place(path, str(name))
            if place is None:
                continue
            moved = self._moved(value, (*raw, str(name)), (*path, *place))
            key = name if place == (str(name),) else None
            _put(found, place if key is None else (key,), moved, path)
        return found

    def _reference(self, key: str, raw: _Path, path: _Path) -> str:
        """`${key}` with the place that the key has in groups."""
        relative = len(key) - len(key.lstrip("."))
        names = tuple(key[relative:].replace("[", ".").replace("]", "").split("."))
        absolute = (*raw[:-relative], *names) if relative else names
        moved: _Path = ()
        for name in absolute:
            place = self._place(moved, name)
            if place is None:
                return f"${{{key}}}"
            moved = (*moved, *place)
        if moved == absolute and (raw == path or not relative):
            return f"${{{key}}}"
        return f"${{{'.'.join(moved)}}}"


def _children(node: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(node, Mapping):
        return [(str(name), child) for name, child in node.items()]
    if isinstance(node, list | tuple):
        return [(str(index), child) for index, child in enumerate(node)]
    return ()


def _put(found: dict[str, Any], place: Sequence[Any], value: Any, path: _Path) -> None:
    """Put a value at its place; groups that are there already are added to."""
    *groups, name = place
    node = found
    for group in groups:
        node = node.setdefault(group, {})
        if not isinstance(node, dict):
            raise _given_twice((*path, *map(str, place)), value)
    if isinstance(node.get(name), dict) and isinstance(value, dict):
        for key, child in value.items():
            _put(node[name], (key,), child, (*path, *map(str, place)))
    elif name in node:
        raise _given_twice((*path, *map(str, place)), value)
    else:
        node[name] = value


def _given_twice(path: _Path, value: Any) -> ConfigError:
    return ConfigError(
        "config.is_given_twice",
        key=".".join(path),
        value=value,
        remedy="remedy.keep_the_one_inside_the_group",
    )
