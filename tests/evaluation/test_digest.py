"""The digest of what makes a figure: sensitive to all of it, and to nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mug.difficulty import msd
from mug.evaluation import digest
from mug.evaluation.digest import PACKAGE, ROOTS, code_digest, figure_files

Fresh = Callable[..., str]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package; its files can be changed."""
    ignored = shutil.ignore_patterns("__pycache__", "player")
    return Path(shutil.copytree(PACKAGE, tmp_path / "mug", ignore=ignored))


@pytest.fixture
def fresh() -> Fresh:
    """The digest, read again."""

    def read(package: Path, extra: tuple[Path, ...] = ()) -> str:
        code_digest.cache_clear()
        digest._modules.cache_clear()
        return code_digest(package, extra)

    return read


IN = {
    "difficulty/msd_coefficients.npz": "data",
    "evaluation/figures.py": "a root",
    "beatmap/beat_lines.py": "imported by what a root imports",
    "difficulty/skill_values.py": "imported within a function",
    "diffusion/samplers/adams.py": "named in a registry alone",
    "cond/wave.py": "named in the config of a model alone",
    "snapping/__init__.py": "a package of a module",
    "errors.py": "imported by all",
}
OUT = (
    "ui/app.py",
    "ui/page/page.css",
    "prepare/collect.py",
    "evaluation/html/page.py",
    "messages/zh.yaml",
    "callbacks/ema.py",
    "data/dataset.py",
    "train.py",
)


def test_what_makes_a_figure_belongs_to_it_and_nothing_else() -> None:
    files = {file.relative_to(PACKAGE).as_posix() for file in figure_files()}
    assert IN.keys() <= files
    assert files.isdisjoint(OUT)
    assert all((PACKAGE / file).is_file() for file in OUT)


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("difficulty/msd_coefficients.npz", True),
        ("beatmap/beat_lines.py", True),
        ("ui/app.py", False),
    ],
)
def test_a_byte_of_it_changes_the_digest(
    copy: Path, fresh: Fresh, file: str, changes: bool
) -> None:
    before = fresh(copy)
    with (copy / file).open("ab") as handle:
        handle.write(b"#")
    assert (fresh(copy) != before) is changes


def test_a_new_data_file_and_another_name_change_it(copy: Path, fresh: Fresh) -> None:
    digests = {fresh(copy)}
    (copy / "difficulty" / "table.npz").write_bytes(b"")
    digests.add(fresh(copy))
    (copy / "difficulty" / "table.npz").rename(copy / "difficulty" / "tables.npz")
    digests.add(fresh(copy))
    assert len(digests) == 3


def test_another_version_of_a_package_changes_it(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fresh(PACKAGE)
    real = digest._version
    monkeypatch.setattr(digest, "_version", lambda name: "9" if name == "scipy" else real(name))
    assert fresh(PACKAGE) != before
    monkeypatch.setattr(digest, "_version", lambda name: "9" if name == "gradio" else real(name))
    assert fresh(PACKAGE) == before


def test_the_command_that_judges_is_part_of_it(tmp_path: Path, fresh: Fresh) -> None:
    command = tmp_path / "command.py"
    command.write_text("import mug.ui.app\n")
    with_command = fresh(PACKAGE, (command,))
    assert with_command != fresh(PACKAGE)
    assert PACKAGE / "ui/app.py" in figure_files(PACKAGE, (command,))


def test_every_root_is_there() -> None:
    for root in ROOTS:
        place = PACKAGE.joinpath(*root.split(".")[1:])
        assert place.is_dir() or place.with_suffix(".py").is_file(), root
    assert Path(msd.__file__) in figure_files()
