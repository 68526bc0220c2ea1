"""References of the evaluation: human songs, their sound, and other people's charts."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from mug.audio.load import hash_samples, load_audio
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.registry import CHARTS, kind_of, read_chart
from mug.beatmap.sound_file import find_audio
from mug.difficulty.msd import Msd, estimate_msd
from mug.difficulty.stars import star_rating
from mug.errors import DataError, ModeError
from mug.lint.rules import tier_for
from mug.metrics.audio_blind import METRE, STARS, MetreLines, blind_f1, metre_lines
from mug.metrics.matched_rows import Times
from mug.metrics.memory import chart_distance
from mug.metrics.onsets import onset_times
from mug.metrics.patterns import Counts, pattern_counts, pooled_counts, row_information
from mug.metrics.self_similarity import audio_bars
from mug.metrics.slots import Slots, slots_of
from mug.metrics.structure import bar_energy
from mug.timing.fitted_songs import was_fitted_on
from mug.util import files_below

SAMPLE_RATE = 22050
LEAST_NOTES = 10


def rng_for(*words: object) -> np.random.Generator:
    """A source of chance that depends on what it is for alone."""
    digest = hashlib.sha256("|".join(map(str, words)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


@dataclass(frozen=True)
class HumanSong:
    """A song with its human charts.

    Args:
        name: of its folder.
        audio: the sound file.
        charts: human charts of one number of columns, easiest first, each with notes.
        stars: star rating of each.
    """

    name: str
    audio: Path
    charts: tuple[Beatmap, ...]
    stars: tuple[float, ...]

    @cached_property
    def timing_seen(self) -> bool:
        """Return whether the tempo detector was made with this song in view."""
        return was_fitted_on(self.audio)

    def nearest(self, stars: float, *, apart_from: int | None = None) -> int | None:
        """Index of the chart nearest in star rating; None where there is none to choose."""
        indices = [i for i in range(len(self.charts)) if i != apart_from]
        return min(indices, key=lambda i: abs(self.stars[i] - stars), default=None)


@dataclass(frozen=True)
class SongSound:
    """A song's sound, once for all its charts."""

    wave: np.ndarray

    @property
    def duration_ms(self) -> float:
        """Its length."""
        return 1000.0 * len(self.wave) / SAMPLE_RATE

    @property
    def digest(self) -> str:
        """Name the sound, whatever file it is in."""
        return hash_samples(self.wave[:, None], SAMPLE_RATE)


def load_songs(folder: Path, keys: int) -> list[HumanSong]:
    """Songs in a folder of beatmapset folders; one folder with charts is one song.

    Charts of other modes and numbers of columns are left out; so are songs without any other.

    Raises:
        DataError: without songs.
        BeatmapError: for a chart that cannot be read.
    """
    files = [p for p in files_below(folder) if p.suffix.lower() in CHARTS]
    grouped: dict[Path, list[Beatmap]] = {}
    for file in files:
        try:
            found = read_chart(file, kind_of(file), losses=LossReport())
        except ModeError:
            continue
        fits = [b for b in found if b.keys == keys and len(b.hit_objects) >= LEAST_NOTES]
        grouped.setdefault(file.parent, []).extend(fits)
    songs = []
    for place, charts in sorted(grouped.items()):
        if charts:
            rated = sorted(
                ((star_rating(c), c) for c in charts), key=lambda x: (x[0], x[1].version)
            )
            stars, ordered = tuple(s for s, _ in rated), tuple(c for _, c in rated)
            songs.append(HumanSong(place.name, find_audio(ordered[0]), ordered, stars))
    if not songs:
        raise DataError("evaluation.no_charts_of_keys", keys=keys, file=folder)
    return songs


def load_sound(audio: Path) -> SongSound:
    """Decode a song."""
    return SongSound(load_audio(audio, SAMPLE_RATE))


