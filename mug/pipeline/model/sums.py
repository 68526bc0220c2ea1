"""Sums of the files of shipped models, as `sha256sum` writes them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mug.errors import CheckpointError
from mug.files import atomic_write
from mug.pipeline.model.names import (
    FEATURES_NAME,
    PACKED_CONFIG_NAME,
    REACHED_NAME,
    SCORER_NAME,
    WEIGHTS_NAME,
)

SUMS_NAME = "SHA256SUMS"

SUMMED = (PACKED_CONFIG_NAME, FEATURES_NAME, WEIGHTS_NAME, REACHED_NAME, SCORER_NAME)
"""Files of a model by which it makes its charts."""


def write_sums(models: Path) -> None:
    """Write the sums of all models' files below a folder of models, as `sha256sum` does.

    The repository's tests let no other weights in.

    Args:
        models: the folder, with a folder for each model.
    """
    lines = [
        f"{_sum(path)}  {path.relative_to(models).as_posix()}\n"
        for path in sorted(models.glob("*/*"))
        if path.name in SUMMED
    ]
    with atomic_write(models / SUMS_NAME, "w", encoding="utf-8") as handle:
        handle.write("".join(lines))


def _sum(file: Path) -> str:
    content = file.read_bytes()
    if file.suffix != ".safetensors":
        content = content.replace(b"\r\n", b"\n")  # as Git may write text on Windows
    return hashlib.sha256(content).hexdigest()


def check_sums(model: Path) -> None:
    """Compare the small files of a model's folder with their sums; see `check_sum`.

    The weights are not among them: they have a sum of their own, and may be read in parts.
    """
    for name in SUMMED:
        if name != WEIGHTS_NAME and (model / name).is_file():
            check_sum(model / name)


def check_sum(file: Path) -> None:
    """Compare a file of a model's folder with its sum in the folder above, if that names it.

    Raises:
        CheckpointError: for a file that is no longer what was shipped.
    """
    sums = file.resolve().parent.parent / SUMS_NAME
    if not sums.is_file():
        return
    name = f"{file.resolve().parent.name}/{file.name}"
    lines = sums.read_text(encoding="utf-8", errors="replace").splitlines()
    noted = next((line.split()[0] for line in lines if line.split()[1:] == [name]), None)
    found = _sum(file)
    if noted is not None and noted != found:
        raise CheckpointError(
            "pipeline.file_of_model_is_damaged",
            file=file,
            value=found,
            noted=noted,
            remedy="remedy.fetch_again_or_copy_to_change",
        )
