"""The autoencoder against the recordings, its names, and how it trains."""

import json

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from flat_configs import AUTOENCODER, build
from golden_formula import normal_input, note_input, weight_for
from repository import GOLDEN, load_golden

from mug.errors import CheckpointError, ConfigError, TrainingError
from mug.firststage.distribution import DiagonalGaussian
from mug.firststage.networks import Decoder

LOSS = {
    "target": "mug.firststage.losses.ManiaReconstructLoss",
    "params": {
        "weight_start_offset": 0.5,
        "weight_holding": 0.5,
        "weight_end_offset": 0.2,
        "label_smoothing": 0.001,
    },
}
TINY = {
    "x_channels": 16,
    "middle_channels": 16,
    "z_channels": 8,
    "num_groups": 8,
    "channel_mult": [1, 2, 2, 2],
    "num_res_blocks": 1,
}
FULL = {**TINY, "middle_channels": 64, "z_channels": 16, "channel_mult": [1, 2, 4, 4]}
STFT = {
    **FULL,
    "z_channels": 32,
    "num_groups": 32,
    "channel_mult": [1, 1, 2, 2, 4, 4],
}


def filled(model, root=""):
    """The module with the recordings' weights."""
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(weight_for(root + key, parameter.shape)))
    return model.eval()


def tiny(**changes):
    return filled(
        build(AUTOENCODER, ddconfig=TINY, lossconfig=LOSS, **changes), "model.first_stage_model."
    )


def close_to(name, key, value):
    meta, arrays = load_golden(name)
    info = meta["arrays"][key]
    noise = info.get("fp32_vs_fp64", {}).get("max_abs", 0.0)
    flat = value.detach().numpy().reshape(-1)[:: info.get("stride", 1)]
    np.testing.assert_allclose(
        flat, arrays[key].reshape(-1), rtol=0, atol=max(30 * noise, 2e-5 * info["std"])
    )


@pytest.mark.parametrize(("patch", "mult"), [(8, [1]), (4, [1, 2]), (2, [1, 1, 2])])
def test_patches_halve_the_frames_as_levels_do(patch, mult):
    config = {**TINY, "patch": patch, "channel_mult": mult}
    model = filled(build(AUTOENCODER, ddconfig=config, lossconfig=LOSS))
    assert model.downsampling == 8
    notes = torch.from_numpy(note_input("note", 256, 2))
    with torch.no_grad():
        mean = model.encode(notes).mode()
        decoded = model.decode(mean)
    assert mean.shape == (2, 8, 32)
    assert decoded.shape == notes.shape


def test_a_patch_keeps_each_frame_in_its_place():
    decoder = Decoder(2, 8, 8, channel_mult=[1], num_groups=8, patch=4)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.zero_()
        decoder.conv_out.bias.copy_(torch.arange(8.0))
        out = decoder(torch.zeros(1, 8, 2))
    assert out[0].tolist() == [[0, 1, 2, 3, 0, 1, 2, 3], [4, 5, 6, 7, 4, 5, 6, 7]]


def test_tiny_equals_the_recording():
    model = tiny()
    with torch.no_grad():
        posterior = model.encode(torch.from_numpy(note_input("note", 256, 2)))
        decoded = model.decode(torch.from_numpy(normal_input("z", (2, 8, 32))))
    close_to("vae_tiny", "mean", posterior.mean)
    close_to("vae_tiny", "logvar", posterior.logvar)
    close_to("vae_tiny", "mode", posterior.mode())
    close_to("vae_tiny", "kl", posterior.kl())
    close_to("vae_tiny", "decoded", decoded)


def test_scaled_latents_equal_the_recording():
    meta, _ = load_golden("vae_stftcfg")
    model = build(AUTOENCODER, ddconfig=STFT, lossconfig=LOSS, scale=2.0)
    assert sum(p.numel() for p in model.parameters()) == meta["n_params"]
    filled(model)
    with torch.no_grad():
        posterior = model.encode(torch.from_numpy(note_input("note8192", 8192, 1)))
        decoded = model.decode(torch.from_numpy(normal_input("z256", (1, 32, 256))))
    close_to("vae_stftcfg", "mean", posterior.mean)
    close_to("vae_stftcfg", "mode", posterior.mode())
    close_to("vae_stftcfg", "logvar", posterior.logvar)
    close_to("vae_stftcfg", "decoded", decoded)


