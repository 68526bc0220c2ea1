"""The whole diffusion model against the recordings of the original."""

import json

import numpy as np
import pytest
import torch
import yaml
from golden_formula import (
    apply_to_module,
    feature_id_input,
    mel_input,
    normal_input,
    note_input,
    rng_for,
)
from repository import GOLDEN, load_golden

from mug.diffusion.guidance import guide
from mug.diffusion.samplers.ddim import DDIMSampler
from mug.diffusion.samplers.plms import PLMSSampler
from mug.model.s4 import S4, bind_lengths
from mug.reference.config import translate
from mug.util import instantiate_from_config

LOSS, _ = load_golden("ddpm_loss_tiny")
DDIM, DDIM_ARRAYS = load_golden("ddim_tiny")
MANIA_LOSS = {
    "target": "mug.firststage.losses.ManiaReconstructLoss",
    "params": {
        "weight_start_offset": 0.5,
        "weight_holding": 0.5,
        "weight_end_offset": 0.2,
        "label_smoothing": 0.001,
    },
}


def config(**changes):
    node = yaml.safe_load((GOLDEN / "tiny_golden.yaml").read_text())["model"]
    del node["base_learning_rate"]
    node["params"].update(changes)
    # The recordings were made without compiled extensions: with the half kernel sum.
    node["params"]["unet_config"]["params"]["s4_kernel_sum"] = "half"
    return translate(node)


def tiny(**changes):
    """The tiny model with the recordings' weights, its S4 layers bound as a first call did."""
    node = config(**changes)
    if changes.get("parameterization") == "recon":
        node["params"]["first_stage_config"]["params"]["lossconfig"] = MANIA_LOSS
    model = apply_to_module(instantiate_from_config(node)).eval()
    condition = model.denoising.condition_of(batch())
    x_t, step = torch.zeros(2, 8, 32), torch.zeros(2, dtype=torch.long)
    bind_lengths(model.model.unet_model, x_t, step, condition.context, *condition.audio)
    return model


@pytest.fixture(scope="module")
def eps_model():
    return tiny()


def batch():
    return {
        "note": torch.from_numpy(note_input("note", 256, 2)),
        "audio": torch.from_numpy(mel_input("mel", 16, 2048, 2)),
        "feature": torch.from_numpy(feature_id_input("feature", 2)),
        "valid": torch.ones(2, 256),
    }


def losses_of(model, **options):
    target = model.denoising.encode(batch())
    noise = torch.from_numpy(normal_input("noise", (2, 8, 32)))
    step = torch.tensor([400, 23])
    return model.denoising.p_losses(
        target, model.denoising.condition_of(batch()), step, noise, **options
    )


def close_to(info, expected, value):
    noise = info.get("fp32_vs_fp64", {}).get("max_abs", 0.0)
    flat = value.detach().numpy().reshape(-1)[:: info.get("stride", 1)]
    tolerance = max(30 * noise, 2e-5 * info["std"])
    np.testing.assert_allclose(flat, expected.reshape(-1), rtol=0, atol=tolerance)


# ---------------------------------------------------------------------- the loss


@pytest.mark.parametrize(
    "case",
    sorted(case for case in LOSS["results"] if case[:3] in ("eps", "x0/") and "64" not in case),
)
def test_losses_equal_the_recording(case):
    parameterization, loss_type, *rest = case.split("/")
    model = tiny(parameterization=parameterization, loss_type=loss_type)
    with torch.no_grad():
        losses = losses_of(model, all_noise=bool(rest))
    named = {f"val/{name}": value.item() for name, value in losses.parts.items()}
    assert named == pytest.approx(LOSS["results"][case], rel=2e-5)


