"""The prepared U-Net: the network's own answers, for every kind of layer, length and batch."""

import pytest
import torch
from flat_configs import UNET
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mug.diffusion.audio_split import AudioSplit
from mug.diffusion.unet import UNetModel
from mug.diffusion.unet_blocks import Group, TimestepResBlock
from mug.diffusion.unet_prepared import TimeTable, UNetPlan
from mug.errors import DataError
from mug.model.speed.precision import lowered
from mug.model.speed.prepared_attention import Positions
from mug.reference.config import translate
from mug.util import with_groups

TINY = {
    "in_channels": 8,
    "model_channels": 32,
    "out_channels": 8,
    "attention_resolutions": [2],
    "num_res_blocks": 1,
    "channel_mult": [1, 2],
    "num_heads": 4,
    "context_dim": 16,
    "audio_channels": [48, 40],
    "s4_layer": True,
    "num_groups": 8,
}


def network(seed: int = 0, kind: type[UNetModel] = UNetModel, **options) -> UNetModel:
    """Every weight is drawn: layers that begin at zero, or tables of ones, would hide mistakes."""
    params = translate({"target": UNET, "params": {**TINY, **options}})["params"]
    made = kind(**with_groups(UNetModel, params)).eval().requires_grad_(requires_grad=False)
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in made.named_parameters():
        if "kernel" not in name:
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return made


def arguments(unet: UNetModel, frames: int, batch: int, audio_batch: int):
    generator = torch.Generator().manual_seed(frames + 7 * batch)

    def normal(*shape):
        return torch.randn(shape, generator=generator)

    dim = unet.options.context_dim
    audios = [
        normal(audio_batch, channels, frames >> level)
        for level, channels in enumerate(unet.audio_channels)
    ]
    context = None if dim is None else normal(batch, dim, 5)
    return normal(batch, 8, frames), context, audios


def both(unet, frames, steps, audio_batch=1):
    x, context, audios = arguments(unet, frames, len(steps), audio_batch)
    whole = [a.expand(len(steps), -1, -1) for a in audios]
    with torch.no_grad():
        expected = unet(x, torch.tensor(steps), context, *whole)
        found = UNetPlan(unet, frames).prepare(context, audios)(x, torch.tensor(steps))
    return found, expected


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"s4_layer": False, "lstm_layer": True},
        {"lstm_layer": True, "use_scale_shift_norm": True},
        {"context_dim": None},
        {"audio_channels": [0, 40]},
        {"audio_channels": [3, 1]},
        {"audio_channels": [32, 32], "channel_mult": [2, 3]},  # skip paths without a convolution
        {"num_res_blocks": 2, "transformer_depth": 2, "num_groups": 32},
        {"s4_kernel_sum": "half", "use_checkpoint": True},
        {"prompt_embedding": True},
        {"prompt_embedding": True, "use_scale_shift_norm": True},
    ],
)
def test_same_answer_as_the_network(options):
    if options.get("num_groups") == 32:
        options = {**options, "audio_channels": [64, 32]}
    if options.get("audio_channels") == [3, 1]:
        options = {**options, "num_groups": 1}
    found, expected = both(network(**options), 16, [700, 3])
    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5)


@settings(max_examples=12, deadline=None)
@given(
    st.integers(1, 12),
    st.lists(st.integers(0, 999), min_size=1, max_size=3),
    st.booleans(),
    st.integers(0, 3),
)
def test_same_answer_at_any_length_and_batch(half, steps, shared, seed):
    found, expected = both(network(seed), 2 * half, steps, 1 if shared else len(steps))
    torch.testing.assert_close(found, expected, rtol=5e-5, atol=5e-5)


