"""Pieces of HTML that the page shows: status, downloads, report."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from mug.beatmap.formats.registry import CHARTS
from mug.messages.message import Message
from mug.render.html import fragment
from mug.timing.estimate import TimingEstimate
from mug.ui.jobs.files import PICTURE, PLAYER, REPORT, Written
from mug.ui.jobs.folders import Revision
from mug.ui.jobs.job import Job
from mug.ui.model import PageModel
from mug.ui.page.sentences import sentence
from mug.ui.page.texts import Texts

_VERSION = re.compile(r".*\[(.+)\]( \d+)?\.osu")


def url_of(revision: Revision, name: str) -> str:
    """URL of a file of a revision."""
    return f"/mug/jobs/{revision.key}/{quote(name)}"


def head(t: Texts, other: str) -> Markup:
    """The page's head: name, theme, the other language.

    Args:
        t: the language.
        other: address of the page in the other language; it says that this was chosen, and
            `page/page.js` keeps that.
    """
    return _fragment("head", t=t, other=other)


def title(text: str) -> Markup:
    """A heading of a tab."""
    return _fragment("title", text=text)


def legend(text: str) -> Markup:
    """A heading of a group of controls."""
    return _fragment("legend", text=text)


def hint(text: str) -> Markup:
    """A sentence that explains controls."""
    return _fragment("hint", text=text)


def region(t: Texts) -> Markup:
    """Fields of the selected part; `page/regions.js` fills it in."""
    return _fragment("region", t=t)


def upload_says(zone: str, what: str, kinds: Sequence[str], max_mb: int, t: Texts) -> Markup:
    """Message below a place for a file that it cannot take; `page/uploads.js` fills it in.

    Args:
        zone: the place's id.
        what: `song` or `chart`.
        kinds: endings of names that it takes.
        max_mb: size that a file may have.
        t: the language.
    """
    names = {"name": "[name]", "size": "[size]"}
    return _fragment(
        "upload_says",
        zone=zone,
        bytes=max_mb * 2**20,
        kinds=" ".join(kinds),
        large=t(f"large_{what}", **names, limit=max_mb, charts=", ".join(CHARTS)),
        other=t(f"other_{what}", **names, kinds=", ".join(kinds)),
    )


def status(model: PageModel, t: Texts) -> Markup:
    """Status of the model."""
    state = model.state
    values = {"name": "", "reason": ""}
    if model.checkpoint is not None:
        values["name"] = model.name
    if model.error is not None:
        values["reason"] = sentence(model.error, t.language)
    text = t(f"model_{state}", **values)
    return _fragment("status", state=state, text=text)


def waiting(job: Job, place: int, t: Texts) -> Markup:
    """Progress of a job, as a bar with a sentence."""
    share, said = 0.0, t("preparing")
    if job.stage == "waiting":
        said = t("waiting", place=place)
    elif job.stage == "running" and job.total:
        share = job.done / job.total
        said = t("running", done=job.done, total=job.total)
        left = job.seconds_left
        if job.done >= job.total:
            said = t("finishing")
        elif left is not None:
            said += " · " + t("left", time=_time(left, t))
    now, width = f"{100 * share:.0f}", f"{100 * share:.1f}%"
    return _fragment("waiting", now=now, width=width, text=said)


def said(text: str, kind: str = "good") -> Markup:
    """A sentence about what happened: `good`, `bad` or `plain`."""
    role = "alert" if kind == "bad" else "status"
    return _fragment("said", text=text, kind=kind, role=role)


def beyond(sentences: Iterable[Message], t: Texts) -> Markup:
    """Numbers of a prompt that the model clips to its range; empty where there are none.

    Args:
        sentences: of `mug.pipeline.prompt.Prompt.beyond`.
        t: the language.
    """
    found = [one.values for one in sentences]
    parts = [f"{_label(str(v['feature']), t)} {v['asked']:.2f} → {v['heard']:g}" for v in found]
    return said(t("beyond", what=" · ".join(parts)), "plain") if parts else Markup("")


def notices(messages: Iterable[Message], t: Texts) -> Markup:
    """Sentences on features that the model was not trained on, in red."""
    parts = []
    for message in messages:
        parts.append(said(_labelled(message, t).text(t.language), "bad"))
    return Markup("").join(parts)


def empty(t: Texts) -> Markup:
    """Placeholder where charts will be."""
    return _fragment("empty", t=t, lanes=12)


def player(revision: Revision, written: Written, t: Texts) -> Markup:
    """The playable preview, or a sentence instead."""
    if not written.player:
        return said(t("no_preview"), "bad")
    return _fragment("player", source=url_of(revision, PLAYER), language=t.language)


def workbench(revision: Revision, tempo: str, timing: TimingEstimate, t: Texts) -> Markup:
    """The timing workbench of a revision.

    Args:
        revision: whose charts the player shows.
        tempo: their red lines, as `mug.ui.requests.tempo_text` writes them.
        timing: the readings of the beat.
        t: the language.
    """
    readings = json.dumps([one._asdict() for one in timing.candidates], allow_nan=False)
    return _fragment(
        "workbench", language=t.language, key=revision.key, tempo=tempo, readings=readings
    )


def downloads(revision: Revision, written: Written, t: Texts) -> Markup:
    """Link to everything that can be taken away, the package first."""
    links = []
    for kind, name in written.files:
        css = "mug-file first" if kind == "osz" else "mug-file"
        head, below = t.file_kind(kind), _short(name)
        version = _VERSION.fullmatch(name)
        if kind == "osu" and version is not None:  # all charts have the song's name in common
            head, below = version[1], head
        address = url_of(revision, name)
        links.append({"css": css, "address": address, "name": name, "head": head, "below": below})
    failed = [t("failed_part", what=what) for what in written.failed]
    return _fragment("downloads", links=links, failed=failed)


def _short(name: str) -> str:
    return name if len(name) <= 46 else f"{name[:20]} … {name[-22:]}"


def picture(revision: Revision, written: Written, t: Texts) -> Markup:
    """The static picture."""
    if not written.picture:
        return Markup("")
    return _fragment("picture", source=url_of(revision, PICTURE), alt=t("picture"))


def report(revision: Revision, t: Texts) -> Markup:
    """Table of what was asked and reached, for all charts."""
    found = json.loads((revision.folder / REPORT).read_text(encoding="utf-8"))
    charts: list[Mapping[str, Any]] = found["charts"]
    head = [t("feature"), t("asked"), *(chart["difficulty"] for chart in charts)]
    names = dict.fromkeys(entry["feature"] for chart in charts for entry in chart["compared"])
    rows = [("", _compared(name, charts, t)) for name in names]
    given = [(chart.get("given") or {}).get("sr") for chart in charts]
    if any(stars is not None for stars in given):
        cells = ["" if stars is None else _value(float(stars), t) for stars in given]
        rows.append(("given_stars", [t("given_stars"), "", *cells]))
    rows += [
        (key, [t(key), "", *values]) for key, values in _report_rows(charts, t) if key not in names
    ]
    notices = found.get("timing", {}).get("notices", ())
    timing = [said(Message.from_plain(kept).text(t.language), "bad") for kept in notices]
    return Markup("").join(timing) + _missed(charts, t) + _fragment("report", head=head, rows=rows)


def _missed(charts: Iterable[Mapping[str, Any]], t: Texts) -> Markup:
    """Charts that miss what was asked for, each in red."""
    parts = []
    for chart in charts:
        if chart.get("missed_stars"):
            (stars,) = (one for one in chart["compared"] if one["feature"] == "sr")
            values = {name: f"{stars[name] or 0:.2f}" for name in ("asked", "reached")}
            parts.append(said(t("stars_missed", chart=chart["difficulty"], **values), "bad"))
        for kept in chart.get("missed", ()):
            text = _labelled(Message.from_plain(kept), t).text(t.language)
            parts.append(said(f"{chart['difficulty']}: {text}", "bad"))
    return Markup("").join(parts)


def _labelled(message: Message, t: Texts) -> Message:
    """A message with the feature as the page calls it."""
    label = _label(str(message.values["feature"]), t)
    return Message(message.code, **{**message.values, "feature": label})


def _compared(name: str, charts: Iterable[Mapping[str, Any]], t: Texts) -> list[str]:
    entries = [
        next((e for e in chart["compared"] if e["feature"] == name), None) for chart in charts
    ]
    asked = list(dict.fromkeys(_value(entry["asked"], t) for entry in entries if entry))
    cells = [_reached(entry, t, each=len(asked) > 1) for entry in entries]
    return [_label(name, t), " / ".join(asked), *cells]


def _reached(entry: Mapping[str, Any] | None, t: Texts, *, each: bool) -> str:
    """Value of a chart, with its distance from what was asked, or, in a spread, what was asked."""
    if entry is None:
        return ""
    text = _value(entry["reached"], t)
    if each:
        return t("of_asked", reached=text, asked=_value(entry["asked"], t))
    if "difference" in entry:
        text += f" ({entry['difference']:+.2f})".replace("-", "−")
    return text


def _label(name: str, t: Texts) -> str:
    skill = name.removesuffix("_ett")
    if name not in (skill, "ett"):
        return f"{t(skill)} MSD"
    try:
        return t(name)
    except KeyError:
        return name


def _report_rows(charts: list[Mapping[str, Any]], t: Texts) -> list[tuple[str, list[str]]]:
    reached = [chart["reached"] for chart in charts]
    return [
        ("sr", [_value(one.get("sr"), t) for one in reached]),
        ("notes", [str(one["notes"]) for one in reached]),
        ("long_notes", [str(one["long_notes"]) for one in reached]),
        ("density", [
            f"{one['notes_per_second']['mean']:.1f} / {one['notes_per_second']['peak']:.1f}"
            for one in reached
        ]),
        ("findings", [str((chart["findings"] or {}).get("total", "–")) for chart in charts]),
        ("mended", [str(_count_fixes(chart["changes"])) for chart in charts]),
        ("score", [f"{chart['score']['total']:.2f}" for chart in charts]),
        ("seed_used", [str(chart["seed"]) for chart in charts]),
    ]  # fmt: skip


def _count_fixes(changes: Mapping[str, int]) -> int:
    return sum(changes.get(kind, 0) for kind in ("moved", "shortened", "removed"))


def _value(value: object, t: Texts) -> str:
    if value is None:
        return t("unknown")
    if isinstance(value, bool):
        return t("yes") if value else t("no")
    if isinstance(value, str) and value in ("ranked", "loved", "graveyard"):
        return t(value)
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _time(seconds: float, t: Texts) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return t("minutes", time=f"{minutes}:{rest:02d}") if minutes else t("seconds", count=rest)


def _fragment(macro: str, **values: object) -> Markup:
    return fragment("mug.ui.page/fragments.html", macro, **values)
