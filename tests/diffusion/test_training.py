"""How the diffusion model trains: what is frozen, random, refused and logged."""

import itertools

import numpy as np
import pytest
import torch
from tiny_diffusion import (
    CONSTANT_RATE,
    LIGHTNING_ADVICE,
    batch,
    fit,
    loader,
    same_weights,
    small,
    trainer,
)
from torch import nn

from mug.diffusion.diffusion import DDPM
from mug.diffusion.networks import Networks, parameter_groups
from mug.diffusion.objective import LevelMeter, latent_mask
from mug.diffusion.parts.denoising import Denoising
from mug.diffusion.parts.generation import Generation
from mug.diffusion.parts.latent_scale import LatentScale
from mug.diffusion.parts.options import BatchKeys, LatentOptions, ObjectiveOptions
from mug.errors import CheckpointError, ConfigError, GenerationError, TrainingError
from mug.firststage.autoencoder import AutoencoderKL
from mug.model.s4 import NPLRKernel
from mug.protocols import Condition

pytestmark = LIGHTNING_ADVICE

# --------------------------------------------------------------------- first stage


def test_the_first_stage_stays_frozen_and_in_evaluation_mode():
    model = small()
    first = model.model.first_stage_model
    assert model.train() is model
    assert model.training
    assert model.model.unet_model.training
    assert not any(part.training for part in first.modules())
    assert not any(p.requires_grad for p in first.parameters())
    assert model.model.train() is model.model
    assert not model.eval().model.unet_model.training
    before = {key: value.clone() for key, value in first.state_dict().items()}
    fit(model, max_steps=2)
    assert all(torch.equal(before[key], value) for key, value in first.state_dict().items())


def test_an_untrained_first_stage_is_refused_before_training():
    model = small(allow_untrained_first_stage=False)
    with pytest.raises(TrainingError, match=r"main\.py --base configs/mug/autoencoder\.yaml -t"):
        fit(model, max_steps=1)


def test_a_first_stage_with_loaded_weights_is_trained(tmp_path):
    source = small()
    whole, first = tmp_path / "whole.ckpt", tmp_path / "first.ckpt"
    torch.save({"state_dict": source.state_dict()}, whole)
    torch.save({"state_dict": source.model.first_stage_model.state_dict()}, first)
    strict = {"allow_untrained_first_stage": False}
    assert not source.model.first_stage_model.trained
    given = small(ckpt_path=str(whole), **strict)
    by_hand = small(**strict)
    by_hand.load_state_dict(source.state_dict())
    config = {
        "target": "mug.firststage.autoencoder.AutoencoderKL",
        "params": {
            "ddconfig": {
                "x_channels": 16,
                "middle_channels": 8,
                "z_channels": 8,
                "num_groups": 4,
                "channel_mult": [1, 1, 1, 1],
            },
            "lossconfig": {"target": "torch.nn.Identity"},
            "ckpt_path": str(first),
        },
    }
    below = small(first_stage_config=config, **strict)
    for model in (given, by_hand, below):
        assert model.model.first_stage_model.trained
        model.on_fit_start()
    assert same_weights(source, given)


# --------------------------------------------------------------------- randomness


def test_time_steps_and_noise_depend_on_the_key_alone():
    def draws(**changes):
        model = small(**changes)
        seen = []
        draw = model.denoising.draw
        model.denoising.draw = lambda *a: seen.append(draw(*a)) or seen[-1]
        torch.manual_seed(len(changes))  # must not matter
        fit(model, max_steps=3, limit_val_batches=0)
        return seen

    first, again, other = draws(), draws(weight_decay=0.5), draws(seed=24)
    for (t, noise), (t_again, noise_again) in zip(first, again, strict=True):
        assert torch.equal(t, t_again)
        assert torch.equal(noise, noise_again)
    assert not torch.equal(first[0][1], other[0][1])
    for (_, a), (_, b) in itertools.combinations(first, 2):
        assert not torch.equal(a, b)


def test_batches_of_one_accumulated_step_get_different_noise():
    model = small()
    seen = []
    draw = model.denoising.draw
    model.denoising.draw = lambda *a: seen.append(draw(*a)) or seen[-1]
    fit(model, max_steps=1, accumulate_grad_batches=2, limit_val_batches=0)
    assert len(seen) == 2
    assert not torch.equal(seen[0][1], seen[1][1])


