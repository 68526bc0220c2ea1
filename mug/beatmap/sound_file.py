"""Find the sound file of a chart."""

from __future__ import annotations

from pathlib import Path

from mug.beatmap.beatmap import Beatmap
from mug.errors import DataError


def find_audio(beatmap: Beatmap) -> Path:
    """The sound file of a chart that was read from a file, beside it; case does not matter.

    Raises:
        DataError: when there is none.
    """
    if beatmap.path is None:
        raise DataError("chart.chart_without_file_has_no_sound")
    return find_sound(beatmap.path, beatmap.audio_filename)


def find_sound(chart: Path, audio_filename: str) -> Path:
    """The sound file that a chart names, beside it; case does not matter.

    Args:
        chart: the chart's own file.
        audio_filename: as it stands there.

    Raises:
        DataError: when there is none.
    """
    folder, name = chart.parent, audio_filename.replace("\\", "/")
    if name and (folder / name).is_file():
        return folder / name
    wanted = name.casefold()
    for candidate in sorted(folder.iterdir()):
        if candidate.is_file() and candidate.name.casefold() == wanted:
            return candidate
    raise DataError("chart.sound_file_is_not_beside_it", file=chart, value=audio_filename)
