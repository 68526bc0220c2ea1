"""The U-Net: the original's numbers, names and shapes; its options."""

import copy

import pytest
import torch
import yaml
from flat_configs import SCALE_ENCODER, UNET, build
from golden_formula import apply_to_module, normal_input, weight_for
from recordings import assert_recorded
from repository import GOLDEN, ROOT, load_golden
from torch import nn

from mug.cond.wave import STFTEncoder
from mug.config import load_config
from mug.diffusion.unet import UNetModel
from mug.diffusion.unet_blocks import (
    BlockOptions,
    LSTMLayer,
    S4Layer,
    TimestepResBlock,
    transformer,
)
from mug.errors import ConfigError, DataError
from mug.model.s4 import S4, bind_lengths

CONFIGS = ROOT / "configs" / "mug"
FULL = {
    "in_channels": 16,
    "model_channels": 128,
    "out_channels": 16,
    "attention_resolutions": [8, 4, 2],
    "num_res_blocks": 2,
    "channel_mult": [1, 2, 3, 4],
    "num_heads": 8,
    "context_dim": 128,
    "audio_channels": [256, 512, 512, 512],
}


def config(name: str) -> dict:
    text = (GOLDEN / "tiny_golden.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text)["model"]["params"][name]["params"])


def tiny(root: str, **options) -> UNetModel:
    """The recorded tiny network; `root` is what its weights' keys are relative to."""
    network = build(UNET, **{**config("unet_config"), "s4_kernel_sum": "half", **options}).eval()
    with torch.no_grad():
        for key, parameter in network.named_parameters():
            parameter.copy_(torch.from_numpy(weight_for(root + key, parameter.shape)))
    return network


class Wrapped(nn.Module):
    """The audio encoder under its name in the whole model."""

    def __init__(self):
        super().__init__()
        self.model = nn.Module()
        self.model.wave_model = build(SCALE_ENCODER, **config("wave_stage_config"))


@pytest.fixture(scope="module")
def inputs():
    """Arguments of the recorded call for a latent length: x, t, context, audio levels."""
    from golden_formula import mel_input

    encoder = apply_to_module(Wrapped()).eval().model.wave_model
    _, cond = load_golden("cond_tiny")
    made = {}

    def make(length: int | None = None):
        if length not in made:
            tag = "" if length is None else str(length)
            frames = 64 * (length or 32)
            with torch.no_grad():
                audios = encoder(torch.from_numpy(mel_input(f"mel{tag}", 16, frames, 2)))
            x = torch.from_numpy(normal_input(f"z{tag}", (2, 8, length or 32)))
            made[length] = (x, torch.tensor([999, 137]), torch.from_numpy(cond["out"]), *audios)
        return made[length]

    return make


DDPM = "model.unet_model."


def test_recorded_output_and_every_block(inputs):
    network, trace = tiny(DDPM), {}
    for part in ("input_blocks", "output_blocks"):
        for i, block in enumerate(getattr(network, part)):
            block.register_forward_hook(lambda m, a, o, n=f"{part}.{i}": trace.__setitem__(n, o))
    for part in ("time_embed", "middle_block", "out"):
        hook = getattr(network, part).register_forward_hook
        hook(lambda m, a, o, n=part: trace.__setitem__(n, o))
    with torch.no_grad():
        out = network(*inputs())
    assert_recorded(out, "unet_s4_tiny", "out")
    meta, _ = load_golden("unet_s4_tiny")
    recorded = {name[6:] for name in meta["arrays"] if name.startswith("trace/")}
    assert recorded == set(trace)
    for name in recorded:
        assert_recorded(trace[name], "unet_s4_tiny", f"trace/{name}")


@pytest.mark.parametrize(
    ("recording", "root", "options"),
    [
        ("unet_s4conj_tiny", DDPM, {"s4_kernel_sum": "conjugate"}),
        ("unet_lstm_tiny", "", {"s4_layer": False, "lstm_layer": True}),
        ("unet_plain_tiny", "", {"s4_layer": False}),
        ("unet_both_tiny", "", {"lstm_layer": True}),
    ],
)
def test_recorded_variants(inputs, recording, root, options):
    network, (meta, _) = tiny(root, **options), load_golden(recording)
    with torch.no_grad():
        assert_recorded(network(*inputs()), recording, "out")
    if "n_params" in meta:
        assert sum(p.numel() for p in network.parameters()) == meta["n_params"]
        assert len(network.state_dict()) == meta["n_state_keys"]


def test_lengths_before_do_not_matter(inputs):
    """Each length gives what a fresh model of the original gives at its first call (B2)."""
    network = tiny(DDPM)
    before = copy.deepcopy(network.state_dict())
    with torch.no_grad():
        outs = {n: [network(*inputs(n))] for n in (32, 40, 72)}
        for n in (40, 32):
            outs[n].append(network(*inputs(n)))
    for n in (32, 40):
        assert torch.equal(*outs[n])
    assert_recorded(outs[32][0], "s4_history_tiny", "call1_T32", noise=2e-6)
    assert_recorded(outs[40][0], "s4_history_tiny", "fresh_T40", noise=2e-6)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())


