"""Folders of composed songs: audio, charts, and the truth about each song beside them."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.compose.charts import TIERS, make_charts
from mug.compose.composer import compose_song
from mug.compose.score import Song
from mug.compose.sound import SAMPLE_RATE, render, write_audio
from mug.compose.style import SongStyle
from mug.errors import ConfigError
from mug.files import check_free, write_together
from mug.processes import open_pool

log = logging.getLogger(__name__)

VERSION = 1
"""Raise it when the same seed gives another song: finished folders are then made again."""

TRUTH = "truth.json"
MOST_SONGS = 100_000
_FIRST_ID = 10_000_000  # above the ids that real beatmapsets have

Progress = Callable[[int, int], None]


@runtime_checkable
class NamedSong(Protocol):
    """A song that can be written into a folder of its own."""

    @property
    def seed(self) -> int:
        """The number that it was composed from."""
        ...

    @property
    def title(self) -> str:
        """Invented."""
        ...

    @property
    def artist(self) -> str:
        """Invented."""
        ...

    def truth(self) -> dict[str, Any]:
        """Everything that is known about the song, as plain values for JSON."""
        ...


@dataclass(frozen=True)
class SongFiles:
    """Files that were written for a song.

    Args:
        names: of the audio and the charts.
        truth: more that is known about them, as plain values for JSON.
    """

    names: list[str]
    truth: dict[str, Any] = field(default_factory=dict)


@runtime_checkable
class SongMaker(Protocol):
    """A kind of collection: how its songs are composed and written."""

    def recipe(self) -> dict[str, Any]:
        """Everything that decides what a song's folder holds."""
        ...

    def compose(self, song_seed: int) -> Any:
        """The song of a number."""
        ...

    def write(self, song: Any, folder: Path) -> SongFiles:
        """Write the audio and the charts of a song into an existing folder."""
        ...


@dataclass(frozen=True)
class CollectionOptions:
    """Options for the files of each song.

    Args:
        style: what songs may draw from.
        keys: columns of the charts, 1 ... 18.
        difficulties: charts a song, 1 ... 4, easiest first.
        audio_format: ogg (small), flac or wav (exact).
    """

    style: SongStyle = field(default_factory=SongStyle)
    keys: int = 4
    difficulties: int = 4
    audio_format: str = "ogg"

    def __post_init__(self) -> None:
        if not 1 <= self.difficulties <= len(TIERS):
            raise ConfigError(
                "compose.difficulties_out_of_range", most=len(TIERS), value=self.difficulties
            )
        if not 1 <= self.keys <= 18:
            raise ConfigError("compose.keys_must_be_1_to_18", value=self.keys)
        if self.audio_format not in ("ogg", "flac", "wav"):
            raise ConfigError(
                "compose.no_such_audio_format",
                value=self.audio_format,
                remedy="remedy.choose_ogg_flac_or_wav",
            )

    def recipe(self) -> dict[str, Any]:
        """Everything that decides what a song's folder holds."""
        return {"version": VERSION, **asdict(self)}

    def compose(self, song_seed: int) -> Song:
        """The song of a number."""
        return compose_song(song_seed, self.style)

    def write(self, song: Song, folder: Path) -> SongFiles:
        """Write the audio and the charts of a song into an existing folder."""
        audio = f"audio.{self.audio_format}"
        write_audio(folder / audio, render(song), SAMPLE_RATE)
        charts = make_charts(
            song,
            TIERS[: self.difficulties],
            keys=self.keys,
            audio_filename=audio,
            beatmapset_id=beatmapset_id(song.seed),
        )
        return SongFiles([audio, *write_charts(charts, folder)])


def write_charts(charts: Sequence[Beatmap], folder: Path) -> list[str]:
    """Write charts as `.osu` files; their names."""
    names = []
    for chart in charts:
        name = f"{chart.artist} - {chart.title} ({chart.creator}) [{chart.version}].osu"
        osu.write(chart, folder / name)
        names.append(name)
    return names


def beatmapset_id(song_seed: int) -> int:
    """A number that tells composed songs apart, from each other and from real ones."""
    return _FIRST_ID + song_seed


def song_number(folder: str) -> int:
    """Number of a composed song, from the name of its folder.

    Raises:
        ConfigError: for a folder that no composed song has.
    """
    first = folder.split(" ", 1)[0]
    if not first.isdigit() or int(first) < _FIRST_ID:
        raise ConfigError("compose.folder_is_of_no_composed_song", value=folder)
    return int(first) - _FIRST_ID


def folder_name(song: NamedSong) -> str:
    """`<id> <artist> - <title>`, as osu! names its folders."""
    return f"{beatmapset_id(song.seed)} {song.artist} - {song.title}"


def _recipe(options: SongMaker) -> dict[str, Any]:
    """Recipe of a folder; equal recipes and seeds give equal folders."""
    plain: dict[str, Any] = json.loads(json.dumps(options.recipe()))
    return plain


def is_complete(folder: Path, options: SongMaker) -> bool:
    """Return whether a folder holds a whole song made with these options."""
    try:
        truth = json.loads((folder / TRUTH).read_text(encoding="utf-8"))
        files = truth["files"]
        whole = all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False  # missing, cut off or not ours: it is made again
    return whole and truth.get("recipe") == _recipe(options)


