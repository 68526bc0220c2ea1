"""Normalisation, activation and convolution in one: equal to the three, with less kept."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from mug.model.modules import Normalize, ResnetBlock, ResnetBlock2D
from mug.model.speed.normed_conv import normed_conv

CONVS = {
    "dilated": (nn.Conv1d(16, 24, 3, padding=4, dilation=4), (2, 16, 20)),
    "one tap": (nn.Conv1d(16, 8, 1, bias=False), (3, 16, 7)),
    "strided": (nn.Conv1d(16, 8, 3, stride=2), (2, 16, 9)),
    "two axes": (nn.Conv2d(16, 8, 3, padding=1), (2, 16, 6, 10)),
}


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("case", CONVS)
def test_equal_to_the_three_layers_with_all_gradients(case, autocast):
    (conv, shape), norm = CONVS[case], Normalize(16, 4)
    torch.manual_seed(3)
    nn.init.normal_(norm.weight), nn.init.normal_(norm.bias)
    data, found = torch.randn(shape), []
    for compute in (lambda x: conv(functional.silu(norm(x))), lambda x: normed_conv(x, norm, conv)):
        x = data.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            out = compute(x)
        leaves = [x, *norm.parameters(), *conv.parameters()]
        found.append([out, *torch.autograd.grad(out.float().square().sum(), leaves)])
    for theirs, ours in zip(*found, strict=True):
        assert ours.dtype == theirs.dtype
        assert torch.equal(ours, theirs)


def test_gradient_in_double_precision():
    norm, conv = Normalize(4, 2).double(), nn.Conv1d(4, 3, 3, padding=1).double()
    x = torch.randn(2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: normed_conv(x, norm, conv), [x])


def test_gradients_only_where_they_are_wanted():
    norm, conv = Normalize(8, 4), nn.Conv1d(8, 8, 3, padding=1)
    norm.requires_grad_(requires_grad=False)
    normed_conv(torch.randn(1, 8, 6), norm, conv).sum().backward()
    assert norm.weight.grad is None
    assert conv.weight.grad is not None


@pytest.mark.parametrize(("kind", "axes"), [(ResnetBlock, (64,)), (ResnetBlock2D, (8, 8))])
def test_a_block_keeps_its_input_and_one_tensor_more(kind, axes):
    block, kept = kind(32, 32, num_groups=8), {}
    x = torch.randn(2, 32, *axes)
    weights = {p.data_ptr() for p in block.parameters()}

    def keep(tensor):
        if tensor.data_ptr() not in weights:
            kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    found = []
    for use in (False, True):
        block.use_checkpoint = use
        kept.clear()
        inner = x.clone().requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            out = block(inner)
        gradients = torch.autograd.grad(out.square().sum(), [inner, *block.parameters()])
        found.append((sum(kept.values()), out, *gradients))
    (plain, *theirs), (less, *ours) = found
    assert less == 2 * x.nbytes
    assert plain >= 3 * less
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
