"""Hostile files: a clear error or a valid chart, in bounded time and memory."""

from __future__ import annotations

import math
import random
import re
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks import fuzz
from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.limits import MAX_BYTES
from mug.beatmap.formats.loss_report import LossReport
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.formats.registry import CHARTS, FORMATS, encode, read_any, read_chart
from mug.beatmap.timing_points import ScrollPoint, TimingPoint
from mug.errors import BeatmapError

SEEDS = {suffix: data.decode().replace("\r\n", "\n") for suffix, data in fuzz.good_charts().items()}
PARSERS: dict[str, Callable[[str], object]] = {
    suffix: partial(format_.parse, path=None, losses=LossReport())
    for suffix, format_ in FORMATS.items()
}
NASTY = [
    *("0", "-1", "1e308", "-1e308", "1e-308", "nan", "NaN", ".nan", "inf", "-inf", ".inf"),
    *("Infinity", "99999999999999999999", "1e999", "-0", "0.1e-400", "9" * 500, "", " ", "\x00"),
    *("-", "[", "]", "{", "}", ":", ";", "#", ",", "=", "\n", "&a", "*a", "!!python/x", "\\", "//"),
    *("[0,0,0]", "[1,2]", "null", "true", "\ud7ff", "\u2028", "\r", "%", "|", ">", "@", "`", "~"),
]


def valid(beatmap: Beatmap) -> None:
    """A chart that can be used: finite times in order, columns that exist, beats that last."""
    assert 1 <= beatmap.keys <= 18
    for note in beatmap.hit_objects:
        assert 0 <= note.column < beatmap.keys
        assert math.isfinite(note.start_ms)
        assert math.isfinite(note.last_ms)
        assert note.last_ms >= note.start_ms
    for point in beatmap.timing:
        assert math.isfinite(point.time_ms)
        value = point.beat_ms if isinstance(point, TimingPoint) else point.velocity
        assert math.isfinite(value)
        assert isinstance(point, ScrollPoint) or value > 0
        assert point.meter >= 1
    with suppress(BeatmapError):  # what can be read can be written, or says why not
        encode([beatmap], ".osu", LossReport())


