"""YAML composition, overrides, and the resolved config that is kept.

A config is one or more YAML files. `defaults:` names files that are merged, in order, before the
file's own keys; several files given on the command line are merged from left to right; then come
`key=value` overrides; then `${...}` is filled in, and `${note_rows:KEYS}` with the rows of a note
tensor of so many columns, so that a config says its number of columns once. Each file and override
may say parameters in groups or flat, as the original's files do (`mug.reference.config`). What
leaves this module are plain dicts, lists and scalars, in groups. Nothing in a file can run
anything: YAML tags that build objects, and all other resolvers, such as `${oc.env:...}`, are
refused, and `target:` reaches only what `mug.util` allows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf import __version__ as omegaconf_version
from omegaconf.errors import OmegaConfBaseException

from mug.config_check import COMMAND_LINE, Sources, at_key, check_config
from mug.config_references import check_filled_in
from mug.errors import ConfigError
from mug.files import atomic_write
from mug.messages.message import Message
from mug.notes import NoteLayout
from mug.reference.config import Translation
from mug.util import find_file

Plain = dict[str, Any]

MOST_BYTES, MOST_FILES, MOST_FILLED_IN = 1 << 20, 64, 1_000_000
"""Bytes of a file, files of a config, and characters and values that `${...}` may fill in."""

_RESOLVER = re.compile(r"\$\{(?!note_rows:)[^}:]*:")

# The newer name warns before OmegaConf 2.4, the older one from there on.
_is_new = tuple(map(int, omegaconf_version.split(".")[:2])) >= (2, 4)
_register = OmegaConf.register_resolver if _is_new else OmegaConf.register_new_resolver
_register("note_rows", lambda keys: NoteLayout(int(keys)).channels, replace=True)


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


def load_inference_config(
    path: str | Path,
    for_inference: Callable[[Any], Any],
    faults: Callable[[Plain], Iterable[tuple[str, ConfigError]]] = lambda _: (),
) -> Plain:
    """The config beside a model's weights; what only training reads of it is not checked.

    That would take the trainer and everything that the config names: seconds and memory that
    whoever makes charts has no use for. The model's node is checked as for `load_config`.

    Args:
        path: YAML file.
        for_inference: gives a node with classes in place of those that train.
        faults: gives dotted keys and what else is wrong there.

    Raises:
        ConfigError: as for `load_config`.
    """
    config, sources = _merged([path], ())
    for key, error in faults(config):
        found = at_key(error, key, sources)
        what, value, remedy = found.what, found.value, found.remedy
        file = found.file or path
        raise ConfigError(what, file=file, line=found.line, value=value, remedy=remedy)
    sections = {
        name: for_inference(node) if name == "model" else {} for name, node in config.items()
    }
    check_config(sections, sources)
    return config


def _merged(paths: Sequence[str | Path], overrides: Sequence[str]) -> tuple[Plain, Sources]:
    """Files and overrides as one, and where each key comes from."""
    if not paths:
        raise ConfigError("config.no_config_given", remedy="remedy.name_config_with_base")
    files: list[tuple[Path, DictConfig]] = []
    for path in paths:
        for source in _sources(find_file(path), ()):
            files.append(source)
            if len(files) > MOST_FILES:
                raise ConfigError("config.too_many_files", file=path, most=MOST_FILES)
    given = [(*_split_override(override), override) for override in overrides]
    trees = [_as_tree(key, value) for key, value, _ in given]
    plain = [(file, _plain(content)) for file, content in files]
    translation = Translation([*(content for _, content in plain), *trees])
    sources = [(file, _translated(translation, content, file)) for file, content in plain]
    merged = OmegaConf.create({})
    for file, content in sources:
        merged = _merge(merged, content, file)
    sources += _apply_overrides(merged, given, translation)
    return _resolve(merged), sources


def _plain(content: DictConfig) -> Plain:
    """As plain containers, `${...}` as written."""
    plain = OmegaConf.to_container(content, resolve=False)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _translated(translation: Translation, content: Any, file: Path) -> DictConfig:
    with naming(file):
        return OmegaConf.create(translation.apply(content))


@contextmanager
def naming(file: Path) -> Iterator[None]:
    """Name a file in the errors of what does not know it."""
    try:
        yield
    except ConfigError as error:
        what, place = error.what, error.file or file
        kind = type(error)
        raise kind(what, file=place, value=error.value, remedy=error.remedy) from error


def with_overrides(config: Mapping[str, Any], overrides: Sequence[str]) -> Plain:
    """Return a resolved config with overrides in it; nothing is checked.

    Raises:
        ConfigError: for an override that is none, or that cannot be set.
    """
    given = [(*_split_override(override), override) for override in overrides]
    translation = Translation([config, *(_as_tree(key, value) for key, value, _ in given)])
    merged = OmegaConf.create(translation.apply(config))
    _apply_overrides(merged, given, translation)
    return _resolve(merged)


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
    # A device or a pipe would be read without end.
    if not path.is_file():
        raise ConfigError("common.no_such_file", file=path, remedy="remedy.check_path_in_config")
    if path.stat().st_size > MOST_BYTES:
        raise ConfigError("config.file_is_too_large", file=path, most=MOST_BYTES >> 20)
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


def _apply_overrides(
    config: DictConfig, given: Sequence[tuple[str, Any, str]], translation: Translation
) -> Sources:
    """Set keys and values, in groups; return what was set."""
    done: Sources = []
    for key, value, text in given:
        with naming(COMMAND_LINE):
            moved = translation.override(key, value)
        if moved is not None:
            _apply_override(config, *moved, text)
            done.append((COMMAND_LINE, OmegaConf.create(_as_tree(*moved))))
    return done


def _apply_override(config: DictConfig, key: str, value: Any, override: str) -> None:
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


def _as_tree(key: str, value: Any) -> dict[str, Any]:
    """An override as nested mappings."""
    for name in reversed(key.split(".")):
        value = {name: value}
    assert isinstance(value, dict)
    return value


def _resolve(config: DictConfig) -> Plain:
    check_filled_in(_plain(config), MOST_FILLED_IN)
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
