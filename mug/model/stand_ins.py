"""Checkpoints that hold objects of a trainer or of a config beside their tensors.

Published checkpoints carry `hyper_parameters` and states of callbacks that are objects of OmegaConf
or Lightning. Their classes are never loaded: inert objects stand in for them, and only what
`torch.load(weights_only=True)` allows is real. So it is with the values that such objects hold, and
the classes that typed configs name. Any other class is refused, as there.
"""

from __future__ import annotations

import builtins
import pickle
import re
import sys
import types
import zipfile
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch._weights_only_unpickler import _get_allowed_globals

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
    # Numpy scalars are in the state of the original's learning-rate scheduler.
    | {f"numpy.{core}.multiarray.scalar" for core in ("_core", "core")}
    | {"numpy.dtype", *(f"numpy.dtypes.{name}DType" for name in ("Float64", "Float32", "Int64"))}
    | {"numpy.ndarray", "numpy._core.multiarray._reconstruct", "numpy.core.multiarray._reconstruct"}
)
"""Further classes that have."""

# Types of entries of configs, by the names that old pickle protocols have for them too.
_NAMES = frozenset(
    {"bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "long"}
    | {"range", "set", "slice", "str", "tuple", "unicode", "xrange"}
)

_NEVER = sys.stdlib_module_names | {"torch", "numpy", "mug"}
_CLASS = re.compile(r"_*[A-Z]\w*(\.[A-Z]\w*)*")
_BUILTINS = ("builtins", "__builtin__")
_CHUNK = 1 << 20
_CONTAINERS = (dict, list, tuple, set, frozenset)
_MOST_IN_TUPLE, _DEEPEST_TUPLE = 1 << 20, 100


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


class _Call:
    """Function that a pickle may call: it takes certain arguments only and cannot be changed."""

    __slots__ = ("_function",)
    _function: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]) -> None:
        object.__setattr__(self, "_function", function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        return self._function(*args, **kwargs)

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse attributes."""
        raise pickle.UnpicklingError(f"attribute {name} is not allowed")


def _contents(kind: type, *args: Any) -> Any:
    """Return a container of what a pickle holds; `list(range(10**12))` would fill the memory."""
    if len(args) > 1 or not all(type(value) in _CONTAINERS for value in args):
        raise pickle.UnpicklingError(f"{kind.__name__} of {type(args[0]).__name__} is not allowed")
    return kind(*args)


def _octets(kind: type, *args: Any) -> Any:
    """Return bytes from text or bytes that a pickle holds; a number would be a size."""
    types = tuple(type(value) for value in args)
    if types not in ((), (bytes,), (bytearray,), (str, str)):
        raise pickle.UnpicklingError(f"{kind.__name__} of a size is not allowed")
    return kind(*args)


def _encoded(text: object, encoding: object = "utf-8") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
        raise pickle.UnpicklingError(f"encoding {encoding} is not allowed")
    return text.encode(str(encoding))


def _builtin(name: str) -> Any:
    """Return what stands for a built-in type or function; others than these are inert."""
    if name in ("set", "frozenset", "list", "tuple", "dict"):
        return _Call(partial(_contents, getattr(builtins, name)))
    if name in ("bytes", "bytearray"):
        return _Call(partial(_octets, getattr(builtins, name)))
    return StandIn


class _Unpickler(pickle._Unpickler):
    """Reader of pickles, the one in Python, since tuples are counted as they are made.

    A pickle of 300 bytes can hold a tuple of a tuple and itself of a tuple and itself …, whose
    hash, as a key, looks at 2^60 elements; one that is nested deeply enough crashes Python.
    """

    dispatch: ClassVar[dict[int, Callable[[Any], None]]]
    stack: list[Any]

    configs = False  # an object of OmegaConf came
    sizes: Mapping[str, int] | None = None
    """Bytes of each storage in a zip file, by key."""

    def __init__(self, file: Any, **options: Any) -> None:
        super().__init__(file, **options)
        self._counted: dict[int, tuple[Collection[Any], int, int]] = {}
        """Tuples and frozen sets by id, which is theirs as long as they stand here: size, depth."""

    def count_last(self) -> None:
        """Note the size of what was made last, where that is a tuple or a frozen set.

        Raises:
            UnpicklingError: for one with too much in it, elements of elements too, or too deep.
        """
        made = self.stack[-1]
        if not isinstance(made, tuple | frozenset):
            return
        inner = [self._counted[id(one)] for one in made if id(one) in self._counted]
        size = len(made) + sum(one[1] for one in inner)
        depth = 1 + max((one[2] for one in inner), default=0)
        if size > _MOST_IN_TUPLE or depth > _DEEPEST_TUPLE:
            raise pickle.UnpicklingError("tuples within tuples without end are not allowed")
        self._counted[id(made)] = (made, size, depth)

    @property
    def persistent_load(self) -> Any:
        """Loader of storages, which torch sets; none is larger than its record in the file."""
        return self._load_storage

    @persistent_load.setter
    def persistent_load(self, load: Callable[[Any], Any]) -> None:
        self._loads = load

    def _load_storage(self, saved: Any) -> Any:
        if self.sizes is not None:
            _, kind, key, _, count = saved
            dtype = torch.uint8 if kind is torch.UntypedStorage else kind.dtype
            if not 0 <= count * dtype.itemsize <= self.sizes.get(str(key), -1):
                raise pickle.UnpicklingError(f"storage {key} is larger than its record")
        return self._loads(saved)

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Return an allowed class, or a stand-in; nothing is imported.

        Raises:
            UnpicklingError: for any other.
        """
        full_name = f"{module_name}.{global_name}"
        if module_name in _BUILTINS and global_name in _NAMES:
            return _builtin(global_name)
        if full_name == "_codecs.encode":
            return _Call(_encoded)
        if full_name == "collections.Counter":
            return StandIn
        allowed = _get_allowed_globals()
        if full_name in allowed:
            found = allowed[full_name]
            return found if isinstance(found, type) or not callable(found) else _Call(found)
        package = module_name.partition(".")[0]
        self.configs = self.configs or package == "omegaconf"
        if package in PACKAGES or full_name in CLASSES:
            return StandIn
        if self.configs and package not in _NEVER and _CLASS.fullmatch(global_name):
            return StandIn  # typed configs name the classes that they were made from
        raise pickle.UnpicklingError(f"{full_name} is not allowed")


_MAKING = (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.FROZENSET)


def _counting(operation: bytes) -> Callable[[Any], None]:
    make: Callable[[Any], None] = pickle._Unpickler.dispatch[operation[0]]

    def made(reader: _Unpickler) -> None:
        make(reader)
        reader.count_last()

    return made


_Unpickler.dispatch = {
    **pickle._Unpickler.dispatch,
    **{operation[0]: _counting(operation) for operation in (*_MAKING, pickle.REDUCE)},
}


def read_pickle(path: Path, *, mmap: bool = False) -> Any:
    """Return the content of a checkpoint on the processor; no code of it runs.

    Args:
        path: the file.
        mmap: leave tensors in the file until they are read; they are not checked then.

    Raises:
        UnpicklingError: for objects of other classes than tensors, containers, and those of
            `PACKAGES`, for which inert objects stand in; and for sizes beyond the file's own.
        RuntimeError: for a damaged file, and whatever else `torch.load` raises.
    """
    sizes = check_records(path, whole=not mmap)
    reader = type("_Reader", (_Unpickler,), {"sizes": sizes})
    module = types.ModuleType("stand_ins")
    vars(module).update(Unpickler=reader, load=partial(_load, reader))
    try:
        return torch.load(
            path, map_location="cpu", pickle_module=module, weights_only=False, mmap=mmap
        )
    except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError) as error:
        raise pickle.UnpicklingError(f"{type(error).__name__}: {error}") from error


