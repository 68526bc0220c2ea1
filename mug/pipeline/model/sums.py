"""Sums of the files of shipped models, as `sha256sum` writes them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mug.errors import CheckpointError
from mug.files import atomic_write

SUMS_NAME = "SHA256SUMS"


def write_sums(models: Path) -> None:
    """Write the sums of all weights below a folder of models, as `sha256sum` does.

    The repository's tests let no other weights in.

    Args:
        models: the folder, with a folder for each model.
    """
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(models).as_posix()}\n"
        for path in sorted(models.glob("*/*.safetensors"))
    ]
    with atomic_write(models / SUMS_NAME, "w", encoding="utf-8") as handle:
        handle.write("".join(lines))


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
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if noted is not None and noted != found:
        raise CheckpointError(
            "pipeline.weights_are_damaged",
            file=file,
            value=found,
            noted=noted,
            remedy="remedy.fetch_or_pack_it_again",
        )