def test_names_shapes_and_order_equal_the_original():
    recorded = json.loads((GOLDEN / "state_dict_autoencoder.json").read_text())
    state = build(AUTOENCODER, ddconfig=FULL, lossconfig=LOSS).state_dict()
    own = [[key, list(value.shape), str(value.dtype)[6:]] for key, value in state.items()]
    assert own == recorded["entries"]
    assert sum(value.numel() for value in state.values()) == recorded["n_params"] == 5_086_192


def test_step_equals_the_recording():
    expected = dict(
        load_golden("losses")[0]["results"]["AutoencoderKL.step/val/tiny kl_weight 1e-5"]
    )
    batch = {"note": torch.from_numpy(note_input("note", 256, 2)), "valid": torch.ones(2, 256)}
    loss, parts = tiny(kl_weight=1e-5).step(batch, "val")
    assert loss.item() == pytest.approx(expected.pop("loss"), rel=1e-5)
    assert {key: value.item() for key, value in parts.items()} == pytest.approx(expected, rel=1e-4)
    del batch["valid"]
    assert tiny(kl_weight=1e-5).step(batch, "val")[0] == loss


# --------------------------------------------------------------- the posterior


def test_kl_against_torch():
    mean, logvar = torch.randn(2, 3, 5), torch.randn(2, 3, 5)
    posterior = DiagonalGaussian(mean, logvar)
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(
        normal(mean, torch.exp(0.5 * logvar)), normal(torch.zeros(()), torch.ones(()))
    ).mean()
    torch.testing.assert_close(posterior.kl(), expected)
    assert posterior.kl().ndim == 0


def test_samples_have_the_posteriors_moments_and_obey_the_generator():
    posterior = DiagonalGaussian(
        torch.full((1, 1, 100_000), 3.0), torch.full((1, 1, 100_000), 2 * np.log(0.5)), 2.0
    )
    sample = posterior.sample(torch.Generator().manual_seed(0))
    assert sample.mean().item() == pytest.approx(6.0, abs=0.02)
    assert sample.std().item() == pytest.approx(1.0, abs=0.02)
    assert torch.equal(sample, posterior.sample(torch.Generator().manual_seed(0)))
    assert not torch.equal(sample, posterior.sample(torch.Generator().manual_seed(1)))


def test_log_variance_is_limited():
    posterior = DiagonalGaussian(torch.zeros(1, 2), torch.tensor([[-50.0, 50.0]]))
    assert posterior.logvar.tolist() == [[-10.0, 20.0]]


def test_one_variance_for_all_is_learnable():
    model = build(AUTOENCODER, ddconfig=TINY, lossconfig=LOSS, constant_var=0.25)
    posterior = model.encode(torch.zeros(1, 16, 64))
    torch.testing.assert_close(posterior.std, torch.full_like(posterior.mean, 0.25))
    assert "log_var" in model.state_dict()
    posterior.kl().backward()
    assert model.log_var.grad != 0


# ------------------------------------------------------------------- training


def test_each_parameter_is_optimised_once():
    model = build(AUTOENCODER, ddconfig=TINY, lossconfig=LOSS, learning_rate=1e-3)
    configured = model.configure_optimizers()
    optimizer = configured["optimizer"]
    listed = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert len(listed) == len(set(listed)) == len(list(model.parameters()))
    assert configured["lr_scheduler"]["monitor"] == "val/loss"
    assert isinstance(
        configured["lr_scheduler"]["scheduler"], torch.optim.lr_scheduler.ReduceLROnPlateau
    )


def test_training_without_a_rate_is_refused():
    with pytest.raises(TrainingError, match="base_learning_rate"):
        build(AUTOENCODER, ddconfig=TINY, lossconfig=LOSS).configure_optimizers()


