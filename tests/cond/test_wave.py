"""Audio encoders: the original's numbers, names and shapes."""

import pytest
import torch
import yaml
from flat_configs import SCALE_ENCODER, build
from golden_formula import apply_to_module, mel_input, normal_input
from recordings import assert_recorded
from repository import GOLDEN, load_golden
from torch import nn

from mug.cond.wave import (
    MelspectrogramEncoder,
    MelspectrogramEncoder1D,
    MelspectrogramScaleEncoder1D,
    S4BidirectionalLayer,
    STFTEncoder,
    TimingDecoder,
)
from mug.errors import ConfigError

STFT = {"n_fft": 128, "middle_channels": 32, "out_channels": 24, "num_res_blocks": 2}
STFT |= {"use_checkpoint": False, "channel_mult": [1, 2, 2], "freq_stride": 8, "num_groups": 8}
MEL = {"n_freq": 16, "out_channels": 24, "channel_mult": [1, 2, 2], "num_res_blocks": 1}
TIMING = {"x_channels": 2, "middle_channels": 32, "z_channels": 8, "channel_mult": [1, 2]}
TIMING |= {"num_res_blocks": 2, "num_groups": 8, "s4_kernel_sum": "half"}


def recorded(module: nn.Module, x, recording: str) -> None:
    """Output, number of parameters, and names where they are recorded, of a module."""
    meta, _ = load_golden(recording)
    apply_to_module(module).eval()
    with torch.no_grad():
        assert_recorded(module(torch.from_numpy(x)), recording, "out")
    assert sum(p.numel() for p in module.parameters()) == meta["n_params"]
    names = [[key, list(value.shape)] for key, value in module.state_dict().items()]
    keys = meta["state_keys"]
    assert (len(names) if isinstance(keys, int) else names) == keys


def test_stft_encoder():
    recorded(STFTEncoder(**STFT), normal_input("stft_tiny", (2, 2, 65, 256)), "stft_tiny")


def test_stft_encoder_as_the_u_net_s_audio():
    """One level in a list, its width and length what the repaired configuration names (B21)."""
    encoder = apply_to_module(STFTEncoder(**STFT, as_list=True)).eval()
    x = torch.from_numpy(normal_input("stft_tiny", (2, 2, 65, 256)))
    with torch.no_grad():
        levels = encoder(x)
        assert isinstance(levels, list)
        assert_recorded(levels[0], "stft_tiny", "out")
        nyquist = x.clone()
        nyquist[:, :, -1] = 100
        assert torch.equal(encoder(nyquist)[0], levels[0])


def test_stft_encoder_full_size():
    with torch.device("meta"):
        encoder = STFTEncoder(
            n_fft=2048,
            middle_channels=128,
            out_channels=512,
            num_res_blocks=2,
            channel_mult=[1, 1, 2, 2, 4, 4, 4],
            freq_stride=32,
        )
    assert encoder.down[0].block[0].conv1.in_channels == 1024


def test_mel_encoder_over_frequency_and_time():
    encoder = MelspectrogramEncoder(**MEL, middle_channels=16, use_checkpoint=False)
    recorded(encoder, mel_input("mel2d", 16, 64, 2), "mel2d_tiny")


def test_mel_encoder_over_time():
    encoder = MelspectrogramEncoder1D(**MEL, middle_channels=32, use_checkpoint=False)
    recorded(encoder, mel_input("mel1d", 16, 256, 2), "mel1d_tiny")


def test_bidirectional_state_space_layer():
    layer = S4BidirectionalLayer(32, s4_kernel_sum="half")
    recorded(layer, normal_input("s4bi", (2, 32, 48)), "s4bi")


def test_bidirectional_layer_looks_both_ways():
    torch.manual_seed(0)
    layer = S4BidirectionalLayer(32).eval()
    layer.norm = nn.Identity()  # its statistics would spread any change over all of time
    x = torch.randn(1, 32, 20)
    changed = x.clone()
    changed[:, :, 10] += 1
    with torch.no_grad():
        difference = (layer(changed) - layer(x)).abs().amax(1)[0]
    assert torch.all(difference > 1e-6)


def test_timing_decoder_as_the_original_runs_it():
    decoder = TimingDecoder(**TIMING, half_of_blocks=True)
    recorded(decoder, normal_input("td", (2, 8, 24)), "timing_decoder")