def test_checkpoint_that_has_met_a_length(inputs):
    """From the weights that the original stores, its results at that length and at longer ones."""
    network = tiny(DDPM)
    bind_lengths(network, *inputs(32))
    meta, _ = load_golden("s4_history_tiny")
    bound = {k: int(v) for k, v in network.state_dict().items() if k.endswith("kernel.L")}
    assert bound == meta["L_after"]["call1_T32"]
    key = load_golden("unet_s4_tiny")[0]["C_after_first_forward_key"]
    rewritten = network.state_dict()[key]
    assert_recorded(rewritten, "unet_s4_tiny", "C_after_first_forward", noise=1e-6)
    with torch.no_grad():
        assert_recorded(network(*inputs(32)), "s4_history_tiny", "call1_T32", noise=2e-6)
        assert_recorded(network(*inputs(40)), "s4_history_tiny", "call2_T40", noise=2e-6)
        assert_recorded(network(*inputs(72)), "s4_history_tiny", "call4_T72", noise=2e-6)
        # the original's third call, T = 32 again, differs from its first; ours does not
        assert_recorded(network(*inputs(32)), "s4_history_tiny", "call1_T32", noise=2e-6)
    bind_lengths(network, *inputs(40))
    bound = {k: int(v) for k, v in network.state_dict().items() if k.endswith("kernel.L")}
    assert bound == meta["L_after"]["call2_T40"]
    with torch.no_grad():
        assert_recorded(network(*inputs(32)), "s4_history_tiny", "call3_T32", noise=2e-6)


@pytest.mark.parametrize(
    ("options", "parameters"),
    [({"s4_layer": True}, 102_015_888), ({}, 90_838_928), ({"lstm_layer": True}, 98_728_848)],
)
def test_full_size(options, parameters):
    with torch.device("meta"):
        network = build(UNET, **FULL, **options, lstm_last=False, use_checkpoint=True)
    assert sum(p.numel() for p in network.parameters()) == parameters
    if not options.get("s4_layer"):
        return
    recorded = load_golden("state_dict_mug_diffusion")[0]["entries"]
    expected = [entry for entry in recorded if entry[0].startswith(DDPM)]
    state = network.state_dict()
    ours = [[DDPM + k, list(v.shape), str(v.dtype)[6:]] for k, v in state.items()]
    assert ours == expected


def test_binding_before_training(inputs):
    """The same weights as through a call with real inputs, and a second time nothing."""
    network, other = tiny(DDPM), tiny(DDPM)
    network.bind_length(32)
    bind_lengths(other, *inputs(32))
    after = network.state_dict()
    assert all(torch.equal(after[key], value) for key, value in other.state_dict().items())
    before = copy.deepcopy(after)
    network.bind_length(32), network.bind_length(16)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    small(audio_channels=[4, 0]).bind_length(8)


def test_stft_encoder_and_u_net_train_together():
    """B21: the repaired STFT configuration, in small."""
    encoder = STFTEncoder(
        n_fft=128,
        middle_channels=32,
        out_channels=4,
        num_res_blocks=1,
        channel_mult=[1, 1, 1],
        freq_stride=8,
        num_groups=8,
        as_list=True,
    )
    network = small(audio_channels=[4, 0])
    call(network, *encoder(audio(2, 65)[..., None] * torch.randn(32))).square().sum().backward()
    assert all(p.grad.isfinite().all() for p in (*encoder.parameters(), *network.parameters()))


def small(**options) -> UNetModel:
    torch.manual_seed(0)
    base = {"in_channels": 2, "model_channels": 8, "out_channels": 2, "num_res_blocks": 1}
    base |= {"attention_resolutions": [2], "channel_mult": [1, 2], "num_heads": 2}
    base |= {"context_dim": 4, "num_groups": 4, "audio_channels": [4, 8], "s4_layer": True}
    network = build(UNET, **{**base, **options})
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network