def survives(suffix: str, text: str) -> None:
    """The whole promise for one text."""
    refusal = ""
    found: object = []
    try:
        found = PARSERS[suffix](text)
    except BeatmapError as error:
        refusal = str(error)
    assert len(refusal) < 5000
    for beatmap in found if isinstance(found, list) else [found]:
        assert isinstance(beatmap, Beatmap)
        valid(beatmap)


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """A good file with some places overwritten, cut out, doubled or swapped for nasty values."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 12))
        kind = draw(st.sampled_from(["nasty", "cut", "double", "text", "end"]))
        pieces = {"cut": "", "end": "", "double": text[at : at + length] * 2}
        if kind in ("nasty", "text"):
            piece = draw(st.sampled_from(NASTY) if kind == "nasty" else st.text(max_size=6))
        else:
            piece = pieces[kind]
        text = text[:at] + piece + ("" if kind == "end" else text[at + length :])
    return text


def _numbers(text: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(r"-?[0-9]+(?:\.[0-9]+)?", text)]


@pytest.mark.parametrize("suffix", CHARTS)
def test_mutated_files(suffix: str) -> None:
    @settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
    @given(mutated(SEEDS[suffix]))
    def check(text: str) -> None:
        survives(suffix, text)

    check()


@pytest.mark.parametrize("suffix", CHARTS)
def test_every_number_made_nasty(suffix: str) -> None:
    """Values outside all bounds, each in many places of a good file."""
    text = SEEDS[suffix]
    spans = _numbers(text)
    values = ("1e308", "-1e308", "nan", "-inf", "0", "-5", "1e12", "3000000000", "9" * 400)
    step = max(len(spans) // 12, 1)
    for begin, end in spans[::step]:
        for value in values:
            survives(suffix, text[:begin] + value + text[end:])


def test_files_and_packages_with_pieces_of_each_other() -> None:
    """The short form of `benchmarks/fuzz.py`: what is read is usable, what is written is read."""
    outcome = fuzz.run(120, seed=1, written_share=1.0)
    assert outcome.failures == []
    assert outcome.counts["read"] > 30
    assert outcome.counts["refused"] > 10
    assert outcome.counts["written and read"] > 100


@pytest.mark.parametrize("suffix", CHARTS)
def test_any_text_at_all(suffix: str) -> None:
    @settings(max_examples=40, deadline=None)
    @given(st.text(max_size=200))
    def check(text: str) -> None:
        survives(suffix, text)

    check()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(CHARTS), st.binary(max_size=300), st.integers(0, 10**6))
def test_any_bytes_at_all(tmp_path: Path, suffix: str, junk: bytes, at: int) -> None:
    data = SEEDS[suffix].encode()
    at %= len(data)
    path = tmp_path / f"a{suffix}"
    for content in (junk, data[:at] + junk + data[at:], data[:at]):
        path.write_bytes(content)
        with suppress(BeatmapError):
            for beatmap in read_any(path, losses=LossReport()):
                valid(beatmap)


# --------------------------------------------------------------------- large on purpose

_MANY = 40_000


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".osu", SEEDS[".osu"] + "// comment\n" * _MANY),
        (".osu", SEEDS[".osu"].replace("CircleSize:4", "CircleSize:" + "9" * 5_000_000)),
        (".qua", "a: &a [x]\n" + "b: [*a, *a]\n"),
        (".qua", "HitObjects: " + "[" * 200_000),
        (".qua", "a: " + "{b: " * 200_000),
        (".mc", '{"meta":' * 200_000),
        (".mc", '{"meta":{},"note":' + "[" * 200_000),
        (".mc", '{"meta":{"mode":' + "9" * 1_000_000 + "}}"),
        (".sm", "#BPMS:0=1;#NOTES:dance-single:::1::" + "," * 2_000_000 + ";"),
        (".sm", "#A:" * 30_000),
        (
            ".sm",
            "#BPMS:" + ",".join(f"{i}=120" for i in range(_MANY // 8)) + ";#NOTES:a:::::1000;",
        ),
        (".ssc", "#" + "\\" * 100_000),
        (".ssc", "#TITLE:" + " " * 2_000_000 + "#"),
    ],
    ids=lambda value: value if value.startswith(".") else value[:24].strip(),
)
def test_large_and_deep_files_end_soon(suffix: str, text: str) -> None:
    began = time.process_time()
    survives(suffix, text)
    assert time.process_time() - began < 8.0


def test_many_sliders_and_many_timing_points() -> None:
    """Neither count times the other."""
    text = SEEDS[".osu"].replace(
        "[HitObjects]", "\n".join(f"{i},-100,4,1,0,100,0,0" for i in range(4000)) + "\n[HitObjects]"
    ) + "\n".join(f"64,192,{i},2,0,L|1:1,1,10" for i in range(4000))
    began = time.process_time()
    found = osu.parse(text)
    assert len(found.long_notes) == 4001
    assert time.process_time() - began < 8.0


@pytest.mark.parametrize(
    ("suffix", "text", "says"),
    [
        (
            ".qua",
            f"CustomAudioSamples:\n- Path: {'x' * 100_000}\nHitObjects:\n"
            + "- Lane: 1\n  KeySounds:\n  - Sample: 1\n" * 3000,
            "name of a sample",
        ),
        (".sm", "#BPMS:0=1;" + "#NOTES:dance-single:::1::1000;" * 1001, "more charts"),
        (
            ".ssc",
            f"#BPMS:0=1;#SCROLLS:{'0=1,' * 200_000};" + "#NOTES:dance-single:::1::1000;" * 12,
            "more charts, notes or tempi",
        ),
        (
            ".sm",
            f"#BPMS:0=1;#SUBTITLE:{'x' * 100_000};#NOTES:dance-single:::1::1000;",
            "SUBTITLE has more than",
        ),
    ],
    ids=["sample names", "charts", "tempi of charts", "texts of charts"],
)
def test_what_repeats_something_long_is_refused(suffix: str, text: str, says: str) -> None:
    """Files of kilobytes that would stand for gigabytes."""
    with pytest.raises(BeatmapError, match=says):
        PARSERS[suffix](text)


@pytest.mark.parametrize("suffix", CHARTS)
def test_ten_million_lines_are_refused_at_once(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(SEEDS[suffix].encode() + b"\n" * 10_000_000)
    began = time.process_time()
    with pytest.raises(BeatmapError, match="lines; no chart has"):
        read_any(path)
    assert time.process_time() - began < 2.0


def test_larger_files_are_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "a.osu"
    with path.open("wb") as handle:
        handle.write(b"osu file format v14\n")
        handle.truncate(1 << 40)  # a sparse terabyte
    with pytest.raises(BeatmapError, match=f"{MAX_BYTES} bytes"):
        read_any(path)


@pytest.mark.parametrize("suffix", [".osz", ".qp", ".mcz"])
def test_bombs_and_escapes_in_packages(tmp_path: Path, suffix: str) -> None:
    bomb, escape = tmp_path / f"bomb{suffix}", tmp_path / f"escape{suffix}"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.osu", b"0" * (64 << 20))
    with zipfile.ZipFile(escape, "w") as archive:
        archive.writestr("../../outside.osu", SEEDS[".osu"])
    with pytest.raises(BeatmapError, match="grows more than"):
        read_any(bomb)
    with pytest.raises(BeatmapError, match="outside the folder"):
        read_any(escape)
    assert not (tmp_path.parent / "outside.osu").exists()


@pytest.mark.real_data
def test_mutated_real_charts(real_data: Path) -> None:
    """Pieces of other projects' test files and of real songs, cut and doubled at random places."""
    rng = random.Random(5)
    paths = [
        path
        for folder in ("corpus", "raw")
        for path in sorted((real_data / folder).rglob("*"))
        if path.suffix in CHARTS and path.stat().st_size < 6_000
    ]
    assert len(paths) > 100
    for path in rng.sample(paths, 60):
        text = path.read_bytes().decode("utf-8", "replace")
        for _ in range(2):
            at, other = rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)
            piece = rng.choice([*NASTY, text[other : other + 200]])
            survives(path.suffix, text[:at] + piece + text[at + rng.randrange(20) :])


@pytest.mark.real_data
def test_every_file_of_the_corpus_is_read_or_refused(real_data: Path) -> None:
    for path in sorted((real_data / "corpus").rglob("*")):
        if path.suffix in CHARTS and path.stat().st_size < 6_000:
            if path.suffix == ".osu":
                with suppress(BeatmapError):  # of other game modes, and some broken on purpose
                    valid(osu.read(path))
                continue
            with suppress(BeatmapError):  # of which no note is left
                for beatmap in read_chart(path, path.suffix, losses=LossReport()):
                    assert beatmap.path == path
                    valid(beatmap)
