"""Probes: exact where the truth is known, positive where a network listens."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from tiny_probes import Scaled, audible_batch, debug_model, probed
from torch import Tensor, nn

from mug.callbacks.probe_report import probe_table, write_probe
from mug.diffusion.diffusion import DDPM
from mug.diffusion.objective import Target
from mug.diffusion.probe import (
    TENTHS,
    VARIANTS,
    ProbeOptions,
    constant_loss,
    latent_centre,
    songs_of,
    swap_audio,
)
from mug.errors import ConfigError


class BestConstant(nn.Module):
    """Answers the target's mean, whatever its input."""

    def __init__(self, model: DDPM, centre: Tensor) -> None:
        super().__init__()
        self.ask = [model.generation.parameterization, centre]

    def forward(self, x: Tensor, step: Tensor, context: Tensor, *audio: Tensor) -> Tensor:
        parameterization, centre = self.ask
        mean = centre[None, :, None].expand_as(x)
        answer: Tensor = parameterization.target(mean, torch.zeros_like(x), step)
        return answer


class Hearing(nn.Module):
    """One convolution over the noisy input and the finest audio level."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(8 + 32, 8, 3, padding=1)

    def forward(self, x: Tensor, step: Tensor, context: Tensor, *audio: Tensor) -> Tensor:
        answer: Tensor = self.layer(torch.cat([x, audio[0]], dim=1))
        return answer


# ------------------------------------------------------------------------ analytic truths


@pytest.mark.parametrize("parameterization", ["eps", "x0", "v"])
@pytest.mark.parametrize("loss_type", ["l1", "l2", "smooth_l1"])
def test_the_best_constant_has_ratio_one_and_gains_nothing(
    parameterization: str, loss_type: str
) -> None:
    model = debug_model(Scaled(), parameterization=parameterization, loss_type=loss_type)
    batch = audible_batch(0)
    model.model.unet_model = BestConstant(model, latent_centre(model, [batch]))
    found = probed(model, batch)
    assert found.tenths == list(range(TENTHS))
    for tenth in found.tenths:
        assert found.ratio(tenth) == 1
        assert found.gain("audio", tenth) == (0, 0)
        assert found.gain("features", tenth) == (0, 0)


def test_a_network_without_conditions_gains_exactly_nothing() -> None:
    found = probed(debug_model(Scaled()), audible_batch(0), without=VARIANTS, draws=2)
    assert found.left_out == ["audio", "silence", "features"]
    for name in found.left_out:
        assert [found.gain(name, tenth) for tenth in found.tenths] == [(0, 0)] * TENTHS
    assert len({found.ratio(tenth) for tenth in found.tenths}) == TENTHS


@pytest.mark.parametrize("tenth", [0, 4, 9])
@pytest.mark.parametrize(
    ("parameterization", "expected"),
    [
        ("eps", lambda bar, variance: 1.0),
        ("x0", lambda bar, variance: variance),
        ("v", lambda bar, variance: bar + (1 - bar) * variance),
    ],
)
def test_the_best_constants_squared_error_is_the_targets_variance(
    parameterization: str, expected: object, tenth: int
) -> None:
    model = debug_model(Scaled(), parameterization=parameterization, loss_type="l2")
    generator = torch.Generator().manual_seed(1)
    centre = torch.arange(8.0)
    z = centre[None, :, None] + 1.7 * torch.randn(64, 8, 400, generator=generator)
    step = torch.full((64,), 100 * tenth + 50)
    noise = torch.randn(z.shape, generator=generator)
    found = constant_loss(model, Target(z), centre, step, noise).mean()
    bar = float(model.schedule.alphas_bar[100 * tenth + 50])
    assert float(found) == pytest.approx(expected(bar, 1.7**2), rel=0.01)  # type: ignore[operator]
    other = constant_loss(model, Target(z), centre + 0.2, step, noise).mean()
    assert other >= found


def test_the_centre_is_the_mean_over_frames_that_count() -> None:
    model, batch = debug_model(Scaled(), use_valid=True), audible_batch(0)
    batch["valid"][:, 32:] = 0
    z = model.denoising.encode(batch).z_0
    assert torch.allclose(latent_centre(model, [batch]), z[:, :, :4].mean((0, 2)), atol=1e-6)
    assert torch.allclose(
        latent_centre(model, [batch, batch]), latent_centre(model, [batch]), atol=1e-6
    )


def test_a_network_that_learnt_to_listen_gains_by_the_sound() -> None:
    """Notes that can be heard: the gain is large where noise hides them, on charts never seen."""
    torch.manual_seed(0)
    model = debug_model(Hearing(), parameterization="x0", loss_type="l2", scale_by_std=True)
    assert model.model.wave_model is not None
    optimizer = torch.optim.Adam(
        [*model.model.unet_model.parameters(), *model.model.wave_model.parameters()], lr=1e-2
    )
    generator = torch.Generator().manual_seed(0)
    before = probed(model, audible_batch(1000, 16))
    for number in range(80):
        batch = audible_batch(number, 8)
        target = model.denoising.encode(batch)
        step, noise = model.denoising.draw(target, generator)
        losses = model.denoising.p_losses(target, model.denoising.condition_of(batch), step, noise)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
    found = probed(model, audible_batch(1000, 16))
    assert found.scalars()["ratio"] < before.scalars()["ratio"]
    for tenth in (5, 7, 9):
        gain, error = found.gain("audio", tenth)
        assert gain > 5 * error > 0
    assert found.gain("features", 9)[0] == 0, "it is not told any"


# ------------------------------------------------------------------------------ pairing


def test_probes_repeat_and_draw_from_nobody() -> None:
    model, batch = debug_model(Scaled()), audible_batch(0)
    state = torch.random.get_rng_state()
    first = probed(model, batch).rows()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert probed(model, batch).rows() == first
    assert probed(model, batch, seed=1).rows() != first


@pytest.mark.parametrize("limits", [(0, 1000), (0, 35), (250, 777), (999, 1000)])
def test_tenths_share_out_the_steps_that_are_trained(limits: tuple[int, int]) -> None:
    seen: list[int] = []
    model = debug_model(Scaled(), min_step=limits[0], max_step=limits[1])
    draw = model.denoising.p_losses
    model.denoising.p_losses = lambda *a, **k: seen.extend(a[2].tolist()) or draw(*a, **k)  # type: ignore[assignment]
    found = probed(model, audible_batch(0), without=[], draws=20)
    expected = sorted({step * TENTHS // 1000 for step in range(*limits)})
    assert found.tenths == expected
    assert {step * TENTHS // 1000 for step in seen} == set(expected)
    assert limits[0] <= min(seen) <= max(seen) < limits[1]
    snr = [found.log_snr[tenth] for tenth in found.tenths]
    assert snr == sorted(snr, reverse=True)


def test_the_other_sound_is_another_songs() -> None:
    audio = torch.arange(5.0)[:, None, None].expand(5, 2, 16)
    other = swap_audio(audio, ["a", "a", "b", "a", "c"])
    assert other[:, 0, 0].tolist() == [2, 2, 3, 4, 0]
    alone = torch.rand(2, 2, 16)
    rolled = swap_audio(alone, ["a", "a"])
    assert torch.equal(rolled[0][:, :10], alone[0][:, 6:])
    assert torch.equal(rolled[0][:, 10:], alone[0][:, :6])


def test_songs_are_told_apart_by_their_sound_else_all_differ() -> None:
    batch = {"note": torch.zeros(2, 4, 8), "meta": {"audio_path": ["x", "x"], "set": ["a", "b"]}}
    assert songs_of(batch) == ["x", "x"]
    assert songs_of({"note": torch.zeros(2, 4, 8)}) == ["0", "1"]
    assert songs_of({**batch, "meta": {"audio_path": "", "set": ["a", "b"]}}) == ["a", "b"]


@pytest.mark.parametrize("wrong", [{"without": ["sound"]}, {"draws": 0}])
def test_impossible_probes_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        ProbeOptions(**wrong)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------- report


def test_names_of_the_scalars_are_stable() -> None:
    names = set(probed(debug_model(Scaled()), audible_batch(0)).scalars())
    kinds = ("loss", "constant", "ratio", "gain_audio", "gain_features")
    assert names == {f"{kind}_t{tenth}" for kind in kinds for tenth in range(TENTHS)} | {
        "ratio",
        "gain_audio",
        "gain_features",
    }


def test_tables_and_picture_hold_what_was_found(tmp_path: Path) -> None:
    found = probed(debug_model(Scaled()), audible_batch(0, 1), without=VARIANTS)
    assert math.isnan(found.gain("audio", 0)[1]), "one item has no spread"
    csv, plain, picture = write_probe(found, tmp_path / "probe", "a title")
    assert csv.read_text().splitlines()[0].startswith("tenth,log_snr,samples,loss,constant,ratio,")
    assert len(csv.read_text().splitlines()) == TENTHS + 1
    content = json.loads(plain.read_text())
    assert content["tenths"][3]["loss"] == found.mean("loss", 3)
    assert content["tenths"][3]["gain_audio_error"] is None
    assert content["scalars"] == found.scalars()
    table = probe_table(found).splitlines()
    assert len(table) == TENTHS + 3
    assert f"{found.mean('loss', 9):.4f}" in table[-2]
    with Image.open(picture) as image:
        colours = image.convert("RGB").getcolors(maxcolors=100_000)
    assert colours is not None
    shades = {colour for _, colour in colours}
    assert {(20, 20, 20), (150, 150, 150), (204, 51, 17), (0, 119, 187)} <= shades
