"""Sound: sample-exact starts, levels, determinism, and files that keep them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from mug.audio.load import load_audio
from mug.compose.composer import compose_song
from mug.compose.score import INSTRUMENTS, PERCUSSION, NoteEvent, Timbre
from mug.compose.sound import SAMPLE_RATE, frequency_hz, render, render_stem, write_audio
from mug.compose.style import SongStyle
from mug.compose.voices import envelope, percussion, tone, wavetable
from mug.errors import AudioError

SHORT = SongStyle(seconds=(10.0, 14.0), tempo=(110.0, 160.0), wide_tempo_p=0.0)


@pytest.fixture(scope="module")
def song():
    return compose_song(5, SHORT)


def _only(song, instrument, time_ms):
    event = NoteEvent(instrument, 0, time_ms, 300.0, 69, 1.0)
    return replace(song, events=(event,))


@pytest.mark.parametrize("instrument", INSTRUMENTS)
@pytest.mark.parametrize("time_ms", [0.0, 1000.0, 1234.567])
def test_an_event_begins_on_its_sample(song, instrument, time_ms):
    wave = render_stem(_only(song, instrument, time_ms), [instrument])
    assert np.flatnonzero(wave)[0] == round(time_ms / 1000 * SAMPLE_RATE)


@pytest.mark.parametrize("instrument", PERCUSSION)
def test_percussion_is_loudest_at_once(song, instrument):
    wave = percussion(instrument, song.timbre, SAMPLE_RATE, np.random.default_rng(0))
    window = int(0.01 * SAMPLE_RATE)
    whole = len(wave) // window
    energy = (wave[: whole * window].reshape(whole, window) ** 2).sum(axis=1)
    assert energy[0] > 0.8 * energy.max()
    assert np.abs(wave[:3]).max() > 0.1 * np.abs(wave).max()
    assert abs(wave[-1]) < 1e-3
    assert np.abs(wave).max() > 0.1


def test_kicks_of_a_song_stand_at_their_events(song):
    wave = render_stem(song, ["kick"])
    kicks = song.of(["kick"])
    assert len(kicks) > 5
    for event in kicks:
        start = round(event.time_ms / 1000 * SAMPLE_RATE)
        before = np.abs(wave[max(0, start - 20) : start]).max(initial=0.0)
        assert np.abs(wave[start : start + 20]).max() > 5 * before + 0.05


def test_a_note_has_its_pitch(song):
    wave = render_stem(_only(song, "melody", 0.0), ["melody"])[: int(0.25 * SAMPLE_RATE)]
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 1 << 18))
    peak = np.argmax(spectrum) * SAMPLE_RATE / (1 << 18)
    assert peak == pytest.approx(440.0, abs=2.0)
    assert frequency_hz(81) == pytest.approx(880.0)


def test_overtones_stay_below_half_the_rate():
    table = wavetable(4000.0, 1.0, 0.0, SAMPLE_RATE)
    spectrum = np.abs(np.fft.rfft(table))
    assert np.flatnonzero(spectrum > spectrum.max() * 1e-5).tolist() == [1, 2]
    hollow = np.abs(np.fft.rfft(wavetable(200.0, 1.0, 1.0, SAMPLE_RATE)))
    assert hollow[2] < 1e-3 * hollow[1] < hollow[3]


def test_tone_and_envelope_by_hand():
    table = np.cos(2 * np.pi * np.arange(4096) / 4096).astype(np.float32)
    wave = tone(table, SAMPLE_RATE / 4, 8, SAMPLE_RATE)
    assert wave == pytest.approx([1, 0, -1, 0, 1, 0, -1, 0], abs=1e-6)
    assert envelope(6, 2, 3, 0.0, SAMPLE_RATE) == pytest.approx([0.5, 1, 1, 1, 0.5, 0])
    fading = envelope(4410, 1, 1, 1.0, SAMPLE_RATE)
    assert fading[int(0.15 * SAMPLE_RATE)] == pytest.approx(np.exp(-1), rel=1e-3)


def test_the_mix_is_the_same_each_time_and_has_its_level(song):
    wave = render(song)
    assert np.array_equal(wave, render(compose_song(5, SHORT)))
    assert wave.dtype == np.float32
    assert len(wave) == round(song.duration_ms / 1000 * SAMPLE_RATE)
    assert np.abs(wave).max() <= 0.75
    for level in (-40.0, -25.0):
        quiet = render(replace(song, loudness_db=level))
        assert 20 * np.log10(np.sqrt(np.mean(quiet**2))) == pytest.approx(level, abs=0.2)


def test_silence_before_the_first_beat(song):
    first = round(min(e.time_ms for e in song.events) / 1000 * SAMPLE_RATE)
    wet = replace(song, timbre=replace(song.timbre, room=0.35))
    assert not render(wet)[:first].any()
    assert render(wet)[first] != 0


def test_room_is_heard_after_the_note_and_not_before(song):
    one = _only(song, "kick", 500.0)
    dry = render(replace(one, timbre=replace(song.timbre, room=0.0)))
    wet = render(replace(one, timbre=replace(song.timbre, room=0.3)))
    after = slice(int(1.2 * SAMPLE_RATE), int(1.35 * SAMPLE_RATE))
    assert not dry[after].any()
    assert np.abs(wet[after]).max() > 0


def test_timbre_changes_the_sound_and_not_the_notes(song):
    dull = replace(song, timbre=Timbre(brightness=0.0))
    bright = replace(song, timbre=Timbre(brightness=1.0))
    spectra = [np.abs(np.fft.rfft(render_stem(s, ["melody"]))) for s in (dull, bright)]
    cut = len(spectra[0]) // 5
    shares = [s[cut:].sum() / s.sum() for s in spectra]
    assert shares[1] > 2 * shares[0]


@pytest.mark.parametrize(("kind", "worst"), [("ogg", None), ("flac", 4e-5), ("wav", 4e-5)])
def test_files_keep_every_sample_in_place(song, tmp_path, kind, worst):
    wave = render(song)
    path = tmp_path / f"song.{kind}"
    write_audio(path, wave)
    back, rate = soundfile.read(path, dtype="float32")
    assert (rate, back.shape) == (SAMPLE_RATE, wave.shape)
    size = 1 << (2 * len(wave)).bit_length()
    match = np.fft.irfft(np.fft.rfft(back, size) * np.conj(np.fft.rfft(wave, size)), size)
    assert int(np.argmax(match)) == 0, "a coder's delay would shift the peak"
    if worst is not None:
        assert np.abs(back - wave).max() < worst
    write_audio(path, wave)
    assert np.array_equal(soundfile.read(path, dtype="float32")[0], back)


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(AudioError, match="ogg, mp3, flac or wav"):
        write_audio(tmp_path / "song.aac", np.zeros(10, np.float32))


@pytest.mark.parametrize("kind", ["ogg", "flac"])
def test_strokes_are_read_back_within_a_millisecond(song, tmp_path, kind):
    times = [400.0, 1003.3, 1777.7, 2600.0]
    strokes = tuple(NoteEvent("kick", 0, t, 100.0, 0, 1.0) for t in times)
    alone = replace(song, events=strokes, timbre=replace(song.timbre, room=0.0))
    write_audio(tmp_path / f"kicks.{kind}", render(alone))
    wave = np.abs(load_audio(tmp_path / f"kicks.{kind}", SAMPLE_RATE))
    for time_ms in times:
        start = round(time_ms / 1000 * SAMPLE_RATE)
        near = wave[start - 400 : start + 400]
        first = start - 400 + int(np.argmax(near > 0.3 * near.max()))
        assert abs(first / SAMPLE_RATE * 1000 - time_ms) < 1.0
