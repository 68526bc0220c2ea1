"""Songs in windows: the same as without where one suffices, and sound where more are needed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mug.errors import ConfigError, GenerationError
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.decode import decode_latent
from mug.pipeline.request import GenerationRequest
from mug.pipeline.sample import ChartRequest, encode_song, sample_latents, windows_of

CHART_REQUESTS = [ChartRequest({"sr": 3.0}, {}, 1), ChartRequest({}, {}, 2)]
RATE = 22050


@pytest.fixture(scope="module")
def wave():
    """Forty seconds of beats in noise."""
    rng = np.random.default_rng(0)
    beats = np.arange(40 * RATE) % (RATE // 2) < 300
    return (rng.normal(0, 0.02, 40 * RATE) + 0.5 * beats).astype(np.float32)


def latents(model, wave, **options):
    request = GenerationRequest(audio=Path("-"), steps=3, **options)
    song = encode_song(model, wave, request.window_s)
    return torch.stack(sample_latents(model, song, CHART_REQUESTS, request))


def test_a_window_that_holds_the_song_changes_no_bit(tiny_model, wave):
    frames = encode_song(tiny_model, wave).latent_frames
    assert windows_of(tiny_model, frames, 41).starts == (0,)
    assert torch.equal(
        latents(tiny_model, wave, window_s=41.0), latents(tiny_model, wave, window_s=1e6)
    )


def test_windows_give_one_latent_of_the_whole_length(tiny_model, wave):
    frames = encode_song(tiny_model, wave).latent_frames
    assert len(windows_of(tiny_model, frames, 10).starts) > 3
    found = latents(tiny_model, wave, window_s=10.0)
    assert found.shape[-1] == frames
    assert found.isfinite().all()
    assert not torch.equal(found, latents(tiny_model, wave))


def test_charts_in_windows_do_not_depend_on_their_batch(tiny_model, wave):
    together = latents(tiny_model, wave, window_s=10.0, batch_size=2)
    alone = latents(tiny_model, wave, window_s=10.0, batch_size=1)
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_seams_are_no_rougher_than_the_rest(tiny_model, wave):
    found = latents(tiny_model, wave, window_s=10.0)
    rough = found.diff(dim=-1).pow(2).mean((0, 1))
    windows = windows_of(tiny_model, found.shape[-1], 10.0)
    seams = list(windows.starts[1:]) + [s + windows.size for s in windows.starts[:-1]]
    at_seams = torch.stack([rough[s - 1] for s in seams]).mean()
    assert at_seams < 1.5 * rough.mean()


def test_audio_windows_agree_with_the_whole_away_from_the_seams(tiny_model, wave):
    whole, parts = encode_song(tiny_model, wave), encode_song(tiny_model, wave, 20.0)
    for one, other in zip(whole.levels, parts.levels, strict=True):
        assert one.shape == other.shape
        error = (one - other).pow(2).mean().sqrt() / one.std()
        assert 0 < error < 0.5


def test_decoding_in_windows_has_the_songs_length(tiny_model, wave):
    song = encode_song(tiny_model, wave)
    z = torch.randn(tiny_model.z_channels, song.latent_frames)
    notes = decode_latent(tiny_model, song, z)
    assert all(
        note.start_ms <= song.latent_frames * tiny_model.clock.latent_frame_ms for note in notes
    )


def test_guidance_outside_its_interval_is_off(tiny_model, wave):
    unguided = latents(tiny_model, wave, guidance_scale=1.0)
    everywhere = latents(tiny_model, wave, guidance_scale=5.0)
    whole = latents(tiny_model, wave, guidance_scale=5.0, guidance_interval=(0.0, 1.0))
    assert torch.equal(everywhere, whole)
    nowhere = latents(tiny_model, wave, guidance_scale=5.0, guidance_interval=(0.01, 0.02))
    torch.testing.assert_close(nowhere, unguided, rtol=1e-4, atol=1e-4)
    some = latents(tiny_model, wave, guidance_scale=5.0, guidance_interval=(0.5, 1.0))
    assert not torch.allclose(some, everywhere)
    assert not torch.allclose(some, unguided)


@pytest.mark.parametrize(
    "options", [{"guidance_interval": (0.7, 0.2)}, {"guidance_interval": (0, 2)}, {"window_s": 0.0}]
)
def test_impossible_options_are_refused(options):
    with pytest.raises(GenerationError, match=r"interval|window"):
        GenerationRequest(audio=Path("-"), **options)


def test_low_precision_is_near_and_unknown_ones_are_refused(tiny_model_folder, song):
    exact = ChartGenerator.from_checkpoint(tiny_model_folder)
    low = ChartGenerator.from_checkpoint(tiny_model_folder, precision="bf16")
    request = GenerationRequest(audio=song, steps=3)
    one, other = (
        sample_latents(g.model, g.song(song), CHART_REQUESTS[:1], request)[0] for g in (exact, low)
    )
    error = (one - other).pow(2).mean().sqrt() / one.std()
    assert 0 < error < 0.1
    with pytest.raises(ConfigError, match="bf16"):
        ChartGenerator.from_checkpoint(tiny_model_folder, precision="bf61")
