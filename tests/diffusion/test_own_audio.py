"""Charts with line channels of their own in one batch: the numbers that each has alone."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from mug.cond.lines import LineEncoder
from mug.diffusion.guidance import guide, guided
from mug.diffusion.networks import Networks
from mug.diffusion.parameterization import Parameterization
from mug.diffusion.parts.generation import Generation
from mug.diffusion.parts.latent_scale import LatentScale
from mug.diffusion.parts.options import LatentOptions
from mug.diffusion.schedule import NoiseSchedule
from mug.diffusion.unet import AttentionOptions, UNetBlockOptions, UNetModel
from mug.diffusion.windows import Windows, windowed
from mug.protocols import Condition

FRAMES, CHARTS, CHANNELS = 24, 3, 426


def generation() -> Generation:
    """Every weight is drawn: layers that begin at zero would hide what they are given."""
    torch.manual_seed(0)
    levels = (8, 8, 16)
    block = UNetBlockOptions(num_groups=4, prompt_embedding=True)
    attention = AttentionOptions(num_heads=2)
    unet = UNetModel(
        4, 16, 4, 1, [4], levels, (1, 1, 2), context_dim=8, attention=attention, block=block
    )
    encoder = LineEncoder(levels, width=16, line_width=4)
    networks = Networks(unet, torch.nn.Identity(), encoder, None, len(levels)).eval()
    networks.requires_grad_(requires_grad=False)
    for parameter in networks.parameters():
        parameter += 0.1 * torch.randn(parameter.shape)
    scale = LatentScale(LatentOptions())
    return Generation(networks, Parameterization("v", NoiseSchedule("cosine", 100)), scale, 4)


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def part(condition: Condition, item: int) -> Condition:
    context = condition.context
    rows = slice(item, item + 1)
    return Condition(
        None if context is None else context[rows], [level[rows] for level in condition.audio]
    )


@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("scale", [1.0, 3.0])
@pytest.mark.parametrize("prompts", [1, CHARTS])
def test_a_batch_of_charts_has_the_numbers_of_each_alone(
    prepared: bool, scale: float, prompts: int
) -> None:
    made = generation()
    plan = made.plan(FRAMES) if prepared else None
    make = partial(made.denoiser, plan=plan)
    audio = made.networks.audio(noise(CHARTS, CHANNELS, FRAMES))
    assert all(len(level) == CHARTS for level in audio)
    asked = Condition(noise(prompts, 8, 5, seed=2), audio)
    negative = Condition(noise(prompts, 8, 5, seed=3), audio)
    x_t, step = noise(CHARTS, 4, FRAMES, seed=4), torch.full((CHARTS,), 60)
    together = guide(make, asked, negative, scale)(x_t, step)
    in_two_calls = guided(make(asked), make(negative), scale)(x_t, step)
    torch.testing.assert_close(in_two_calls.x0, together.x0, rtol=1e-4, atol=1e-4)
    for item in range(CHARTS):
        rows = slice(item, item + 1)
        own = [Condition(c.context[rows], part(c, item).audio) if prompts > 1 else
               Condition(c.context, part(c, item).audio) for c in (asked, negative)]  # fmt: skip
        alone = guide(make, own[0], own[1], scale)(x_t[rows], step[rows])
        torch.testing.assert_close(together.x0[rows], alone.x0, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(together.eps[rows], alone.eps, rtol=1e-4, atol=1e-4)


def test_rows_of_one_chart_move_no_other() -> None:
    made = generation()
    lines = noise(CHARTS, CHANNELS, FRAMES)
    lines[:, -1] = 1
    other = lines.clone()
    other[1, -13:-1] += 1
    x_t, step = noise(CHARTS, 4, FRAMES, seed=4), torch.full((CHARTS,), 60)
    context = noise(1, 8, 5, seed=2)
    found = []
    for given in (lines, other):
        condition = Condition(context, made.networks.audio(given))
        plan = made.plan(FRAMES)
        found.append(guide(partial(made.denoiser, plan=plan), condition, None, 1.0)(x_t, step).x0)
    same = [torch.allclose(a, b, atol=1e-6) for a, b in zip(*found, strict=True)]
    assert same == [True, False, True]


def test_windows_of_levels_with_a_batch_agree_with_each_chart_alone() -> None:
    made = generation()
    audio = made.networks.audio(noise(CHARTS, CHANNELS, FRAMES))
    windows = Windows.over(FRAMES, 16, 4, 4)
    plan, context = made.plan(windows.size), noise(1, 8, 5, seed=2)

    def denoise(levels: list[Tensor], x_t: Tensor) -> Tensor:
        denoisers = []
        for one in windows.slices():
            cut = [
                level[..., one.start * level.shape[-1] // FRAMES :
                      one.stop * level.shape[-1] // FRAMES] for level in levels
            ]  # fmt: skip
            asked, negative = Condition(context, cut), Condition(-context, cut)
            denoisers.append(guide(partial(made.denoiser, plan=plan), asked, negative, 2.0))
        step = torch.full((len(x_t),), 60)
        return windowed(denoisers, windows)(x_t, step).x0

    x_t = noise(CHARTS, 4, FRAMES, seed=4)
    together = denoise(audio, x_t)
    for item in range(CHARTS):
        rows = slice(item, item + 1)
        alone = denoise([level[rows] for level in audio], x_t[rows])
        torch.testing.assert_close(together[rows], alone, rtol=1e-4, atol=1e-4)
