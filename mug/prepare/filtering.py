"""Clean a data set: apply the rules, find duplicates, share out what is left, say why.

OUT/clean.txt             charts that keep all rules
OUT/train.txt, val.txt, test.txt   their split by songs
OUT/manifest.jsonl        where every chart comes from and what was decided about it
OUT/features.db           the same decisions, as a table
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mug.data.beatmap_list import iter_beatmap_list
from mug.data.feature_db import FeatureDB
from mug.data.split import FRACTIONS, PARTS, Entry, Split, extend_split
from mug.data.splits_file import is_own_part, read_split, write_split
from mug.errors import DataError
from mug.files import atomic_write, check_free
from mug.prepare.cleaning import ChartRecord, CleaningLimits, broken_rule
from mug.prepare.duplicates import Duplicate, duplicates_by_notes, rate_edits, same_songs
from mug.prepare.features import DB_NAME
from mug.prepare.features import STAGE as FEATURES
from mug.prepare.manifest import FILE_NAME, is_manifest, write_manifest

STAGE = "clean"
SONGS = "same_song"
LIST_NAME = "clean.txt"

_CHARTS = """
    SELECT b.path, b.beatmapset, b.audio, b.audio_hash, f.keys, f.objects, f.first_ms, f.last_ms,
        f.creator, f.version, f.odd_scroll, f.disallowed, a.duration_ms, o.agrees, o.confidence
    FROM listed l JOIN beatmaps b USING (path) JOIN facts f USING (path)
    LEFT JOIN audio a ON a.path = b.audio LEFT JOIN offsets o USING (path) ORDER BY l.place"""
"""Columns as the fields of `ChartRecord`."""


@dataclass(frozen=True)
class Cleaned:
    """Numbers of a run.

    Args:
        charts: in the list.
        kept: keep all rules.
        rules: charts left out, by the rule that they break.
        same_songs: sound files that are another one in another encoding; they stay together.
        parts: charts in each part of the split.
        in_no_part: kept, but bound to songs of different parts.
    """

    charts: int
    kept: int
    rules: Mapping[str, int]
    same_songs: int
    parts: Mapping[str, int] = field(default_factory=dict)
    in_no_part: int = 0


def clean(
    beatmap_txt: Path,
    limits: CleaningLimits | None = None,
    *,
    fractions: Mapping[str, float] | None = FRACTIONS,
    salt: str = "",
    overwrite: bool = False,
) -> Cleaned:
    """Clean the charts of a list; everything is decided again, but stable where it is arbitrary.

    Args:
        beatmap_txt: the list; its folder holds `features.db`.
        limits: what is good enough.
        fractions: of the split; None makes none.
        salt: of the split's first making.
        overwrite: replace lists too that were not made here.

    Raises:
        DataError: when charts of the list were not measured.
        FileIsThereError: for a list that was not made here.
    """
    folder = beatmap_txt.parent
    check_lists(folder, split=fractions is not None, overwrite=overwrite)
    with FeatureDB(folder / DB_NAME, ()) as db:
        run = _Run(db, limits or CleaningLimits())
        run.read(beatmap_txt, folder / LIST_NAME)
        run.apply_rules()
        run.find_copies()
        songs = run.decide()
        kept = run.kept()
        if not kept:
            raise DataError("prepare.no_chart_keeps_rules", file=beatmap_txt, value=run.rules())
        split = run.split(read_split(folder), songs, fractions, salt) if fractions else Split(())
        parts = {e.path.as_posix(): part for part in PARTS for e in getattr(split, part)}
        _write_list(folder / LIST_NAME, kept)
        if fractions:
            write_split(folder, split)
        listed = db.select("SELECT path FROM listed ORDER BY place").fetchall()
        write_manifest(db, (row[0] for row in listed), parts or dict.fromkeys(kept, "all"))
        return Cleaned(
            charts=len(listed),
            kept=len(kept),
            rules=run.rules(),
            same_songs=sum(name != song for name, song in songs.items()),
            parts={part: len(getattr(split, part)) for part in PARTS} if fractions else {},
            in_no_part=len(kept) - len(parts) if fractions else 0,
        )


def check_lists(folder: Path, *, split: bool, overwrite: bool) -> None:
    """Refuse to write over lists beside a database that are somebody else's.

    Args:
        folder: of the data set.
        split: its parts are written too.
        overwrite: the user wants it.

    Raises:
        FileIsThereError: for the first list that was not made here.
    """
    check_free([folder / LIST_NAME], overwrite=overwrite, is_ours=_is_own_list)
    check_free([folder / FILE_NAME], overwrite=overwrite, is_ours=is_manifest)
    if split:
        parts = [folder / f"{part}.txt" for part in PARTS]
        check_free(parts, overwrite=overwrite, is_ours=is_own_part)


def _is_own_list(file: Path) -> bool:
    """Tell a list that names only charts of the database beside it."""
    try:
        charts = set(file.read_text(encoding="utf-8").splitlines())
    except ValueError:
        return False
    with FeatureDB(file.parent / DB_NAME, ()) as db:
        return charts <= {row[0] for row in db.select("SELECT path FROM beatmaps")}


class _Run:
    """Temporary tables: `listed`, `findings` and, of what is good so far, `good`."""

    def __init__(self, db: FeatureDB, limits: CleaningLimits) -> None:
        self.db, self.limits = db, limits
        for statement in (
            "CREATE TEMP TABLE listed (place INTEGER PRIMARY KEY, path TEXT UNIQUE)",
            "CREATE TEMP TABLE earlier (path TEXT PRIMARY KEY) WITHOUT ROWID",
            "CREATE TEMP TABLE findings (path TEXT PRIMARY KEY, rule TEXT, detail TEXT)",
            "CREATE TEMP TABLE good (path TEXT PRIMARY KEY, version TEXT, kept_before INTEGER)",
        ):
            db.select(statement)

    def read(self, beatmap_txt: Path, earlier: Path) -> None:
        """Read the list, and what an earlier run kept."""
        self.db.fill_temporary(
            "INSERT OR IGNORE INTO listed (path) VALUES (?)",
            ((self.db.key(path.absolute()),) for path in iter_beatmap_list(beatmap_txt)),
        )
        if earlier.is_file():
            lines = earlier.read_text(encoding="utf-8").splitlines()
            self.db.fill_temporary(
                "INSERT OR IGNORE INTO earlier VALUES (?)", ((line,) for line in lines)
            )
        self.db.select(
            "INSERT INTO findings SELECT l.path, d.rule, d.detail FROM listed l"
            " JOIN decisions d ON d.item = l.path AND d.stage = ?",
            (FEATURES,),
        )
        unknown = self.db.select(
            "SELECT path FROM listed WHERE path NOT IN (SELECT path FROM facts)"
            " AND path NOT IN (SELECT path FROM findings)"
        ).fetchall()
        if unknown:
            raise DataError(
                "prepare.charts_were_not_measured",
                count=len(unknown),
                file=beatmap_txt,
                value=unknown[0][0],
                remedy="remedy.run_prepare_beatmap_features_first",
            )

    def apply_rules(self) -> None:
        """Ask the rules of each chart."""
        good: list[tuple[str, str]] = []

        def bad() -> Iterator[tuple[str, str, str]]:
            for row in self.db.select(_CHARTS):
                chart = ChartRecord(*row)
                broken = broken_rule(chart, self.limits)
                if broken is not None:
                    yield (chart.path, *broken)
                else:
                    good.append((chart.path, chart.version))

        self.db.fill_temporary("INSERT OR IGNORE INTO findings VALUES (?, ?, ?)", bad())
        self.db.fill_temporary(
            "INSERT INTO good SELECT ?1, ?2, EXISTS (SELECT 1 FROM earlier WHERE path = ?1)", good
        )
        self.db.select("DELETE FROM good WHERE path IN (SELECT path FROM findings)")

    def find_copies(self) -> None:
        """Leave out copies of charts that are good so far."""
        connection = self.db.select("SELECT 1").connection
        for search in (duplicates_by_notes, rate_edits):
            self._leave_out(search(connection))

    def _leave_out(self, found: Iterable[Duplicate]) -> None:
        self.db.fill_temporary(
            "INSERT OR IGNORE INTO findings VALUES (?, ?, ?)",
            ((one.path, one.rule, one.detail) for one in found),
        )
        self.db.select("DELETE FROM good WHERE path IN (SELECT path FROM findings)")

    def decide(self) -> dict[str, str]:
        """Store the decisions; by sound, which of its encodings stands for all of them."""
        songs = _first_of_each(same_songs(self.db.select("SELECT 1").connection))
        with self.db.transaction() as connection:
            connection.execute("DELETE FROM decisions WHERE stage IN (?, ?)", (STAGE, SONGS))
            connection.execute(
                "INSERT INTO decisions SELECT ?, path, rule, detail FROM findings"
                " WHERE path IN (SELECT path FROM facts)",
                (STAGE,),
            )
            connection.executemany(
                "INSERT INTO decisions VALUES (?, ?, ?, ?)",
                [(SONGS, name, SONGS, song) for name, song in songs.items() if name != song],
            )
        return songs

    def kept(self) -> list[str]:
        """Good charts, in the order of the list."""
        found = self.db.select("SELECT path FROM listed JOIN good USING (path) ORDER BY place")
        return [row[0] for row in found]

    def rules(self) -> dict[str, int]:
        """Charts left out, by rule."""
        found = self.db.select("SELECT rule, COUNT(*) FROM findings GROUP BY rule ORDER BY rule")
        return {row[0]: row[1] for row in found}

    def split(
        self,
        before: Mapping[str, str],
        songs: Mapping[str, str],
        fractions: Mapping[str, float],
        salt: str,
    ) -> Split:
        """Share out the good charts."""
        found = self.db.select(
            "SELECT b.path, b.beatmapset, b.audio_hash FROM listed JOIN good USING (path)"
            " JOIN beatmaps b USING (path) ORDER BY place"
        )
        entries = [
            Entry(Path(path), beatmapset, songs.get(sound, sound))
            for path, beatmapset, sound in found
        ]
        known = {Path(path): part for path, part in before.items()}
        return extend_split(entries, known, fractions, salt=salt)


def _first_of_each(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Representative of each name that pairs join: the smallest."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return {name: root(name) for name in list(parent)}


def _write_list(file: Path, charts: Iterable[str]) -> None:
    text = "".join(f"{chart}\n" for chart in charts)
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return
    with atomic_write(file, "w", encoding="utf-8") as handle:
        handle.write(text)