def test_resuming_gives_the_weights_of_never_stopping(tmp_path):
    whole = small(scheduler_config=CONSTANT_RATE)
    fit(whole, max_epochs=2)
    half = small(scheduler_config=CONSTANT_RATE)
    fit(half, max_epochs=1).save_checkpoint(tmp_path / "half.ckpt")
    assert not same_weights(whole, half)
    torch.manual_seed(99)
    resumed = small(scheduler_config=CONSTANT_RATE)
    torch.manual_seed(98)
    fit(resumed, ckpt_path=tmp_path / "half.ckpt", max_epochs=2)
    assert same_weights(whole, resumed)


def test_validation_noise_is_the_same_in_every_run():
    metrics = []
    for seed in (23, 24):
        torch.manual_seed(seed)
        run = trainer()
        metrics.append(run.validate(small(seed=seed), loader(), verbose=False)[0])
    assert metrics[0] == metrics[1]
    tested = trainer().test(small(), loader(), verbose=False)[0]
    assert {name.replace("test/", "val/"): value for name, value in tested.items()} == metrics[0]


def test_state_space_layers_are_bound_once_before_the_first_step():
    model = small(learning_rate=0.0)
    layers = [part for part in model.modules() if isinstance(part, NPLRKernel)]
    assert {int(layer.L) for layer in layers} == {0}
    step, noise = torch.tensor([500, 100]), torch.ones(2, 8, 8)

    def loss():
        with torch.no_grad():
            target, condition = (
                model.denoising.encode(batch()),
                model.denoising.condition_of(batch()),
            )
            return model.denoising.p_losses(target, condition, step, noise).total.item()

    before = loss()
    fit(model, max_steps=1, limit_val_batches=0)
    assert {int(layer.L) for layer in layers} == {4, 8}
    assert loss() == pytest.approx(before, rel=1e-5)
    bound = [layer.C.clone() for layer in layers]
    fit(model, max_steps=1, limit_val_batches=0)
    assert all(torch.equal(layer.C, C) for layer, C in zip(layers, bound, strict=True))


# ------------------------------------------------------------------------ metrics


def test_what_is_logged():
    model = small(scheduler_config=CONSTANT_RATE)
    encodings = []
    model.model.wave_model.register_forward_hook(lambda *_: encodings.append(1))
    run = fit(model, max_epochs=1)
    # One encoding a batch, two of training and two of validation, and one that binds S4.
    assert len(encodings) == 4 + 1
    names = {"loss_simple", "loss_mae", "loss_mse", "loss_ratio", "loss_vlb", "loss"}
    expected = {f"{part}/{name}" for part in ("train", "val") for name in names}
    expected |= {"global_step", "lr_abs", "val/loss_level_all"}
    levels = run.callback_metrics.keys() - expected
    assert expected <= run.callback_metrics.keys()
    assert all(name.startswith(("train/loss_level_", "val/loss_level_")) for name in levels)
    assert {name.split("/")[0] for name in levels} == {"train", "val"}
    assert run.callback_metrics["lr_abs"] == pytest.approx(1e-3)
    assert run.callback_metrics["val/loss_level_all"] != run.callback_metrics["val/loss_simple"]


def test_losses_are_gathered_by_tenth_of_the_noise_range():
    meter = LevelMeter(1000)
    meter.update(torch.tensor([0, 99, 100]), torch.tensor([1.0, 3.0, 5.0]))
    meter.update(torch.tensor([999]), torch.tensor([7.0]))
    assert meter.means() == {0: 2.0, 1: 5.0, 9: 7.0}
    assert meter.means() == {}
    meter.update(torch.tensor([950]), torch.tensor([2.0]))
    assert meter.means(lambda sums: sums * 2) == {9: 2.0}


def test_training_lowers_the_loss():
    model = small(learning_rate=3e-3)
    before = trainer().validate(model, loader(), verbose=False)[0]["val/loss_simple"]
    fit(model, max_epochs=12, limit_val_batches=0)
    after = trainer().validate(model, loader(), verbose=False)[0]["val/loss_simple"]
    assert after < 0.95 * before


# ---------------------------------------------------------------------- optimiser


def names_of(model, group):
    names = {id(p): name for name, p in model.model.named_parameters()}
    return {names[id(p)] for p in group["params"]}


def test_dynamics_norms_and_biases_are_not_decayed():
    model = small(weight_decay=0.1)
    decayed, spared = model.configure_optimizers().param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.1, 0.0)
    trainable = {name for name, p in model.model.named_parameters() if p.requires_grad}
    assert names_of(model, decayed) | names_of(model, spared) == trainable
    assert names_of(model, decayed).isdisjoint(names_of(model, spared))
    for name in names_of(model, decayed):
        assert not name.endswith(("bias", "log_dt", "w_imag", "inv_w_real", "kernel.B", "kernel.P"))
    assert {"unet_model.time_embed.0.weight", "wave_model.conv_in.weight"} <= names_of(
        model, decayed
    )
    kept = names_of(model, spared)
    assert any(name.endswith("kernel.log_dt") for name in kept)
    assert "unet_model.out.0.weight" in kept


