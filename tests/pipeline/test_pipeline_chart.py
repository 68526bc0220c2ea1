"""From a song to charts and files, with a tiny untrained model."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from mug.beatmap import osu
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.errors import AudioError, ConfigError, GenerationError
from mug.pipeline.chart import GenerationRequest, generate_charts, song_tensor
from mug.pipeline.checkpoint import LoadedModel
from mug.pipeline.finish import FinishOptions, describe_chart, finish_chart
from mug.pipeline.package import make_package, packaged_song
from mug.postprocess.timing import TimingEstimate

BEAT = TimingEstimate(bpm=120.0, offset_ms=0.0, confidence=1.0)


@pytest.fixture(scope="module")
def request_(song: Path) -> GenerationRequest:
    return GenerationRequest(audio=song, count=2, steps=3, prompt={"sr": 3.0}, seed=7)


def test_same_request_same_charts_whatever_came_before(
    tiny_model: LoadedModel, request_: GenerationRequest
) -> None:
    first = generate_charts(tiny_model, request_)
    generate_charts(tiny_model, replace(request_, seed=8, prompt={"sr": 6.0}))
    again = generate_charts(tiny_model, request_)
    assert [osu.format(b) for b in first.beatmaps] == [osu.format(b) for b in again.beatmaps]
    assert first.beatmaps[0].hit_objects != first.beatmaps[1].hit_objects
    other = generate_charts(tiny_model, replace(request_, seed=8))
    assert other.raw != first.raw


@pytest.mark.parametrize("sampler", ["ddim", "dpm_solver", "plms", "ancestral"])
def test_a_chart_does_not_depend_on_its_neighbours(
    tiny_model: LoadedModel, request_: GenerationRequest, sampler: str
) -> None:
    together = generate_charts(tiny_model, replace(request_, sampler=sampler))
    apart = generate_charts(tiny_model, replace(request_, sampler=sampler, batch_size=1))
    alone = generate_charts(tiny_model, replace(request_, sampler=sampler, count=1))
    assert len(together.beatmaps) == 2
    for one, two in zip(together.raw, apart.raw, strict=True):
        assert _alike(one, two)
    assert _alike(alone.raw[0], together.raw[0])


def _alike(one: tuple[HitObject, ...], two: tuple[HitObject, ...]) -> bool:
    """Equal but for a logit that rounding moved across the threshold."""
    first, second = ({(n.column, n.start_ms) for n in notes} for notes in (one, two))
    return len(first ^ second) <= 0.02 * max(1, len(first))


def test_song_is_padded_to_the_least_multiple(tiny_model: LoadedModel) -> None:
    clock = tiny_model.clock
    block = clock.audio_per_note * clock.notes_per_latent * tiny_model.latent_multiple
    for blocks in (1, 2, 3):
        exact = np.zeros((blocks * block - 1) * clock.hop, dtype=np.float32)
        assert song_tensor(tiny_model, exact).shape == (1, tiny_model.n_mels, blocks * block)
        longer = np.zeros(blocks * block * clock.hop, dtype=np.float32)
        assert song_tensor(tiny_model, longer).shape[-1] == (blocks + 1) * block


def test_progress_counts_every_step(tiny_model: LoadedModel, request_: GenerationRequest) -> None:
    seen: list[tuple[int, int]] = []
    generate_charts(
        tiny_model, replace(request_, batch_size=1), lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (6, 6)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_the_prompt_reaches_the_network(
    tiny_model: LoadedModel, request_: GenerationRequest
) -> None:
    asked = generate_charts(tiny_model, replace(request_, guidance_scale=20.0))
    other = generate_charts(
        tiny_model, replace(request_, guidance_scale=20.0, prompt={"sr": 7.0, "ln_ratio": 1.0})
    )
    assert asked.raw != other.raw


@pytest.mark.parametrize(
    ("change", "error", "what"),
    [
        ({"count": 0}, GenerationError, "number of charts"),
        ({"count": 65}, GenerationError, "number of charts"),
        ({"guidance_scale": -1.0}, GenerationError, "guidance"),
        ({"batch_size": 0}, GenerationError, "batch size"),
        ({"seed": 2**64}, GenerationError, "seed"),
        ({"sampler": "ddin"}, GenerationError, "ddim"),
        ({"steps": 0}, GenerationError, "steps"),
        ({"prompt": {"star": 3.0}}, ConfigError, "star"),
        ({"prompt": {"rank_status": "rankd"}}, ConfigError, "ranked"),
        ({"audio": Path("nowhere.mp3")}, AudioError, "nowhere"),
    ],
)
def test_wrong_requests_are_refused_in_a_sentence(
    tiny_model: LoadedModel,
    request_: GenerationRequest,
    change: dict[str, Any],
    error: type[Exception],
    what: str,
) -> None:
    with pytest.raises(error, match=what):
        generate_charts(tiny_model, replace(request_, **change))


def _finish(notes: list[HitObject], **options: Any) -> tuple[Any, dict[str, int]]:
    return finish_chart(
        notes, FinishOptions(**options), keys=4, index=0, timing=BEAT, duration_ms=5000.0
    )


def test_finishing_clips_to_the_song_and_snaps() -> None:
    notes = [Rice(0, -3.0), Rice(1, 504.4), LongNote(2, 1003.0, 1497.0), Rice(3, 5001.0)]
    chart, changes = _finish(notes)
    assert chart.hit_objects == (Rice(1, 500), LongNote(2, 1000, 1500))
    assert changes == {"outside_song": 2, "unsnapped": 0, "minijacks": 0}
    loose, _ = _finish(notes, snap=False)
    assert loose.hit_objects == (Rice(1, 504), LongNote(2, 1003, 1497))


def test_finishing_counts_what_fits_no_beat_and_what_jacks() -> None:
    _, changes = _finish([Rice(0, 1041.0)], divisors=(1,))
    assert changes["unsnapped"] == 1
    jack = [Rice(0, 1000.0), Rice(0, 1062.5), Rice(1, 1500.0), Rice(1, 1125.0)]
    mended, _ = _finish(jack)
    assert mended.hit_objects != _finish(jack, minijack_ms=0.0)[0].hit_objects


def test_names_survive_and_latin_fields_stay_latin() -> None:
    chart, _ = _finish([Rice(0, 500.0)], title="Été 夏", artist="Björk")
    assert chart.metadata["TitleUnicode"] == "Été 夏"
    assert chart.metadata["Title"].isascii()
    assert chart.metadata["Artist"] == "Bjork"
    assert "machine-made" in chart.metadata["Tags"]


def test_own_timing_needs_both_halves() -> None:
    given = FinishOptions.given_timing(150.0, 12.5)
    assert given is not None
    assert (given.bpm, given.offset_ms) == (150.0, 12.5)
    assert FinishOptions.given_timing(None, None) is None
    for wrong in ((150.0, None), (None, 0.0), (0.0, 0.0), (float("nan"), 0.0)):
        with pytest.raises(GenerationError):
            FinishOptions.given_timing(*wrong)


def test_an_empty_chart_is_described() -> None:
    chart, changes = _finish([])
    report = describe_chart(chart, {}, changes)
    assert report["reached"]["notes"] == 0
    assert report["reached"]["sr"] is None


def test_package_holds_song_charts_and_report(
    tiny_model: LoadedModel, request_: GenerationRequest, tmp_path: Path
) -> None:
    out, picture = tmp_path / "made.osz", tmp_path / "made.png"
    report = make_package(tiny_model, request_, out, picture=picture)
    with zipfile.ZipFile(out) as package:
        names = sorted(package.namelist())
        charts = [osu.parse(package.read(n).decode("utf-8")) for n in names if n.endswith(".osu")]
        assert charts[0].audio_filename in names
    assert len(charts) == 2
    assert {c.version for c in charts} == {"AI v1", "AI v2"}
    assert charts[0].title == "clicks"
    assert picture.read_bytes()[:4] == b"\x89PNG"
    saved = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert saved["charts"][0]["asked"] == {"sr": 3.0}
    assert [c["reached"]["notes"] for c in report["charts"]] == [len(c.hit_objects) for c in charts]
    assert saved["model"]["weights_sha256"] == tiny_model.weights_hash
    with pytest.raises(GenerationError, match=r"\.osz"):
        make_package(tiny_model, request_, tmp_path / "made.zip")


def test_mp3_and_ogg_are_copied_untouched_and_named_by_content(tmp_path: Path) -> None:
    wave = np.sin(np.arange(22050) / 10).astype(np.float32) * 0.3
    (tmp_path / "out").mkdir()
    for kind, suffix in (("MP3", ".mp3"), ("OGG", ".ogg")):
        path = tmp_path / f"song{kind}.bin"
        soundfile.write(path, wave, 22050, format=kind)
        copied = packaged_song(path, tmp_path / "out")
        assert copied.suffix == suffix
        assert copied.read_bytes() == path.read_bytes()


def test_other_formats_become_ogg_of_the_same_sound(song: Path, tmp_path: Path) -> None:
    converted = packaged_song(song, tmp_path)
    assert converted.suffix == ".ogg"
    ours, rate = soundfile.read(converted)
    theirs, expected_rate = soundfile.read(song)
    assert rate == expected_rate
    assert abs(len(ours) - len(theirs)) < rate // 100
    assert np.corrcoef(ours[: len(theirs)], theirs[: len(ours)])[0, 1] > 0.95
