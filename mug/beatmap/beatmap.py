"""One difficulty of a song, as a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint

MANIA = 3
MODE_NAMES = MappingProxyType({0: "osu!", 1: "osu!taiko", 2: "osu!catch", 3: "osu!mania"})

Section = Mapping[str, str]


@dataclass(frozen=True)
class Beatmap:
    """A chart: what to play when, and everything that its file says besides.

    Fields of the `key: value` sections are kept as text, in file order, so that nothing is lost;
    the properties read them. Two beatmaps are equal when everything they say is equal; `path`,
    where a beatmap was read from, is not part of that.

    Args:
        keys: number of columns, 1 ... 18 (CircleSize of a mania chart).
        hit_objects: taps and holds, in file order.
        timing: red and green lines, in file order.
        general: section [General], e.g. AudioFilename, PreviewTime, Mode.
        editor: section [Editor].
        metadata: section [Metadata], e.g. Title, Artist, Creator, Version.
        difficulty: section [Difficulty].
        events: lines of [Events] as written, comments included.
        other: further sections by name: lines as written.
        comments: `//` lines of the other sections by section name, '' for those above the first.
        file_format: the number in `osu file format v14`.
        path: where it was read from.
    """

    keys: int
    hit_objects: tuple[HitObject, ...] = ()
    timing: tuple[TimingPoint | ScrollPoint, ...] = ()
    general: Section = field(default_factory=dict)
    editor: Section = field(default_factory=dict)
    metadata: Section = field(default_factory=dict)
    difficulty: Section = field(default_factory=dict)
    events: tuple[str, ...] = ()
    other: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    comments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    file_format: int = 14
    path: Path | None = field(default=None, compare=False)

    @property
    def mode(self) -> int:
        """Game mode, 3 for mania."""
        return int(self.general.get("Mode", "0"))

    @property
    def title(self) -> str:
        """Title in Latin letters."""
        return self.metadata.get("Title", "")

    @property
    def artist(self) -> str:
        """Artist in Latin letters."""
        return self.metadata.get("Artist", "")

    @property
    def creator(self) -> str:
        """Mapper of the chart."""
        return self.metadata.get("Creator", "")

    @property
    def version(self) -> str:
        """Name of the difficulty."""
        return self.metadata.get("Version", "")

    @property
    def beatmapset_id(self) -> int:
        """Id of the beatmapset on osu!, -1 where unknown."""
        text = self.metadata.get("BeatmapSetID", "-1").strip()
        return int(text) if text.lstrip("-").isdigit() else -1

    @property
    def audio_filename(self) -> str:
        """Name of the sound file, relative to the chart."""
        return self.general.get("AudioFilename", "")

    @property
    def red_lines(self) -> tuple[TimingPoint, ...]:
        """The timing points that carry the tempo."""
        return tuple(point for point in self.timing if isinstance(point, TimingPoint))

    @property
    def green_lines(self) -> tuple[ScrollPoint, ...]:
        """The timing points that carry the scroll speed."""
        return tuple(point for point in self.timing if isinstance(point, ScrollPoint))

    @property
    def rice(self) -> tuple[Rice, ...]:
        """The taps."""
        return tuple(note for note in self.hit_objects if isinstance(note, Rice))

    @property
    def long_notes(self) -> tuple[LongNote, ...]:
        """The holds."""
        return tuple(note for note in self.hit_objects if isinstance(note, LongNote))

    @property
    def last_ms(self) -> float:
        """End of the last object, 0 for an empty chart."""
        return max((note.last_ms for note in self.hit_objects), default=0.0)

    def sorted_objects(self) -> tuple[HitObject, ...]:
        """Hit objects by time, then column: the order that star ratings are defined for."""
        return tuple(sorted(self.hit_objects, key=lambda note: (note.start_ms, note.column)))

    def with_objects(self, hit_objects: Sequence[HitObject]) -> Beatmap:
        """The same chart with other hit objects."""
        return replace(self, hit_objects=tuple(hit_objects))