def test_everything_can_be_decayed_as_in_the_reference():
    model = small(weight_decay_all=True)
    (group,) = model.configure_optimizers().param_groups
    assert group["weight_decay"] == 0.01
    assert len(group["params"]) == sum(p.requires_grad for p in model.parameters())


def test_empty_groups_are_left_out():
    groups = parameter_groups(nn.LayerNorm(3), 0.1)
    assert [group["weight_decay"] for group in groups] == [0.0]


def test_training_without_a_rate_is_refused():
    with pytest.raises(TrainingError, match="base_learning_rate"):
        small(learning_rate=None).configure_optimizers()


def test_training_keys_choose_what_is_trained():
    model = small(training_keys=["cond_stage_model", "#time_embed.0", "first_stage_model.decoder"])
    chosen = {n for n, p in model.model.named_parameters() if p.requires_grad}
    assert "cond_stage_model.embedding.weight" in chosen
    assert {n for n in chosen if n.startswith("unet_model")} == {
        "unet_model.time_embed.0.weight",
        "unet_model.time_embed.0.bias",
    }
    assert any(n.startswith("first_stage_model.decoder") for n in chosen)
    assert not any(n.startswith(("wave_model", "first_stage_model.encoder")) for n in chosen)
    with pytest.raises(ConfigError, match="select no parameter"):
        small(training_keys=["unet"[::-1]])


# --------------------------------------------------------------------- checkpoints


def test_several_matching_ignore_keys(tmp_path):
    source = small()
    with torch.no_grad():
        for parameter in source.parameters():
            parameter.add_(1)
    path = tmp_path / "model.ckpt"
    torch.save({"state_dict": source.state_dict()}, path)
    loaded = small(ckpt_path=str(path), ignore_keys=["model.unet_model", "#time_embed"])
    fresh, given = small().state_dict(), source.state_dict()
    for key, value in loaded.state_dict().items():
        expected = fresh if key.startswith("model.unet_model") else given
        assert torch.equal(value, expected[key]), key


def test_another_noise_schedule_is_refused():
    state = small(linear_end=0.012).state_dict()
    with pytest.raises(CheckpointError, match="another noise schedule"):
        small().load_state_dict(state)


def test_weights_of_another_model_are_refused(tmp_path):
    path = tmp_path / "model.ckpt"
    torch.save({"state_dict": {"model.stray": torch.zeros(1)}}, path)
    with pytest.raises(CheckpointError, match="do not fit"):
        small(ckpt_path=str(path))


# ------------------------------------------------------------- latents and masks


def test_latents_are_scaled_on_the_way_in_and_back():
    plain, scaled = small(), small(latent_scale=2.5)
    torch.testing.assert_close(
        scaled.denoising.encode(batch()).z_0, 2.5 * plain.denoising.encode(batch()).z_0
    )
    z = torch.randn(1, 8, 8)
    torch.testing.assert_close(scaled.generation.decode(2.5 * z), plain.generation.decode(z))
    assert plain.state_dict().keys() == scaled.state_dict().keys()
    assert "latent_factor" not in plain.state_dict()


def test_the_scale_is_measured_once_and_kept():
    model = small(scale_by_std=True)
    with pytest.raises(TrainingError, match="never measured"):
        model.generation.decode(torch.zeros(1, 8, 8))
    assert model.denoising.encode(batch()).z_0.std().item() == pytest.approx(1.0, rel=1e-5)
    factor = model.latent_factor.item()
    louder = batch()
    louder["note"] = louder["note"] * 3
    model.denoising.encode(louder)
    assert model.latent_factor.item() == factor
    loaded = small(scale_by_std=True)
    loaded.load_state_dict(model.state_dict())
    assert loaded.latent_factor.item() == factor
    loaded.generation.decode(torch.zeros(1, 8, 8))


def test_the_mode_is_encoded_unless_samples_are_asked_for():
    model = small(sample_posterior=True)
    mode = model.denoising.encode(batch()).z_0
    assert torch.equal(mode, model.denoising.encode(batch()).z_0)
    sampled = model.denoising.encode(batch(), torch.Generator().manual_seed(0)).z_0
    assert not torch.allclose(mode, sampled, atol=0.1)
    fit(model, max_steps=1)


