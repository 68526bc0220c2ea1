"""Tempo and offset of a song from its sound, for songs of one tempo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex128, Float32, Float64

from mug.audio.load import Wave, resample
from mug.errors import DataError

SAMPLE_RATE = 22050  # Hz; what the detector's bias was measured at
HOP = 64  # samples between two values of the onset envelope: 2.9 ms
WINDOW = 256  # samples of a spectrum: 11.6 ms

# The envelope rises as soon as the window touches an onset, before its centre is there.
# Measured on clicks: 1.4 ms early for bursts of noise, 2.9 ms for short tones. Added to each time.
DETECTOR_BIAS_MS = 2.2

HARMONICS = (1, 2, 4)  # parts of a beat at which onsets recur
BPM_RANGE = (60.0, 300.0)
_PRIOR_BPM, _PRIOR_OCTAVES = 160.0, 0.6  # mean and spread of the tempi that charts are written at
_WHOLE_BPM, _WHOLE_SCORE = 0.05, 0.995  # how far off, and how much worse, a whole number may be
_SHORTEST_S = 3.0
_CANDIDATES = 5
_BLOCK = 4096  # spectra at a time


@dataclass(frozen=True)
class TimingEstimate:
    """What is known of a song's beat.

    Args:
        bpm: beats a minute.
        offset_ms: time of a beat, the first one at or after 0.
        confidence: 0 ... 1; share of the onsets' strength that falls on the beat and its
            halves and quarters; 0 for silence.
        candidates: other tempi with their score, best first; the chosen one is among them.
    """

    bpm: float
    offset_ms: float
    confidence: float
    candidates: tuple[tuple[float, float], ...] = ()


NO_BEAT = TimingEstimate(bpm=120.0, offset_ms=0.0, confidence=0.0)


def estimate_timing(wave: Float32[np.ndarray, " samples"], sample_rate: int) -> TimingEstimate:
    """Tempo and beat of a song that keeps one tempo; zero confidence where there is no beat.

    The Fourier transform of the onset envelope is large where onsets recur: the tempo is where it
    is largest at the beat and its parts together, weighted by how usual the tempo is (which
    decides between a tempo and its double), and its phase there is the offset.

    Args:
        wave: mono.
        sample_rate: in Hz.

    Raises:
        DataError: for samples that are not numbers.
    """
    if not np.isfinite(wave).all():
        raise DataError("a sample is not a number", remedy="Load the song with load_audio")
    heard: Wave = resample(wave, sample_rate, SAMPLE_RATE)
    envelope = onset_envelope(heard)
    if len(envelope) < _SHORTEST_S * SAMPLE_RATE / HOP or not envelope.any():
        return NO_BEAT
    candidates = tempo_candidates(envelope)
    bpm = whole_bpm(envelope, refine_bpm(envelope, candidates[0][0]))
    spectrum = beat_spectrum(envelope, bpm)
    confidence = float(np.sqrt(np.mean(np.abs(spectrum) ** 2)) / envelope.sum())
    return TimingEstimate(
        bpm=bpm,
        offset_ms=(beat_phase_ms(spectrum, bpm) + DETECTOR_BIAS_MS) % (60000.0 / bpm),
        confidence=min(confidence, 1.0),
        candidates=candidates,
    )


def onset_envelope(wave: Float32[np.ndarray, " samples"]) -> Float64[np.ndarray, " frames"]:
    """Strength of onsets around each hop: how much the log spectrum rises (spectral flux)."""
    from scipy import fft

    if len(wave) < WINDOW or not wave.any():
        return np.zeros(0)
    window = np.hanning(WINDOW).astype(np.float32)
    padded = np.pad(wave / np.float32(np.abs(wave).max()), WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    flux = np.zeros(len(frames))
    last = np.zeros((1, WINDOW // 2 + 1), np.float32)
    for first in range(0, len(frames), _BLOCK):
        spectra = np.log1p(100.0 * np.abs(fft.rfft(frames[first : first + _BLOCK] * window)))
        rises = np.diff(spectra, axis=0, prepend=last)
        flux[first : first + len(spectra)] = np.maximum(rises, 0.0).sum(axis=1)
        last = spectra[-1:]
    flux[0] = 0.0  # the song's start is no onset
    return flux


def tempo_candidates(
    envelope: Float64[np.ndarray, " frames"],
) -> tuple[tuple[float, float], ...]:
    """Tempi and scores (1 is the best), best first; to about a hundredth of their peaks' width."""
    from scipy import fft

    size = fft.next_fast_len(16 * len(envelope), real=True)
    spectrum = np.abs(fft.rfft(envelope - envelope.mean(), size))
    bpm_per_bin = 60.0 * SAMPLE_RATE / HOP / size
    bins = np.arange(int(BPM_RANGE[0] / bpm_per_bin), int(BPM_RANGE[1] / bpm_per_bin))
    bpm = bins * bpm_per_bin
    score = sum(spectrum[bins * harmonic] for harmonic in HARMONICS)
    score = score * np.exp(-0.5 * (np.log2(bpm / _PRIOR_BPM) / _PRIOR_OCTAVES) ** 2)
    found: list[tuple[float, float]] = []
    best = float(score.max())
    for _ in range(_CANDIDATES):
        top = int(np.argmax(score))
        if score[top] <= 0:
            break
        found.append((float(bpm[top]), float(score[top]) / best))
        score[np.abs(bpm / bpm[top] - 1) < 0.03] = 0.0
    return tuple(found)


