"""Training items: a chart's note tensor, its song's spectrogram and what is said about it.

An item is a pure function of the dataset's parameters and its key `(epoch, index)`, so runs repeat
whatever the number of workers. A chart or sound file that cannot be read stops the run with an
error that names it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch.utils.data import Dataset

from mug.audio.mel import MelParams
from mug.beatmap.sound_file import find_sound
from mug.clock import FrameClock
from mug.data.augment import draw_band, stretched_frames
from mug.data.beatmap_list import read_beatmap_lists
from mug.data.charts import Charts, TrainingChart
from mug.data.collection import Collection
from mug.data.packed import PackedAudio, pack
from mug.data.prompts import Prompts
from mug.data.spectrograms import Spectrograms
from mug.data.split import FRACTIONS
from mug.encoding.beat_condition import BeatDoubt, beat_channels, red_lines_of
from mug.encoding.convertor import ManiaConvertor
from mug.encoding.note_arrays import NoteArrays, encode_arrays, jitter_arrays
from mug.encoding.transform import Transform
from mug.errors import ConfigError, DataError, MugError
from mug.features import FeatureSchema

_LOG = logging.getLogger(__name__)

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Draws:
    """Everything random about an item but its feature dropout, drawn in a fixed order."""

    mirror: bool
    shuffle: bool
    rate: float
    shift: float
    place: float
    mask: bool
    pitch: int


@dataclass(eq=False)
class OsuDataset(Dataset[Item]):
    """Charts of one or more lists, or one part of them.

    Names are the original's where it has them. An item holds `note` `[4 * keys, note_frames]`,
    `valid` `[note_frames]`, with audio `audio` `[n_mels, max_audio_frame]` (or
    `[2, n_fft / 2 + 1, max_audio_frame]`), with features `feature` `[features]`, with the beat
    `beat` `[10, note_frames]`, and `meta`: texts.

    Args:
        txt_file: a list of charts (`beatmap.txt`), or several.
        feature_yaml: the features.
        sr: sample rate in Hz.
        n_fft: window of the short-time Fourier transform in samples; the hop is a quarter.
        max_audio_frame: audio frames of an item; longer songs are cut, shorter ones padded.
        audio_note_window_ratio: audio frames a note frame.
        n_mels: rows of the mel spectrogram.
        mirror_p: probability of swapping left and right.
        random_p: probability of permuting the columns.
        shift_p: probability of moving the notes by up to half of the frames; not with audio.
        jitter_p: probability of moving every row by its own amount; for the first stage, which
            must hold any offset and not only those of a grid.
        jitter_ms: furthest such move.
        rate_p: probability of another speed.
        pitch_p: probability of shifting the spectrogram by one to four rows.
        feature_dropout_p: probability, for each feature, of being left out.
        mirror_at_interval_p: probability of mirroring what follows a pause, for each pause.
        freq_mask_p: probability of silencing a band of the spectrogram.
        freq_mask_num: rows of that band, exclusive upper limit.
        rate: lowest and highest speed.
        test_txt_file: a list of charts of its own for the test dataset.
        with_audio: items hold spectrograms.
        with_feature: items hold features.
        cache_dir: where mel spectrograms are kept; without one each item decodes its song.
        seed: of everything random.
        keys: number of columns; charts with another number are refused.
        uncond_p: probability of telling no feature at all (0.1 in new configs).
        split: shares of `train`, `val` and `test` (whole songs).
        split_salt: another text gives another split.
        crop: takes a random part of songs longer than an item instead of their beginning.
        crop_audio_frame: audio frames of such a part where it is shorter than `max_audio_frame`.
        audio_kind: `mel` or `stft`.
        feature_db: database of features; found beside the songs when None.
        star_rating_at_rate: `exact` or `linear` (the original's rule).
        reference: does as the original did: its convertor, its overflowing feature ids, training
            on all charts with the last tenth as validation, `cut_audio`, `linear` star ratings.
        cut_audio: silences audio from two seconds after the last note on (with None: as
            `reference`). The end of the chart leaks into the audio then.
        clamp_top: puts a feature's maximum into its last bin (with None: unless `reference`).
        beat_condition: items hold the beat of the chart's red lines
            (`mug.encoding.beat_condition`).
        beat_dropout_p: probability of not telling it, as `BeatDoubt`'s.
        beat_jitter_ms: furthest that it is moved, as `BeatDoubt`'s.
        beat_wrong_p: probability of moving it anywhere, as `BeatDoubt`'s.
    """

    txt_file: str | Path | Sequence[str | Path]
    feature_yaml: str | Path = "configs/mug/mania_beatmap_features.yaml"
    sr: int = 22050
    n_fft: int = 512
    max_audio_frame: int = 32768
    audio_note_window_ratio: int = 8
    n_mels: int = 128
    mirror_p: float = 0.0
    random_p: float = 0.0
    shift_p: float = 0.0
    rate_p: float = 0.0
    pitch_p: float = 0.0
    feature_dropout_p: float = 0.0
    mirror_at_interval_p: float = 0.0
    freq_mask_p: float = 0.0
    freq_mask_num: int = 15
    rate: Sequence[float] | None = None
    test_txt_file: str | Path | Sequence[str | Path] | None = None
    with_audio: bool = False
    with_feature: bool = False
    cache_dir: str | Path | None = None
    seed: int = 23
    keys: int = 4
    uncond_p: float = 0.0
    split: Mapping[str, float] = field(default_factory=lambda: dict(FRACTIONS))
    split_salt: str = ""
    crop: bool = False
    crop_audio_frame: int | None = None
    audio_kind: str = "mel"
    feature_db: str | Path | None = None
    star_rating_at_rate: str | None = None
    reference: bool = False
    jitter_p: float = 0.0
    jitter_ms: float = 30.0
    cut_audio: bool | None = None
    clamp_top: bool | None = None
    beat_condition: bool = False
    beat_dropout_p: float = 0.0
    beat_jitter_ms: float = 0.0
    beat_wrong_p: float = 0.0

    part: ClassVar[str] = "train"

    def __post_init__(self) -> None:
        if self.crop and self.crop_audio_frame is not None:
            self.max_audio_frame = self.crop_audio_frame
        self._check()
        self.doubt = BeatDoubt(self.beat_dropout_p, self.beat_jitter_ms, self.beat_wrong_p)
        clock = FrameClock(self.sr, self.n_fft, self.audio_note_window_ratio)
        self.convertor = ManiaConvertor(
            clock,
            self.keys,
            self.max_audio_frame // self.audio_note_window_ratio,
            reference=self.reference,
        )
        cache_dir = None if self.cache_dir is None else Path(self.cache_dir)
        params = MelParams(self.sr, self.n_fft, self.n_mels)
        self.charts = Charts(
            folder=None if cache_dir is None else cache_dir / "charts", rates=self._rates()
        )
        self.spectrograms = Spectrograms(self.audio_kind, params, cache_dir)
        clamp_top = not self.reference if self.clamp_top is None else self.clamp_top
        schema = FeatureSchema.from_yaml(self.feature_yaml, clamp_top=clamp_top)
        rule = self.star_rating_at_rate or ("linear" if self.reference else "exact")
        self.prompts = Prompts(schema, self.feature_dropout_p, self.uncond_p, rule)
        database = None if self.feature_db is None else Path(self.feature_db)
        self.collection = Collection.read(self._charts(), database)
        self.paths = self._part_paths()
        self.rows = self.collection.rows(self.paths) if self.with_feature else []

    def __len__(self) -> int:
        """Number of charts."""
        return len(self.paths)

    def __getitem__(self, key: tuple[int, int] | int) -> Item:
        """The item of `(epoch, index)`; an index alone is one of epoch 0.

        Raises:
            DataError: names the chart or sound file that cannot be read.
        """
        item = self.packed(key)
        if "audio" in item:
            item["audio"] = item["audio"].spectrogram()
        return item

    def packed(self, key: tuple[int, int] | int) -> Item:
        """The same item with `audio` as it travels to the network, see `mug.data.packed`.

        Raises:
            DataError: as for the item.
        """
        epoch, index = key if isinstance(key, tuple) else (0, key)
        path = self.paths[index]
        rng = np.random.default_rng([self.seed, epoch, index])
        try:
            return self._item(index, self.charts.read(path), self._draw(rng), rng)
        except (MugError, OSError) as error:
            raise DataError(
                "data.no_training_item_can_be_made",
                file=path,
                value=str(error),
                remedy="remedy.fix_or_remove_and_prepare_list",
            ) from error

    def _charts(self) -> list[Path]:
        if self.part == "test" and self.test_txt_file is not None:
            return read_beatmap_lists(self.test_txt_file)
        return read_beatmap_lists(self.txt_file)

    def _part_paths(self) -> list[Path]:
        if self.part == "test" and self.test_txt_file is not None:
            return self.collection.ordered()
        if self.reference:
            paths = self.collection.ordered()
            return paths if self.part == "train" else paths[int(len(paths) * 0.9) :]
        return self.collection.part(self.part, self.split, self.split_salt)

    def _rates(self) -> tuple[float, float] | None:
        """Between which rates skill sets will be asked for."""
        if not (self.with_feature and self.rate_p and self.rate):
            return None
        return float(self.rate[0]), float(self.rate[1])

    def _check(self) -> None:
        for name, value in vars(self).items():
            if name.endswith("_p") and not 0 <= value <= 1:
                raise ConfigError("data.must_be_probability", name=name, value=value)
        if self.shift_p and self.with_audio:
            raise ConfigError(
                "data.shift_p_moves_notes_alone_away",
                value=self.shift_p,
                remedy="remedy.set_shift_p_to_0_or_with_audio",
            )
        if self.jitter_p and self.with_audio:
            raise ConfigError(
                "data.jitter_p_moves_notes_alone_away",
                value=self.jitter_p,
                remedy="remedy.set_jitter_p_to_0_or_with_audio",
            )
        if self.rate_p and (
            self.rate is None or len(self.rate) != 2 or not 0 < self.rate[0] <= self.rate[1]
        ):
            raise ConfigError("data.rate_must_be_lowest_and_highest", value=self.rate)
        if self.max_audio_frame < 1 or self.max_audio_frame % self.audio_note_window_ratio:
            raise ConfigError(
                "data.max_audio_frame_must_be_multiple",
                value=self.max_audio_frame,
            )

    def _draw(self, rng: np.random.Generator) -> _Draws:
        """All numbers are always drawn, so that one setting does not change another's draws."""
        mirror, shuffle, rate, shift, mask, pitch = rng.random(6) < (
            self.mirror_p,
            self.random_p,
            self.rate_p,
            self.shift_p,
            self.freq_mask_p,
            self.pitch_p,
        )
        speed, moved, place = rng.random(3)
        steps = int(rng.integers(1, 5)) * int(rng.choice([-1, 1]))
        low, high = self.rate or (1.0, 1.0)
        return _Draws(
            mirror=bool(mirror),
            shuffle=bool(shuffle),
            rate=float(low + (high - low) * speed) if rate else 1.0,
            shift=float(moved) if shift else 0.0,
            place=float(place) if self.crop else 0.0,
            mask=bool(mask),
            pitch=steps if pitch else 0,
        )

    def _item(
        self, index: int, chart: TrainingChart, draws: _Draws, rng: np.random.Generator
    ) -> Item:
        if chart.keys != self.keys:
            raise DataError("data.expected_chart_with_columns", keys=self.keys, value=chart.keys)
        clock, frames = self.convertor.clock, self.convertor.max_frames
        audio = None
        if self.with_audio:
            audio = find_sound(self.paths[index], chart.texts["audio_filename"])
        song = None if audio is None else self.spectrograms.read(audio)
        if song is not None and self.reference:  # the original decodes no more than an item of it
            song = song[: self.max_audio_frame + 1]
        song_frames = (
            clock.note_frames(chart.last_ms) * clock.audio_per_note if song is None else len(song)
        )
        first = self._first_frame(stretched_frames(song_frames, draws.rate), draws.place)
        offset_ms = -clock.join_ms(first) + int(draws.shift * clock.join_ms(frames) / 2)
        notes = chart.notes
        if self.crop and not draws.shift:  # all others would fall out of the tensor
            begin_ms, length_ms = clock.join_ms(first), clock.join_ms(frames)
            notes = chart.between(
                begin_ms * draws.rate - self.jitter_ms,
                (begin_ms + length_ms) * draws.rate + self.jitter_ms,
            )
        if self.jitter_p and rng.random() < self.jitter_p:
            notes = jitter_arrays(notes, self.jitter_ms, rng)
        note, valid = self._encoded(
            notes,
            Transform(
                rate=draws.rate,
                offset_ms=offset_ms,
                mirror=draws.mirror,
                shuffle=draws.shuffle,
                mirror_at_interval=self.mirror_at_interval_p,
                chance=rng,
            ),
        )
        item: Item = {
            "note": torch.from_numpy(note),
            "valid": torch.from_numpy(valid),
            "meta": _meta(chart, self.paths[index], audio),
        }
        if song is not None:
            item["audio"] = self._packed(song, first, draws, float(valid.sum()), rng)
        if self.with_feature:
            values = self.prompts.at_rate(self.rows[index], chart, draws.rate)
            item["feature"] = torch.from_numpy(self.prompts.ids(values, rng))
        if self.beat_condition:  # draws last, so that the option changes nothing else
            song_ms = stretched_frames(song_frames, draws.rate) * clock.audio_frame_ms
            end_ms = song_ms - clock.join_ms(first)
            lines = self.doubt.given_lines(red_lines_of(self.paths[index]), rng)
            beat = beat_channels(
                lines, clock, frames, rate=draws.rate, offset_ms=offset_ms, end_ms=end_ms
            )
            item["beat"] = torch.from_numpy(beat)
        return item

    def _encoded(self, notes: NoteArrays, transform: Transform) -> tuple[np.ndarray, np.ndarray]:
        convertor = self.convertor
        if self.reference:
            encoded = convertor.encode(notes.objects(), transform)
            return encoded.note, encoded.valid
        return encode_arrays(
            notes, transform, convertor.clock, convertor.layout, convertor.max_frames
        )

    def _first_frame(self, audio_frames: int, place: float) -> int:
        """The note frame with which the item begins."""
        excess = max(audio_frames - self.max_audio_frame, 0) // self.audio_note_window_ratio
        return int(place * (excess + 1))

    def _packed(
        self,
        song: np.ndarray,
        first: int,
        draws: _Draws,
        note_frames: float,
        rng: np.random.Generator,
    ) -> PackedAudio:
        """The item's part of the song at its speed, to be changed as drawn."""
        clock = self.convertor.clock
        silent_from = None
        if self.reference if self.cut_audio is None else self.cut_audio:
            silent_from = round((note_frames * clock.note_frame_ms + 2000) / clock.audio_frame_ms)
        packed = pack(
            song, draws.rate, first * clock.audio_per_note, self.max_audio_frame, silent_from
        )
        band = draw_band(song.shape[-1], self.freq_mask_num, rng) if draws.mask else (0, 0)
        return packed._replace(plan=packed.plan._replace(band=band, pitch=draws.pitch))


class OsuTrainDataset(OsuDataset):
    """The charts to train on."""

    part: ClassVar[str] = "train"


class OsuValidDataset(OsuDataset):
    """The charts of songs that training never sees, to watch it by."""

    part: ClassVar[str] = "val"


class OsuTestDataset(OsuDataset):
    """The charts for the final test: the test share of the split, or the list `test_txt_file`."""

    part: ClassVar[str] = "test"


def _meta(chart: TrainingChart, path: Path, audio: Path | None) -> dict[str, str]:
    texts = {name: chart.texts[name] for name in ("title", "artist", "creator", "version")}
    return {
        "path": str(path),
        "audio_path": "" if audio is None else str(audio),
        "set": path.parent.name,
        **texts,
    }
