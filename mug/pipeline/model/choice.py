"""Choice of a model: the one that is named, the user's own choice, the shipped one.

Modification times decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from mug.errors import CheckpointError
from mug.files import atomic_write
from mug.messages.message import Message
from mug.pipeline.model.names import CONFIG_NAME, PACKED_CONFIG_NAME, WEIGHTS_NAME
from mug.util import read_yaml, workplace

KEYS = 4
"""Columns of the charts that are made where nobody says a number."""

SHIPPED = Path(__file__).resolve().parents[2] / "models"
"""Folder of the models that come with the program, one for each number of columns."""

CHOICE = Path("models/choice.yaml")
"""File of the user's choice in the workplace: a path for each number of columns."""

PLACES = ("outputs/*/model", "models/*", "models/*/*")
"""Places in the workplace where models of one's own are looked for to be listed."""


def find_model(
    named: Path | None = None,
    keys: int | None = None,
    *,
    base: Path | None = None,
    shipped: Path | None = None,
) -> Path:
    """Return the model to load.

    Args:
        named: by the command line; taken as it is.
        keys: columns of the charts to make.
        base: folder that holds the user's choice; the workplace by default.
        shipped: folder of the models that come with the program.

    Raises:
        CheckpointError: when there is none, or the user's choice is gone.
    """
    if named is not None:
        return named
    keys = KEYS if keys is None else keys
    chosen = read_choice(base).get(keys)
    if chosen is not None:
        if not is_model(chosen):
            raise CheckpointError(
                "pipeline.chosen_model_is_gone",
                file=chosen,
                remedy=Message("remedy.choose_another_model", keys=keys),
            )
        return chosen
    shipped = SHIPPED if shipped is None else shipped
    folder = shipped / f"{keys}k"
    if not is_model(folder):
        raise CheckpointError(
            "pipeline.no_model_of_so_many_columns",
            keys=keys,
            remedy=Message(
                "remedy.name_ckpt_or_choose_or_train",
                names=", ".join(path.name for path in shipped_models(shipped)) or "-",
            ),
        )
    return folder


def models_by_keys(*, base: Path | None = None, shipped: Path | None = None) -> list[Path]:
    """Return every model that can be chosen by its columns: the user's choices, the shipped ones.

    Raises:
        CheckpointError: for a file of choices that cannot be read.
    """
    chosen = [path for _, path in sorted(read_choice(base).items()) if is_model(path)]
    return list(dict.fromkeys([*chosen, *shipped_models(shipped)]))


def is_model(path: Path) -> bool:
    """Return whether this looks like a model: a `.ckpt` file, or a folder of weights and config."""
    if path.is_dir():
        configs = (path / CONFIG_NAME, path / PACKED_CONFIG_NAME)
        return (path / WEIGHTS_NAME).is_file() and any(config.is_file() for config in configs)
    return path.suffix == ".ckpt" and path.is_file()


def shipped_models(shipped: Path | None = None) -> list[Path]:
    """Return the folders of the models that come with the program."""
    shipped = SHIPPED if shipped is None else shipped
    return [path for path in sorted(shipped.glob("*k")) if is_model(path)]


def own_models(base: Path | None = None) -> list[Path]:
    """Return the models below the workplace, in the order of their names."""
    base = workplace() if base is None else base
    return sorted({path for place in PLACES for path in base.glob(place) if is_model(path)})


def read_choice(base: Path | None = None) -> dict[int, Path]:
    """Return the user's choice: a model by number of columns.

    Raises:
        CheckpointError: for a file that holds something else.
    """
    base = workplace() if base is None else base
    file = base / CHOICE
    if not file.is_file():
        return {}
    try:
        content = read_yaml(file) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _unreadable(file, str(error)) from error
    if not isinstance(content, Mapping) or not all(
        isinstance(keys, int) and isinstance(path, str) for keys, path in content.items()
    ):
        raise _unreadable(file, str(content))
    return {keys: base / path for keys, path in content.items()}


def save_choice(keys: int, model: Path | None, base: Path | None = None) -> None:
    """Choose a model for a number of columns, or none to have the shipped one again."""
    base = workplace() if base is None else base
    chosen = read_choice(base)
    chosen.pop(keys, None)
    if model is not None:
        chosen[keys] = model.resolve()
    text = yaml.safe_dump({number: str(path) for number, path in sorted(chosen.items())})
    with atomic_write(base / CHOICE, "w", encoding="utf-8") as handle:
        handle.write(text)


def _unreadable(file: Path, value: str) -> CheckpointError:
    return CheckpointError(
        "pipeline.choice_of_model_cannot_be_read",
        file=file,
        value=value,
        remedy="remedy.remove_file_and_choose_again",
    )
