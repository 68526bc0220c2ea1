"""Songs of a second and less become packages, or one clear sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.registry import read_any
from mug.errors import MugError
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.output.package import make_package
from mug.pipeline.request import GenerationRequest


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("kind", ["silence", "clicks"])
def test_short_sounds(tiny_model: LoadedModel, tmp_path: Path, seconds: float, kind: str) -> None:
    wave = np.zeros(max(int(22050 * seconds), 1), np.float32)
    if kind == "clicks":
        wave[::2205] = 0.9
    soundfile.write(tmp_path / "a.wav", wave, 22050)
    request = GenerationRequest(tmp_path / "a.wav", steps=2)
    said, made = "", {"charts": []}
    try:
        made = make_package(ChartGenerator(tiny_model), request, tmp_path / "a.osz")
    except MugError as error:
        said = str(error)
    assert bool(made["charts"]) != bool(said)
    assert "\n" not in said
    for chart in read_any(tmp_path / "a.osz", losses=LossReport()) if not said else ():
        assert all(note.last_ms <= 1000 * seconds + 1 for note in chart.hit_objects)
