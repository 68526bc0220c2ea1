"""Provenance of a chart, written into the chart so that osu!'s editor keeps it.

The editor rewrites a file from what it knows: comments, unknown keys and unknown sections are lost,
tags stay. So the record is a word among the tags, `mug:v1:DATA:SUM`. DATA is zlib-compressed JSON
with short keys in base32, small letters, without padding: it holds no character that a format or an
editor treats in its own way, and survives a change of case. SUM is the beginning of its SHA-256.
The same stands in a comment that people can read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import logging
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.errors import BeatmapError, GenerationError
from mug.features import FeatureValue

log = logging.getLogger(__name__)

VERSION = "0.1.0"
"""Of this program; `pyproject.toml` takes it from here."""

WORDS = ("machine-made", "mug-diffusion")
"""Plain words among the tags of every chart that a model of this project made."""

MAX_TAGS = 1000
"""Characters of tags that osu!'s site keeps; the record comes first, so that it is never cut."""

_PREFIX = "mug:v1:"
_COMMENT = "// machine-made by mug-diffusion: "
_MAX_TEXT = 64  # characters of one field
_MAX_TOKEN = 8000  # characters that are looked at
_MAX_JSON = 1 << 16  # bytes; a record has some 500
_SUM = 8  # hexadecimal digits: 1 in 4e9 damaged records passes
_REMEDY = "remedy.take_out_damaged_record"