def test_the_valid_mask_leaves_out_what_is_behind_the_chart():
    valid = torch.zeros(2, 64)
    valid[0, :17] = 1
    assert latent_mask(valid, torch.zeros(2, 8, 8))[:, 0].sum(-1).tolist() == [3.0, 0.0]
    assert latent_mask(valid, torch.zeros(2, 8, 4, 8)).shape == (2, 1, 1, 8)

    def loss(error_at, use_valid):
        model = small(use_valid=use_valid)
        target = model.denoising.encode(batch())
        output = torch.zeros(2, 8, 8)
        output[..., error_at] = 10
        step = torch.tensor([5, 6])
        noise = torch.zeros(2, 8, 8)
        return model.denoising.objective.losses(output, target, step, noise).total.item()

    # 40 of 64 note frames are the chart: five of eight latent frames.
    assert loss(slice(5, 8), use_valid=True) == pytest.approx(0.01)
    assert loss(slice(0, 5), use_valid=True) == pytest.approx(10.0, rel=1e-3)
    assert loss(slice(5, 8), use_valid=False) > 1


def test_only_the_steps_of_the_range_are_drawn():
    model = small(min_step=400, max_step=402)
    target = model.denoising.encode(batch())._replace(z_0=torch.zeros(200, 8, 1))
    step, _ = model.denoising.draw(target, torch.Generator().manual_seed(0))
    assert set(step.tolist()) == {400, 401}
    everything, _ = small().denoising.draw(target, torch.Generator().manual_seed(0))
    assert everything.min() < 50
    assert everything.max() > 950
    with pytest.raises(ConfigError, match="leave no time step"):
        small(min_step=10, max_step=10)


# ------------------------------------------------------------------- the engine


def test_misuse_is_refused():
    with pytest.raises(ConfigError, match="reconstruction loss"):
        small(parameterization="recon")
    with pytest.raises(GenerationError, match="multiple of 8"):
        small().generation.latent_shape(60)
    assert small().generation.latent_shape(64) == (8, 8)
    with pytest.raises(ConfigError, match=r"Did you mean 'objective\.loss_type'"):
        small(los_type="l1")


def test_half_precision_keeps_the_loss_in_full():
    model = small()
    target, condition = model.denoising.encode(batch()), model.denoising.condition_of(batch())
    step, noise = model.denoising.draw(target, torch.Generator().manual_seed(0))
    full = model.denoising.p_losses(target, condition, step, noise).total
    with torch.autocast("cpu", torch.bfloat16):
        encoded = model.denoising.encode(batch())
        half = model.denoising.p_losses(
            encoded, model.denoising.condition_of(batch()), step, noise
        ).total
    assert encoded.z_0.dtype == torch.float32
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(full.item(), rel=0.02)
    half.backward()
    assert model.model.unet_model.out[2].weight.grad.isfinite().all()


class Picture(nn.Module):
    """A first stage and a denoiser over two axes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def encode(self, x):
        return self

    def mode(self):
        return torch.ones(2, 3, 6, 5)

    def decode(self, z):
        return z

    def forward(self, x_t, step, context, *audio):
        return self.conv(x_t)


def test_the_engine_serves_two_axes_without_audio_or_features():
    networks, latent = Networks(Picture(), Picture(), None, None), LatentOptions()
    parameterization = small().generation.parameterization
    scale = LatentScale(latent)
    scale.register(networks)
    generation = Generation(networks, parameterization, scale, 3)
    task = Denoising(generation, ObjectiveOptions(), latent, BatchKeys(note_key="image"))
    pictures = {"image": torch.zeros(2, 3, 6, 5)}
    target = task.encode(pictures)
    assert target.std is None
    step, noise = task.draw(target, torch.Generator().manual_seed(0))
    losses = task.p_losses(target, task.condition_of(pictures), step, noise)
    assert losses.per_sample.shape == (2,)
    assert "loss_ratio" not in losses.parts
    losses.total.backward()
    prediction = generation.denoiser(Condition(None, []))(noise, step)
    assert prediction.x0.shape == (2, 3, 6, 5)


def test_only_the_audio_levels_that_are_read_are_kept():
    model = small()
    condition = model.denoising.condition_of(batch())
    assert [level.shape[-1] for level in condition.audio] == [8, 4]
    assert condition.context.shape == (2, 32, 21)


def test_batch_keys_are_parameters():
    model = small(note_key="n", audio_key="a", feature_key="f", valid_key="v", use_valid=True)
    renamed = {key[0]: value for key, value in batch().items()}
    target = model.denoising.encode(renamed)
    assert target.mask.sum() == 10
    assert np.isfinite(model.denoising.condition_of(renamed).context.detach().numpy()).all()
    assert isinstance(model.model.first_stage_model, AutoencoderKL)
    assert isinstance(model, DDPM)