def assert_unseen(judged: Sequence[HumanSong], training: Sequence[HumanSong]) -> None:
    """Refuse to judge on what a model was trained on: by folder name and by decoded sound.

    Raises:
        DataError: names the song.
    """
    if not training:
        return
    names = {song.name for song in training}
    sounds = {load_sound(song.audio).digest for song in training}
    for song in judged:
        if song.name in names or load_sound(song.audio).digest in sounds:
            raise DataError(
                "evaluation.song_to_judge_by_is_among",
                value=song.name,
                remedy="remedy.take_out_of_one_of_folders",
            )


@dataclass(frozen=True)
class Against:
    """Reference that a chart is compared with.

    Args:
        song: the human song.
        index: the human chart.
        sound: the song's sound.
        others: songs by people for patterns and copies, e.g. the training songs.
    """

    song: HumanSong
    index: int
    sound: SongSound
    others: tuple[HumanSong, ...] = ()

    @property
    def human(self) -> Beatmap:
        """The human chart."""
        return self.song.charts[self.index]

    @property
    def stars(self) -> float:
        """Its star rating: what is asked for."""
        return self.song.stars[self.index]

    @cached_property
    def rows(self) -> Times:
        """Its rows: distinct start times in ms, rising."""
        return onset_times(self.human.hit_objects)

    @cached_property
    def lines(self) -> MetreLines:
        """Lines from its first to its last row, twelve a beat."""
        return metre_lines(self.human.red_lines, self.rows[0] - 1.0, self.rows[-1] + 1.0)

    @cached_property
    def slots(self) -> Slots:
        """Slots of its finest grid."""
        return slots_of(self.rows, self.human.red_lines)

    @cached_property
    def blind_matched(self) -> Mapping[str, float]:
        """F1 of audio-blind charts with as many rows, by kind."""
        words = (self.song.name, self.human.version)
        return {
            kind: blind_f1(
                kind,
                self.lines,
                self.rows,
                stars=self.stars,
                count=len(self.rows),
                rng=rng_for(*words, kind),
            )
            for kind in (METRE, STARS)
        }

    @cached_property
    def human_msd(self) -> Msd:
        """Etterna's numbers of the human chart; of four columns only."""
        notes = self.human.hit_objects
        return estimate_msd([n.start_ms for n in notes], [n.column for n in notes])

    @cached_property
    def human_bits(self) -> list[float]:
        """Bits a row of every human chart that is known."""
        charts = [c for song in (*self.others, self.song) for c in song.charts]
        return [row_information(c.hit_objects, c.keys) for c in charts]

    @cached_property
    def human_patterns(self) -> Mapping[str, Counts]:
        """Patterns of human charts of the same tier, of other songs where there are any."""
        tier = tier_for(self.human, self.stars)
        pool = [
            pattern_counts(other.hit_objects, other.keys, other.red_lines)
            for song in self.others
            for other, stars in zip(song.charts, song.stars, strict=True)
            if tier_for(other, stars) == tier
        ]
        human = self.human
        return pooled_counts(
            pool or [pattern_counts(human.hit_objects, human.keys, human.red_lines)]
        )

    @cached_property
    def bars(self) -> tuple[Float64[np.ndarray, " edges"], Float64[np.ndarray, " bars"]]:
        """Edges of the song's bars in ms and the sound's energy in each."""
        return bar_energy(self.sound.wave, SAMPLE_RATE, self.human.red_lines)

    @cached_property
    def sound_by_bar(self) -> Float64[np.ndarray, "bars features"]:
        """Sound of each bar."""
        edges, _ = self.bars
        return audio_bars(self.sound.wave, SAMPLE_RATE, edges)


def human_distance(song: HumanSong) -> float:
    """Distance between charts of one song by people that are next to each other in difficulty."""
    pairs = zip(song.charts, song.charts[1:], strict=False)
    found = [chart_distance(a.hit_objects, b.hit_objects) for a, b in pairs]
    return float(np.mean(found)) if found else math.nan