@dataclass(frozen=True)
class Provenance:
    """Provenance of a chart.

    Args:
        program: name of the program.
        version: of the program.
        model: name or version of the model.
        weights: SHA-256 of the weights, 64 hexadecimal digits; empty where unknown.
        prompt: what was asked for, by feature name.
        negative_prompt: what was to be avoided.
        seed: of the request.
        index: number of the chart within the request, from 0.
        steps: of the sampler.
        sampler: its name.
        guidance: guidance scale; 1 is off.
        timing: where tempo and offset come from, e.g. `detected`, `given` or the name of a file.
        how: what else was not as usual, e.g. `bf16, guided 0.2-0.8`; records made before there was
            such a field have none.
        given: what the model was given in place of entries of the prompt, such as the stars by
            which its charts reach those asked for; left out where there is nothing.

    Raises:
        GenerationError: for values that the record cannot hold.
    """

    program: str = "mug-diffusion"
    version: str = ""
    model: str = ""
    weights: str = ""
    prompt: Mapping[str, FeatureValue] = field(default_factory=dict)
    negative_prompt: Mapping[str, FeatureValue] = field(default_factory=dict)
    seed: int = 0
    index: int = 0
    steps: int = 0
    sampler: str = ""
    guidance: float = 1.0
    timing: str = ""
    how: str = ""
    given: Mapping[str, FeatureValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_values(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Plain containers with readable keys."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        values |= {name: dict(values[name]) for name in _MAPPINGS}
        return {name: value for name, value in values.items() if value or name != "given"}


_SHORT: Mapping[str, str] = {
    "program": "by",
    "version": "v",
    "model": "m",
    "weights": "w",
    "prompt": "p",
    "negative_prompt": "n",
    "seed": "s",
    "index": "i",
    "steps": "k",
    "sampler": "a",
    "guidance": "g",
    "timing": "t",
    "how": "h",
    "given": "c",
}
_LATER = {"how", "h", "given", "c"}
_MAPPINGS = ("prompt", "negative_prompt", "given")


def _check_values(values: Mapping[str, Any]) -> None:
    """Refuse what cannot be written down, or was not written by `stamp`."""
    for name, value in values.items():
        if name in ("seed", "index", "steps"):
            least = -math.inf if name == "seed" else 0
            passes = isinstance(value, int) and not isinstance(value, bool) and value >= least
        elif name in _MAPPINGS:
            passes = isinstance(value, dict) and all(
                _is_text(key) and (_is_text(entry) or _is_number(entry))
                for key, entry in value.items()
            )
        elif name == "weights":
            passes = isinstance(value, str) and bool(re.fullmatch(r"(?:[0-9a-f]{64})?", value))
        else:
            passes = _is_number(value) if name == "guidance" else _is_text(value)
        if not passes:
            raise GenerationError("pipeline.record_cannot_hold", name=name, value=value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_TEXT and value.isprintable()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


# ----------------------------------------------------------------------------- writing


def stamp(beatmap: Beatmap, provenance: Provenance) -> Beatmap:
    """The chart with its record in the tags and in a comment; an older record is replaced.

    Raises:
        GenerationError: when the record alone is longer than tags may be.
    """
    token = _token(provenance)
    own = " ".join((*WORDS, token))
    if len(own) > MAX_TAGS:
        raise GenerationError(
            "pipeline.record_is_too_long",
            most=MAX_TAGS,
            file=beatmap.path,
            value=len(own),
            remedy="remedy.ask_for_fewer_features_or_give",
        )
    words = beatmap.metadata.get("Tags", "").split()
    others = [word for word in words if word not in WORDS and not _is_token(word)]
    tags = " ".join((own, *others))
    if len(tags) > MAX_TAGS:
        log.warning("%s: tags of %d characters; osu! cuts them", beatmap.path, len(tags))
    lines = [text for text in beatmap.comments.get("Metadata", ()) if not text.startswith(_COMMENT)]
    record = json.dumps(provenance.to_dict(), allow_nan=False)
    return replace(
        beatmap,
        metadata={**beatmap.metadata, "Tags": tags},
        comments={**beatmap.comments, "Metadata": (_COMMENT + record, *lines)},
    )


def _token(provenance: Provenance) -> str:
    values = {_SHORT[name]: value for name, value in provenance.to_dict().items()}
    text = json.dumps(values, separators=(",", ":"), allow_nan=False)
    data = base64.b32encode(zlib.compress(text.encode(), 9)).decode().rstrip("=").lower()
    return f"{_PREFIX}{data}:{_sum(data)}"


def _sum(data: str) -> str:
    return hashlib.sha256(data.encode()).hexdigest()[:_SUM]


# ----------------------------------------------------------------------------- reading


def is_machine_made(beatmap: Beatmap) -> bool:
    """Return whether the chart says that a machine made it, with or without a record."""
    words = [word.lower() for word in beatmap.metadata.get("Tags", "").split()]
    return any(word in WORDS or _is_token(word) for word in words) or _comment(beatmap) is not None


def provenance_of(beatmap: Beatmap) -> Provenance | None:
    """Provenance of the chart; None where it has none.

    The record in the tags counts; the comment only where the tags have none.

    Raises:
        BeatmapError: names the file, for a record that is damaged, of a later version of this
            program, or not the only one.
    """
    words = [word.lower() for word in beatmap.metadata.get("Tags", "").split()]
    tokens = list(dict.fromkeys(word for word in words if _is_token(word)))
    if len(tokens) > 1:
        raise _damaged(beatmap, "pipeline.several_records", len(tokens))
    if tokens:
        return _read(beatmap, _unpacked(beatmap, tokens[0]), {s: n for n, s in _SHORT.items()})
    comment = _comment(beatmap)
    if comment is None:
        return None
    return _read(beatmap, comment.encode(), {name: name for name in _SHORT})


def _is_token(word: str) -> bool:
    return re.match(r"mug:v[0-9]+:", word.lower()) is not None


def _comment(beatmap: Beatmap) -> str | None:
    for lines in beatmap.comments.values():
        for line in lines:
            if line.startswith(_COMMENT):
                return line.removeprefix(_COMMENT)
    return None


def _damaged(beatmap: Beatmap, what: str, value: object) -> BeatmapError:
    return BeatmapError(what, file=beatmap.path, value=value, remedy=_REMEDY)


def _unpacked(beatmap: Beatmap, token: str) -> bytes:
    """The JSON in a token."""
    if not token.startswith(_PREFIX):
        version = token.split(":")[1]
        raise BeatmapError(
            "pipeline.record_is_of_later_version",
            file=beatmap.path,
            value=version,
            remedy="remedy.read_with_newer_version_of_program",
        )
    data, _, given = token.removeprefix(_PREFIX).partition(":")
    shown = token if len(token) <= 2 * _MAX_TEXT else f"{token[: 2 * _MAX_TEXT]}…"
    if len(token) > _MAX_TOKEN or _sum(data) != given:
        raise _damaged(beatmap, "pipeline.record_is_damaged", shown)
    try:
        packed = base64.b32decode(data.upper() + "=" * (-len(data) % 8))
        unpacked = zlib.decompressobj().decompress(packed, _MAX_JSON)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise _damaged(beatmap, "pipeline.record_is_damaged", shown) from error
    return unpacked


def _read(beatmap: Beatmap, text: bytes, names: Mapping[str, str]) -> Provenance:
    what = "pipeline.record_is_damaged"
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(beatmap, what, str(error)) from error
    if not isinstance(values, dict) or values.keys() | _LATER & names.keys() != names.keys():
        raise _damaged(beatmap, what, sorted(values) if isinstance(values, dict) else values)
    found = {names[key]: value for key, value in values.items()}
    try:
        _check_values(found)
    except GenerationError as error:
        raise _damaged(beatmap, what, error.value) from error
    return Provenance(**found)