def write_song(song: Any, folder: Path, options: SongMaker) -> None:
    """Write the audio, the charts and the truth of a song into an existing folder."""
    written = options.write(song, folder)
    truth = (
        song.truth()
        | written.truth
        | {
            "recipe": _recipe(options),
            "files": {name: (folder / name).stat().st_size for name in written.names},
        }
    )
    (folder / TRUTH).write_text(json.dumps(truth, separators=(",", ":")), encoding="utf-8")


def compose_folder(
    out_dir: Path, song_seed: int, options: SongMaker, *, overwrite: bool = False
) -> Path:
    """Make one song's folder unless it is there already, whole.

    It is built under a hidden name and renamed, so that a song folder is never half written. In a
    folder that is there already, files of the song are replaced together; others stay.

    Args:
        out_dir: where the folder comes to lie.
        song_seed: number of the song.
        options: how it is made.
        overwrite: write into a folder of this name that was not made here, too.

    Raises:
        FileIsThereError: for such a folder without `overwrite`.
    """
    song = options.compose(song_seed)
    folder = out_dir / folder_name(song)
    if is_complete(folder, options):
        return folder
    _check_folder(folder, song_seed, overwrite=overwrite)
    unfinished = out_dir / f".{beatmapset_id(song_seed)}.part"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        write_song(song, unfinished, options)
    except BaseException:  # a full disk needs the room
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    if not folder.exists():
        unfinished.rename(folder)
        return folder
    log.info("making again: %s", folder)
    stale = _own_files(folder, song_seed)
    with write_together() as files:
        for made in sorted(unfinished.iterdir(), key=lambda made: made.name == TRUTH):
            files.write(folder / made.name, made.read_bytes())  # the truth last: it says "whole"
    for old in stale - {made.name for made in unfinished.iterdir()}:
        (folder / old).unlink(missing_ok=True)
    shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _check_folder(folder: Path, song_seed: int, *, overwrite: bool) -> None:
    """Refuse to write into a folder with files, none of which was made here."""
    if folder.is_dir() and (_own_files(folder, song_seed) or not any(folder.iterdir())):
        return
    if not (folder.is_dir() and overwrite):
        check_free([folder], overwrite=False, is_ours=lambda _: False)


def _own_files(folder: Path, song_seed: int) -> set[str]:
    """Names of the files in a song's folder that were made here: by its truth, or as its charts."""
    line = f"BeatmapSetID:{beatmapset_id(song_seed)}".encode()
    found = {chart.name for chart in folder.glob("*.osu") if line in chart.read_bytes().split()}
    try:
        truth = json.loads((folder / TRUTH).read_text(encoding="utf-8"))
        listed = set(truth["files"]) if "recipe" in truth else set()
    except (OSError, ValueError, KeyError, TypeError):
        return found  # its truth is missing, cut off or not ours
    there = {name for name in listed if Path(name).name == name and (folder / name).is_file()}
    return found | there


def _in_processes(
    out_dir: Path, seeds: Sequence[int], options: SongMaker, workers: int, *, overwrite: bool
) -> Iterator[tuple[int, Path]]:
    """Yield seeds and folders as they are finished."""
    pool = open_pool(workers, interrupts=False)
    try:
        waiting: dict[Future[Path], int] = {
            pool.submit(compose_folder, out_dir, seed, options, overwrite=overwrite): seed
            for seed in seeds
        }
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield waiting.pop(future), future.result()
    finally:
        # After Ctrl-C the songs at hand are finished (a moment), and no further one is begun.
        pool.shutdown(cancel_futures=True)


def compose_collection(
    out_dir: Path,
    count: int,
    *,
    seed: int = 0,
    options: SongMaker | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Compose songs into folders `<id> <artist> - <title>`; go on where it was stopped.

    Each folder holds the audio, one `.osu` a difficulty and `truth.json` (`Song.truth`, the recipe
    and the files' sizes). Neither `count` nor `workers` changes what song number n is.

    Args:
        out_dir: made if need be.
        count: songs, 1 ... 100 000.
        seed: of the collection; other seeds give other songs and other ids.
        options: style, columns, difficulties and audio format.
        workers: processes; 1 works in this one.
        progress: called as `progress(done, total)` after each song.
        overwrite: write into folders of the songs' names that were not made here, too.

    Returns:
        The songs' folders, in order of their number.

    Raises:
        FileIsThereError: for a folder of a song's name that was not made here.
    """
    if not 1 <= count <= MOST_SONGS:
        raise ConfigError("compose.number_of_songs_out_of_range", most=MOST_SONGS, value=count)
    if seed < 0 or workers < 1:
        raise ConfigError("compose.seed_or_workers_out_of_range", value=(seed, workers))
    options = options or CollectionOptions()
    out_dir.mkdir(parents=True, exist_ok=True)
    seeds = [seed * MOST_SONGS + index for index in range(count)]
    finished: Iterator[tuple[int, Path]]
    if workers == 1:
        finished = ((s, compose_folder(out_dir, s, options, overwrite=overwrite)) for s in seeds)
    else:
        finished = _in_processes(out_dir, seeds, options, workers, overwrite=overwrite)
    folders: dict[int, Path] = {}
    for song_seed, folder in finished:
        folders[song_seed] = folder
        if progress is not None:
            progress(len(folders), count)
    return [folders[s] for s in seeds]
