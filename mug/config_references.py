"""Size of a config once its `${...}` are filled in, found without filling them in.

Thirty lines that each name the one before twice would fill the memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mug.errors import ConfigError

_REFERENCE = re.compile(r"\$\{([^${}:]*)\}")
_NESTED = re.compile(r"\$\{[^${}:]*\$\{")
"""A key that another reference fills in, so that what it names is not known here."""

_MOST_NESTED, _LONGEST_CHAIN = 8, 64
_NOT_FOUND = object()

_Path = tuple[str, ...]


def check_filled_in(config: Mapping[str, Any], most: int) -> None:
    """Refuse a config that grows too large.

    Args:
        config: plain containers, `${...}` as written.
        most: characters and values.

    Raises:
        ConfigError: names the key.
    """
    _Sizes(config, most).of(config, ())


class _Sizes:
    """Sizes of the nodes that references name, each found once."""

    def __init__(self, config: Mapping[str, Any], most: int) -> None:
        self._config, self._most = config, most
        self._known: dict[_Path, tuple[int, int]] = {}
        self._open: set[_Path] = set()
        self._nested = 0

    def of(self, node: Any, path: _Path) -> tuple[int, int]:
        """Characters and values of a node, and the longest chain of references from it."""
        size, chain = 1, 0
        for part, length in self._parts(node, path):
            size, chain = size + part, max(chain, length)
        long = self._nested > _MOST_NESTED or max(chain, len(self._open)) > _LONGEST_CHAIN
        if long or size > self._most:
            raise ConfigError("config.grows_too_large", key=".".join(path), most=f"{self._most:,}")
        return size, chain

    def _parts(self, node: Any, path: _Path) -> Iterator[tuple[int, int]]:
        if isinstance(node, Mapping):
            for name, value in node.items():
                yield self.of(value, (*path, str(name)))
        elif isinstance(node, list | tuple):
            for index, value in enumerate(node):
                yield self.of(value, (*path, str(index)))
        elif isinstance(node, str):
            self._nested += len(_NESTED.findall(node))
            yield len(node), 0
            for key in _REFERENCE.findall(node):
                yield self._of_reference(key, path)

    def _of_reference(self, key: str, path: _Path) -> tuple[int, int]:
        """The same of what a reference names; what is not there is refused elsewhere."""
        names = tuple(key.lstrip(".").replace("[", ".").replace("]", "").split("."))
        up = len(key) - len(key.lstrip("."))
        place = (*path[:-up], *names) if up else names
        node = self._at(place)
        if node is _NOT_FOUND or place in self._open:
            return 1, 1
        if place not in self._known:
            self._open.add(place)
            size, chain = self.of(node, place)
            self._open.discard(place)
            self._known[place] = size, chain + 1
        return self._known[place]

    def _at(self, place: _Path) -> Any:
        node: Any = self._config
        for name in place:
            if isinstance(node, Mapping):
                node = {str(key): value for key, value in node.items()}.get(name, _NOT_FOUND)
            elif isinstance(node, list | tuple) and name.isdigit() and int(name) < len(node):
                node = node[int(name)]
            else:
                return _NOT_FOUND
        return node
