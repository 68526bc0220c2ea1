"""Title and artist of a song, from what its file says about itself, or from its name."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

from mug.errors import AudioError

log = logging.getLogger(__name__)

_DASH = re.compile(r"\s+[-\u2010-\u2015\u2212\uff0d]\s+")
_NUMBER = re.compile(r"(?:[0-9]{1,3}|[A-D][0-9]{1,2})(?:\s*[.)]\s+|\s*[.)]?$|\s*[-_.]\s+)")


@dataclass(frozen=True, slots=True)
class Tags:
    """Names in a sound file; empty where it gives none.

    Args:
        title: of the song.
        artist: who plays it.
    """

    title: str = ""
    artist: str = ""


def read_tags(path: str | Path) -> Tags:
    """Title and artist; empty where the file has no tags or they cannot be read.

    Raises:
        AudioError: when the file itself cannot be opened.
    """
    from tinytag import TinyTag, TinyTagException

    try:
        with Path(path).open("rb") as handle:
            found = TinyTag.get(file_obj=handle, duration=False)
    except OSError as error:
        raise AudioError(
            "audio.file_cannot_be_opened", file=path, value=str(error), remedy="remedy.check_path"
        ) from error
    except (TinyTagException, ValueError) as error:
        log.info("%s: no tags can be read: %s", path, error)
        return Tags()
    return Tags(title=_one_line(found.title), artist=_one_line(found.artist))


def song_names(path: str | Path) -> Tags:
    """Title and artist of a song; what its tags leave open is taken from its name.

    Raises:
        AudioError: when the file itself cannot be opened.
    """
    tags, named = read_tags(path), names_from(Path(path).stem)
    return Tags(title=tags.title or named.title, artist=tags.artist or named.artist)


def names_from(stem: str) -> Tags:
    """Title and artist from a name like `Artist - Title` or `03. Artist - Title`.

    Args:
        stem: name of a file without its ending.
    """
    spaced = stem if " " in stem.strip() else re.sub("^([0-9]{1,3})_", r"\1. ", stem)
    text = _one_line(spaced.replace("_", " ") if spaced != stem or " " not in stem else stem)
    parts = [part for part in _DASH.split(text) if part.strip()]
    if len(parts) > 1:  # a number stands before a title, unless it is the artist: 22 - 8 (Circle)
        number = _NUMBER.match(parts[0])
        if number and number.end() == len(parts[0]) and (len(parts) > 2 or parts[0][0] == "0"):
            parts = parts[1:]
        elif number and number.end() < len(parts[0]):
            parts[0] = parts[0][number.end() :]
    elif (number := _NUMBER.match(text)) and number.end() < len(text):
        parts = [text[number.end() :]]
    if len(parts) < 2:
        return Tags(title=parts[0] if parts else text)
    return Tags(title=" - ".join(parts[1:]), artist=parts[0])


def _one_line(text: str | None) -> str:
    return " ".join((text or "").replace("\0", " ").split())
