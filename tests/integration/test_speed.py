"""The speed benchmark: both ways make the same thing, and its small run ends with a table."""

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import speed
from benchmarks._solver_plot import plot
from benchmarks._speed_reference import Reference, load_as_original, mel_as_original
from mug.diffusion.guidance import guide
from mug.diffusion.samplers.ddim import DDIMSampler
from mug.pipeline.sample import song_tensor
from mug.protocols import Condition

CONFIG = speed.ROOT / "configs/debug/diffusion.yaml"
ARGS = argparse.Namespace(
    seconds=2.0, charts=2, threads=1, repeats=1, reference_steps=2, precision="fp32", steps=None
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("speed")
    speed.make_model(CONFIG, made)
    return made


def test_the_originals_way_and_ours_give_the_same_notes(folder):
    model = load_as_original(folder)
    wave = np.random.default_rng(0).normal(0, 0.1, 22050 * 3).astype(np.float32)
    audio = song_tensor(model, wave)
    torch.testing.assert_close(mel_as_original(model, wave), audio, rtol=2e-3, atol=1e-5)
    noise = torch.randn(2, model.z_channels, audio.shape[-1] // 64)
    asked, nothing = (
        torch.tensor(model.schema.ids(prompt)).expand(2, -1) for prompt in ({"sr": 3.0}, {})
    )
    ddpm = model.ddpm
    with torch.inference_mode():
        expected = Reference(ddpm).sample(audio, asked, nothing, noise, steps=4)
        levels = ddpm.generation.conditions(audio, None).audio
        plan = ddpm.generation.plan(noise.shape[-1])
        denoise = guide(
            lambda condition: ddpm.generation.denoiser(condition, plan),
            Condition(ddpm.generation.context(asked), levels),
            Condition(ddpm.generation.context(nothing), levels),
            5.0,
        )
        z = DDIMSampler("original").sample(denoise, noise, ddpm.schedule, steps=4)
        found = ddpm.generation.decode(z)
    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * float(expected.std()))


def test_the_table_has_a_row_for_each_claim(folder):
    rows = speed._times(folder, ARGS)
    assert [row.goal for row in rows] == [1.5, 1.25, 10.0]
    assert all(row.reference > 0 and row.ours > 0 for row in rows)
    results = {
        "config": "x", "seconds": 2.0, "threads": 1, "sampler": "plms", "steps": 16,
        "precision": "fp32", "memory_mib": {"reference": 2.0, "ours": 1.0},
    }  # fmt: skip
    text = speed._table(rows, results)
    assert text.count("| one step, batch") == 2
    assert f"| {rows[0].reference / rows[0].ours:.2f} |" in text


def test_turns_are_taken_and_the_best_counts():
    calls = []
    found = speed.best_of(3, lambda: calls.append("a"), lambda: calls.append("b"))
    assert calls == ["a", "b"] * 3
    assert len(found) == 2


def test_a_curve_becomes_a_picture():
    picture = plot({"a": [(8, 0.1), (20, 0.01)], "b": [(8, 0.2)]}, 0.02, "title")
    assert plot({"alone": [(8, 0.1)]}, 0.1, "title").startswith(b"\x89PNG")
    assert picture.startswith(b"\x89PNG")


def test_peak_memory_is_of_this_process(folder):
    args = argparse.Namespace(**vars(ARGS), memory_of="fp32", model=Path(folder), memory_steps=1)
    assert speed._peak_of(args) > 50