def test_the_loss_in_double_precision_equals_the_recording():
    model = tiny().double()
    for layer in (part for part in model.modules() if isinstance(part, S4)):
        layer.double()
    target = model.denoising.encode({key: value.double() for key, value in batch().items()})
    doubles = {key: value.double() for key, value in batch().items()}
    noise = torch.from_numpy(normal_input("noise", (2, 8, 32))).double()
    condition = model.denoising.condition_of(doubles)
    with torch.no_grad():
        losses = model.denoising.p_losses(target, condition, torch.tensor([400, 23]), noise)
    expected = LOSS["results"]["eps/smooth_l1/float64"]["val/loss_simple"]
    assert losses.total.dtype == torch.float64
    assert losses.total.item() == pytest.approx(expected, rel=1e-6)


def test_recon_judges_after_decoding():
    expected = dict(LOSS["results"]["recon/repaired"])
    losses = losses_of(tiny(parameterization="recon"))
    parts = {name: value.item() for name, value in losses.parts.items()}
    assert parts.pop("loss_simple") == parts["loss"]
    assert parts == pytest.approx(expected, rel=2e-5)
    losses.total.backward()


def test_q_sample_equals_the_recording(eps_model):
    _, arrays = load_golden("ddpm_loss_tiny")
    target = eps_model.denoising.encode(batch())
    noise = torch.from_numpy(normal_input("noise", (2, 8, 32)))
    noisy = eps_model.denoising.objective.noisy(target.z_0, torch.tensor([400, 23]), noise)
    close_to(LOSS["arrays"]["q_sample"], arrays["q_sample"], noisy)


def test_gradients_equal_the_recording():
    model = tiny()
    losses_of(model).total.backward()
    named = dict(model.named_parameters())
    norms = {name: p.grad.norm().item() for name, p in named.items() if p.grad is not None}
    assert norms.keys() == LOSS["grad_norms"].keys()
    assert sum(p.grad is None for p in named.values()) == LOSS["grad_none"]
    for name, expected in LOSS["grad_norms"].items():
        assert norms[name] == pytest.approx(expected, rel=2e-3, abs=1e-7), name
    for part, expected in LOSS["grad_norm_total"].items():
        own = [v for name, v in norms.items() if name.startswith(f"model.{part}")]
        assert np.linalg.norm(own) == pytest.approx(expected, rel=1e-4)


def test_six_steps_of_training_equal_the_recording():
    meta, arrays = load_golden("train_tiny")
    model = tiny(weight_decay_all=True, learning_rate=1e-3).train()
    optimizer = model.configure_optimizers()
    losses = []
    for step in range(6):
        t = torch.from_numpy(rng_for(f"input:train_t{step}").integers(0, 1000, (2,)))
        noise = torch.from_numpy(normal_input(f"train_noise{step}", (2, 8, 32)))
        optimizer.zero_grad()
        loss = model.denoising.p_losses(
            model.denoising.encode(batch()), model.denoising.condition_of(batch()), t, noise
        ).total
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == pytest.approx(meta["losses"], rel=1e-5)
    key = "time_embed.0.weight after"
    weight = model.model.unet_model.time_embed[0].weight.detach().numpy()
    flat = weight.reshape(-1)[:: meta["arrays"][key]["stride"]]
    # Adam divides by gradient sizes: where they are tiny, rounding decides; a step is 1e-3.
    assert np.abs(flat - arrays[key]).max() < 1e-4
    assert np.abs(flat - arrays[key]).mean() < 1e-6


# --------------------------------------------------------------------- generation


def conditions(model):
    audio = torch.from_numpy(mel_input("mel", 16, 2048, 2))
    asked, nothing = (
        model.generation.conditions(audio, torch.tensor([DDIM["inputs"][key]] * 2))
        for key in ("cond_ids", "uncond_ids")
    )
    return asked, nothing


def generate(model, sampler, steps, scale, trace=None):
    asked, nothing = conditions(model)
    denoise = guide(model.generation.denoiser, asked, nothing, scale)

    def traced(x_t, step):
        prediction = denoise(x_t, step)
        if trace is not None:
            trace.append((x_t, prediction.x0))
        return prediction

    x_T = torch.from_numpy(normal_input("x_T", (2, 8, 32)))
    with torch.no_grad():
        return sampler.sample(traced, x_T, model.schedule, steps=steps)


