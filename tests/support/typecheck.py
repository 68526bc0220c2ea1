"""Signatures checked at run time: beartype for the types, jaxtyping for the shapes.

jaxtyping's import hook wraps each function of `mug` in a frame that keeps the sizes of axes, and
checks its arguments twice. Most functions have no axes, and many are called so often that those
frames took half the time of a test; here beartype alone checks them, once.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, get_args, get_type_hints

import jaxtyping
from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int passes for a float

_shaped = jaxtyping.jaxtyped


def _jaxtyped(*, typechecker: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the decorator that the import hook puts above each function and class."""
    return partial(_decorated, typechecker=typechecker)


def _decorated(made: Any, typechecker: Callable[[Any], Any]) -> Any:
    if inspect.isclass(made):
        if dataclasses.is_dataclass(made) and "__init__" in vars(made):
            made.__init__ = _decorated(made.__init__, typechecker)
        return made
    hints = {name: _hint(hint, made) for name, hint in made.__annotations__.items()}
    if any(map(_has_axes, hints.values())):
        return _shaped(made, typechecker=typechecker)
    made.__annotations__ = hints
    return typechecker(made)


def _hint(written: Any, function: Callable[..., Any]) -> Any:
    """Resolve a hint; one that is known to the type checker only is not checked (as jaxtyping)."""

    def holder(value: Any) -> None: ...

    holder.__annotations__ = {"value": written}
    try:
        return get_type_hints(holder, function.__globals__, include_extras=True)["value"]
    except Exception:  # noqa: BLE001 - a name under TYPE_CHECKING, or of a local class
        return Any


def _has_axes(hint: Any) -> bool:
    if isinstance(hint, list | tuple):  # arguments of a Callable
        return any(map(_has_axes, hint))
    if inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray):
        return True
    return any(map(_has_axes, get_args(hint)))


jaxtyping.jaxtyped = _jaxtyped  # the modules look it up when they are imported
