"""Checkpoints that hold objects of a trainer or of a config beside their tensors.

Published checkpoints carry `hyper_parameters` and states of callbacks that are objects of OmegaConf
or Lightning. Their classes are never loaded: inert objects stand in for them, and only what
`torch.load(weights_only=True)` allows is real. So it is with the values that such objects hold, and
the classes that typed configs name. Any other class is refused, as there.
"""

from __future__ import annotations

import pickle
import re
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch._weights_only_unpickler import _get_allowed_globals

# What a checkpoint of the original holds beside tensors: numpy scalars in the state of its
# learning-rate scheduler. Nothing else is unpickled.
SAFE_GLOBALS = [
    np.dtype,
    np.dtypes.Float64DType,
    np.dtypes.Float32DType,
    np.dtypes.Int64DType,
    np._core.multiarray.scalar,  # type: ignore[attr-defined]
]

PACKAGES = frozenset(
    {"omegaconf", "antlr4", "pytorch_lightning", "lightning", "lightning_fabric", "typing"}
)
"""Packages of the classes that have stand-ins."""

CLASSES = frozenset(
    {"argparse.Namespace", "pathlib.Path", "pathlib.PosixPath", "pathlib.WindowsPath"}
    | {"collections.defaultdict", "collections.deque", "functools.partial"}
    | {f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta", "timezone")}
    | {"decimal.Decimal", "fractions.Fraction", "uuid.UUID"}
    | {"operator.getitem", "_operator.getitem"}  # of types such as `list[int]`
    | {"numpy.ndarray", "numpy._core.multiarray._reconstruct", "numpy.core.multiarray._reconstruct"}
)
"""Further classes that have."""

# Types of entries of configs, by the names that old pickle protocols have for them.
_TYPES: dict[str, type] = {
    one.__name__: one
    for one in (bool, bytearray, bytes, complex, dict, float, frozenset, int, list, range, set)
}
_TYPES |= {"slice": slice, "str": str, "xrange": range}
_TYPES |= {"tuple": tuple, "long": int, "unicode": str}


_NEVER = sys.stdlib_module_names | {"torch", "numpy", "mug"}
_CLASS = re.compile(r"_*[A-Z]\w*(\.[A-Z]\w*)*")
_BUILTINS = ("builtins", "__builtin__")


class StandIn:
    """Object of a class that is not loaded: it takes whatever it is given and keeps nothing."""

    def __new__(cls, *_args: object, **_kwargs: object) -> StandIn:
        """Make one from any arguments."""
        return super().__new__(cls)

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        """Ignore the arguments."""

    def __setstate__(self, _state: object) -> None:
        """Ignore the state."""

    def __setitem__(self, _key: object, _value: object) -> None:
        """Ignore an entry."""

    def append(self, _value: object) -> None:
        """Ignore an element."""

    add = append

    def extend(self, _values: object) -> None:
        """Ignore elements."""


class _Unpickler(pickle.Unpickler):
    configs = False  # an object of OmegaConf came

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Return an allowed class, or a stand-in; nothing is imported.

        Raises:
            UnpicklingError: for any other.
        """
        allowed = _get_allowed_globals() | {
            f"{one.__module__}.{one.__qualname__}": one for one in SAFE_GLOBALS
        }
        allowed |= {f"{one}.{name}": kind for name, kind in _TYPES.items() for one in _BUILTINS}
        full_name = f"{module_name}.{global_name}"
        if full_name in allowed:
            return allowed[full_name]
        package = module_name.partition(".")[0]
        self.configs = self.configs or package == "omegaconf"
        if package in PACKAGES or full_name in CLASSES:
            return StandIn
        if self.configs and package not in _NEVER and _CLASS.fullmatch(global_name):
            return StandIn  # typed configs name the classes that they were made from
        raise pickle.UnpicklingError(f"{full_name} is not allowed")


def read_pickle(path: Path, *, mmap: bool = False) -> Any:
    """Return the content of a checkpoint on the processor; no code of it runs.

    Args:
        path: the file.
        mmap: leave tensors in the file until they are read.

    Raises:
        UnpicklingError: for objects of other classes than tensors, containers, and those of
            `PACKAGES`, for which inert objects stand in.
        RuntimeError: for a damaged file, and whatever else `torch.load` raises.
    """
    try:
        with torch.serialization.safe_globals(SAFE_GLOBALS):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except pickle.UnpicklingError:
        module = types.ModuleType("stand_ins")
        vars(module).update(Unpickler=_Unpickler, load=_load)
        return torch.load(
            path, map_location="cpu", pickle_module=module, weights_only=False, mmap=mmap
        )


def _load(file: Any, **options: Any) -> Any:
    return _Unpickler(file, **options).load()
