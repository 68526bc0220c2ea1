"""Building blocks: lengths, boundaries, names."""

import pytest
import torch
from torch import nn

from mug.model.modules import (
    Downsample,
    Downsample2D,
    Normalize,
    ResnetBlock,
    ResnetBlock2D,
    Upsample,
    Upsample2D,
)


def fill(conv: nn.Module, taps: list[float]) -> None:
    with torch.no_grad():
        conv.weight.copy_(torch.tensor(taps).expand_as(conv.weight))
        conv.bias.zero_()


def test_downsample_pads_right_only():
    block = Downsample(1)
    fill(block.conv, [1.0, 10.0, 100.0])
    out = block(torch.tensor([[[1.0, 2.0, 3.0, 4.0]]]))
    assert out.tolist() == [[[321.0, 43.0]]]


def test_upsample_repeats_then_convolves():
    block = Upsample(1)
    fill(block.conv, [1.0, 10.0, 100.0])
    out = block(torch.tensor([[[1.0, 2.0]]]))
    assert out.tolist() == [[[110.0, 211.0, 221.0, 22.0]]]


def test_two_dimensional_resampling_halves_and_doubles_both_axes():
    down, up = Downsample2D(1), Upsample2D(1)
    with torch.no_grad():
        for block, row, column in ((down, 2, 2), (up, 1, 1)):
            block.conv.weight.zero_()
            block.conv.weight[0, 0, row, column] = 1.0
            block.conv.bias.zero_()
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    # the last tap of the strided kernel: one row and column further, zeros outside
    assert down(x)[0, 0].tolist() == [[10.0, 0.0], [0.0, 0.0]]
    assert torch.equal(up(x), x.repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_normalize_centres_each_group():
    x = torch.randn(2, 8, 50, generator=torch.Generator().manual_seed(0)) * 3 + 7
    groups = Normalize(8, 4)(x).reshape(2, 4, -1)
    assert groups.mean(-1).abs().max() < 1e-5
    assert (groups.var(-1, unbiased=False) - 1).abs().max() < 1e-4
    assert Normalize(32).eps == 1e-6


@pytest.mark.parametrize(("block", "shape"), [(ResnetBlock, (16,)), (ResnetBlock2D, (6, 16))])
def test_resnet_block_is_its_skip_when_the_last_convolution_is_zero(block, shape):
    x = torch.randn(2, 8, *shape, generator=torch.Generator().manual_seed(0))
    same = block(8, num_groups=4, dilations=(4, 8))
    nn.init.zeros_(same.conv2.weight), nn.init.zeros_(same.conv2.bias)
    assert torch.equal(same(x), x)
    wider = block(8, 12, num_groups=4)
    nn.init.zeros_(wider.conv2.weight), nn.init.zeros_(wider.conv2.bias)
    assert torch.equal(wider(x), wider.nin_shortcut(x))


def test_resnet_block_names_and_reach():
    names = list(ResnetBlock(8, 16, num_groups=8).state_dict())
    parts = ("norm1", "conv1", "norm2", "conv2", "nin_shortcut")
    assert names == [f"{part}.{kind}" for part in parts for kind in ("weight", "bias")]
    block = ResnetBlock(8, num_groups=8, dilations=(4, 8)).eval()
    assert block.conv1.dilation == (4,)
    assert block.conv2.dilation == (8,)
    assert block(torch.zeros(1, 8, 5)).shape == (1, 8, 5)


def test_dropout_acts_in_training_only():
    block, x = ResnetBlock(8, num_groups=8, dropout=0.5), torch.randn(1, 8, 16)
    assert torch.equal(block.eval()(x), block(x))
    block.train()
    assert not torch.equal(block(x), block(x))
