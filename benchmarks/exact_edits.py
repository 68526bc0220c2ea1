"""Edit charts at random, and prove that every byte beside the edits stays.

    python benchmarks/exact_edits.py --corpus FOLDER [--edits 20] [--seed 0] [--skip 0] [--every 1]

For each chart of a folder, packages included: without edits the file is the same; after edits the
notes read back are the edited ones, and every unit (line, item, element, measure) without an
edited note has its bytes; taking the edits back gives the file back; doing them again gives the
edited file. Edits that a format cannot hold are refused and counted.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.exact.changes import MovedNote
from mug.beatmap.exact.document import Document, open_chart
from mug.beatmap.exact.files import ExactFile
from mug.beatmap.exact.operations import changes_of, note_from, note_to
from mug.beatmap.formats.registry import CHARTS, PACKAGES, SEVERAL
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.errors import BeatmapError
from mug.util import files_below

SAME_MS = 0.011
REFUSALS = ("chart.row_is_taken", "chart.edit_would_read_otherwise", "chart.no_row_near")
Place = tuple[int, float, float, bool]


@dataclass
class Counts:
    """Counts of one format.

    Args:
        numbers: files, charts, edits and so on, by name.
        failures: what went wrong, in words.
    """

    numbers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def random_edit(beatmap: Beatmap, draw: random.Random) -> dict[str, Any]:
    """Return an operation on notes, at a time that the chart has or at any other."""
    notes = beatmap.hit_objects
    some = draw.sample(range(len(notes)), min(len(notes), draw.randint(1, 4)))
    kind = draw.choice(["add", "delete", "move", "to", "set_end", "mirror", "paste"])
    if kind == "add" or not notes:
        return {"op": "add", "notes": [note_to(_new(beatmap, draw))]}
    if kind == "move":
        by_ms = draw.choice([-500.0, 1.0, 250.0, _time(beatmap, draw) - notes[some[0]].start_ms])
        return {"op": "move", "notes": some, "by_ms": by_ms}
    if kind == "to":
        to = {"column": draw.randrange(beatmap.keys), "start_ms": _time(beatmap, draw)}
        return {"op": "move", "notes": some[:1], "to": [to]}
    if kind == "set_end":
        end = draw.choice([None, notes[some[0]].start_ms + draw.choice([90.0, 250.0, 777.0])])
        return {"op": "set_end", "notes": some[:1], "end_ms": end}
    return _of_several(kind, beatmap, some, draw)


def _of_several(
    kind: str, beatmap: Beatmap, some: list[int], draw: random.Random
) -> dict[str, Any]:
    if kind == "mirror":
        from_ms = _time(beatmap, draw)
        region = {"from_ms": from_ms, "to_ms": from_ms + 4000.0}
        return {"op": "mirror", "notes": draw.choice([some, region])}
    if kind == "paste":
        copied = [note_to(beatmap.hit_objects[index]) for index in some]
        return {"op": "paste", "notes": copied, "at_ms": _time(beatmap, draw)}
    return {"op": "delete", "notes": some}


def _time(beatmap: Beatmap, draw: random.Random) -> float:
    last = max(beatmap.last_ms, 1000.0)
    if beatmap.hit_objects and draw.random() < 0.4:
        return draw.choice(beatmap.hit_objects).start_ms
    if beatmap.red_lines and draw.random() < 0.5:
        red = draw.choice(beatmap.red_lines)
        return float(round(red.time_ms + red.beat_ms * draw.randint(0, 400) / 4))
    return float(draw.randint(0, int(last) + 3000))


def _new(beatmap: Beatmap, draw: random.Random) -> HitObject:
    start, column = _time(beatmap, draw), draw.randrange(beatmap.keys)
    tap = {"column": column, "start_ms": start}
    end = {"end_ms": start + draw.randint(60, 900)} if draw.random() < 0.4 else {}
    return note_from({**tap, **end})


# ------------------------------------------------------------------------------------ proofs


def wrong_notes(
    before: Beatmap, after: Beatmap, edit: dict[str, Any], moved: Sequence[MovedNote]
) -> str:
    """Return what is wrong with the notes after an edit; empty where they are as asked.

    Args:
        before: the chart before it.
        after: the chart as it was read again.
        edit: the operation.
        moved: notes that the format holds elsewhere.
    """
    written = {one.asked: one.written for one in moved}
    changes = changes_of(before, edit)
    gone = {change.index for change in changes}
    wanted = [note for index, note in enumerate(before.hit_objects) if index not in gone]
    wanted += [written.get(c.note, c.note) for c in changes if c.note is not None]
    pairs = zip(sorted(map(_place, wanted)), sorted(map(_place, after.hit_objects)), strict=False)
    if len(wanted) != len(after.hit_objects):
        return f"{len(after.hit_objects)} notes, not {len(wanted)}"
    for one, two in pairs:
        near = abs(one[1] - two[1]) <= SAME_MS and abs(one[2] - two[2]) <= SAME_MS
        if one[0] != two[0] or one[3] != two[3] or not near:
            return f"{two} in the place of {one}"
    return ""


def _place(note: HitObject) -> Place:
    start, end = round(note.start_ms, 3), round(note.last_ms, 3)
    return note.column, start, end, isinstance(note, LongNote)


def changed_beside(
    before: ExactFile, after: ExactFile, number: int, edit: dict[str, Any], kind: str
) -> str:
    """Return the unit without an edited note has other bytes; empty for none."""
    touched = {c.index for c in changes_of(before.charts[number], edit)}
    for chart in range(len(before.charts)):
        old, new = _units(before, chart), _units(after, chart)
        if chart != number:
            if old != new:
                return f"chart {chart} changed"
        elif kind in SEVERAL:
            kept = {note for i, note in enumerate(before.charts[number].hit_objects)}
            for (was, notes), (now, here) in zip(old, new, strict=False):
                fresh = any(after.charts[number].hit_objects[i] not in kept for i in here)
                same_places = len(notes) == len(here) and not fresh and not touched & set(notes)
                if same_places and was != now:
                    return f"measure {was!r} became {now!r}"
        else:
            left = iter([text for text, _ in new])
            for was, notes in old:
                if not touched & set(notes) and was not in left:
                    return f"unit {was!r} is not there any more"
    return _changed_around(before, after)


def _units(file: ExactFile, chart: int) -> list[tuple[bytes, tuple[int, ...]]]:
    return [(file.view.raw(*span).rstrip(b"\r\n\0"), notes) for span, notes in file.units(chart)]


def _changed_around(before: ExactFile, after: ExactFile) -> str:
    """Text before the first unit and behind the last one."""
    sides = []
    for file in (before, after):
        spans = [span for n in range(len(file.charts)) for span, _ in file.units(n)]
        if not spans:
            return ""
        first, last = min(span[0] for span in spans), max(span[1] for span in spans)
        tail = file.view.raw(last, len(file.view.text)).strip(b"\r\n\0")
        sides.append((file.view.data[: file.view.byte(first)], tail))
    return "" if sides[0] == sides[1] else "something around the notes changed"


def try_document(document: Document, data: bytes, draw: random.Random, edits: int) -> Counts:
    """Edit a document, and prove all that is promised."""
    found = Counts()
    if document.data != data:
        found.failures.append("not edited, and yet not the same")
    undo: list[dict[str, Any]] = []
    now = document
    for chart in range(len(document.charts)):
        found.numbers["charts"] += 1
        for _ in range(edits):
            edit = random_edit(now.place(chart).beatmap, draw)
            now = _try_edit(now, {**edit, "chart": chart}, undo, found)
    back = now.apply(undo)
    if document.archive is None and back.document.data != data:
        found.failures.append("taken back, and yet not the same")
    for member, file in document.files.items():
        if back.document.files[member].view.data != file.view.data:
            found.failures.append(f"taken back, and yet not the same: {member}")
    again = back.document.apply(back.undo)
    if again.document.data != now.data:
        found.failures.append("done again, and yet not the same")
    return found


def _try_edit(
    now: Document, edit: dict[str, Any], undo: list[dict[str, Any]], found: Counts
) -> Document:
    place = now.place(edit["chart"])
    edit = json.loads(json.dumps(edit))
    try:
        done = now.apply([edit])
    except BeatmapError as error:
        code = getattr(error.what, "code", "")
        found.numbers["refused"] += 1
        if code not in REFUSALS:
            found.failures.append(f"{edit}: {error}")
        return now
    found.numbers["edits"] += 1
    found.numbers["moved"] += len(done.moved)
    before, after = now.files[place.member], done.document.files[place.member]
    kind = Path(place.member).suffix.lower() or now.kind
    wrong = wrong_notes(place.beatmap, done.document.place(edit["chart"]).beatmap, edit, done.moved)
    wrong = wrong or changed_beside(before, after, place.number, edit, kind)
    if wrong:
        found.failures.append(f"{edit}: {wrong}")
    one = done.document.apply(done.undo).document.files[place.member]
    if one.view.data != before.view.data:
        found.failures.append(f"{edit}: undone, and yet not the same")
    undo[:0] = done.undo
    return done.document


def main() -> int:
    """Try all charts of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of charts and packages")
    parser.add_argument("--edits", type=int, default=20, help="edits a chart (default 20)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skip", type=int, default=0, help="leave out so many files first")
    parser.add_argument("--every", type=int, default=1, help="of the others take each Nth")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no file after so long")
    given = parser.parse_args()
    table: dict[str, Counts] = {}
    known = {*CHARTS, *PACKAGES}
    paths = [path for path in files_below(given.corpus) if path.suffix.lower() in known]
    begun = time.monotonic()
    for path in paths[given.skip :: given.every]:
        if time.monotonic() - begun > given.seconds:
            break
        kind = path.suffix.lower()
        counts = table.setdefault(kind, Counts())
        try:
            document = open_chart(path)
        except BeatmapError:
            counts.numbers["not charts"] += 1
            continue
        counts.numbers["files"] += 1
        draw = random.Random(f"{given.seed} {path.name}")
        found = try_document(document, path.read_bytes(), draw, given.edits)
        counts.numbers.update(found.numbers)
        counts.failures += [f"{path.name}: {one}" for one in found.failures]
    names = ("files", "not charts", "charts", "edits", "refused", "moved")
    for kind, counts in table.items():
        numbers = ", ".join(f"{counts.numbers[name]} {name}" for name in names)
        print(f"{kind}: {numbers}; {len(counts.failures)} failures")
        for failure in counts.failures[:10]:
            print("   ", failure[:600], file=sys.stderr)
    return int(any(counts.failures for counts in table.values()))


if __name__ == "__main__":
    sys.exit(main())
