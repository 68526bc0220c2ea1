"""Training items: a chart's note tensor, its song's spectrogram and what is said about it.

An item is a pure function of the dataset's parameters and its key `(epoch, index)`, so runs repeat
whatever the number of workers. A chart or sound file that cannot be read stops the run with an
error that names it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch.utils.data import Dataset

from mug.beatmap.sound_file import find_sound
from mug.data.augment import draw_band, stretched_frames
from mug.data.beat_items import BeatItems, check_beat_options, duration_of
from mug.data.beatmap_list import read_beatmap_lists
from mug.data.charts import Charts, TrainingChart
from mug.data.collection import Collection
from mug.data.item_options import (
    AudioOptions,
    AugmentOptions,
    BeatOptions,
    FeatureOptions,
    LineOptions,
    SplitOptions,
    WindowOptions,
)
from mug.data.item_rules import rules_of
from mug.data.packed import PackedAudio, pack
from mug.data.prompts import Prompts
from mug.data.spectrograms import Spectrograms
from mug.encoding.beat_condition import BeatDoubt, beat_channels, red_lines_of
from mug.encoding.convertor import ManiaConvertor
from mug.encoding.note_arrays import jitter_arrays
from mug.encoding.transform import Transform
from mug.encoding.warp import warped_spectrogram
from mug.errors import ConfigError, DataError, MugError
from mug.features import FeatureSchema
from mug.messages.message import Message

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
    `beat` `[10, note_frames]`, with line channels `lines` `[426, beats]`, and `meta`: texts.

    Args:
        txt_file: a list of charts (`beatmap.txt`), or several.
        test_txt_file: a list of charts of its own for the test dataset.
        audio: spectrograms.
        window: part of a song that an item holds.
        features: features of charts.
        augment: random changes.
        beat: beat of the chart's red lines.
        lines: sound and rows at the lines of each beat, for items in beats.
        split: parts of the collection.
        keys: number of columns; charts with another number are refused.
        seed: of everything random.
        rules: `own`, or `original` for items as the original made them.
    """

    txt_file: str | Path | Sequence[str | Path]
    test_txt_file: str | Path | Sequence[str | Path] | None = None
    audio: AudioOptions = field(default_factory=AudioOptions)
    window: WindowOptions = field(default_factory=WindowOptions)
    features: FeatureOptions = field(default_factory=FeatureOptions)
    augment: AugmentOptions = field(default_factory=AugmentOptions)
    beat: BeatOptions = field(default_factory=BeatOptions)
    lines: LineOptions = field(default_factory=LineOptions)
    split: SplitOptions = field(default_factory=SplitOptions)
    keys: int = 4
    seed: int = 23
    rules: str = "own"

    part: ClassVar[str] = "train"

    def __post_init__(self) -> None:
        self._check()
        audio, features, beat = self.audio, self.features, self.beat
        self._rules = rules_of(self.rules)
        self.doubt = BeatDoubt(beat.dropout_p, beat.jitter_ms, beat.wrong_p)
        self.convertor = ManiaConvertor(
            self.window.clock(audio),
            self.keys,
            self.window.note_frames,
            reference=self._rules.reference_convertor,
        )
        self.charts = Charts(
            folder=None if audio.cache is None else audio.cache / "charts",
            rates=self.augment.rates if features.with_feature else None,  # of skill sets
        )
        self.spectrograms = Spectrograms(audio.kind, audio.mel_params, audio.cache)
        self.beat_items = BeatItems.of(
            self.convertor.clock, self.window.note_frames, self.lines, audio.cache
        )
        self.prompts = self._make_prompts(features)
        self.collection = Collection.read(self._charts(), features.database)
        self.paths = self._part_paths()
        self.rows = self.collection.rows(self.paths) if features.with_feature else []

    def _make_prompts(self, features: FeatureOptions) -> Prompts:
        rules, clamp_top = self._rules, features.clamp_top
        clamp_top = rules.clamp_top if clamp_top is None else clamp_top
        schema = FeatureSchema.from_yaml(features.feature_yaml, clamp_top=clamp_top)
        rule = features.star_rating_at_rate or rules.star_rating_at_rate
        return Prompts(
            schema, features.feature_dropout_p, features.uncond_p, rule, features.value_dropout_p
        )

    @property
    def validates_on_training(self) -> bool:
        """Charts to validate with are trained on, too."""
        return self._rules.validates_on_training

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
        return self._rules.paths(self.collection, self.part, self.split)

    def _check(self) -> None:
        if self.window.in_beats:
            check_beat_options(self.augment, self.beat, self.rules)
        elif self.lines.channels:
            raise ConfigError(
                "data.lines_need_beat_axis",
                value=self.window.time_axis,
                remedy="remedy.set_time_axis_to_beat",
            )
        for name in ("shift_p", "jitter_p"):
            value = getattr(self.augment, name)
            if value and self.audio.with_audio:
                raise ConfigError(
                    "data.moves_notes_alone",
                    name=name,
                    value=value,
                    remedy=Message("remedy.set_to_0_or_with_audio", name=name),
                )

    def _draw(self, rng: np.random.Generator) -> _Draws:
        """All numbers are always drawn, so that one setting does not change another's draws."""
        chances = self.augment
        mirror, shuffle, rate, shift, mask, pitch = rng.random(6) < (
            chances.mirror_p,
            chances.random_p,
            chances.rate_p,
            chances.shift_p,
            chances.freq_mask_p,
            chances.pitch_p,
        )
        speed, moved, place = rng.random(3)
        steps = int(rng.integers(1, 5)) * int(rng.choice([-1, 1]))
        low, high = chances.rate or (1.0, 1.0)
        return _Draws(
            mirror=bool(mirror),
            shuffle=bool(shuffle),
            rate=float(low + (high - low) * speed) if rate else 1.0,
            shift=float(moved) if shift else 0.0,
            place=float(place) if self.window.crop else 0.0,
            mask=bool(mask),
            pitch=steps if pitch else 0,
        )

    def _item(
        self, index: int, chart: TrainingChart, draws: _Draws, rng: np.random.Generator
    ) -> Item:
        if chart.keys != self.keys:
            raise DataError("data.expected_chart_with_columns", keys=self.keys, value=chart.keys)
        if self.window.in_beats:
            return self._beat_item(index, chart, draws, rng)
        clock, frames = self.convertor.clock, self.convertor.max_frames
        augment, audio = self.augment, None
        if self.audio.with_audio:
            audio = find_sound(self.paths[index], chart.texts["audio_filename"])
        song = None if audio is None else self.spectrograms.read(audio)
        if song is not None:
            song = self._rules.song(song, self.window.audio_frames)
        song_frames = (
            clock.note_frames(chart.last_ms) * clock.audio_per_note if song is None else len(song)
        )
        first = self._first_frame(stretched_frames(song_frames, draws.rate), draws.place)
        offset_ms = -clock.join_ms(first) + int(draws.shift * clock.join_ms(frames) / 2)
        notes = chart.notes
        if self.window.crop and not draws.shift:  # all others would fall out of the tensor
            begin_ms, length_ms = clock.join_ms(first), clock.join_ms(frames)
            notes = chart.between(
                begin_ms * draws.rate - augment.jitter_ms,
                (begin_ms + length_ms) * draws.rate + augment.jitter_ms,
            )
        if augment.jitter_p and rng.random() < augment.jitter_p:
            notes = jitter_arrays(notes, augment.jitter_ms, rng)
        note, valid = self._rules.encode(
            notes,
            Transform(
                rate=draws.rate,
                offset_ms=offset_ms,
                mirror=draws.mirror,
                shuffle=draws.shuffle,
                mirror_at_interval=augment.mirror_at_interval_p,
                chance=rng,
            ),
            self.convertor,
        )
        item: Item = {
            "note": torch.from_numpy(note),
            "valid": torch.from_numpy(valid),
            "meta": _meta(chart, self.paths[index], audio),
        }
        if song is not None:
            item["audio"] = self._packed(song, first, draws, float(valid.sum()), rng)
        if self.features.with_feature:
            values = self.prompts.at_rate(self.rows[index], chart, draws.rate)
            item["feature"] = torch.from_numpy(self.prompts.ids(values, rng))
        if self.beat.condition:  # draws last, so that the option changes nothing else
            song_ms = stretched_frames(song_frames, draws.rate) * clock.audio_frame_ms
            end_ms = song_ms - clock.join_ms(first)
            lines = self.doubt.given_lines(red_lines_of(self.paths[index]), rng)
            beat = beat_channels(
                lines, clock, frames, rate=draws.rate, offset_ms=offset_ms, end_ms=end_ms
            )
            item["beat"] = torch.from_numpy(beat)
        return item

    def _beat_item(
        self, index: int, chart: TrainingChart, draws: _Draws, rng: np.random.Generator
    ) -> Item:
        """The item of a part that begins on a beat, on the axis of beats."""
        path, reader, clock = self.paths[index], self.beat_items, self.convertor.clock
        audio, curves, song, duration_ms = None, None, None, chart.last_ms
        if self.audio.with_audio or self.lines.channels:
            audio = find_sound(path, chart.texts["audio_filename"])
        if audio is not None and self.lines.channels:
            curves = reader.curves(audio)
            duration_ms = duration_of(curves)
        if audio is not None and self.audio.with_audio:
            song = self.spectrograms.read(audio)
            duration_ms = len(song) * clock.audio_frame_ms
        part = reader.part(chart, duration_ms, draws.place, rng)
        change = Transform(mirror=draws.mirror, shuffle=draws.shuffle, chance=rng)
        note, valid = self._rules.encode(part.notes, change, self.convertor)
        item: Item = {
            "note": torch.from_numpy(note),
            "valid": torch.from_numpy(valid),
            "meta": _meta(chart, path, audio),
        }
        if song is not None:
            warped = warped_spectrogram(song, part.sound_axis, clock, part.first_beat, part.beats)
            item["audio"] = pack(warped, 1.0, 0, len(warped), None)
        if self.features.with_feature:
            item["feature"] = torch.from_numpy(self.prompts.ids(self.rows[index], rng))
        if curves is not None:
            stars = self.rows[index].get("sr") if self.features.with_feature else None
            known = float(str(stars)) if stars is not None else None
            item["lines"] = torch.from_numpy(reader.lines(part, curves, known, rng))
        return item

    def _first_frame(self, audio_frames: int, place: float) -> int:
        """The note frame with which the item begins."""
        window = self.window
        excess = max(audio_frames - window.audio_frames, 0) // window.audio_note_window_ratio
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
        cut = self.audio.cut_audio
        if self._rules.cut_audio if cut is None else cut:
            silent_from = round((note_frames * clock.note_frame_ms + 2000) / clock.audio_frame_ms)
        packed = pack(
            song, draws.rate, first * clock.audio_per_note, self.window.audio_frames, silent_from
        )
        band = draw_band(song.shape[-1], self.augment.freq_mask_num, rng) if draws.mask else (0, 0)
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
