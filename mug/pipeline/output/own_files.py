"""Files that this program made before: they may be replaced unasked, other people's may not."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mug.errors import GenerationError, MugError
from mug.files import check_free
from mug.lint.rules import NOTICE
from mug.pipeline.model.names import CONFIG_NAME, FEATURES_NAME, PACKED_CONFIG_NAME, WEIGHTS_NAME
from mug.pipeline.provenance import WORDS
from mug.render.png import is_own_png

_MOST_BYTES = 1 << 24  # of a chart or report that is looked into
_TAGGED = re.compile(rb"^Tags:.*\b" + re.escape(WORDS[1].encode()), re.MULTILINE)
_REPORT_KEYS = {"song", "request", "plan", "charts", "notice"}


def check_outputs(paths: Iterable[Path], *, overwrite: bool) -> None:
    """Refuse to write charts, reports or pictures over files that this program has not made.

    Raises:
        FileError: for the first one.
    """
    check_free(paths, overwrite=overwrite, is_ours=is_own)


def check_package(out: Path, picture: Path | None = None, *, overwrite: bool = False) -> None:
    """Refuse a package that could not be written, before charts are made.

    Raises:
        GenerationError: for another suffix than `.osz`.
        FileError: for files that are there and that this program has not made.
    """
    if out.suffix.lower() != ".osz":
        raise GenerationError("pipeline.output_must_be_osz_file", file=out)
    pictures = [] if picture is None else [picture]
    check_outputs([out, *reports_beside(out), *pictures], overwrite=overwrite)


def reports_beside(out: Path) -> tuple[Path, Path]:
    """Return the report of a package, and the same as a page."""
    return out.with_suffix(".json"), out.with_suffix(".md")


def check_model_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse to write a model over files of a folder that holds no model of this program.

    The folder of a published checkpoint, say, has a `model.yaml` of its own.

    Raises:
        FileError: for the first such file.
    """
    names = (WEIGHTS_NAME, CONFIG_NAME, PACKED_CONFIG_NAME, FEATURES_NAME)
    check_free(
        (folder / name for name in names),
        overwrite=overwrite,
        is_ours=lambda _: (folder / WEIGHTS_NAME).is_file(),
    )


def is_own(path: Path) -> bool:
    """Tell a package, chart, report or picture that this program made."""
    tell = _TELLERS.get(path.suffix.lower())
    try:
        return tell is not None and tell(path)
    except (MugError, OSError, ValueError, zipfile.BadZipFile, RuntimeError, EOFError):
        return False  # damaged or unreadable: nothing that we can call ours


def _is_own_package(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        charts = [info for info in archive.infolist() if info.filename.lower().endswith(".osu")]
        small = [info for info in charts if info.file_size <= _MOST_BYTES]
        return bool(small) and all(_is_own_chart_data(archive.read(info)) for info in small)


def _is_own_chart(path: Path) -> bool:
    if path.stat().st_size <= _MOST_BYTES and _is_own_chart_data(path.read_bytes()):
        return True
    report = path.with_suffix(".json")  # of a chart that was edited without a mark
    return report.is_file() and Path(str(_report(report).get("file"))).name == path.name


def _is_own_chart_data(data: bytes) -> bool:
    """Look at the tags alone: charts that no reader takes, as those without notes, are ours too."""
    return _TAGGED.search(data) is not None


def _is_own_report(path: Path) -> bool:
    said = _report(path)
    return "made_by" in said or set(said) >= _REPORT_KEYS


def _report(path: Path) -> Mapping[str, object]:
    if path.stat().st_size > _MOST_BYTES:
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}


def _is_own_page(path: Path) -> bool:
    return path.stat().st_size <= _MOST_BYTES and path.read_text(
        encoding="utf-8"
    ).rstrip().endswith(NOTICE)


_TELLERS: Mapping[str, Callable[[Path], bool]] = {
    ".osz": _is_own_package,
    ".osu": _is_own_chart,
    ".json": _is_own_report,
    ".md": _is_own_page,
    ".png": is_own_png,
}
