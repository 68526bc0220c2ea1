"""The benchmark's work in pieces: one a human chart, or one a chart of another program."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mug.errors import DataError
from mug.evaluation.digest import code_digest
from mug.evaluation.rivals import RivalFile, rival_charts, rival_files
from mug.evaluation.rows import (
    CHARTS,
    COST,
    EDITING,
    PARTS,
    SWEEP,
    SWITCHES,
    Figures,
    Judged,
    ResultRow,
    as_json,
    from_json,
    keep,
)
from mug.evaluation.songs import (
    SAMPLE_RATE,
    Against,
    HumanSong,
    SongSound,
    load_songs,
    load_sound,
)
from mug.files import atomic_write
from mug.pipeline.plain import to_plain
from mug.processes import open_pool

if TYPE_CHECKING:
    from mug.evaluation.made import ModelRun
    from mug.pipeline.chart import ChartGenerator

BASELINES, SCORER = "baselines", "scorer"
ROWS = "rows"
"""Folder, below that of the results, with a file for each finished piece."""


@dataclass(frozen=True)
class Setting:
    """Setting that all jobs share; it crosses to worker processes.

    Args:
        songs: folder of human beatmapsets.
        training: folder of other people's charts, or None.
        keys: columns.
        checkpoint: of the model, or None.
        run: how the model is asked.
        out: folder of results.
        device: of the model.
        threads: that the cost is measured with.
        scorer: file of a rhythm scorer that is judged alone, or None.
    """

    songs: Path
    training: Path | None
    keys: int
    checkpoint: Path | None
    run: ModelRun
    out: Path
    device: str = "cpu"
    threads: int = 1
    scorer: Path | None = None


@dataclass(frozen=True)
class Piece:
    """One piece: a human chart or a song; with a file, the charts of another program.

    Args:
        kind: `baselines`, one of the parts of the protocol, or the other program's name.
        song: name of the song.
        chart: index of the human chart; -1 where the other program's star rating decides.
        rival: of the other program.
    """

    kind: str
    song: str
    chart: int
    rival: RivalFile | None = None

    def mark(self, setting: Setting, weights: str) -> Path:
        """The file that says it is done; other settings make another name."""
        of_model = self.rival is None and self.kind in PARTS
        said: list[object] = [
            code_digest(),
            self.kind,
            self.song,
            self.chart,
            repr(self.rival),
        ]
        said += [setting.keys, to_plain(setting.run) if of_model else {}]
        songs = setting.songs  # composed ones lie below the results, wherever these are
        inside = songs.is_relative_to(setting.out)
        said += [songs.relative_to(setting.out).as_posix() if inside else str(songs)]
        said += [str(setting.training), weights if of_model else ""]
        if self.kind == SCORER and setting.scorer is not None:
            said.append(hashlib.sha256(setting.scorer.read_bytes()).hexdigest())
        if self.kind == COST:
            said += [setting.threads, setting.device]
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
        return setting.out / ROWS / f"{digest}.json"


def model_pieces(parts: Sequence[str], songs: Sequence[HumanSong]) -> list[Piece]:
    """The pieces of a model: one a chart for the table and for editing, else one a song.

    Those of the cost come last, for they are not shared out among processes.
    """
    jobs = []
    for part in (part for part in PARTS if part in parts):
        for song in songs:
            charts = range(len(song.charts)) if part in (CHARTS, EDITING) else [_middle(song)]
            jobs += [Piece(part, song.name, chart) for chart in charts]
    return jobs


def _middle(song: HumanSong) -> int:
    return len(song.charts) // 2


@lru_cache(maxsize=4)
def songs_in(folder: Path, keys: int) -> tuple[HumanSong, ...]:
    """The songs of a folder, read once a process."""
    return tuple(load_songs(folder, keys))


@lru_cache(maxsize=2)
def _sound_of(audio: Path) -> SongSound:
    return load_sound(audio)


@lru_cache(maxsize=1)
def _generator(checkpoint: Path, device: str) -> ChartGenerator:
    from mug.pipeline.chart import ChartGenerator

    return ChartGenerator.from_checkpoint(checkpoint, device)


def work(setting: Setting, job: Piece, mark: Path) -> None:
    """Does one piece and writes its rows."""
    (song,) = (s for s in songs_in(setting.songs, setting.keys) if s.name == job.song)
    if job.rival is None and job.kind == COST:
        rows = [_cost_row(setting, song, job.chart)]
    else:
        others = songs_in(setting.training, setting.keys) if setting.training else ()
        sound = _sound_of(song.audio)
        if job.rival is not None:
            judged = rival_charts(job.rival, job.kind, song, sound, others)
        else:
            judged = _own_charts(setting, job.kind, Against(song, job.chart, sound, others))
        rows = [keep(one, setting.out) for one in judged]
    with atomic_write(mark, "w", encoding="utf-8") as handle:
        json.dump([as_json(row) for row in rows], handle, indent=1)


def _own_charts(setting: Setting, kind: str, against: Against) -> list[Judged]:
    from mug.evaluation import columns, editing, sweep
    from mug.evaluation.made import Maker
    from mug.evaluation.sampled import scorer_lines

    if kind == SCORER and setting.scorer is not None:
        return [columns.scorer_row(against, scorer_lines(setting.scorer, against))]
    if kind == BASELINES or setting.checkpoint is None:
        return columns.baseline_rows(against)
    makes = {
        CHARTS: columns.model_rows,
        SWEEP: sweep.sweep,
        SWITCHES: sweep.switches,
        EDITING: editing.edits,
    }
    return makes[kind](Maker(_generator(setting.checkpoint, setting.device), against, setting.run))


def _cost_row(setting: Setting, song: HumanSong, chart: int) -> ResultRow:
    """Cost of a chart, measured in a process that does nothing else."""
    with open_pool(1) as pool:
        figures = pool.submit(_cost, setting, song.audio, song.stars[chart]).result()
    figures |= _cold(setting, song)
    asked = {"sr": song.stars[chart]}
    version = song.charts[chart].version
    return ResultRow(
        song.name, version, "raw", figures=figures, chart=chart, part=COST, asked=asked
    )


def _cold(setting: Setting, song: HumanSong) -> Figures:
    """Seconds and memory of four charts of a long song, with the start of the process."""
    from mug.evaluation.cost import COLD_STARS, four_charts, write_long

    if setting.checkpoint is None:
        raise DataError("scripts.cost_is_of_model", remedy="remedy.give_checkpoint")
    with TemporaryDirectory(prefix="mug-cost-") as folder:
        audio = Path(folder) / "long.flac"
        write_long(load_sound(song.audio).wave, SAMPLE_RATE, audio)
        began = time.perf_counter()
        with open_pool(1) as pool:
            work = (setting.checkpoint, audio, COLD_STARS, setting.run)
            peak = pool.submit(four_charts, *work, threads=setting.threads).result()
        return {"cold_seconds": time.perf_counter() - began, "cold_peak_mib": peak}


def _cost(setting: Setting, audio: Path, stars: float) -> Figures:
    import torch

    from mug.evaluation.cost import cost_figures
    from mug.model.memory.peak import peak_memory_mib

    if setting.checkpoint is None:
        raise DataError("scripts.cost_is_of_model", remedy="remedy.give_checkpoint")
    figures = cost_figures(
        setting.checkpoint,
        audio,
        stars,
        setting.run,
        threads=setting.threads,
        device=setting.device,
    )
    # The system's count of this process: also where the model lies on a GPU.
    memory = peak_memory_mib(torch.device("cpu"))
    return figures if memory is None else {**figures, "peak_memory_mib": memory}


def rows_in(mark: Path) -> list[ResultRow]:
    """The rows of a piece that is done.

    Raises:
        DataError: for a file that is broken.
    """
    try:
        listed: list[dict[str, Any]] = json.loads(mark.read_text(encoding="utf-8"))
        return [from_json(plain) for plain in listed]
    except (ValueError, KeyError) as error:
        raise DataError(
            "scripts.broken_results", file=mark, remedy="remedy.delete_is_made_again"
        ) from error


def rival_jobs(
    folder: Path, name: str, songs: Sequence[HumanSong], mapping: Path | None = None
) -> list[Piece]:
    """A piece for each file of another program; see `rival_files`."""
    return [Piece(name, found.song, -1, found) for found in rival_files(folder, songs, mapping)]
