"""Pieces of HTML that the page shows: status, downloads, report. All text is escaped here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mug.beatmap.formats.registry import CHARTS
from mug.messages.message import Message
from mug.timing.estimate import TimingEstimate
from mug.ui.jobs.files import PICTURE, PLAYER, REPORT, Written
from mug.ui.jobs.folders import Revision
from mug.ui.jobs.queue import Job
from mug.ui.model import PageModel
from mug.ui.page.sentences import sentence
from mug.ui.page.texts import Texts

_VERSION = re.compile(r".*\[(.+)\]( \d+)?\.osu")


def url_of(revision: Revision, name: str) -> str:
    """URL of a file of a revision."""
    return f"/mug/jobs/{revision.key}/{quote(name)}"


_LOGO = (
    '<svg class="mug-logo" viewBox="0 0 32 32" aria-hidden="true">'
    '<rect x="2" y="14" width="6" height="5" rx="2"/>'
    '<rect x="9.5" y="4" width="6" height="18" rx="2"/>'
    '<rect x="17" y="20" width="6" height="5" rx="2"/>'
    '<rect x="24.5" y="9" width="6" height="5" rx="2"/><path d="M1 29.5h30"/></svg>'
)


def head(t: Texts, other: str) -> str:
    """The page's head: name, theme, the other language.

    Args:
        t: the language.
        other: address of the page in the other language; it says that this was chosen, and
            `page/page.js` keeps that.
    """
    theme = escape(t("theme"))
    return (
        f'<header class="mug-head" data-language="{t.language}">{_LOGO}'
        f"<div><h1>{t('name')}</h1><p>{t('tagline')}</p></div><nav>"
        f'<button type="button" data-act="theme" title="{theme}" aria-label="{theme}">◐</button>'
        f'<a href="{other}" data-act="language">{t("other_language")}</a></nav></header>'
    )


def upload_says(zone: str, what: str, kinds: Sequence[str], max_mb: int, t: Texts) -> str:
    """Message below a place for a file that it cannot take; `page/uploads.js` fills it in.

    Args:
        zone: the place's id.
        what: `song` or `chart`.
        kinds: endings of names that it takes.
        max_mb: size that a file may have.
        t: the language.
    """
    names = {"name": "[name]", "size": "[size]"}
    said = {
        "for": zone,
        "bytes": str(max_mb * 2**20),
        "kinds": " ".join(kinds),
        "large": t(f"large_{what}", **names, limit=max_mb, charts=", ".join(CHARTS)),
        "other": t(f"other_{what}", **names, kinds=", ".join(kinds)),
    }
    data = "".join(f' data-{key}="{escape(value)}"' for key, value in said.items())
    return f'<p class="mug-said mug-upload-says" data-kind="bad" role="alert" hidden{data}></p>'


def status(model: PageModel, t: Texts) -> str:
    """Status of the model."""
    state = model.state
    values = {"name": "", "reason": ""}
    if model.checkpoint is not None:
        values["name"] = _model_name(model.checkpoint)
    if model.error is not None:
        values["reason"] = sentence(model.error, t.language)
    text = t(f"model_{state}", **values)
    return f'<p class="mug-status" data-state="{state}" role="status">{escape(text)}</p>'


def _model_name(checkpoint: Path) -> str:
    """The last two names of its path; those of a training run, which has a folder for these."""
    *folders, name = checkpoint.resolve().parts
    return "/".join([*[folder for folder in folders if folder != "checkpoints"][-1:], name])


def waiting(job: Job, place: int, t: Texts) -> str:
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
    return (
        f'<div class="mug-progress" role="progressbar" aria-valuemin="0" aria-valuemax="100"'
        f' aria-valuenow="{100 * share:.0f}"><i style="width:{100 * share:.1f}%"></i></div>'
        f'<p class="mug-said" role="status">{escape(said)}</p>'
    )


def said(text: str, kind: str = "good") -> str:
    """A sentence about what happened: `good`, `bad` or `plain`."""
    role = "alert" if kind == "bad" else "status"
    return f'<p class="mug-said" data-kind="{kind}" role="{role}">{escape(text)}</p>'


def beyond(sentences: Iterable[Message], t: Texts) -> str:
    """Numbers of a prompt that the model clips to its range; empty where there are none.

    Args:
        sentences: of `mug.pipeline.prompt.Prompt.beyond`.
        t: the language.
    """
    found = [one.values for one in sentences]
    parts = [f"{_label(str(v['feature']), t)} {v['asked']:.2f} → {v['heard']:g}" for v in found]
    return said(t("beyond", what=" · ".join(parts)), "plain") if parts else ""


def empty(t: Texts) -> str:
    """Placeholder where charts will be."""
    lanes = "".join(f'<i style="--i:{index}"></i>' for index in range(12))
    return (
        f'<div class="mug-empty"><div class="mug-lanes" aria-hidden="true">{lanes}</div>'
        f"<h3>{escape(t('empty_title'))}</h3><p>{escape(t('empty'))}</p></div>"
    )


def player(revision: Revision, written: Written, t: Texts) -> str:
    """The playable preview, or a sentence instead."""
    if not written.player:
        return said(t("no_preview"), "bad")
    source = escape(url_of(revision, PLAYER))
    return f'<mug-player src="{source}" lang="{t.language}"></mug-player>'


def workbench(revision: Revision, tempo: str, timing: TimingEstimate, t: Texts) -> str:
    """The timing workbench of a revision.

    Args:
        revision: whose charts the player shows.
        tempo: their red lines, as `mug.ui.requests.tempo_text` writes them.
        timing: the readings of the beat.
        t: the language.
    """
    readings = json.dumps([one._asdict() for one in timing.candidates], allow_nan=False)
    return (
        f'<mug-workbench lang="{t.language}" data-key="{escape(revision.key)}"'
        f' data-tempo="{escape(tempo)}" data-readings="{escape(readings)}"></mug-workbench>'
    )


def downloads(revision: Revision, written: Written, t: Texts) -> str:
    """Links to everything that can be taken away, the package first."""
    links = []
    for kind, name in written.files:
        css = "mug-file first" if kind == "osz" else "mug-file"
        head, below = t.file_kind(kind), _short(name)
        version = _VERSION.fullmatch(name)
        if kind == "osu" and version is not None:  # all charts have the song's name in common
            head, below = version[1], head
        links.append(
            f'<a class="{css}" href="{escape(url_of(revision, name))}" download="{escape(name)}"'
            f' title="{escape(name)}"><b>{escape(head)}</b><span>{escape(below)}</span></a>'
        )
    failed = "".join(said(t("failed_part", what=what), "bad") for what in written.failed)
    return f'<div class="mug-files">{"".join(links)}</div>{failed}'


def _short(name: str) -> str:
    return name if len(name) <= 46 else f"{name[:20]} … {name[-22:]}"


def picture(revision: Revision, written: Written, t: Texts) -> str:
    """The static picture."""
    if not written.picture:
        return ""
    source = escape(url_of(revision, PICTURE))
    image = f'<img class="mug-picture" loading="lazy" src="{source}" alt="{escape(t("picture"))}">'
    return f'<a href="{source}" target="_blank">{image}</a>'


def report(revision: Revision, t: Texts) -> str:
    """Table of what was asked and reached, for all charts."""
    found = json.loads((revision.folder / REPORT).read_text(encoding="utf-8"))
    charts: list[Mapping[str, Any]] = found["charts"]
    head = _row("th", [t("feature"), t("asked"), *(chart["difficulty"] for chart in charts)])
    names = dict.fromkeys(entry["feature"] for chart in charts for entry in chart["compared"])
    rows = [_compared(name, charts, t) for name in names]
    rows += [
        _row("td", [t(key), "", *values], key)
        for key, values in _facts(charts, t)
        if key not in names
    ]
    return (
        f'<div class="mug-table" tabindex="0"><table><thead>{head}</thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _compared(name: str, charts: Iterable[Mapping[str, Any]], t: Texts) -> str:
    entries = [
        next((e for e in chart["compared"] if e["feature"] == name), None) for chart in charts
    ]
    asked = list(dict.fromkeys(_value(entry["asked"], t) for entry in entries if entry))
    cells = [_reached(entry, t, each=len(asked) > 1) for entry in entries]
    return _row("td", [_label(name, t), " / ".join(asked), *cells])


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


def _facts(charts: list[Mapping[str, Any]], t: Texts) -> list[tuple[str, list[str]]]:
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


def _row(tag: str, cells: Iterable[str], key: str = "") -> str:
    first, *rest = cells
    inner = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in rest)
    return f'<tr data-key="{key}"><th scope="row">{escape(first)}</th>{inner}</tr>'


def _time(seconds: float, t: Texts) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return t("minutes", time=f"{minutes}:{rest:02d}") if minutes else t("seconds", count=rest)
