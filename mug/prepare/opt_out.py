"""Opt-out of charts whose mappers do not want them used."""

from __future__ import annotations

import re

from mug.beatmap.beatmap import Beatmap

_DISALLOW = re.compile(r"robots\s*[:=]\s*disallow", re.IGNORECASE)


def opts_out(beatmap: Beatmap) -> bool:
    """Return whether the chart says `robots: disallow` in a field, tag or comment."""
    sections = (beatmap.general, beatmap.editor, beatmap.metadata, beatmap.difficulty)
    lines = [f"{key}:{value}" for section in sections for key, value in section.items()]
    lines += beatmap.events
    lines += [
        line for part in (beatmap.other, beatmap.comments) for ls in part.values() for line in ls
    ]
    return any(_DISALLOW.search(line) for line in lines)
