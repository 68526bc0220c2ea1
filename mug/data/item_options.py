"""Groups of a dataset's parameters, as a config spells them out.

Each has its own name in the YAML file: `audio:`, `window:`, `features:`, `augment:`, `beat:`,
`lines:`, `split:`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from mug.audio.mel import MelParams
from mug.clock import FrameClock
from mug.data.split import FRACTIONS
from mug.errors import ConfigError
from mug.util import nearest

TIME_AXES = ("ms", "beat")


@dataclass(frozen=True)
class AudioOptions:
    """Spectrograms.

    Args:
        with_audio: items hold spectrograms.
        kind: `mel` or `stft`.
        sr: sample rate in Hz.
        n_fft: window of the short-time Fourier transform in samples; the hop is a quarter.
        n_mels: rows of the mel spectrogram.
        mel_scale: factor of the mel power before its logarithm, see `mug.audio.mel`.
        cache_dir: where mel spectrograms are kept; without one each item decodes its song.
        cut_audio: silences audio from two seconds after the last note on (with None: as the rules
            say). The end of the chart leaks into the audio then.

    Raises:
        ConfigError: for a `mel_scale` of spectrograms of another kind.
    """

    with_audio: bool = False
    kind: str = "mel"
    sr: int = 22050
    n_fft: int = 512
    n_mels: int = 128
    mel_scale: float = 1.0
    cache_dir: str | Path | None = None
    cut_audio: bool | None = None

    def __post_init__(self) -> None:
        if self.kind != "mel" and self.mel_scale != 1:
            raise ConfigError("data.mel_scale_needs_mel", value=self.mel_scale)

    @property
    def mel_params(self) -> MelParams:
        """Parameters of the transform."""
        return MelParams(self.sr, self.n_fft, self.n_mels, self.mel_scale)

    @property
    def cache(self) -> Path | None:
        """The cache's folder."""
        return None if self.cache_dir is None else Path(self.cache_dir)


@dataclass(frozen=True)
class WindowOptions:
    """Part of a song that an item holds.

    Args:
        max_audio_frame: audio frames of an item; longer songs are cut, shorter ones padded.
        audio_note_window_ratio: audio frames a note frame.
        crop: takes a random part of songs longer than an item instead of their beginning.
        crop_audio_frame: audio frames of such a part where it is shorter than `max_audio_frame`.
        time_axis: `ms`, or `beat`: each beat has `NOTE_FRAMES` note frames, whatever the
            tempo (`mug.encoding.beat_axis`); parts begin on a beat.

    Raises:
        ConfigError: for audio frames that are no whole number of note frames, and for another
            time axis.
    """

    max_audio_frame: int = 32768
    audio_note_window_ratio: int = 8
    crop: bool = False
    crop_audio_frame: int | None = None
    time_axis: str = "ms"

    def __post_init__(self) -> None:
        if self.time_axis not in TIME_AXES:
            raise ConfigError(
                "data.unknown_time_axis",
                value=self.time_axis,
                remedy=nearest(self.time_axis, TIME_AXES),
            )
        if self.audio_frames < 1 or self.audio_frames % self.audio_note_window_ratio:
            raise ConfigError(
                "data.max_audio_frame_must_be_multiple",
                value=self.audio_frames,
            )

    @property
    def audio_frames(self) -> int:
        """Audio frames of an item."""
        cropped = self.crop and self.crop_audio_frame is not None
        return int(self.crop_audio_frame or 0) if cropped else self.max_audio_frame

    @property
    def note_frames(self) -> int:
        """Note frames of an item."""
        return self.audio_frames // self.audio_note_window_ratio

    @property
    def in_beats(self) -> bool:
        """Time is counted in beats."""
        return self.time_axis == "beat"

    def clock(self, audio: AudioOptions) -> FrameClock:
        """The time base of items."""
        return FrameClock(audio.sr, audio.n_fft, self.audio_note_window_ratio)


@dataclass(frozen=True)
class FeatureOptions:
    """Features of charts, and how many of them are given.

    Args:
        with_feature: items hold features.
        feature_yaml: the features.
        feature_db: database of features; found beside the songs when None.
        feature_dropout_p: probability, for each feature, of being left out.
        uncond_p: probability of leaving out all of them (0.1 in new configs).
        value_dropout_p: probability, for each continuous value, of being left out by itself; with
            None it is left out with the bins of its name.
        star_rating_at_rate: `exact` or `linear`, the original's rule (with None: as the rules say).
        clamp_top: puts a feature's maximum into its last bin (with None: as the rules say).
    """

    with_feature: bool = False
    feature_yaml: str | Path = "configs/mug/mania_beatmap_features.yaml"
    feature_db: str | Path | None = None
    feature_dropout_p: float = 0.0
    uncond_p: float = 0.0
    value_dropout_p: float | None = None
    star_rating_at_rate: str | None = None
    clamp_top: bool | None = None

    def __post_init__(self) -> None:
        _check_probabilities(self)

    @property
    def database(self) -> Path | None:
        """The database's file."""
        return None if self.feature_db is None else Path(self.feature_db)


