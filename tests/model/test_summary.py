"""The table of layers."""

import io

import pytest
import torch
from flat_configs import SCALE_ENCODER, UNET, build
from torch import nn

from mug.model.summary import COLUMNS, summary


def count(network: nn.Module) -> str:
    return f"Total params: {sum(p.numel() for p in network.parameters()):,}\n"


@pytest.mark.parametrize("depth", [1, 3, 9])
def test_u_net(depth, capsys):
    network = build(
        UNET,
        in_channels=4,
        model_channels=8,
        out_channels=4,
        num_res_blocks=1,
        attention_resolutions=[2],
        audio_channels=[4, 8],
        channel_mult=[1, 2],
        num_heads=2,
        context_dim=4,
        num_groups=4,
        s4_layer=True,
        lstm_layer=True,
        dropout=0.5,
    )
    network.middle_block.eval()
    state, modes = torch.get_rng_state(), [m.training for m in network.modules()]
    x, t = torch.zeros(2, 4, 8), torch.tensor([1, 2])
    inputs = [x, t, torch.zeros(2, 4, 21), torch.zeros(2, 4, 8), torch.zeros(2, 8, 4)]
    result = summary(network, input_data=inputs, col_names=COLUMNS, depth=depth)
    table = capsys.readouterr().out
    assert count(network) in table
    assert "Non-trainable params: 0\n" in table
    assert result.total_params == sum(p.numel() for p in network.parameters())
    assert "Group: 1-" in table
    assert "[2, 4, 8]" in table
    assert ("TimestepResBlock" in table) == (depth > 1)
    assert ("NPLRKernel" not in table) or depth > 5
    assert torch.equal(state, torch.get_rng_state())
    assert modes == [m.training for m in network.modules()]


def test_encoder_with_a_list_of_outputs():
    encoder = build(
        SCALE_ENCODER,
        n_freq=4,
        middle_channels=32,
        attention_resolutions=[2],
        num_res_blocks=1,
        channel_mult=[1, 1],
        num_heads=2,
    )
    encoder.conv_in.requires_grad_(False)
    stream = io.StringIO()
    summary(
        encoder, torch.zeros(1, 4, 16), ("input_size", "output_size", "num_params"), 3, stream.write
    )
    table = stream.getvalue()
    assert count(encoder) in table
    assert f"Non-trainable params: {32 * 4 * 3 + 32}\n" in table
    assert "[1, 32, 8]" in table
    assert "Mult-Adds" not in table


def test_inside_another_network():
    encoder = build(
        SCALE_ENCODER,
        n_freq=4,
        middle_channels=32,
        attention_resolutions=[],
        num_res_blocks=1,
        channel_mult=[1, 1],
    )

    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = encoder

        def forward(self, x):
            return self.encoder(x)[-1]

    stream = io.StringIO()
    summary(Last(), [torch.zeros(1, 4, 16)], write=stream.write)
    assert count(encoder) in stream.getvalue()


def test_unknown_column_is_refused():
    with pytest.raises(ValueError, match="flops"):
        summary(nn.Linear(2, 2), torch.zeros(1, 2), col_names=("flops",))