@pytest.mark.parametrize(
    ("case", "steps", "scale"), [("S10_cfg5", 10, 5.0), ("S10_cfg1", 10, 1.0), ("S7_cfg5", 7, 5.0)]
)
def test_ddim_equals_the_recording_at_every_step(eps_model, case, steps, scale):
    trace = []
    sample = generate(eps_model, DDIMSampler("original"), steps, scale, trace)
    states = [*(x_t for x_t, _ in trace[1:]), sample]
    assert len(states) == sum(key.startswith(f"{case}/x_step") for key in DDIM_ARRAYS)
    values = {"samples": sample, "decoded": eps_model.generation.decode(sample)}
    values |= {f"x_step{i}": x_t for i, x_t in enumerate(states)}
    values |= {f"pred_x0_step{i}": x_0 for i, (_, x_0) in enumerate(trace)}
    recorded = [key for key in DDIM_ARRAYS if key.startswith(case)]
    assert len(recorded) == len(values)
    for key in recorded:
        close_to(DDIM["arrays"][key], DDIM_ARRAYS[key], values[key.split("/")[1]])


def test_plms_equals_the_recording(eps_model):
    meta, arrays = load_golden("plms_tiny_adapted")
    sample = generate(eps_model, PLMSSampler("original"), 10, 5.0)
    close_to(meta["arrays"]["samples"], arrays["samples"], sample)


def test_a_condition_of_one_song_serves_several_charts(eps_model):
    """Encoding the song once and showing it to each item gives the same predictions."""
    audio = torch.from_numpy(mel_input("mel", 16, 2048, 1))
    ids = torch.tensor([DDIM["inputs"]["cond_ids"]])
    x_t = torch.from_numpy(normal_input("x_T", (2, 8, 32)))
    step = torch.tensor([300, 300])
    with torch.no_grad():
        once = eps_model.generation.denoiser(eps_model.generation.conditions(audio, ids))(x_t, step)
        copies = eps_model.generation.conditions(audio.repeat(2, 1, 1), ids.repeat(2, 1))
        twice = eps_model.generation.denoiser(copies)(x_t, step)
    torch.testing.assert_close(once.x0, twice.x0, rtol=1e-4, atol=1e-4)
    assert eps_model.generation.latent_shape(256) == (8, 32)


# -------------------------------------------------------------------------- names


def full_config():
    """The network sizes of the original's mug_diffusion.yaml."""
    node = config(z_channels=16, z_length=512)["params"]
    node["unet_config"]["params"].update(
        in_channels=16,
        out_channels=16,
        model_channels=128,
        attention_resolutions=[8, 4, 2],
        channel_mult=[1, 2, 3, 4],
        attention={"num_heads": 8},
        context_dim=128,
        audio_channels=[256, 512, 512, 512],
    )
    node["first_stage_config"]["params"]["ddconfig"].update(
        middle_channels=64, z_channels=16, channel_mult=[1, 2, 4, 4]
    )
    node["cond_stage_config"]["params"]["embed_dim"] = 128
    node["wave_stage_config"]["params"].update(
        n_freq=128,
        middle_channels=128,
        attention_resolutions=[128, 256, 512],
        num_heads=8,
        channel_mult=[1, 1, 1, 1, 2, 2, 2, 4, 4, 4],
    )
    return {"target": "mug.diffusion.diffusion.DDPM", "params": node}


def test_names_shapes_and_order_of_the_full_model_equal_the_original():
    recorded = json.loads((GOLDEN / "state_dict_mug_diffusion.json").read_text())
    with torch.device("meta"):
        model = instantiate_from_config(full_config())
    own = [[k, list(v.shape), str(v.dtype)[6:]] for k, v in model.state_dict().items()]
    assert own == recorded["entries"]
    assert len(own) == 1515
    parameters = list(model.parameters())
    assert sum(p.numel() for p in parameters) == recorded["n_params"] == 156_536_384
    assert sum(p.numel() for p in parameters if p.requires_grad) == 151_450_192
    assert sum(isinstance(part, S4) for part in model.modules()) == 16