def beat_spectrum(
    envelope: Float64[np.ndarray, " frames"], bpm: float
) -> Complex128[np.ndarray, " harmonics"]:
    """Fourier coefficients of the envelope at the beat and its parts."""
    angle = -2j * np.pi * bpm / 60.0 * HOP / SAMPLE_RATE
    beat = np.exp(angle * np.arange(len(envelope)))
    level = envelope - envelope.mean()
    parts = []
    for harmonic in range(1, max(HARMONICS) + 1):
        level = level * beat
        if harmonic in HARMONICS:
            parts.append(level.sum())
    return np.array(parts)


def refine_bpm(envelope: Float64[np.ndarray, " frames"], bpm: float) -> float:
    """The tempo near a candidate at which the beat spectrum is largest."""
    width = 60.0 * SAMPLE_RATE / HOP / len(envelope)  # of a peak at the beat, in bpm
    for step in (width / 32, width / 128):
        trials = bpm + step * np.arange(-2, 3)
        scores = [np.abs(beat_spectrum(envelope, trial)).sum() for trial in trials]
        curve = np.polyfit(np.arange(-2, 3), scores, 2)
        if curve[0] < 0:
            bpm += step * float(np.clip(-curve[1] / (2 * curve[0]), -2, 2))
    return float(bpm)


def whole_bpm(envelope: Float64[np.ndarray, " frames"], bpm: float) -> float:
    """The whole number nearby where it explains the onsets as well: most songs have one."""
    whole = float(round(bpm))
    if abs(whole - bpm) > _WHOLE_BPM:
        return bpm
    score, whole_score = (np.abs(beat_spectrum(envelope, b)).sum() for b in (bpm, whole))
    return whole if whole_score >= _WHOLE_SCORE * score else bpm


def beat_phase_ms(spectrum: Complex128[np.ndarray, " harmonics"], bpm: float) -> float:
    """Time within a beat at which beat and parts are strongest together, 0 ... one beat."""
    harmonics = np.array(HARMONICS)
    turns = np.arange(4096) / 4096
    strength = np.exp(2j * np.pi * np.outer(turns, harmonics)) @ spectrum
    top = int(np.argmax(strength.real))
    below, here, above = strength.real[[top - 1, top, (top + 1) % len(turns)]]
    bend = below - 2 * here + above
    shift = 0.5 * (below - above) / bend if bend < 0 else 0.0
    return float((top + shift) / len(turns) * 60000.0 / bpm)