@dataclass(frozen=True)
class AugmentOptions:
    """Random changes of notes and spectrograms.

    Args:
        mirror_p: probability of swapping left and right.
        mirror_at_interval_p: probability of mirroring what follows a pause, for each pause.
        random_p: probability of permuting the columns.
        shift_p: probability of moving the notes by up to half of the frames; not with audio.
        jitter_p: probability of moving every row by its own amount; for the first stage, which
            must hold any offset and not only those of a grid.
        jitter_ms: furthest such move.
        rate_p: probability of another speed.
        rate: lowest and highest speed.
        pitch_p: probability of shifting the spectrogram by one to four rows.
        freq_mask_p: probability of silencing a band of the spectrogram.
        freq_mask_num: rows of that band, exclusive upper limit.

    Raises:
        ConfigError: for a probability outside 0 ... 1, and for a `rate_p` without rates.
    """

    mirror_p: float = 0.0
    mirror_at_interval_p: float = 0.0
    random_p: float = 0.0
    shift_p: float = 0.0
    jitter_p: float = 0.0
    jitter_ms: float = 30.0
    rate_p: float = 0.0
    rate: Sequence[float] | None = None
    pitch_p: float = 0.0
    freq_mask_p: float = 0.0
    freq_mask_num: int = 15

    def __post_init__(self) -> None:
        _check_probabilities(self)
        if self.rate_p and (
            self.rate is None or len(self.rate) != 2 or not 0 < self.rate[0] <= self.rate[1]
        ):
            raise ConfigError("data.rate_must_be_lowest_and_highest", value=self.rate)

    @property
    def rates(self) -> tuple[float, float] | None:
        """Lowest and highest speed that is drawn; None where all is at speed 1."""
        return (float(self.rate[0]), float(self.rate[1])) if self.rate_p and self.rate else None


@dataclass(frozen=True)
class BeatOptions:
    """Beat of the chart's red lines (`mug.encoding.beat_condition`).

    Args:
        condition: items hold it.
        dropout_p: probability of leaving it out, as `BeatDoubt`'s.
        jitter_ms: furthest that it is moved, as `BeatDoubt`'s.
        wrong_p: probability of moving it anywhere, as `BeatDoubt`'s.
    """

    condition: bool = False
    dropout_p: float = 0.0
    jitter_ms: float = 0.0
    wrong_p: float = 0.0


@dataclass(frozen=True)
class LineOptions:
    """Sound and rows at the 12 lines of each beat (`time_axis: beat`).

    Args:
        channels: items hold `lines`, `[426, beats]`: `mug.encoding.line_channels` and rows.
        offset_ms: standard deviation of the distance between red lines and sound.
        half_beat_p: probability of red lines that lie half a beat off. Half and double tempo
            need no augmentation: the axis folds them.
        gain: standard deviation of the logarithm of a channel's gain.
        noise: standard deviation of noise added to each channel.
        drop_p: probability of leaving out channels.
        drop_share: share of the channels that are left out then.
        own_rows_p: probability of giving the chart's own rows.
        drawn_rows_p: probability of giving rows that `scorer` draws instead, as many of them.
        scorer: a rhythm scorer that has not seen the songs.
        row_hints: rows that are given come with hints of how likely one is at all other lines, by
            the scorer.

    Raises:
        ConfigError: for values that are no probabilities, and drawn rows without a scorer.
    """

    channels: bool = False
    offset_ms: float = 0.0
    half_beat_p: float = 0.0
    gain: float = 0.0
    noise: float = 0.0
    drop_p: float = 0.0
    drop_share: float = 0.4
    own_rows_p: float = 0.0
    drawn_rows_p: float = 0.0
    scorer: str | Path | None = None
    row_hints: bool = False

    def __post_init__(self) -> None:
        _check_probabilities(self)
        if self.own_rows_p + self.drawn_rows_p > 1:
            raise ConfigError(
                "data.must_be_probability",
                name="own_rows_p + drawn_rows_p",
                value=self.own_rows_p + self.drawn_rows_p,
            )
        if (self.drawn_rows_p or self.row_hints) and self.scorer is None:
            raise ConfigError(
                "data.drawn_rows_need_scorer",
                value=self.drawn_rows_p or self.row_hints,
                remedy="remedy.train_scorer_first",
            )


@dataclass(frozen=True)
class SplitOptions:
    """Parts of a collection, by whole songs.

    Args:
        train: share of the songs; where one of the three is given, the others are 0.
        val: likewise.
        test: likewise.
        salt: another text gives another split.
    """

    train: float | None = None
    val: float | None = None
    test: float | None = None
    salt: str = ""

    @property
    def fractions(self) -> Mapping[str, float]:
        """Shares of the parts that are given; the usual ones where none is."""
        given = {"train": self.train, "val": self.val, "test": self.test}
        given_shares = {part: share for part, share in given.items() if share is not None}
        return given_shares or FRACTIONS


def _check_probabilities(options: FeatureOptions | AugmentOptions | LineOptions) -> None:
    for one in fields(options):
        value = getattr(options, one.name)
        if one.name.endswith("_p") and value is not None and not 0 <= value <= 1:
            raise ConfigError("data.must_be_probability", name=one.name, value=value)
