"""Lists of beatmapsets from the osu! API: what is ranked, and what ranked mappers left unranked.

Each page is journalled beside the result when it has come, so that a stopped run goes on where it
was. The result itself appears whole, at the end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mug.errors import DataError
from mug.files import append_lines, atomic_write
from mug.prepare.osu_api import NotFoundError, OsuApi
from mug.util import nearest

MODES: Mapping[str, int] = {"osu": 0, "taiko": 1, "fruits": 2, "mania": 3}
STATUSES = ("ranked", "loved", "qualified", "pending", "graveyard")
_PAGE = 50
_GONE = "gone"

Progress = Callable[[int], None]


@dataclass
class Stream:
    """State of one list so far.

    Args:
        items: plain values.
        cursor: what asks for the next page; empty for the first.
        done: whether there is none.
    """

    items: list[Any] = field(default_factory=list)
    cursor: str = ""
    done: bool = False


class Journal:
    """Pages that have come, one JSON line each; it survives a crash at any point.

    Args:
        path: the file; made if need be.
        query: what is asked for; a journal of another question is refused.

    Raises:
        DataError: for a file that is no journal, or one of another query.
    """

    def __init__(self, path: Path, query: Mapping[str, Any]) -> None:
        self.path, self._streams = path, dict[str, Stream]()
        lines = _whole_lines(path)
        if lines and lines[0] != {"query": dict(query)}:
            raise DataError(
                "prepare.journal_of_another_command",
                file=path,
                value=lines[0],
                remedy="remedy.finish_one_or_delete_file",
            )
        for line in lines[1:]:
            self._take(line["stream"], line["items"], line["cursor"], done=line["done"])
        if not lines:
            self._append({"query": dict(query)})

    def __getitem__(self, name: str) -> Stream:
        return self._streams.setdefault(name, Stream())

    def add(self, name: str, items: Sequence[Any], cursor: str, *, done: bool) -> None:
        """Add a page for good."""
        self._append({"stream": name, "items": list(items), "cursor": cursor, "done": done})
        self._take(name, items, cursor, done=done)

    def remove(self) -> None:
        """Delete the file: the result is written."""
        self.path.unlink(missing_ok=True)

    def _take(self, name: str, items: Sequence[Any], cursor: str, *, done: bool) -> None:
        stream = self[name]
        stream.items += items
        stream.cursor, stream.done = cursor, done

    def _append(self, line: Mapping[str, Any]) -> None:
        append_lines(self.path, [json.dumps(line)])


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    """Lines of a journal; one that a crash cut off is taken off the file."""
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data.rpartition(b"\n")[0] + b"\n" if b"\n" in data else b""
    try:
        lines = [json.loads(line) for line in whole.splitlines()]
    except ValueError:
        lines = [None]
    wanted = [{"query"}] + [{"stream", "items", "cursor", "done"}] * (len(lines) - 1)
    for line, keys in zip(lines, wanted, strict=False):
        if not isinstance(line, dict) or set(line) != keys:
            raise DataError(
                "prepare.not_a_journal", file=path, remedy="remedy.delete_to_begin_again"
            )
    if len(whole) < len(data):
        with path.open("r+b") as handle:
            handle.truncate(len(whole))
    return lines


@dataclass(frozen=True)
class Fetched:
    """Numbers of a finished run.

    Args:
        sets: beatmapsets in the result.
        mappers: that were looked into.
        gone: mappers that the server no longer knows.
    """

    sets: int
    mappers: int = 0
    gone: int = 0


def fetch_ranked(
    api: OsuApi,
    out: Path,
    *,
    mode: int = 3,
    statuses: Sequence[str] = ("ranked", "loved"),
    progress: Progress | None = None,
) -> Fetched:
    """Write `id status` lines for all beatmapsets of these states, by id.

    Raises:
        DataError: for an unknown state or mode, or when the server fails for good.
    """
    for status in statuses:
        if status not in STATUSES:
            raise DataError(
                "prepare.no_such_status", value=status, remedy=nearest(status, STATUSES)
            )
    if mode not in MODES.values():
        raise DataError("prepare.no_such_mode", value=mode, remedy="remedy.mania_is_3")
    query = {"what": "ranked", "mode": mode, "statuses": list(statuses)}
    journal = Journal(_journal_of(out), query)
    found: dict[int, str] = {}
    for status in statuses:
        for beatmapset in _search(api, journal, status, mode, lambda s: [s["id"], s["status"]]):
            found[beatmapset[0]] = beatmapset[1]
            if progress:
                progress(len(found))
    with atomic_write(out, "w", encoding="utf-8") as handle:
        handle.writelines(f"{number} {status}\n" for number, status in sorted(found.items()))
    journal.remove()
    return Fetched(len(found))


def is_list(path: Path) -> bool:
    """Tell a list that was made here before: numbers of beatmapsets, alone or with their states."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return all(re.fullmatch(r"\d+( [a-z]+)?", line) for line in lines)


