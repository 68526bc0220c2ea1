"""Collections of varied songs: sound in several codings, charts whose difficulty is drawn."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mug.compose.charting.make import chart_song
from mug.compose.charting.spec import ChartSpec, draw_specs
from mug.compose.collection import SongFiles, beatmapset_id, write_charts
from mug.compose.sound import SAMPLE_RATE, write_audio
from mug.compose.varied.arrange import compose_varied
from mug.compose.varied.mix import render_varied
from mug.compose.varied.song import VariedSong
from mug.compose.varied.style import VariedStyle
from mug.errors import ConfigError

VERSION = 7
"""Raise it when the same seed gives another song: finished folders are then made again."""

MOST_CHARTS = 16
_AUDIO = ("ogg", "mp3", "flac", "wav", "mixed")
_MP3_SHARE = 0.12


@dataclass(frozen=True)
class VariedOptions:
    """Options for the files of each varied song.

    Args:
        style: what songs may draw from.
        keys: columns of the charts, 1 ... 18.
        charts: charts a song, 1 ... 16; one in each stratum of star ratings.
        audio_format: ogg, mp3, flac, wav, or mixed: most songs ogg, some mp3, which takes four
            times as long to write.
    """

    style: VariedStyle = field(default_factory=VariedStyle)
    keys: int = 4
    charts: int = 8
    audio_format: str = "ogg"

    def __post_init__(self) -> None:
        if not 1 <= self.charts <= MOST_CHARTS:
            raise ConfigError(
                "compose.difficulties_out_of_range", most=MOST_CHARTS, value=self.charts
            )
        if not 1 <= self.keys <= 18:
            raise ConfigError("compose.keys_must_be_1_to_18", value=self.keys)
        if self.audio_format not in _AUDIO:
            raise ConfigError(
                "compose.no_such_audio_format",
                value=self.audio_format,
                remedy="remedy.choose_ogg_mp3_flac_wav_or_mixed",
            )

    def recipe(self) -> dict[str, Any]:
        """Everything that decides what a song's folder holds."""
        return {"kind": "varied", "version": VERSION, **asdict(self)}

    def compose(self, song_seed: int) -> VariedSong:
        """The song of a number."""
        return compose_varied(song_seed, self.style)

    def write(self, song: VariedSong, folder: Path) -> SongFiles:
        """Write the audio and the charts of a song into an existing folder."""
        audio = f"audio.{self._suffix(song.seed)}"
        write_audio(folder / audio, render_varied(song), SAMPLE_RATE)
        specs = draw_specs(song.seed, self.charts)
        charts = [
            chart_song(
                song,
                spec,
                name=_name(index, spec, self.keys),
                keys=self.keys,
                audio_filename=audio,
                beatmapset_id=beatmapset_id(song.seed),
            )
            for index, spec in enumerate(specs)
        ]
        drawn = [{"name": c.version, **asdict(s)} for c, s in zip(charts, specs, strict=True)]
        return SongFiles([audio, *write_charts(charts, folder)], {"charts": drawn})

    def _suffix(self, seed: int) -> str:
        if self.audio_format != "mixed":
            return self.audio_format
        draw = np.random.default_rng([seed, 99]).random()
        return "mp3" if draw < _MP3_SHARE else "ogg"


def _name(index: int, spec: ChartSpec, keys: int) -> str:
    return f"{keys}K {index + 1} {spec.family}"
