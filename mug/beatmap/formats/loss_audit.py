"""Aspects of a chart beyond notes and tempo, and those that another format cannot hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.scroll import velocity_steps

PLAIN_SAMPLES = ("", "0:0:0:0:")
_BACKGROUND = re.compile(r'0,0,"([^"]*)"')
_SOUND = re.compile(r'Sample,(-?[0-9.]+),[^,]*,"([^"]*)"(?:,(-?[0-9.]+))?')
_UNSET = ("", "-1", "0")


def background(beatmap: Beatmap) -> str:
    """Name of the picture behind the chart, '' where there is none."""
    found = (_BACKGROUND.match(line.strip()) for line in beatmap.events)
    return next((match[1] for match in found if match), "")


def sound_events(beatmap: Beatmap) -> list[tuple[float, str, float]]:
    """(time in ms, file, volume in per cent) of the sounds that play by themselves."""
    found = (_SOUND.match(line.strip()) for line in beatmap.events)
    return [(float(m[1]), m[2], float(m[3] or 100)) for m in found if m]


def _other_events(beatmap: Beatmap) -> int:
    lines = (line.strip() for line in beatmap.events)
    known = (_BACKGROUND, _SOUND)
    return sum(
        not text.startswith("//") and not any(form.match(text) for form in known) for text in lines
    )


def _set(section: Mapping[str, str], *keys: str) -> int:
    return sum(section.get(key, "").strip() not in _UNSET for key in keys)


def _second_titles(beatmap: Beatmap) -> int:
    pairs = (("TitleUnicode", beatmap.title), ("ArtistUnicode", beatmap.artist))
    return sum(beatmap.metadata.get(key, "") not in ("", latin) for key, latin in pairs)


def _decorated(beatmap: Beatmap) -> int:
    plain = (1, 0, 100, 0)
    fields = ((p.sample_set, p.sample_index, p.volume, p.effects & ~8) for p in beatmap.timing)
    return sum(values != plain for values in fields)


_COUNTS: dict[str, Callable[[Beatmap], int]] = {
    "hit sounds": lambda b: sum(note.hitsound != 0 for note in b.hit_objects),
    "hit samples": lambda b: sum(note.sample not in PLAIN_SAMPLES for note in b.hit_objects),
    "combo marks": lambda b: sum(note.new_combo != 0 for note in b.hit_objects),
    "scroll speeds": lambda b: len(velocity_steps(b.timing)),
    "metres other than 4": lambda b: sum(p.meter != 4 for p in b.red_lines),
    "hidden bar lines": lambda b: sum(bool(p.effects & 8) for p in b.red_lines),
    "volumes, sample sets and kiai of timing points": _decorated,
    "background pictures": lambda b: int(bool(background(b))),
    "sound events": lambda b: len(sound_events(b)),
    "storyboard, video and break lines": _other_events,
    "titles in their own script": _second_titles,
    "sources": lambda b: _set(b.metadata, "Source"),
    "tags": lambda b: _set(b.metadata, "Tags"),
    "preview points": lambda b: _set(b.general, "PreviewTime"),
    "ids": lambda b: _set(b.metadata, "BeatmapID", "BeatmapSetID"),
    "difficulty settings": lambda b: _set(
        b.difficulty, "HPDrainRate", "OverallDifficulty", "ApproachRate"
    ),
    "editor settings": lambda b: len(b.editor),
    "comments": lambda b: sum(map(len, b.comments.values())),
}
ASPECTS = frozenset(_COUNTS)


def audit(
    beatmap: Beatmap, keeps: frozenset[str], *, sections: frozenset[str] = frozenset()
) -> LossReport:
    """Count the losses in a format that keeps only these aspects and further sections.

    Args:
        beatmap: the chart.
        keeps: names out of `ASPECTS`.
        sections: further sections of the chart that the format has a place for.
    """
    unknown = keeps - ASPECTS
    if unknown:
        raise ValueError(f"no such aspects: {sorted(unknown)}")
    losses = LossReport()
    for what, count in _COUNTS.items():
        if what not in keeps:
            losses.add(what, count(beatmap))
    losses.add("further sections", len(set(beatmap.other) - sections))
    return losses