def fetch_graveyard_of_ranked_mappers(
    api: OsuApi,
    out: Path,
    *,
    keys: int = 4,
    min_plays: int = 50,
    progress: Progress | None = None,
) -> Fetched:
    """Write the ids of graveyard sets of mappers that have a ranked mania set, one a line.

    Args:
        api: where from.
        out: the list to write.
        keys: columns that a chart of the set must have.
        min_plays: how often the set must have been played.
        progress: called with the number of mappers that are done.

    Raises:
        DataError: when the server fails for good.
    """
    query = {"what": "graveyard", "keys": keys, "min_plays": min_plays}
    journal = Journal(_journal_of(out), query)
    mappers = sorted(set(_search(api, journal, "ranked", MODES["mania"], lambda s: s["user_id"])))
    found: set[int] = set()
    for index, mapper in enumerate(mappers):
        found.update(_graveyard(api, journal, mapper, keys, min_plays))
        if progress:
            progress(index + 1)
    with atomic_write(out, "w", encoding="utf-8") as handle:
        handle.writelines(f"{number}\n" for number in sorted(found))
    gone = sum(journal[f"user {mapper}"].cursor == _GONE for mapper in mappers)
    journal.remove()
    return Fetched(len(found), len(mappers), gone)


def _journal_of(out: Path) -> Path:
    return out.with_name(f"{out.name}.journal")


def _search(
    api: OsuApi,
    journal: Journal,
    status: str,
    mode: int,
    part: Callable[[Mapping[str, Any]], Any],
) -> Iterator[Any]:
    """A part of each beatmapset of a state; pages that are journalled are not asked for again."""
    stream = journal[f"search {status}"]
    yield from stream.items
    while not stream.done:
        params: dict[str, str | int] = {
            "m": mode,
            "s": status,
            "sort": "ranked_asc",
            "nsfw": "true",
        }
        if stream.cursor:
            params["cursor_string"] = stream.cursor
        answer = api.get("beatmapsets/search", params)
        sets = _beatmapsets(answer.get("beatmapsets") if isinstance(answer, dict) else None)
        cursor = answer.get("cursor_string") or ""
        if cursor and cursor == stream.cursor:
            raise DataError("prepare.server_gives_same_page_again", value=f"search {status}")
        items = [part(beatmapset) for beatmapset in sets]
        journal.add(f"search {status}", items, cursor, done=not cursor or not sets)
        yield from items


def _graveyard(
    api: OsuApi, journal: Journal, mapper: int, keys: int, min_plays: int
) -> Iterator[int]:
    """Ids of a mapper's graveyard sets that qualify."""
    name = f"user {mapper}"
    stream = journal[name]
    yield from stream.items
    while not stream.done:
        offset = int(stream.cursor or 0)
        params: dict[str, str | int] = {"limit": _PAGE, "offset": offset}
        try:
            answer = api.get(f"users/{mapper}/beatmapsets/graveyard", params)
        except NotFoundError:
            journal.add(name, [], _GONE, done=True)  # an account that was closed
            return
        sets = _beatmapsets(answer)
        items = [s["id"] for s in sets if _qualifies(s, keys, min_plays)]
        # The server may give fewer than asked for before the end: only an empty page is the end.
        journal.add(name, items, str(offset + len(sets)), done=not sets)
        yield from items


def _beatmapsets(value: Any) -> list[Mapping[str, Any]]:
    """Check what is read of each beatmapset."""
    kinds = {"id": int, "user_id": int, "status": str}
    if not isinstance(value, list):
        raise DataError("prepare.server_answer_holds_no_list", value=repr(value)[:80])
    for entry in value:
        for key, kind in kinds.items():
            if not isinstance(entry, dict) or not isinstance(entry.get(key), kind):
                raise DataError("prepare.beatmapset_has_no", key=key, value=repr(entry)[:80])
    return value


def _qualifies(beatmapset: Mapping[str, Any], keys: int, min_plays: int) -> bool:
    if not (beatmapset.get("play_count") or 0) >= min_plays:
        return False
    return any(
        chart.get("mode_int") == MODES["mania"] and chart.get("cs") == keys
        for chart in beatmapset.get("beatmaps") or ()
    )