def _load(reader: type[pickle._Unpickler], file: Any, **options: Any) -> Any:
    return reader(file, **options).load()


def check_records(path: Path, *, whole: bool) -> dict[str, int] | None:
    """Compare the records of a checkpoint with their checksums, which torch writes and never reads.

    Args:
        path: the file.
        whole: or all but the tensors.

    Returns:
        Bytes of each storage by key; None for a file of the older kind, which has no checksums.

    Raises:
        ValueError: names the record that is damaged or compressed.
    """
    if not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
            for record in records:
                if record.compress_type != zipfile.ZIP_STORED:
                    raise ValueError(f"record {record.filename} is compressed")
            wanted = [one for one in records if whole or "/data/" not in one.filename]
            damaged = [one.filename for one in wanted if not _is_whole(archive, one)]
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from error
    # Without any right sum they were left out: torch.serialization.set_crc32_options(False).
    if damaged and len(damaged) < len(wanted):
        raise ValueError(f"record {damaged[0]} is damaged")
    return {
        one.filename.rpartition("/")[2]: one.file_size
        for one in records
        if one.filename.rpartition("/")[0].endswith("/data")
    }


def _is_whole(archive: zipfile.ZipFile, record: zipfile.ZipInfo) -> bool:
    try:
        with archive.open(record) as opened:
            while opened.read(_CHUNK):
                pass
    except zipfile.BadZipFile as error:
        if "CRC" not in str(error):
            raise
        return False
    return True


def check_tensors(weights: Mapping[str, Any], path: Path) -> None:
    """Refuse tensors that have no values of their own in the file.

    A few bytes can be said to be a tensor of any size, and be copied as such.

    Raises:
        UnpicklingError: names the first.
    """
    left = 4 * path.stat().st_size + _CHUNK
    for name, value in weights.items():
        plain = value.layout is torch.strided and not value.is_quantized and not value.is_meta
        left -= value.numel() * value.element_size() if plain else left + 1
        if left < 0:
            raise pickle.UnpicklingError(f"{name} is larger than the file")
