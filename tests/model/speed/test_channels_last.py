"""Sequences in the other order of memory: the same numbers."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from mug.cond.wave import MelspectrogramScaleEncoder1D
from mug.model.modules import Downsample, Normalize, ResnetBlock
from mug.model.speed.channels_last import (
    convolved,
    group_norm_backward,
    is_channels_last,
    to_channels_last,
)
from mug.model.speed.normed_conv import normed_conv


def test_order_changes_strides_alone():
    x = torch.randn(2, 3, 5)
    assert not is_channels_last(x)
    assert is_channels_last(to_channels_last(x))
    assert torch.equal(to_channels_last(x), x)
    assert not is_channels_last(to_channels_last(x[:, :1]))  # one channel is in either order
    assert not is_channels_last(to_channels_last(x)[:, :2])  # with gaps between the frames


@pytest.mark.parametrize(("stride", "dilation", "right"), [(1, 4, 0), (2, 1, 1)])
def test_convolution_keeps_the_order_and_the_values(stride, dilation, right):
    torch.manual_seed(0)
    conv = nn.Conv1d(6, 4, 3, stride=stride, dilation=dilation, padding=dilation - 1)
    x = torch.randn(2, 6, 12)
    plain, ours = convolved(x, conv, right), convolved(to_channels_last(x), conv, right)
    assert is_channels_last(ours)
    assert not is_channels_last(plain)
    assert torch.allclose(ours, plain, atol=1e-6)


def test_normalisation_s_gradients_are_torch_s():
    torch.manual_seed(1)
    norm = Normalize(8, 2).double()
    nn.init.normal_(norm.weight), nn.init.normal_(norm.bias)
    x = torch.randn(3, 8, 2, 5, dtype=torch.float64).add_(2)
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    grad = torch.randn(x.shape, dtype=x.dtype).contiguous(memory_format=torch.channels_last)
    expected = torch.autograd.grad(norm(x), [x, norm.weight, norm.bias], grad)
    groups = x.detach().unflatten(1, (2, 4)).flatten(2)
    moments = (groups.mean(2), (groups.var(2, unbiased=False) + norm.eps).rsqrt())
    found = group_norm_backward(grad, x.detach(), moments, norm.weight.detach())
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-12)


def test_gradients_of_the_step_in_double_precision():
    norm, conv = Normalize(4, 2).double(), nn.Conv1d(4, 3, 3, padding=2, dilation=2).double()
    x = torch.randn(2, 4, 5, dtype=torch.float64, requires_grad=True)
    leaves = (x, *norm.parameters(), *conv.parameters())
    assert torch.autograd.gradcheck(
        lambda x, *_: normed_conv(to_channels_last(x), norm, conv), leaves
    )


@pytest.mark.parametrize("layer", [Downsample(32), ResnetBlock(32, 64, num_groups=8)])
def test_layers_keep_the_order(layer):
    layer.use_checkpoint = True
    x = torch.randn(2, 32, 16)
    assert is_channels_last(layer(to_channels_last(x)))
    assert torch.allclose(layer(to_channels_last(x)), layer(x), atol=1e-5)


def test_encoder_in_half_precision_is_as_near_in_this_order():
    """Levels and gradients against float32: no further than the usual order is."""
    torch.manual_seed(2)
    config = {"n_freq": 16, "middle_channels": 32, "attention_resolutions": [4]}
    config |= {"num_res_blocks": 1, "channel_mult": (1, 1, 2), "num_groups": 8}
    x, found = torch.randn(2, 16, 256), {}
    network = MelspectrogramScaleEncoder1D(**config, use_checkpoint=True)
    for name, autocast, order in (("exact", False, 0), ("usual", True, 0), ("ours", True, 1)):
        network.use_checkpoint = bool(order)
        seen = []
        handle = network.down[0].register_forward_hook(lambda _, a, out, s=seen: s.append(out))
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            levels = network(x)
        handle.remove()
        assert is_channels_last(seen[0]) == bool(order)
        loss = sum(functional.mse_loss(level.float(), torch.ones(level.shape)) for level in levels)
        gradients = torch.autograd.grad(loss, list(network.parameters()))
        found[name] = torch.cat([g.flatten() for g in gradients])
    far = {name: (found[name] - found["exact"]).norm() for name in ("usual", "ours")}
    assert 0 < far["ours"] < 1.3 * far["usual"] < 0.1 * found["exact"].norm()