def test_attention_without_gain_is_the_fused_one():
    unet = network()
    tables = [p for name, p in unet.named_parameters() if "C_embedding" in name]
    for table in tables:
        table.fill_(1.0)
    plan = UNetPlan(unet, 8)
    x, context, audios = arguments(unet, 8, 1, 1)
    plan.prepare(context, audios)(x, torch.tensor([400]))
    positions = [kept for kept in plan.kept.values() if isinstance(kept, Positions)]
    plain = [t.plain for p in positions for pair in p.tables for t in pair]
    assert tables
    assert len(plain) == 2 * len(tables) // 2
    assert all(plain)
    found, expected = both(unet, 16, [400])
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5)


def test_one_plan_serves_many_songs_and_prompts():
    unet = network()
    plan = UNetPlan(unet, 8)
    for batch in (1, 3):
        x, context, audios = arguments(unet, 8, batch, 1)
        steps = torch.full((batch,), 31)
        with torch.no_grad():
            expected = unet(x, steps, context, *[a.expand(batch, -1, -1) for a in audios])
            torch.testing.assert_close(
                plan.prepare(context, audios)(x, steps), expected, rtol=2e-5, atol=2e-5
            )


def test_an_item_does_not_depend_on_its_neighbours():
    unet = network()
    x, context, audios = arguments(unet, 8, 3, 1)
    steps = torch.tensor([5, 900, 5])
    with torch.no_grad():
        whole = UNetPlan(unet, 8).prepare(context, audios)(x, steps)
        for i in range(3):
            alone = UNetPlan(unet, 8).prepare(context[i : i + 1], audios)(
                x[i : i + 1], steps[i : i + 1]
            )
            torch.testing.assert_close(alone[0], whole[i], rtol=2e-5, atol=2e-5)


def test_a_prompt_in_the_time_embedding_is_each_items_own():
    unet = network(prompt_embedding=True)
    x, context, audios = arguments(unet, 16, 3, 1)
    steps, plan = torch.tensor([5, 900, 5]), UNetPlan(unet, 16)
    with torch.no_grad():
        together = plan.prepare(context, audios)(x, steps)
        for i in range(3):
            alone = plan.prepare(context[i : i + 1], audios)(x[i : i + 1], steps[i : i + 1])
            torch.testing.assert_close(together[i : i + 1], alone, rtol=2e-5, atol=2e-5)
        shared = plan.prepare(context[:1], audios)(x, steps)
    torch.testing.assert_close(shared[:1], together[:1], rtol=2e-5, atol=2e-5)


def test_nothing_is_written_to_the_network():
    unet = network()
    before = {key: value.clone() for key, value in unet.state_dict().items()}
    both(unet, 16, [1, 2])
    after = unet.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())


def test_time_steps_are_worked_out_once():
    unet, calls = network(), []
    unet.time_embed[0].register_forward_pre_hook(lambda *_: calls.append(1))
    table, projection = TimeTable(unet), unet.middle_block[0].emb_layers[1]
    first = table.at(torch.tensor([3, 3]), torch.zeros(1)).emb_out(projection)
    assert table.at(torch.tensor([3]), torch.zeros(1)).emb_out(projection) is first
    assert len(calls) == 0  # not through the module at all: its weights may be of low precision
    mixed = table.at(torch.tensor([9, 3]), torch.zeros(1)).emb_out(projection)
    assert torch.equal(mixed[1:], first)


def test_the_audios_share_is_taken_out_in_whole_groups():
    unet = network(num_groups=8)
    block = unet.input_blocks[2][0]
    parts = (block.in_layers[0], block.in_layers[2], block.skip_connection)
    split = AudioSplit(parts, 32, 48)  # groups of 10: channels 40 ... 79 are audio alone
    assert (split.low, split.high, split.groups) == (40, 80, 4)


def test_a_length_that_does_not_halve_and_another_than_planned_are_refused():
    unet = network()
    with pytest.raises(DataError, match="multiples of 2"):
        UNetPlan(unet, 7)
    x, context, audios = arguments(unet, 8, 1, 1)
    prepared = UNetPlan(unet, 8).prepare(context, audios)
    with pytest.raises(DataError, match="latents of 8 frames"):
        prepared(x[..., :4], torch.tensor([1]))


