"""A list of charts with what the feature database knows about them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.sound_file import find_audio
from mug.data.feature_db import FeatureDB, FeatureRow
from mug.data.skill_sources import refuse_a_mixture
from mug.data.split import PARTS, Entry, split_beatmaps
from mug.data.splits_file import read_split
from mug.errors import DataError
from mug.messages.message import Message

DATABASE_NAMES = ("features.db", "feature.db")
"""Ours and the original's."""


@dataclass(frozen=True)
class Collection:
    """Charts, and their rows of a database where there is one.

    Args:
        paths: charts in the order of their lists.
        found: rows by chart; charts without one are absent.
    """

    paths: tuple[Path, ...]
    found: Mapping[Path, FeatureRow]

    @classmethod
    def read(cls, paths: Sequence[Path], database: Path | None = None) -> Collection:
        """Look up charts in a database, or in the ones that lie beside or above their folders."""
        opened: dict[Path, FeatureDB] = {}
        found: dict[Path, FeatureRow] = {}
        with ExitStack() as stack:
            for path in paths:
                file = database or find_database(path)
                if file is None:
                    continue
                if file not in opened:
                    opened[file] = stack.enter_context(FeatureDB(file))
                row = opened[file].find(path.resolve())
                if row is not None:
                    found[path] = row
        return cls(tuple(paths), found)

    def rows(self, paths: Sequence[Path]) -> list[dict[str, object]]:
        """Features of charts, and under `tool_version` what measured them.

        Raises:
            DataError: names the first chart that has none, or two whose MSD values come from
                different sources.
        """
        rows: list[dict[str, object]] = []
        for path in paths:
            if path not in self.found:
                raise DataError(
                    "data.chart_has_no_row_in_feature",
                    file=path,
                    remedy="remedy.prepare_features_or_train_without",
                )
            row = self.found[path]
            rows.append({**row.features, "tool_version": row.tool_version})
        known = ((path, self.found[path]) for path in paths)
        refuse_a_mixture((str(path), row.tool_version, row.features) for path, row in known)
        return rows

    def ordered(self) -> list[Path]:
        """Charts in an order that depends on their folders and names alone."""
        return sorted(self.paths, key=_shuffled_name)

    def part(self, part: str, fractions: Mapping[str, float], salt: str = "") -> list[Path]:
        """Charts of one part of the split by songs.

        Where the data set holds files with its split (mug.data.splits_file), they count, unless a
        salt asks for another split; charts that are in none of them are left out.

        Raises:
            DataError: when there are fewer songs than parts, or the part gets no share.
        """
        stored = None if salt else self._stored_parts()
        if stored is not None:
            chosen_paths = [path for path in self.paths if stored.get(path) == part]
            if not chosen_paths:
                raise DataError(
                    "data.data_set_split_gives_nothing",
                    part=part,
                    file=self.paths[0] if self.paths else None,
                    remedy="remedy.make_split_again_with_filter_beatmap",
                )
            return sorted(chosen_paths, key=_shuffled_name)
        if part not in PARTS or not fractions.get(part):
            raise DataError(
                "data.split_gives_nothing",
                part=part,
                value=dict(fractions),
                remedy=Message("remedy.give_part_a_share", part=part),
            )
        audio_hashes: dict[Path, str] = {}
        entries = [self._entry(path, audio_hashes) for path in self.paths]
        chosen = getattr(split_beatmaps(entries, fractions, salt=salt), part)
        return sorted((entry.path for entry in chosen), key=_shuffled_name)

    def _stored_parts(self) -> dict[Path, str] | None:
        """Parts by chart; None unless the data sets of all charts hold files with their splits."""
        folders: dict[Path, tuple[Path, dict[str, str]] | None] = {}
        parts: dict[Path, str] = {}
        for path in self.paths:
            here = path.absolute().parent
            if here not in folders:
                near = ((up, read_split(up)) for up in (here.parent, here))
                folders[here] = next(((up, found) for up, found in near if found), None)
            found = folders[here]
            if found is None:
                return None
            part = found[1].get(path.absolute().relative_to(found[0]).as_posix())
            if part is not None:
                parts[path] = part
        return parts

    def _entry(self, path: Path, audio_hashes: dict[Path, str]) -> Entry:
        row = self.found.get(path)
        if row is not None and row.beatmapset and row.audio_hash:
            return Entry(path, row.beatmapset, row.audio_hash)
        audio = find_audio(osu.read(path))
        if audio not in audio_hashes:
            with audio.open("rb") as handle:
                audio_hashes[audio] = hashlib.file_digest(handle, "sha256").hexdigest()
        return Entry(path, str(path.resolve().parent), audio_hashes[audio])


def find_database(chart: Path) -> Path | None:
    """The database in the folder above a chart's folder, or in the chart's folder."""
    for folder in (chart.parent.parent, chart.parent):
        for name in DATABASE_NAMES:
            if (folder / name).is_file():
                return folder / name
    return None


def _shuffled_name(path: Path) -> tuple[str, str]:
    name = f"{path.parent.name}/{path.name}"
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest(), str(path)