def call(network: UNetModel, *audios: torch.Tensor, t=None) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    x, context = (torch.randn(2, *s, generator=generator) for s in ((2, 8), (4, 21)))
    return network(x, torch.tensor([3, 700]) if t is None else t, context, *audios)


def audio(channels: int, frames: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(2, channels, frames, generator=torch.Generator().manual_seed(seed))


def test_new_network_predicts_zero():
    with torch.random.fork_rng():
        network = build(UNET, **config("unet_config"))
    x, audios = torch.randn(1, 8, 8), [torch.randn(1, c, n) for c, n in ((32, 8), (64, 4), (64, 2))]
    assert not network(x, torch.tensor([5]), torch.randn(1, 32, 21), *audios).any()


def test_new_layers_pass_their_input_through():
    options, x = BlockOptions(emb_channels=8, num_groups=4, num_heads=2), torch.randn(1, 8, 6)
    emb = torch.randn(1, 8)
    assert torch.equal(TimestepResBlock(8, 8, options)(x, emb), x)
    assert torch.equal(S4Layer(8, options)(x), x)
    assert torch.equal(LSTMLayer(8, options)(x), x)
    assert torch.equal(transformer(8, options)(x), x)


def test_last_levels_of_a_longer_list_are_used():
    network, levels = small(), (audio(4, 8), audio(8, 4))
    with torch.no_grad():
        expected = call(network, *levels)
        assert torch.equal(call(network, audio(9, 99), audio(1, 16), *levels), expected)
        assert not torch.equal(call(network, audio(4, 8, 5), levels[1]), expected)
        assert not torch.equal(call(network, levels[0], audio(8, 4, 5)), expected)


def test_one_tensor_of_audio_for_one_level():
    """What an encoder with a single output needs (B21)."""
    network = small(audio_channels=[4, 0])
    one = audio(4, 8)
    out = call(network, one)
    out.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    with torch.no_grad():
        assert torch.equal(call(network, one, audio(7, 4)), out)
        assert not torch.equal(call(network, audio(4, 8, 5)), out)
        assert torch.equal(call(small(audio_channels=[0, 0])), call(small(audio_channels=[0, 0])))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([audio(4, 8)], "2 of 2 levels"),
        ([audio(4, 8), audio(12, 4)], "expected at this level"),
        ([audio(4, 8), audio(8, 8)], "expected at this level"),
    ],
)
def test_audio_that_does_not_fit_is_refused(given, message):
    with pytest.raises(DataError, match=message):
        call(small(), *given)


def test_uneven_length_is_refused():
    with pytest.raises(DataError, match="multiples of 2"):
        small()(torch.zeros(1, 2, 7), torch.tensor([1]), None, torch.zeros(1, 4, 7))


@pytest.mark.parametrize(
    "options",
    [
        {"dims": 2},
        {"audio_channels": [4]},
        {"num_heads": 3},
        {"num_heads": -1},
        {"num_groups": 3},
        {"context_dim": None, "prompt_embedding": True},
    ],
)
def test_wrong_options_are_refused(options):
    with pytest.raises(ConfigError):
        small(**options)


def test_time_steps_may_be_columns_and_fractions_and_matter():
    network, levels = small(), (audio(4, 8), audio(8, 4))
    with torch.no_grad():
        row = call(network, *levels)
        assert torch.equal(row, call(network, *levels, t=torch.tensor([[3], [700]])))
        assert not torch.equal(row, call(network, *levels, t=torch.tensor([3.5, 700.0])))


def test_a_prompt_embedding_tells_the_blocks_before_any_attention():
    plain, conditioned = small(), small(prompt_embedding=True)
    names = set(conditioned.state_dict()) - set(plain.state_dict())
    assert names == {f"prompt_embed.{i}.{part}" for i in (0, 2) for part in ("weight", "bias")}
    x, step = torch.randn(1, 2, 8), torch.tensor([9])
    levels, first_layer = (audio(4, 8)[:1], audio(8, 4)[:1]), []
    prompts = torch.randn(2, 1, 4, 21)
    with torch.no_grad():
        for net in (plain, conditioned):
            first = next(m for m in net.modules() if isinstance(m, TimestepResBlock))
            first.register_forward_hook(lambda _, __, out: first_layer.append(out))
            for prompt in (*prompts, prompts[1].flip(2)):  # a sum: the order says nothing
                net(x, step, prompt, *levels)
    unconditioned, other, _, one, two, flipped = first_layer
    assert torch.equal(unconditioned, other)
    assert not torch.allclose(one, two)
    assert torch.allclose(two, flipped, atol=1e-6)
    with pytest.raises(DataError, match="got no features"):
        conditioned(x, step, None, *levels)
    call(conditioned, audio(4, 8), audio(8, 4)).square().sum().backward()
    assert all(parameter.grad.any() for parameter in conditioned.prompt_embed.parameters())


