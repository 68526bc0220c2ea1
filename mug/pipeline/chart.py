"""From a song and a prompt to charts: the main job, step by step.

The steps live in modules of their own: `request` (what is asked for), `sample` (latents and
notes), `finish` (notes to a chart), `package` (files). `ChartGenerator` puts them together for
whoever asks more than once of the same model: candidates, spreads, editing, the web page.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import torch

from mug.beatmap.hit_objects import HitObject
from mug.errors import GenerationError
from mug.pipeline.beat import song_with_beat
from mug.pipeline.decode import decode_latent
from mug.pipeline.finish.chart import finish_chart
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.model.checkpoint import LoadedModel, load_model
from mug.pipeline.model.song import EncodedSong
from mug.pipeline.request import MAX_COUNT, GenerationRequest, GenerationResult
from mug.pipeline.rows import rows_for
from mug.pipeline.sample import (
    ChartRequest,
    KnownRegion,
    ShouldStop,
    chart_seed,
    encode_sound,
    prompt_ids,
    sample_latents,
)
from mug.protocols import Progress
from mug.timing.analysis import Analysed, SongAnalysis

__all__ = [
    "MAX_COUNT",
    "ChartGenerator",
    "GenerationRequest",
    "GenerationResult",
    "generate_charts",
]

_SongKey = tuple[str, int, int]


class ChartGenerator:
    """A model that was loaded once, and the songs that it has encoded.

    Any number of threads may ask at the same time. A song is encoded once as long as it is among
    the last `songs` and its file does not change.

    Args:
        model: from `load_model`.
        songs: encoded songs to remember, at least 1; one of three minutes takes about 20 MB.
    """

    def __init__(self, model: LoadedModel, songs: int = 2) -> None:
        if songs < 1:
            raise GenerationError("pipeline.at_least_one_song", value=songs)
        self.model = model
        self._room = songs
        self._songs: OrderedDict[_SongKey, EncodedSong] = OrderedDict()
        self._expected: dict[_SongKey | None, Analysed] = {}
        self._loading = threading.Lock()

    @classmethod
    def from_checkpoint(
        cls, path: str | Path, device: str | torch.device = "cpu", precision: str = "fp32"
    ) -> ChartGenerator:
        """Load a checkpoint of any of the three formats, see `load_model`.

        Args:
            path: the checkpoint, or a folder of one.
            device: where it goes.
            precision: of the denoiser's weights, `fp32`, `bf16` or `auto`.
        """
        return cls(load_model(path, device, precision, offload=True))

    def song(self, audio: Path) -> EncodedSong:
        """The encoded song; from memory where it was asked for lately.

        Raises:
            AudioError: when it cannot be read.
        """
        with self._loading:
            key = _song_key(audio)
            if key is None or key not in self._songs:
                encoded = encode_sound(self.model, self._sound(audio, key))
                if key is None:
                    return encoded
                self._songs[key] = encoded
            self._songs.move_to_end(key)
            while len(self._songs) > self._room:
                self._songs.popitem(last=False)
            return self._songs[key]

    def expect(self, audio: Path, analysed: Analysed) -> None:
        """Have the analysis of a song come from where it was begun before the model was there."""
        key = _song_key(audio)
        if key is not None:
            self._expected = {key: analysed}

    def _sound(self, audio: Path, key: _SongKey | None) -> SongAnalysis:
        rate, expected = self.model.clock.sample_rate, self._expected.pop(key, None)
        sound = None if expected is None else expected()
        if sound is None or sound.sample_rate != rate:
            sound = SongAnalysis.read(audio, rate)
        return sound

    def sample(
        self,
        song: EncodedSong,
        chart_requests: Sequence[ChartRequest],
        request: GenerationRequest,
        *,
        known: KnownRegion | None = None,
        progress: Progress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> list[tuple[HitObject, ...]]:
        """Raw notes, one tuple a chart request; see `sample_latents` for the arguments."""
        song = song_with_beat(self.model, song, request.finish)
        rows = [rows_for(self.model, song, one, known) for one in chart_requests]
        latents = sample_latents(
            self.model,
            song,
            chart_requests,
            request,
            known=known,
            rows=rows,
            progress=progress,
            should_stop=should_stop,
        )
        bound = rows if request.bind_rows else [None] * len(rows)
        return [
            decode_latent(self.model, song, z, table)
            for z, table in zip(latents, bound, strict=True)
        ]

    def generate(
        self,
        request: GenerationRequest,
        progress: Progress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> GenerationResult:
        """Make charts for a song.

        Args:
            request: what is asked for.
            progress: called as `progress(done, total)` after every network step.
            should_stop: asked before every network step; True ends it with `Cancelled`.

        Raises:
            AudioError: when the song cannot be read.
            Cancelled: when `should_stop` said so.
            ConfigError: when the prompt names an unknown feature or value.
            GenerationError: for an unknown sampler or an impossible number of steps.
        """
        seeds = [chart_seed(request.seed, index) for index in range(request.count)]
        chart_requests = [
            ChartRequest(request.prompt, request.negative_prompt, seed) for seed in seeds
        ]
        return self.generate_each(
            request,
            chart_requests,
            [request.finish_by_prompt] * len(chart_requests),
            progress,
            should_stop,
        )

    def generate_each(
        self,
        request: GenerationRequest,
        chart_requests: Sequence[ChartRequest],
        finishes: Sequence[FinishOptions],
        progress: Progress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> GenerationResult:
        """Charts that differ in what is asked for, made together.

        Args:
            request: the song, its timing and how to sample; its prompt, seed and count are not
                read.
            chart_requests: one a chart.
            finishes: how each is finished.
            progress: as for `generate`.
            should_stop: as for `generate`.
        """
        self.check(chart_requests)
        song = self.song(request.audio)
        raw = self.sample(song, chart_requests, request, progress=progress, should_stop=should_stop)
        return self.finish(request, chart_requests, raw, finishes)

    def check(self, chart_requests: Sequence[ChartRequest]) -> None:
        """Refuse a misspelt prompt before a song is read.

        Raises:
            ConfigError: for an unknown feature or value.
        """
        for one in chart_requests:
            prompt_ids(self.model, one.prompt)
            prompt_ids(self.model, one.negative_prompt)

    def finish(
        self,
        request: GenerationRequest,
        chart_requests: Sequence[ChartRequest],
        raw: Sequence[tuple[HitObject, ...]],
        finishes: Sequence[FinishOptions],
    ) -> GenerationResult:
        """Return charts of raw notes.

        Args:
            request: the song and its timing.
            chart_requests: what each chart was sampled for.
            raw: notes as the network wrote them, one tuple a chart.
            finishes: how each is finished.
        """
        song = self.song(request.audio)
        timing = request.finish.timing_for(lambda: song.timing)
        finished = [
            finish_chart(
                notes,
                options,
                keys=self.model.keys,
                index=index,
                timing=timing,
                duration_ms=song.duration_ms,
            )
            for index, (notes, options) in enumerate(zip(raw, finishes, strict=True))
        ]
        return GenerationResult(
            beatmaps=tuple(chart for chart, _ in finished),
            raw=tuple(raw),
            timing=timing,
            changes=tuple(changes for _, changes in finished),
            asked=tuple(one.prompt for one in chart_requests),
            seeds=tuple(one.seed for one in chart_requests),
            indices=tuple(range(len(chart_requests))),
            sound_notices=song.sound.notices,
        )


def generate_charts(
    model: LoadedModel,
    request: GenerationRequest,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> GenerationResult:
    """Make charts for one song with one request; see `ChartGenerator.generate`."""
    return ChartGenerator(model).generate(request, progress, should_stop)


def _song_key(audio: Path) -> _SongKey | None:
    """Key of a song and of this version of its file; None if there is none."""
    try:
        found = audio.stat()
    except OSError:
        return None  # `load_audio` says what is wrong
    return str(audio.resolve()), found.st_mtime_ns, found.st_size
