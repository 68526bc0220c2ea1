"""The shape of the house: sizes, layers, what may be imported where, what may not be written."""

from __future__ import annotations

import ast
import hashlib
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from repository import ROOT, syntax_tree

SOURCES = sorted(
    path
    for pattern in ("mug/**/*.py", "scripts/*.py", "benchmarks/*.py", "main.py", "webui.py")
    for path in ROOT.glob(pattern)
)


def _trees() -> dict[Path, ast.Module]:
    """Not at import: each worker of the suite imports this file, one runs its tests."""
    return {path: syntax_tree(path) for path in SOURCES}


@cache
def _functions() -> list[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    return [
        (path, node)
        for path, tree in _trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [ROOT / line for line in listed if (ROOT / line).is_file()]


def test_there_is_something_to_check() -> None:
    assert len(SOURCES) > 30
    assert len(_functions()) > 200


def test_files_stay_under_400_lines() -> None:
    sizes = {_name(p): p.read_text(encoding="utf-8").count("\n") for p in SOURCES}
    assert {name: lines for name, lines in sizes.items() if lines > 400} == {}


def test_functions_stay_under_60_lines() -> None:
    long = {
        f"{_name(path)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path, node in _functions()
    }
    assert {name: lines for name, lines in long.items() if lines > 60} == {}


def test_packages_hold_a_docstring_only() -> None:
    for path, tree in _trees().items():
        if path.name == "__init__.py":
            assert len(tree.body) == 1, f"{_name(path)} holds more than a docstring"
            assert isinstance(tree.body[0], ast.Expr), _name(path)


def test_every_test_file_mirrors_a_folder() -> None:
    folders = {p.name for p in (ROOT / "mug").iterdir() if p.is_dir()}
    allowed = folders | {"architecture", "configs", "golden", "integration", "scripts", "support"}
    found = {p.name for p in (ROOT / "tests").iterdir() if p.is_dir() and p.name[0] not in "_."}
    assert found <= allowed


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        (
            ("mug.beatmap.formats.osu.chart", "mug.audio.load", "mug.encoding.convertor",
             "mug.features"),
            ("torch", "pytorch_lightning", "omegaconf", "librosa"),
        ),
        (("mug.diffusion.samplers.ddim", "mug.diffusion.unet"), ("pytorch_lightning", "omegaconf")),
    ],
)  # fmt: skip
def test_a_fresh_import_stays_light(modules: tuple[str, ...], absent: tuple[str, ...]) -> None:
    code = f"""
import importlib, sys
for module in {modules!r}:
    importlib.import_module(module)
    print(module, [name for name in {absent!r} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{module} []" for module in modules]


def test_the_training_core_imports_with_few_packages() -> None:
    """torch, Lightning, OmegaConf, einops, numpy, PyYAML, jaxtyping, tqdm: enough to train."""
    blocked = [
        "librosa",
        "soundfile",
        "soxr",
        "scipy",
        "rosu_pp_py",
        "PIL",
        "tinytag",
        "safetensors",
        "tensorboard",
        "torchsummary",
        "gradio",
        "beartype",
    ]
    code = f"""
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {blocked!r}:
            raise ModuleNotFoundError('blocked ' + name, name=name)
for name in {blocked!r}:
    assert name not in sys.modules
# Lightning itself looks for optional packages; they are blocked after it is in.
import pytorch_lightning
sys.meta_path.insert(0, Blocker())
import mug.train, mug.diffusion.diffusion, mug.firststage.autoencoder, mug.data.datamodule
import mug.data.dataset, mug.cond.wave, mug.cond.feature, mug.config
import mug.diffusion.samplers.registry
print('ok')
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "ok", done.stderr


def test_hit_object_lines_are_read_in_one_file() -> None:
    """A line of a `.osu` file is parsed in exactly one place."""
    readers = [
        _name(path)
        for path in SOURCES
        if path.is_relative_to(ROOT / "mug") and "HitObjects" in path.read_text(encoding="utf-8")
    ]
    assert readers
    assert all(name.startswith("mug/beatmap/") for name in readers), readers


def test_layer_checker_is_told_about_every_module() -> None:
    """An undeclared module below mug/ breaks the layers contract (exhaustive = true)."""
    binary = Path(sys.executable).with_name("lint-imports")
    program = str(binary) if binary.exists() else shutil.which("lint-imports")
    assert program, "import-linter comes with requirements-dev.txt"
    done = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "0 broken" in done.stdout, done.stdout + done.stderr


def test_the_repository_speaks_of_the_project_alone() -> None:
    """No path of one machine: nothing absolute below the folders that people and jobs work in."""
    forbidden = re.compile(r"(?<![\w.}])/(?:home|mnt|opt|root|tmp|Users|work)/[A-Za-z.]")
    found = []
    for path in _tracked():
        if (
            path.suffix in {".py", ".md", ".yaml", ".toml", ".txt", ".cff"}
            or path.name == "Makefile"
        ):
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [f"{_name(path)}: {place[0]}" for place in forbidden.finditer(text)]
    assert found == []
    assert all(forbidden.search("cd " + "/".join(("", top, "song"))) for top in ("home", "tmp"))


def test_no_song_or_weight_of_somebody_else_is_tracked() -> None:
    suffixes = {".mp3", ".ogg", ".flac", ".wav", ".osz", ".ckpt", ".safetensors", ".pt"}
    found = {_name(p): _sha256(p) for p in _tracked() if p.suffix.lower() in suffixes}
    assert found == _shipped_weights()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _shipped_weights() -> dict[str, str]:
    """Our own models, as scripts/pack_model.py lists them."""
    models = ROOT / "mug" / "models"
    lines = (models / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("  ") for line in lines]
    assert all(re.fullmatch(r"[4-9]k/[a-z]+\.(safetensors|yaml|json)", name) for _, name in pairs)
    assert [total for total, _ in pairs] == [_sha256(models / name) for _, name in pairs]
    summed = {models / name for _, name in pairs}
    assert summed == {path for path in models.glob("*/*") if path.suffix != ".md"}
    return {_name(models / name): total for total, name in pairs if name.endswith(".safetensors")}


def test_no_credentials_are_in_the_repository() -> None:
    """Client ids, secrets and tokens come from the environment."""
    secret = re.compile(
        r"(?i)(client_?secret|api_?key|token|password)[\"']?\s*[:=]\s*[\"'][A-Za-z0-9_\-]{20,}[\"']"
    )
    found = [
        _name(path)
        for path in _tracked()
        if path.suffix in {".py", ".yaml", ".toml", ".md", ".json"}
        and path != Path(__file__).resolve()
        and secret.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []
    assert secret.search('CLIENT_SECRET = "abcdefghij0123456789abcdefghij"')


def test_parity_has_a_row_for_every_known_bug_of_the_original() -> None:
    text = (ROOT / "docs" / "parity.md").read_text(encoding="utf-8")
    rows = {int(m) for m in re.findall(r"^\| B(\d+) \|", text, flags=re.MULTILINE)}
    assert rows == set(range(1, 51))


def test_parity_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "parity.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`(test_\w+)`", text))
    known = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        known |= set(re.findall(r"def (test_\w+)\(", path.read_text(encoding="utf-8")))
    assert len(names) > 20
    assert names - known == set()
    files = set(re.findall(r"`(tests/[\w/]+\.py)`", text))
    assert len(files) > 5
    assert [name for name in files if not (ROOT / name).is_file()] == []
