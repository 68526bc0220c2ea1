"""Windows over long songs: they cover, they agree, and one of them changes nothing."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mug.diffusion.samplers.ddim import DDIMSampler
from mug.diffusion.samplers.dpm_solver import DPMSolverSampler
from mug.diffusion.schedule import NoiseSchedule
from mug.diffusion.windows import Windows, windowed
from mug.errors import GenerationError
from mug.protocols import Prediction


@st.composite
def layouts(draw):
    multiple = draw(st.integers(1, 8))
    frames = multiple * draw(st.integers(1, 60))
    size = multiple * draw(st.integers(1, 20)) + draw(st.integers(0, multiple - 1))
    overlap = draw(st.integers(0, max(0, size // multiple * multiple - multiple)))
    return frames, size, overlap, multiple


@given(layouts())
def test_windows_cover_everything_and_share_what_was_asked(layout):
    windows, (*_, overlap, multiple) = Windows.over(*layout), layout
    assert windows.starts[0] == 0
    assert windows.starts[-1] + windows.size == windows.frames
    for a, b in itertools.pairwise(windows.starts):
        assert a < b <= a + windows.size - overlap
    assert all(start % multiple == 0 for start in windows.starts)
    assert windows.size % multiple == 0


@given(layouts())
def test_weights_sum_to_one_and_are_never_negative(layout):
    windows = Windows.over(*layout)
    total = torch.zeros(windows.frames)
    for row, part in zip(windows.weights, windows.slices(), strict=True):
        assert (row >= 0).all()
        total[part] += row
    torch.testing.assert_close(total, torch.ones(windows.frames))


@given(layouts(), st.sampled_from([1, 2, 8]))
def test_windows_of_one_thing_blend_to_it(layout, ratio):
    windows = Windows.over(*layout)
    whole = torch.randn(2, 3, windows.frames * ratio, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(windows.map(lambda part: part, whole), whole)


def test_coarser_levels_blend_too():
    windows = Windows.over(64, 32, 8, multiple=8)
    whole = torch.randn(1, 3, 16, generator=torch.Generator().manual_seed(1))
    parts = [whole[..., part] for part in windows.slices(1 / 4)]
    torch.testing.assert_close(windows.blend(parts), whole)


def test_one_window_is_the_function_itself():
    windows = Windows.over(24, 100, 10, multiple=8)
    assert (windows.size, windows.starts) == (24, (0,))

    def denoise(x_t, step):
        return Prediction(x_t, x_t)

    assert windowed([denoise], windows) is denoise
    part = torch.ones(1, 24)
    assert windows.blend([part]) is part


def test_where_windows_disagree_the_change_is_gradual():
    windows = Windows.over(80, 40, 16)
    level = itertools.count()
    blended = windows.map(lambda part: torch.full_like(part, float(next(level))), torch.zeros(80))
    shared = min(a + windows.size - b for a, b in itertools.pairwise(windows.starts))
    assert shared >= 16
    assert blended.diff().abs().max() <= 1.01 / shared
    assert blended[0] == 0
    assert blended[-1] == len(windows.starts) - 1


@pytest.mark.parametrize("sampler", [DDIMSampler(), DPMSolverSampler()])
def test_a_denoiser_that_sees_one_frame_at_a_time_does_not_notice(sampler):
    schedule = NoiseSchedule(steps=50)
    windows = Windows.over(40, 16, 4)

    def denoise(x_t, step):
        bar = float(schedule.alphas_bar[int(step[0])])
        x_0 = torch.tanh(x_t)
        return Prediction(x_0, (x_t - bar**0.5 * x_0) / (1 - bar) ** 0.5)

    noise = torch.randn(2, 3, 40, generator=torch.Generator().manual_seed(0))
    whole = sampler.sample(denoise, noise, schedule, steps=6)
    parts = sampler.sample(
        windowed([denoise] * len(windows.starts), windows), noise, schedule, steps=6
    )
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-4)


def test_windows_that_cannot_advance_are_refused():
    with pytest.raises(GenerationError, match="cannot overlap"):
        Windows.over(100, 20, 20)
    with pytest.raises(GenerationError, match="cannot cover"):
        Windows.over(10, 4, 1, multiple=4)