def test_half_the_weights_width_gives_nearly_the_same():
    unet = network()
    x, context, audios = arguments(unet, 32, 2, 1)
    steps = torch.tensor([500, 500])
    with torch.no_grad():
        expected = UNetPlan(unet, 32).prepare(context, audios)(x, steps)
        low = lowered(unet, torch.bfloat16)
        found = UNetPlan(low, 32).prepare(context, audios)(x, steps)
    assert all(
        m.weight.dtype == torch.bfloat16
        for m in low.modules()
        if isinstance(m, nn.Conv1d | nn.Linear)
    )
    assert found.dtype == torch.float32
    error = (found - expected).pow(2).mean().sqrt() / expected.std()
    assert 0 < error < 0.03


class Gate(nn.Module):
    """A layer of somebody else's, with a convolution and without a prepared form."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(channels, channels, 3, padding=1)

    def forward(self, x):
        return x + torch.tanh(self.mix(x))


class LateBlock(TimestepResBlock):
    """Overrides `forward` alone: the inherited prepared form would leave its part out."""

    def forward(self, x, emb):
        return super().forward(x, emb) + emb.mean()


class Whole(nn.Module):
    """A block that is no group of layers."""

    def __init__(self, group: Group) -> None:
        super().__init__()
        self.group = group

    def forward(self, h, emb, context):
        return -self.group(h, emb, context)


class WithGates(UNetModel):
    def _layers(self, level, inner, out, *flags):
        return [Gate(inner), *super()._layers(level, inner, out, *flags)]


class WithLateBlocks(UNetModel):
    def _layers(self, level, inner, out, *flags):
        _, *others = super()._layers(level, inner, out, *flags)
        return [LateBlock(inner, out, self.options), *others]


class WithAnotherMiddle(UNetModel):
    def __init__(self, **options):
        super().__init__(**options)
        self.middle_block = Whole(self.middle_block)


class WithAnotherEnd(UNetModel):
    def forward(self, *arguments):
        return super().forward(*arguments) * 2


SUBCLASSES = [WithGates, WithLateBlocks, WithAnotherMiddle]


@pytest.mark.parametrize("kind", SUBCLASSES)
@pytest.mark.parametrize("prompt_embedding", [False, True])
def test_a_subclass_with_another_layer_needs_no_prepared_form(kind, prompt_embedding):
    unet = network(kind=kind, prompt_embedding=prompt_embedding)
    found, expected = both(unet, 16, [700, 3])
    plain = network(prompt_embedding=prompt_embedding)
    x, context, audios = arguments(unet, 16, 2, 2)
    plain.load_state_dict(unet.state_dict(), strict=False)
    assert not torch.allclose(plain(x, torch.tensor([700, 3]), context, *audios), expected)
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("kind", SUBCLASSES)
def test_layers_without_a_prepared_form_run_with_lowered_weights(kind):
    unet = network(kind=kind)
    x, context, audios = arguments(unet, 32, 2, 1)
    steps = torch.tensor([500, 20])
    with torch.no_grad():
        expected = UNetPlan(unet, 32).prepare(context, audios)(x, steps)
        found = UNetPlan(lowered(unet, torch.bfloat16), 32).prepare(context, audios)(x, steps)
    assert found.dtype == torch.float32
    assert 0 < (found - expected).pow(2).mean().sqrt() / expected.std() < 0.03


def test_a_network_with_a_forward_of_its_own_is_called_as_it_is():
    assert UNetPlan.of(network(kind=WithAnotherEnd), 16) is None
    assert UNetPlan.of(Gate(2), 16) is None
    assert UNetPlan.of(network(kind=WithGates), 16) is not None


def test_audio_that_does_not_fit_is_refused():
    unet = network()
    x, context, audios = arguments(unet, 16, 1, 1)
    with pytest.raises(DataError, match="channels x frames"):
        UNetPlan(unet, 16).prepare(context, [audios[0][..., :8], audios[1]])(x, torch.tensor([1]))
