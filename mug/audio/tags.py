"""Title and artist that a sound file says about itself."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from mug.errors import AudioError

log = logging.getLogger(__name__)


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


def _one_line(text: str | None) -> str:
    return " ".join((text or "").replace("\0", " ").split())