def test_lost_conditioning_on_the_time_step_is_logged(caplog):
    """One channel a group: a constant that is added to it is taken out by its own mean."""
    unconditioned = small(num_groups=8, audio_channels=[8, 8], attention_resolutions=[])
    assert "one channel a group at a width of 8" in caplog.text
    block, x = unconditioned.input_blocks[2][0], torch.randn(1, 16, 8)
    with torch.no_grad():
        one, other = (block(x, torch.randn(1, 32)) for _ in range(2))
        assert torch.allclose(one, other, atol=1e-4)
        caplog.clear()
        hearing = small(num_groups=8, audio_channels=[8, 8], use_scale_shift_norm=True)
        block = hearing.input_blocks[2][0]
        one, other = (block(x, torch.randn(1, 32)) for _ in range(2))
    assert not torch.allclose(one, other, atol=1e-2)
    assert caplog.text == ""


@pytest.mark.parametrize("name", ["mug_diffusion", "mug_diffusion_stft", "small", "demo"])
def test_the_configurations_networks_use_the_time_step(name, caplog):
    unset = ["model.params.first_stage_config.params.ckpt_path=x"]
    unset += ["data.params.common_params.txt_file=x"]
    shipped = load_config([CONFIGS / f"{name}.yaml"], unset)
    with torch.device("meta"):
        build(UNET, **shipped["model"]["params"]["unet_config"]["params"])
    assert caplog.text == ""


def test_checkpointing_changes_memory_only():
    levels, grads, counts = (audio(4, 8), audio(8, 4)), [], []
    for use in (False, True):
        network = small(use_checkpoint=use, dropout=0.3, lstm_layer=True)
        runs = []
        for module in network.modules():
            if isinstance(module, nn.GroupNorm):
                module.register_forward_pre_hook(lambda *_, r=runs: r.append(1))
        torch.manual_seed(9)
        call(network, *levels).square().sum().backward()
        grads.append([p.grad for p in network.parameters()])
        counts.append(len(runs))
    # twice for the residual blocks and state-space layers, once for the other layers' norms
    assert counts[1] > 1.5 * counts[0]
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*grads, strict=True))


def test_scale_shift_and_head_channels():
    levels = (audio(4, 8), audio(8, 4))
    network = small(use_scale_shift_norm=True, num_head_channels=4)
    assert network.middle_block[0].emb_layers[1].out_features == 32
    assert network.middle_block[1].transformer_blocks[0].attn1.heads == 4
    call(network, *levels).sum().backward()
    block, emb = network.middle_block[0], torch.zeros(1, 32)
    nn.init.zeros_(block.emb_layers[1].weight), nn.init.zeros_(block.emb_layers[1].bias)
    x = torch.randn(1, 16, 4)
    plain = block.out_layers(block.in_layers(x)) + x
    assert torch.allclose(block(x, emb), plain)
    with torch.no_grad():
        block.emb_layers[1].bias[:16] = -1.0  # scale by 1 - 1, shift by 0
    assert torch.allclose(block(x, emb), block.out_layers[3](torch.zeros(1, 16, 4)) + x)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(dtype):
    network, levels = small(lstm_layer=True), (audio(4, 8), audio(8, 4))
    exact = call(network, *levels)
    with torch.autocast("cpu", dtype=dtype):
        rough = call(network, *levels)
    rough.float().sum().backward()
    assert (rough - exact).abs().max() < 0.1 * exact.abs().max()
    assert all(p.grad.isfinite().all() for p in network.parameters())


def test_s4_option_reaches_every_layer():
    layers = [m for m in small(s4_kernel_sum="half").modules() if isinstance(m, S4)]
    assert len(layers) == 4
    assert {m.kernel["kernel"].kernel_sum for m in layers} == {"half"}
    default = [m for m in small().modules() if isinstance(m, S4)]
    assert {m.kernel["kernel"].kernel_sum for m in default} == {"conjugate"}
