"""Dataclasses as plain containers and back; their fields are the only list of what is written."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from mug.errors import GenerationError
from mug.messages.message import Message
from mug.util import nearest


def to_plain(value: object) -> Any:
    """Return a value as JSON can hold it.

    Args:
        value: a dataclass, named tuple, mapping, sequence, path or scalar, nested at will.
    """
    if is_dataclass(value):
        return {name: to_plain(getattr(value, name)) for name in field_names(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: to_plain(entry) for name, entry in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(name): to_plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(entry) for entry in value]
    return str(value) if isinstance(value, Path) else value


def from_plain(kind: Any, plain: Any, name: str) -> Any:
    """Return the value that `to_plain` made a plain one of.

    Args:
        kind: its type, as an annotation has it.
        plain: containers and scalars.
        name: of the value, for errors.

    Raises:
        GenerationError: for a value of another type, and for a field that a dataclass lacks or
            that has no default and is not there.
    """
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return plain
    if origin in {typing.Union, types.UnionType}:
        (one,) = (part for part in parts if part is not type(None))
        return None if plain is None else from_plain(one, plain, name)
    if origin is tuple:
        return _tuple(parts, plain, name)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        entries = _checked(
            isinstance(plain, Mapping), plain, name, Message("pipeline.mapping")
        ).items()
        return {str(key): from_plain(parts[1], value, f"{name}.{key}") for key, value in entries}
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        return _record(kind, plain, name)
    return _scalar(kind, plain, name)


def changed(value: Any, plain: Any, name: str) -> Any:
    """Return a dataclass with some of its fields changed, those of dataclasses in it likewise.

    Args:
        value: the dataclass.
        plain: new values by field, as `to_plain` makes them; of a dataclass in it, too, only
            those that change.
        name: of the value, for errors.

    Raises:
        GenerationError: as `from_plain`.
    """
    hints = _hints(type(value))
    _checked(isinstance(plain, Mapping), plain, name, Message("pipeline.mapping"))
    new: dict[str, Any] = {}
    for key, entry in plain.items():
        _known(key, hints, name)
        old, place = getattr(value, key), f"{name}.{key}"
        if is_dataclass(old) and not isinstance(old, type):
            new[key] = changed(old, entry, place)
        else:
            new[key] = from_plain(hints[key], entry, place)
    return replace(value, **new)


def field_names(kind: Any) -> list[str]:
    """Return the fields that a dataclass is made of, in their order."""
    return [one.name for one in fields(kind) if one.init]


def _hints(kind: Any) -> dict[str, Any]:
    """Return the types of a dataclass's or a named tuple's fields."""
    hints = typing.get_type_hints(kind)
    names = field_names(kind) if is_dataclass(kind) else kind._fields
    return {name: hints[name] for name in names}


def _known(key: str, hints: Mapping[str, Any], name: str) -> None:
    if key not in hints:
        raise GenerationError(
            "pipeline.no_such_field", name=name, value=key, remedy=nearest(key, hints)
        )


def _record(kind: Any, plain: Any, name: str) -> Any:
    """Return a dataclass or a named tuple of its fields by name."""
    hints = _hints(kind)
    if is_dataclass(kind):
        needed = {one.name for one in fields(kind) if one.default is one.default_factory is MISSING}
    else:
        needed = {*kind._fields} - {*kind._field_defaults}
    _checked(isinstance(plain, Mapping), plain, name, Message("pipeline.mapping"))
    for key in plain:
        _known(key, hints, name)
    for key in sorted(needed - {*plain}):
        raise GenerationError("pipeline.field_is_missing", name=name, value=key)
    return kind(
        **{key: from_plain(hints[key], value, f"{name}.{key}") for key, value in plain.items()}
    )


def _tuple(parts: tuple[Any, ...], plain: Any, name: str) -> tuple[Any, ...]:
    """Return a tuple of one kind of entries, or of as many as it has kinds."""
    _checked(isinstance(plain, list | tuple), plain, name, Message("pipeline.list"))
    if parts[-1] is Ellipsis:
        return tuple(from_plain(parts[0], entry, name) for entry in plain)
    _checked(len(plain) == len(parts), plain, name, Message("pipeline.list_of", count=len(parts)))
    return tuple(from_plain(kind, entry, name) for kind, entry in zip(parts, plain, strict=True))


def _scalar(kind: Any, plain: Any, name: str) -> Any:
    number = isinstance(plain, int | float) and not isinstance(plain, bool)
    accepted: Mapping[Any, tuple[bool, Message]] = {
        int: (number and plain == plain // 1, Message("pipeline.whole_number")),
        float: (number, Message("pipeline.number")),
        bool: (isinstance(plain, bool), Message("pipeline.true_or_false")),
        str: (isinstance(plain, str), Message("pipeline.text")),
        Path: (isinstance(plain, str | Path), Message("pipeline.path")),
    }
    make: Callable[[Any], Any] = kind
    return make(_checked(accepted[kind][0], plain, name, accepted[kind][1]))


def _checked(passes: bool, plain: Any, name: str, kind: Message) -> Any:
    if not passes:
        raise GenerationError("pipeline.field_must_be", name=name, kind=kind, value=plain)
    return plain
