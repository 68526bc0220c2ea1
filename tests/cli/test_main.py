"""The command `mug`: every command is there, and a wheel that is installed elsewhere works."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from repository import ROOT

from mug.cli.main import COMMANDS, find_command, main


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["mug"])
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: ")
    assert len(said.splitlines()) > 3


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"train"}))
def test_every_command_says_its_errors_in_one_line(name):
    called = inspect.getsource(find_command(name))
    assert re.search(r"return run\(main, when_stopped=", called)


def test_every_script_is_a_command_or_for_maintainers():
    maintainers = {"demo", "demo_training", "feature_figures", "fit_msd", "report_msd"}
    scripts = {
        re.search(r"from ([\w.]+) import command", file.read_text(encoding="utf-8"))[1]
        for file in (ROOT / "scripts").glob("*.py")
        if file.stem not in maintainers
    }
    reached = {find_command(name).__module__ for name in COMMANDS} - {"mug.train", "mug.cli.webui"}
    assert scripts == reached


def test_an_unknown_command_names_the_nearest(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["mug"])
    assert main(["lnt"]) == 2
    assert "Did you mean 'lint'?" in capsys.readouterr().err


def test_without_a_command_the_help_is_shown(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["mug"])
    assert main([]) == 2
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in COMMANDS)


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The package, installed from its own wheel into a folder outside the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    source = folder / "source"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "mug", "configs"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    for name in [*listed, "pyproject.toml", "setup.py", "requirements.txt", "README.md"]:
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(source)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    (wheel,) = folder.glob("*.whl")
    install = [*pip, "install", "--no-deps", "--no-compile", "--target", str(folder / "site")]
    install.append(str(wheel))
    subprocess.run(install, check=True, capture_output=True, text=True)
    return folder


def call(installed: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(installed / "site" / "bin" / "mug"), *arguments],
        cwd=installed,
        env={**os.environ, "PYTHONPATH": str(installed / "site")},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_all_package_data(installed):
    here = {
        str(file.relative_to(ROOT / "mug"))
        for file in (ROOT / "mug").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    there = {
        str(file.relative_to(installed / "site" / "mug"))
        for file in (installed / "site" / "mug").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    configs = {
        f"configs/{file.relative_to(ROOT / 'configs')}"
        for file in (ROOT / "configs").rglob("*.yaml")
    }
    assert there == here | configs


def test_the_source_distribution_holds_models_and_configs(installed):
    code = f"from setuptools import build_meta; build_meta.build_sdist({str(installed)!r})"
    built = subprocess.run(
        [sys.executable, "-c", code],
        cwd=installed / "source", check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (archive,) = installed.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        there = {name.partition("/")[2] for name in opened.getnames()}
    models = (ROOT / "mug/models").rglob("*")
    wanted = {str(file.relative_to(ROOT)) for file in models if file.is_file()}
    wanted |= {str(file.relative_to(ROOT)) for file in (ROOT / "configs").rglob("*.yaml")}
    assert "mug/models/SHA256SUMS" in wanted
    assert wanted - there == set()


def test_the_wheel_declares_the_requirements(installed):
    (metadata,) = (installed / "site").glob("mug_diffusion-*.dist-info/METADATA")
    declared = re.findall(r"^Requires-Dist: ([\w.-]+)", metadata.read_text(), re.MULTILINE)
    wanted = re.findall(r"^([\w.-]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert declared == wanted


def test_the_installed_command_works_outside_the_checkout(installed):
    made = ["--out", "songs", "--count", "1", "--min_s", "8", "--max_s", "9", "--difficulties", "1"]
    assert "1 songs" in call(installed, "compose", *made)
    (chart,) = (installed / "songs").rglob("*.osu")
    call(installed, "lint", str(chart))
    call(installed, "prompt", str(chart), "--out", "prompt.yaml")
    assert "sr:" in (installed / "prompt.yaml").read_text(encoding="utf-8")
    call(installed, "prepare", "--song_dir", "songs", "--out_dir", "data", "--cs", "4")
    features = ["--beatmap_txt", "data/beatmap.txt"]
    features += ["--features_yaml", "configs/mug/mania_beatmap_features.yaml", "--workers", "1"]
    call(installed, "prepare-features", *features)
    assert (installed / "data" / "features.db").is_file()
