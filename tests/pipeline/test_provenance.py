"""What made a chart: written, kept by osu!'s editor and by other formats, read back."""

from __future__ import annotations

import dataclasses
import importlib
import json
import logging
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repository import ROOT

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.registry import read_any, write_any
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.errors import BeatmapError, GenerationError
from mug.features import FeatureSchema
from mug.pipeline import provenance as module
from mug.pipeline.provenance import (
    MAX_TAGS,
    VERSION,
    WORDS,
    Provenance,
    is_machine_made,
    provenance_of,
    stamp,
)
from mug.pipeline.request import GenerationRequest
from mug.pipeline.stamp import provenance

SCHEMA = FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml")
MADE = Provenance(
    version="0.1.0",
    model="small",
    weights="0123456789abcdef" * 4,
    prompt={"sr": 4.5, "rc": True, "rank_status": "ranked"},
    negative_prompt={"jackspeed": True},
    seed=123456789,
    index=3,
    steps=50,
    sampler="ddim",
    guidance=5.0,
    timing="detected",
    how="bf16, guided 0.2-0.8",
)
CHART = Beatmap(
    keys=4,
    hit_objects=(Rice(0, 500.0), LongNote(1, 1000.0, 1500.0), Rice(3, 2000.0)),
    timing=(TimingPoint(0.0, 500.0), ScrollPoint(1000.0, 1.5)),
    general={"AudioFilename": "audio.mp3", "Mode": "3"},
    metadata={"Title": "T", "Artist": "A", "Creator": "C", "Version": "V", "Tags": "jazz trio"},
    difficulty={"CircleSize": "4"},
)

_EDITOR = {
    "General": "AudioFilename AudioLeadIn PreviewTime Countdown SampleSet StackLeniency Mode",
    "Editor": "Bookmarks DistanceSpacing BeatDivisor GridSize TimelineZoom",
    "Metadata": "Title TitleUnicode Artist ArtistUnicode Creator Version Source Tags BeatmapID"
    " BeatmapSetID",
    "Difficulty": "HPDrainRate CircleSize OverallDifficulty ApproachRate SliderMultiplier"
    " SliderTickRate",
}