def fit(steps, seed=23, **changes):
    torch.manual_seed(0)
    model = build(
        AUTOENCODER,
        ddconfig=TINY,
        lossconfig=LOSS,
        learning_rate=3e-3,
        seed=seed,
        kl_weight=1e-2,
        **changes,
    )
    items = [
        {"note": torch.from_numpy(note_input(f"fit{i}", 64)[0]), "valid": torch.ones(64)}
        for i in range(4)
    ]
    loader = torch.utils.data.DataLoader(items, batch_size=2)
    trainer = pl.Trainer(
        max_steps=steps,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
    )
    torch.manual_seed(seed)  # must not matter: the posterior has its own generator
    trainer.fit(model, loader, loader)
    metrics = trainer.callback_metrics
    tested = trainer.test(model, loader, verbose=False)[0]
    assert tested["test/loss"] == pytest.approx(metrics["val/loss"].item(), rel=1e-5)
    return model, metrics


@pytest.mark.filterwarnings("ignore:.*does not have many workers.*")
def test_training_lowers_the_loss_and_repeats_itself():
    changes = {
        "scheduler_config": {
            "target": "mug.lr_scheduler.LambdaLinearScheduler",
            "params": {
                "warm_up_steps": [2],
                "cycle_lengths": [100],
                "f_start": [0.1],
                "f_max": [1.0],
                "f_min": [1.0],
            },
        }
    }
    model, first = fit(2, **changes)
    trained, last = fit(40)
    assert last["val/loss"] < 0.8 * first["val/loss"]
    again, _ = fit(2, **changes)
    other, _ = fit(2, seed=24, **changes)
    weight = "decoder.conv_out.weight"
    assert torch.equal(model.state_dict()[weight], again.state_dict()[weight])
    assert not torch.equal(model.state_dict()[weight], other.state_dict()[weight])
    assert trained.trained
    assert {"train/loss", "val/loss", "val/acc_rice", "val/kl_loss"} <= last.keys()


# ------------------------------------------------------------------ checkpoints


def test_weights_from_a_file_mark_it_trained(tmp_path):
    source = tiny()
    path = tmp_path / "first.ckpt"
    torch.save({"state_dict": source.state_dict()}, path)
    loaded = build(AUTOENCODER, ddconfig=TINY, lossconfig=LOSS, ckpt_path=str(path))
    assert loaded.trained
    assert not build(AUTOENCODER, ddconfig=TINY, lossconfig=LOSS).trained
    for key, value in source.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[key])


def test_several_matching_ignore_keys(tmp_path):
    path = tmp_path / "first.ckpt"
    torch.save({"state_dict": tiny().state_dict()}, path)
    loaded = build(
        AUTOENCODER,
        ddconfig=TINY,
        lossconfig=LOSS,
        ckpt_path=str(path),
        ignore_keys=["decoder", "decoder.conv_out", "#conv_out"],
    )
    source = tiny().state_dict()
    assert torch.equal(
        loaded.state_dict()["encoder.conv_in.weight"], source["encoder.conv_in.weight"]
    )
    for key in ("decoder.conv_in.weight", "encoder.conv_out.weight"):
        assert not torch.equal(loaded.state_dict()[key], source[key])
    assert not loaded.trained


def test_weights_that_do_not_fit_are_refused(tmp_path):
    path = tmp_path / "first.ckpt"
    torch.save({"state_dict": {**tiny().state_dict(), "stray": torch.zeros(1)}}, path)
    with pytest.raises(CheckpointError, match="stray"):
        build(AUTOENCODER, ddconfig=TINY, lossconfig=LOSS, ckpt_path=str(path))
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        build(AUTOENCODER, ddconfig=TINY, lossconfig=LOSS, ckpt_path=str(tmp_path / "none.ckpt"))


def test_a_file_that_would_run_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    path = tmp_path / "evil.ckpt"
    torch.save({"state_dict": {}, "extra": Evil()}, path)
    with pytest.raises(CheckpointError, match="never run"):
        build(AUTOENCODER, ddconfig=TINY, lossconfig=LOSS, ckpt_path=str(path))


def test_a_misspelt_network_key_is_refused():
    with pytest.raises(ConfigError, match="Did you mean 'num_groups'"):
        build(AUTOENCODER, ddconfig={**TINY, "num_group": 8}, lossconfig=LOSS)
