"""The sound file of a chart: everything that looks for one asks here."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.safe_names import sanitise_name
from mug.errors import DataError

SOUNDS = (".mp3", ".ogg", ".oga", ".opus", ".flac", ".wav", ".m4a", ".aac")
_STEPMANIA = (".sm", ".ssc")


def find_audio(beatmap: Beatmap, *, packed: bool = False) -> Path:
    """The sound file of a chart that was read from a file; see `find_sound`.

    Raises:
        DataError: when there is none.
    """
    if beatmap.path is None:
        raise DataError("chart.chart_without_file_has_no_sound")
    return find_sound(beatmap.path, beatmap.audio_filename, packed=packed)


def find_sound(chart: Path, audio_filename: str, *, packed: bool = False) -> Path:
    """The sound file that a chart names, beside it.

    Letter case, the kind of slashes, the form of accents, and what a package's unpacking makes of
    a name do not matter. Charts of StepMania whose sound is not there have the first sound of
    their folder, as in the game (`Song::TidyUpData`).

    Args:
        chart: the chart's own file.
        audio_filename: as it stands there.
        packed: the folder is one package: its only sound is the chart's, whatever its name.

    Raises:
        DataError: when there is none.
    """
    found = look_for(chart.parent, audio_filename)
    if found is None and (packed or chart.suffix.lower() in _STEPMANIA):
        found = _any_sound(chart.parent, only=chart.suffix.lower() not in _STEPMANIA)
    if found is None:
        raise DataError("chart.sound_file_is_not_beside_it", file=chart, value=audio_filename)
    return found


def look_for(folder: Path, name: str) -> Path | None:
    """A file by the name that a chart has for it; None where there is none."""
    plain = name.replace("\\", "/").strip()
    if not plain:
        return None
    try:
        if (folder / plain).is_file():
            return folder / plain
        place = folder
        for part in plain.split("/"):
            step = _step(place, part)
            if step is None:
                return None
            place = step
        return place if place.is_file() else None
    except (OSError, ValueError):  # a name that no file can have
        return None


def _step(folder: Path, part: str) -> Path | None:
    if part in ("", "."):
        return folder
    if part == ".." or (folder / part).exists():
        return folder / part
    wanted = _folded(part)
    matches = (one for one in sorted(folder.iterdir()) if _folded(one.name) == wanted)
    return next(matches, None)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", sanitise_name(name).casefold())


def _any_sound(folder: Path, *, only: bool) -> Path | None:
    """The first sound of a folder, or the only one; an intro is none where there is another."""
    sounds = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in SOUNDS and p.is_file()]
    if only:
        return sounds[0] if len(sounds) == 1 else None
    songs = [path for path in sounds if not path.name.lower().startswith("intro")]
    return next(iter(songs or sounds), None)