def saved_by_the_editor(text: str) -> str:
    """What osu!'s editor leaves of a file: known keys in its own order, nothing else."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            lines = sections.setdefault(line[1:-1], [])
        elif line and not line.startswith("//"):
            lines.append(line)
    out = ["osu file format v14"]
    for name, keys in _EDITOR.items():
        values = dict(map(str.strip, line.split(":", 1)) for line in sections.get(name, []))
        space = "" if name in ("Metadata", "Difficulty") else " "
        rows = [f"{key}:{space}{values.get(key, '')}" for key in keys.split()]
        out += ["", f"[{name}]", *(row for row in rows if not row.endswith((":", ": ")))]
    out += ["", "[Events]", "//Background and Video events", "//Break Periods"]
    for name in ("TimingPoints", "HitObjects"):
        place = 2 if name == "HitObjects" else 0
        out += ["", f"[{name}]"]
        out += sorted(sections[name], key=lambda row, i=place: float(row.split(",")[i]))
    return "\r\n".join(out) + "\r\n"


def test_the_editor_keeps_the_record() -> None:
    text = osu.format(stamp(CHART, MADE)).replace("[General]", "[General]\nMuGVersion: 1")
    saved = saved_by_the_editor(text + "\n[MuG]\nanything\n")
    assert "MuG" not in saved.replace("mug", "")
    assert '"seed"' in text
    assert '"seed"' not in saved
    again = osu.parse(saved)
    assert again.comments == {}
    assert provenance_of(again) == MADE
    assert again.metadata["Tags"].endswith(" jazz trio")
    assert set(WORDS) <= set(again.metadata["Tags"].split())
    for change in (str.lower, str.upper):
        assert provenance_of(_tagged(change(again.metadata["Tags"]))) == MADE


def test_other_keys_order_and_notes_stay() -> None:
    made = stamp(CHART, MADE)
    assert list(made.metadata) == list(CHART.metadata)
    assert replace(made, metadata=CHART.metadata, comments={}) == CHART
    assert osu.parse(osu.format(made)) == made


def test_the_comment_can_be_read_and_stands_in_where_tags_are_lost() -> None:
    made = stamp(replace(CHART, comments={"Metadata": ("// by hand",)}), MADE)
    comment, other = made.comments["Metadata"]
    assert other == "// by hand"
    assert json.loads(comment.partition(": ")[2]) == MADE.to_dict()
    bare = osu.parse(osu.format(replace(made, metadata=CHART.metadata)))
    assert provenance_of(bare) == MADE
    assert is_machine_made(bare)


def test_a_chart_without_a_record_has_none() -> None:
    assert provenance_of(CHART) is None
    assert not is_machine_made(CHART)
    words = _tagged("x machine-made y")
    assert provenance_of(words) is None
    assert is_machine_made(words)


def test_stamping_again_replaces_the_record() -> None:
    later = replace(MADE, seed=2)
    twice = stamp(stamp(CHART, MADE), later)
    assert provenance_of(twice) == later
    assert twice == stamp(CHART, later)


numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63)
texts = st.text(max_size=64).filter(str.isprintable)
prompts = st.dictionaries(
    st.sampled_from(SCHEMA.names),
    numbers | st.booleans() | st.sampled_from(["ranked", "loved"]),
    max_size=12,
)


@settings(max_examples=15, deadline=None)
@given(
    st.builds(
        Provenance,
        version=texts,
        weights=st.just("") | st.binary(min_size=32, max_size=32).map(bytes.hex),
        prompt=prompts,
        negative_prompt=prompts,
        seed=st.integers(-(2**63), 2**63 - 1),
        index=st.integers(0, 63),
        steps=st.integers(0, 1000),
        sampler=st.sampled_from(["ddim", "plms"]),
        guidance=st.floats(0, 100),
        timing=st.sampled_from(["detected", "given"]),
    )
)
def test_every_record_is_read_back(made: Provenance) -> None:
    read = osu.parse(saved_by_the_editor(osu.format(stamp(CHART, made))))
    assert provenance_of(read) == made
    assert len(" ".join(read.metadata["Tags"].split()[:3])) <= MAX_TAGS


def test_the_largest_prompt_of_the_schema_fits() -> None:
    values: dict[str, Any] = {}
    for place, feature in enumerate(SCHEMA.features):
        number = round(5 + 30 / (place + 1.7), 4)
        kinds = {"numeric": number, "bool": place % 3 > 0}
        values[feature.name] = kinds.get(feature.kind, "graveyard")
    largest = replace(
        MADE, prompt=values, negative_prompt=values, seed=2**62 + 12345, model="m" * 64
    )
    assert len(stamp(replace(CHART, metadata={}), largest).metadata["Tags"]) < 0.8 * MAX_TAGS


def test_what_is_too_long_is_refused_or_said(caplog: pytest.LogCaptureFixture) -> None:
    noise = {f"feature {i} {i**17 % 9973}": i / 7 for i in range(90)}
    with pytest.raises(GenerationError, match="more than 1000"):
        stamp(CHART, replace(MADE, prompt=noise))
    with caplog.at_level(logging.WARNING):
        long = stamp(_tagged("word " * 200), MADE)
    assert "osu! cuts them" in caplog.text
    cut = _tagged(long.metadata["Tags"][:MAX_TAGS])
    assert provenance_of(cut) == MADE  # the record stands first


@pytest.mark.parametrize("place", [7, 12, 100, 200, -9, -1])
def test_damage_is_found_and_the_file_named(place: int) -> None:
    tags = stamp(CHART, MADE).metadata["Tags"].split()
    token = tags[2]
    letter = "a" if token[place] != "a" else "b"
    changed = token[:place] + letter + token[place:][1:]
    for word in (changed, token[:place]):
        chart = replace(_tagged(f"{tags[0]} {word}"), path=Path("some.osu"))
        with pytest.raises(BeatmapError, match=r"some\.osu.*damaged"):
            provenance_of(chart)
        assert is_machine_made(chart)


def _tagged(tags: str) -> Beatmap:
    return replace(CHART, metadata={**CHART.metadata, "Tags": tags})


def _token_of(text: bytes) -> str:
    import base64
    import zlib

    data = base64.b32encode(zlib.compress(text)).decode().rstrip("=").lower()
    return f"mug:v1:{data}:{module._sum(data)}"


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ("mug:v2:abc:def", "later version"),
        (_token_of(b"[]"), "damaged"),
        (_token_of(b"{}"), "damaged"),
        (_token_of(b"{" * 5000), "damaged"),
        (_token_of(b" " * 10_000_000), "damaged"),
        ("mug:v1:!!:" + module._sum("!!"), "damaged"),
        ("mug:v1:aaaa:" + module._sum("aaaa"), "damaged"),
        ("mug:v1:" + "a" * 10000, "damaged"),
    ],
)
def test_hostile_records_are_refused(tags: str, said: str) -> None:
    with pytest.raises(BeatmapError, match=said) as caught:
        provenance_of(_tagged(tags))
    assert len(str(caught.value)) < 600


def test_values_of_the_wrong_kind_are_refused() -> None:
    good = {module._SHORT[name]: value for name, value in MADE.to_dict().items()}
    assert provenance_of(_tagged(_token_of(json.dumps(good).encode()))) == MADE
    for key, wrong in (("s", "1"), ("g", "x"), ("p", []), ("w", "abc"), ("v", 5), ("i", -1)):
        bad = _token_of(json.dumps({**good, key: wrong}).encode())
        with pytest.raises(BeatmapError, match="damaged"):
            provenance_of(_tagged(bad))
    with pytest.raises(BeatmapError, match="several"):
        provenance_of(_tagged(f"{_token_of(b'[]')} {_token_of(b'{}')}"))
    with pytest.raises(GenerationError, match="weights"):
        replace(MADE, weights="ABC")


def test_records_from_before_a_field_are_read() -> None:
    older = {module._SHORT[name]: value for name, value in MADE.to_dict().items() if name != "how"}
    found = provenance_of(_tagged(_token_of(json.dumps(older).encode())))
    assert found == replace(MADE, how="")


def test_every_field_is_recorded() -> None:
    assert set(module._SHORT) == {entry.name for entry in dataclasses.fields(Provenance)}
    assert len(set(module._SHORT.values())) == len(module._SHORT)


@pytest.mark.parametrize("suffix", [".osu", ".osz", ".qua", ".qp", ".mc", ".mcz", ".ssc", ".sm"])
def test_other_formats_carry_the_record(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"chart{suffix}"
    write_any([stamp(CHART, MADE)], path)
    (read,) = read_any(path)
    assert provenance_of(read) == MADE
    back = tmp_path / "back.osu"
    write_any([read], back)
    assert provenance_of(osu.read(back)) == MADE


@pytest.mark.parametrize("suffix", [".osz", ".qp", ".mcz", ".ssc"])
def test_each_chart_of_a_set_keeps_its_own(tmp_path: Path, suffix: str) -> None:
    made = [replace(MADE, index=i, prompt={"sr": 2.0 + i}) for i in range(3)]
    charts = [
        stamp(replace(CHART, metadata={**CHART.metadata, "Version": f"V{i}"}), record)
        for i, record in enumerate(made)
    ]
    path = tmp_path / f"set{suffix}"
    write_any(charts, path)
    found = [provenance_of(chart) for chart in read_any(path)]
    assert sorted(found, key=lambda record: record.index if record else -1) == made


def test_the_version_is_known_and_stands_in_one_place(tiny_model) -> None:
    root = ROOT
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    attribute = project["tool"]["setuptools"]["dynamic"]["version"]["attr"]
    assert "version" in project["project"]["dynamic"]
    owner, name = attribute.rsplit(".", 1)
    assert getattr(importlib.import_module(owner), name) == VERSION
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
    assert f"\nversion: {VERSION}\n" in (root / "CITATION.cff").read_text("utf-8")
    request = GenerationRequest(Path("song.ogg"), {"sr": 3.0})
    assert provenance(tiny_model, request, prompt={}, index=0).version == VERSION
