"""A run with nothing to do needs neither the songs nor the packages that measure them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tiny_songs import make_songs

HEAVY = ("numpy", "scipy", "librosa", "soundfile", "torch", "rosu_pp_py", "jaxtyping")

RUN = """
import sys
from pathlib import Path
from mug.prepare.collect import collect
from mug.prepare.features import fill_features
from mug.features import FeatureSchema

songs, out = Path(sys.argv[1]), Path(sys.argv[2])
schema = FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml")
collected = collect(songs, out)
filled = fill_features(out / "beatmap.txt", schema)
print(collected.done, filled.computed, filled.unchanged)
print([name for name in sys.argv[3:] if name in sys.modules])
"""


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_songs(tmp_path_factory.mktemp("songs"), songs=2).parent


def run(songs: Path, out: Path) -> list[str]:
    words = [sys.executable, "-c", RUN, str(songs), str(out), *HEAVY]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_it_imports_nothing_that_measures(songs: Path, tmp_path: Path) -> None:
    first = run(songs, tmp_path / "out")
    assert first[0] == "2 4 0"
    assert "numpy" in first[1]
    assert run(songs, tmp_path / "out") == ["0 0 4", "[]"]
