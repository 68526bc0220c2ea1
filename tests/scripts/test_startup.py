"""What the scripts load before they can begin: nothing that they do not need."""

import subprocess
import sys

import pytest
from repository import ROOT

HEAVY = ("torch", "librosa", "scipy", "numba", "pytorch_lightning", "gradio", "omegaconf")
TRAINING = ("pytorch_lightning", "lightning_fabric", "torchmetrics", "tensorboard")
UNUSED = ("librosa", "numba", "gradio", "matplotlib", "pandas", "sklearn")
COMPILER = ("torch._dynamo", "torch._inductor", "sympy")


def loaded(code: str, names: tuple[str, ...]) -> set[str]:
    """Which of these packages a fresh interpreter has loaded after some code."""
    probe = f"import sys\n{code}\nprint('loaded:', *[n for n in {names!r} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("script", ["generate", "edit_beatmap"])
def test_the_command_line_is_read_without_heavy_packages(script):
    code = f"""
import runpy
sys.argv = ['scripts/{script}.py', '--help']
try:
    runpy.run_path(sys.argv[0], run_name='__main__')
except SystemExit as stop:
    assert not stop.code"""
    assert loaded(code, HEAVY) == set()


def test_a_song_is_loaded_without_librosas_parts(tiny_model_folder, song):
    code = f"""
from pathlib import Path
from mug.pipeline.chart import ChartGenerator
made = ChartGenerator.from_checkpoint({str(tiny_model_folder)!r})
assert made.song(Path({str(song)!r})).latent_frames > 0"""
    assert loaded(code, ("torch", "librosa.core", "numba", "gradio")) == {"torch"}


def test_a_chart_is_made_without_the_trainer_and_torchs_compiler(tiny_model_folder, song, tmp_path):
    made = tmp_path / "chart.osz"
    words = ["scripts/generate.py", "--audio", str(song), "--ckpt", str(tiny_model_folder)]
    words += ["--out", str(made), "--steps", "2"]
    code = f"""
import runpy
sys.argv = {words!r}
try:
    runpy.run_path(sys.argv[0], run_name='__main__')
except SystemExit as stop:
    assert not stop.code, stop.code"""
    assert loaded(code, ("torch", *TRAINING, *COMPILER, *UNUSED)) == {"torch"}
    assert made.is_file()