def test_timing_decoder_uses_every_weight():
    """B30: the original's later blocks had weights without an effect."""
    for half in (False, True):
        decoder = TimingDecoder(**TIMING, half_of_blocks=half)
        decoder(torch.randn(1, 8, 6)).sum().backward()
        idle = {n.split(".")[3] for n, p in decoder.named_parameters() if p.grad is None}
        assert idle == ({"2", "3"} if half else set())


def scale_config() -> dict:
    text = (GOLDEN / "tiny_golden.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text)["model"]["params"]["wave_stage_config"]["params"])


def scale_encoder() -> nn.Module:
    """With its name in the whole model, to which the recorded weights' keys are relative."""
    holder = nn.Module()
    holder.model = nn.Module()
    holder.model.wave_model = build(SCALE_ENCODER, **scale_config())
    return apply_to_module(holder).eval().model.wave_model


def test_scale_encoder_levels():
    with torch.no_grad():
        levels = scale_encoder()(torch.from_numpy(mel_input("mel", 16, 2048, 2)))
    assert len(levels) == len(load_golden("wave_tiny")[0]["arrays"])
    for i, level in enumerate(levels):
        assert_recorded(level, "wave_tiny", f"level{i}")


def test_scale_encoder_full_size():
    with torch.device("meta"):
        encoder = build(
            SCALE_ENCODER,
            n_freq=128,
            middle_channels=128,
            attention_resolutions=[128, 256, 512],
            num_res_blocks=2,
            num_heads=8,
            num_groups=32,
            use_checkpoint=True,
            channel_mult=[1, 1, 1, 1, 2, 2, 2, 4, 4, 4],
            out_channels=512,  # of the original, without an effect
        )
        levels = encoder(torch.zeros(1, 128, 32768))
    assert sum(p.numel() for p in encoder.parameters()) == 49_392_192
    root = "model.wave_model."
    entries = load_golden("state_dict_mug_diffusion")[0]["entries"]
    state = encoder.state_dict().items()
    ours = [[root + k, list(v.shape), str(v.dtype)[6:]] for k, v in state]
    assert ours == [entry for entry in entries if entry[0].startswith(root)]
    widths = [128, 128, 128, 128, 256, 256, 256, 512, 512, 512]
    assert [level.shape[1:] for level in levels] == [(w, 32768 >> i) for i, w in enumerate(widths)]


def test_checkpointing_changes_memory_only():
    config, grads, runs = scale_config() | {"dropout": 0.2}, [], []
    x = torch.from_numpy(mel_input("mel", 16, 512, 1))
    for use in (False, True):
        torch.manual_seed(0)
        encoder = MelspectrogramScaleEncoder1D(**{**config, "use_checkpoint": use})
        encoder.down[0].block[0].norm1.register_forward_pre_hook(lambda *_: runs.append(1))
        encoder.down[8].attn[0].transformer_blocks[0].norm1.register_forward_pre_hook(
            lambda *_: runs.append(1)
        )
        sum(level.square().mean() for level in encoder(x)).backward()
        grads.append([p.grad for p in encoder.parameters()])
    assert len(runs) == 2 + 4  # with checkpointing, once more each for the backward pass
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(*grads, strict=True))


def test_attention_groups_are_free():
    config = {"n_freq": 4, "middle_channels": 12, "num_res_blocks": 1, "channel_mult": [1, 1]}
    config |= {"attention_resolutions": [2], "num_heads": 2, "num_groups": 4}
    with pytest.raises(ConfigError, match="32 groups"):
        MelspectrogramScaleEncoder1D(**config)
    encoder = MelspectrogramScaleEncoder1D(**config, attention_groups=4)
    assert [tuple(level.shape) for level in encoder(torch.zeros(1, 4, 8))] == [
        (1, 12, 8),
        (1, 12, 4),
    ]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(dtype):
    encoder, x = scale_encoder(), torch.from_numpy(mel_input("mel", 16, 512, 1))
    with torch.no_grad():
        exact = encoder(x)
        with torch.autocast("cpu", dtype=dtype):
            rough = encoder(x)
    for a, b in zip(exact, rough, strict=True):
        assert (a - b).abs().max() < 0.1 * a.abs().max()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: STFTEncoder(**{**STFT, "freq_stride": 24}), "freq_stride"),
        (lambda: MelspectrogramEncoder(**{**MEL, "n_freq": 18}, middle_channels=16), "n_freq"),
    ],
)
def test_impossible_shapes_are_refused(build, message):
    with pytest.raises(ConfigError, match=message):
        build()
