"""From a song to charts and files, with a tiny untrained model."""

from __future__ import annotations

import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.difficulty.stars import star_rating
from mug.diffusion.samplers.registry import SAMPLERS
from mug.errors import AudioError, Cancelled, ConfigError, GenerationError
from mug.pipeline.chart import ChartGenerator, GenerationRequest, generate_charts
from mug.pipeline.finish.chart import FinishOptions, finish_chart, red_lines_of
from mug.pipeline.finish.cleanup import Changes
from mug.pipeline.make import make
from mug.pipeline.model.checkpoint import LoadedModel
from mug.pipeline.output.package import make_package
from mug.pipeline.plan import TIERS, Plan, Search, SpreadTier
from mug.pipeline.provenance import provenance_of
from mug.pipeline.report import report_markdown
from mug.pipeline.sample import song_tensor
from mug.pipeline.song_file import packaged_song
from mug.pipeline.stamp import provenance
from mug.timing.estimate import TimingCandidate, TimingEstimate

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


@pytest.mark.parametrize("sampler", SAMPLERS)
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


def test_a_generator_encodes_a_song_once_and_serves_threads_alike(
    tiny_model: LoadedModel, request_: GenerationRequest
) -> None:
    generator = ChartGenerator(tiny_model, songs=1)
    requests = [replace(request_, seed=seed, batch_size=1 + seed % 2) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(generator.generate, requests))
        songs = list(pool.map(generator.song, [request_.audio] * 4))
    assert all(song is songs[0] for song in songs)
    for request, result in zip(requests, together, strict=True):
        assert result.beatmaps == generate_charts(tiny_model, request).beatmaps


def test_a_song_that_changes_is_encoded_again_and_an_old_one_forgotten(
    tiny_model: LoadedModel, song: Path, tmp_path: Path
) -> None:
    generator = ChartGenerator(tiny_model, songs=1)
    copy = tmp_path / "copy.wav"
    copy.write_bytes(song.read_bytes())
    first = generator.song(copy)
    assert generator.song(copy) is first
    soundfile.write(copy, np.zeros(3 * 22050, np.float32), 22050)
    second = generator.song(copy)
    assert second.duration_ms == 3000.0
    generator.song(song)
    assert generator.song(copy) is not second
    with pytest.raises(AudioError, match="nowhere"):
        generator.song(Path("nowhere.mp3"))
    with pytest.raises(GenerationError, match="one song"):
        ChartGenerator(tiny_model, songs=0)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_request_that_is_given_up_ends_within_a_step(
    tiny_model: LoadedModel, request_: GenerationRequest, sampler: str
) -> None:
    seen: list[int] = []
    generator = ChartGenerator(tiny_model)
    with pytest.raises(Cancelled, match="stopped"):
        generator.generate(
            replace(request_, sampler=sampler, batch_size=1),
            lambda done, _total: seen.append(done),
            should_stop=lambda: len(seen) == 2,
        )
    assert seen == [1, 2]
    again = generator.generate(replace(request_, sampler=sampler), should_stop=lambda: False)
    assert (
        again.beatmaps == generate_charts(tiny_model, replace(request_, sampler=sampler)).beatmaps
    )


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


def _finish(notes: list[HitObject], **options: Any) -> tuple[Beatmap, Changes]:
    return finish_chart(
        notes, FinishOptions(**options), keys=4, index=0, timing=BEAT, duration_ms=5000.0
    )


@pytest.mark.parametrize("snapping", ["voice", "nearest"])
def test_finishing_clips_to_the_song_and_snaps(snapping: str) -> None:
    notes = [Rice(0, -3.0), Rice(1, 504.4), LongNote(2, 1003.0, 1497.0), Rice(3, 5001.0)]
    chart, changes = _finish(notes, snapping=snapping)
    assert chart.hit_objects == (Rice(1, 500), LongNote(2, 1000, 1500))
    assert changes.counts["outside_song"] == 2
    assert changes.counts["unsnapped"] == 0
    loose, _ = _finish(notes, snapping="none")
    assert loose.hit_objects == (Rice(1, 504), LongNote(2, 1003, 1497))


def test_finishing_counts_what_fits_no_beat() -> None:
    for snapping in ("voice", "nearest"):
        chart, changes = _finish([Rice(0, 1041.0)], divisors=(1,), snapping=snapping, unfit="keep")
        assert changes.counts["unsnapped"] == 1
        assert chart.hit_objects == (Rice(0, 1041),)
    moved, _ = _finish([Rice(0, 1041.0)], divisors=(1,), unfit="move")
    assert moved.hit_objects == (Rice(0, 1000),)
    gone, changes = _finish([Rice(0, 1041.0)], divisors=(1,), unfit="drop")
    assert gone.hit_objects == ()
    assert changes.counts["unplaced"] == 1


def test_finishing_fixes_by_the_tier_or_by_the_original_or_not() -> None:
    jack = [Rice(0, 1000.0), Rice(0, 1062.5), Rice(1, 1500.0), Rice(1, 1125.0)]
    left, nothing = _finish(jack, fixes="none", unfit="keep")
    assert len(left.hit_objects) == 4
    assert nothing.listed == []
    assert _finish(jack, fixes="minijacks", minijack_ms=0.0, unfit="keep")[0] == left
    for fixes in ("tier", "minijacks"):
        fixed, changes = _finish(jack, fixes=fixes, unfit="keep")
        assert fixed.hit_objects != left.hit_objects
        assert changes.counts["moved"] + changes.counts["removed"] > 0
    chords = [Rice(column, time) for time in (1000.0, 2000.0, 3000.0) for column in range(4)]
    easy, changes = _finish(chords, star_rating=1.0)
    assert changes.counts["removed"] == len(changes.listed) == 12 - len(easy.hit_objects) > 0
    assert all("removed" in line for line in changes.listed)
    assert len(_finish(chords, star_rating=7.0)[0].hit_objects) == 12


def test_given_red_lines_win() -> None:
    lines = (TimingPoint(100.0, 400.0), TimingPoint(2100.0, 300.0))
    chart, _ = _finish([Rice(0, 903.0), Rice(1, 2695.0)], red_lines=lines)
    assert chart.timing == lines
    assert chart.hit_objects == (Rice(0, 900), Rice(1, 2700))


def test_the_timing_is_given_or_one_of_the_readings() -> None:
    readings = tuple(TimingCandidate(bpm, 30.0, 0.5) for bpm in (120.0, 240.0))
    estimate = TimingEstimate(120.0, 30.0, 0.5, readings, meter=3, downbeat_ms=530.0)
    listened: list[int] = []

    def listen() -> TimingEstimate:
        listened.append(1)
        return estimate

    assert FinishOptions().timing_for(listen) is estimate
    assert red_lines_of(FinishOptions(), estimate) == (TimingPoint(530.0, 500.0, meter=3),)
    second = FinishOptions(timing_candidate=2)
    chosen = second.timing_for(listen)
    assert (chosen.bpm, chosen.offset_ms) == (240.0, 30.0)
    assert red_lines_of(second, chosen) == (TimingPoint(30.0, 250.0),)
    with pytest.raises(GenerationError, match="There are 2"):
        FinishOptions(timing_candidate=3).timing_for(listen)
    assert len(listened) == 3
    lines = (TimingPoint(100.0, 400.0),)
    assert FinishOptions(red_lines=lines).timing_for(listen).bpm == 150.0
    assert FinishOptions(timing=BEAT).timing_for(listen) is BEAT
    assert len(listened) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"snapping": "voices"},
        {"fixes": "al"},
        {"unfit": "x"},
        {"minijack_ms": -1.0},
        {"timing_candidate": 0},
    ],
)
def test_wrong_choices_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(GenerationError, match=r"Accepted|0 or more|from 1"):
        FinishOptions(**wrong)


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


def test_package_holds_song_charts_and_report(
    tiny_model: LoadedModel, request_: GenerationRequest, tmp_path: Path
) -> None:
    out, picture = tmp_path / "made.osz", tmp_path / "made.png"
    generator = ChartGenerator(tiny_model)
    report = make_package(generator, request_, out, picture=picture)
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
    assert "ranking" not in saved
    assert "## AI v2" in out.with_suffix(".md").read_text(encoding="utf-8")
    made = [provenance_of(chart) for chart in charts]
    assert [p.index for p in made if p] == [0, 1]
    assert made[0] is not None
    assert made[0].weights == tiny_model.weights_hash
    assert (made[0].seed, made[0].prompt, made[0].timing) == (7, {"sr": 3.0}, "detected")
    with pytest.raises(GenerationError, match=r"\.osz"):
        make_package(generator, request_, tmp_path / "made.zip")


def test_the_record_names_what_is_not_as_usual(
    tiny_model: LoadedModel, request_: GenerationRequest
) -> None:
    def how(model: LoadedModel, request: GenerationRequest, plan: Plan | None = None) -> str:
        return provenance(model, request, prompt={}, index=0, plan=plan).how

    assert how(tiny_model, request_) == ""
    coarse = replace(tiny_model, precision="bf16")
    unusual = replace(request_, guidance_interval=(0.2, 0.8), window_s=60.0)
    assert how(coarse, unusual) == "bf16, guided 0.2-0.8, windows of 60 s"
    assert how(tiny_model, request_, Plan()) == "brought to its stars"
    assert how(tiny_model, request_, Plan(Search(reach_stars=False))) == ""
    assert how(tiny_model, replace(request_, prompt={}), Plan()) == ""
    assert how(tiny_model, request_, Plan(tiers=TIERS)) == "in a spread"


def test_candidates_are_ranked_and_made_again_until_within_tolerance(
    tiny_model: LoadedModel, request_: GenerationRequest
) -> None:
    generator = ChartGenerator(tiny_model)
    one = replace(request_, count=1, steps=1)
    wide = make(generator, one, Plan(Search(3, {"sr": 50.0}, attempts=4)))
    assert wide.report["attempts"] == 1
    ranking = wide.report["ranking"]
    totals = [entry["score"]["total"] for entry in ranking]
    assert totals == sorted(totals, reverse=True)
    assert [entry["kept"] for entry in ranking] == [True, False, False]
    assert wide.result.beatmaps[0].version == "AI v1"
    assert wide.result.indices == (ranking[0]["candidate"],)
    assert len(wide.spare) == 2
    assert wide.judgements[0].score.total == pytest.approx(totals[0], abs=1e-4)
    seen: list[tuple[int, int]] = []
    plan = Plan(Search(2, {"sr": 0.0}, attempts=3))
    narrow = make(generator, one, plan, lambda done, total: seen.append((done, total)))
    assert narrow.report["attempts"] == 3
    assert seen[-1] == (3, 3)
    assert sorted(entry["candidate"] for entry in narrow.report["ranking"]) == list(range(6))
    assert all(entry["misses"] for entry in narrow.report["ranking"])
    again = make(generator, one, plan)
    assert again.result.beatmaps == narrow.result.beatmaps
    best = narrow.result.indices[0]
    alone = generator.generate(replace(one, count=best + 1))
    assert alone.raw[best] == narrow.result.raw[0]


def test_charts_that_miss_their_stars_are_brought_to_them(
    tiny_model: LoadedModel, request_: GenerationRequest
) -> None:
    generator = ChartGenerator(tiny_model)
    request = replace(request_, count=1, steps=1, prompt={"sr": 0.8})
    plain = make(generator, request, Plan(Search(2, reach_stars=False)))
    found = make(generator, request, Plan(Search(2)))
    assert found.report["charts"][0]["missed_stars"] is None
    assert f"reached {plain.report['charts'][0]['reached']['sr'] or 0:.2f}" in str(
        plain.report["charts"][0]["missed_stars"]
    )
    assert "**Stars missed: asked for 0.80" in report_markdown(plain.report)
    assert "Stars missed" not in report_markdown(found.report)
    assert found.result.raw == plain.result.raw
    assert found.report["ranking"] == plain.report["ranking"]
    for before, after, chart in zip(
        plain.judgements, found.judgements, found.result.beatmaps, strict=True
    ):
        (was,), (now,) = (
            [e["difference"] for e in one.report["compared"] if e["feature"] == "sr"]
            for one in (before, after)
        )
        assert abs(was) > 0.25
        assert abs(now) <= abs(was)
        assert -0.25 <= now <= 0
        assert now == pytest.approx(star_rating(chart) - 0.8, abs=1e-3)
        assert after.report["changes"]["thinned"] + after.report["changes"]["taken_over"] > 0


@pytest.mark.parametrize(
    "wrong", [{"candidates": -1}, {"candidates": 65}, {"attempts": 0}, {"attempts": 101}]
)
def test_wrong_searches_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(GenerationError, match=r"0 to 64|1 to 100"):
        Search(**wrong)
    with pytest.raises(GenerationError, match="tiers, times candidates"):
        Plan(Search(candidates=33), (SpreadTier("Easy", 1.0), SpreadTier("Hard", 3.0)))
    with pytest.raises(GenerationError, match="spread"):
        Plan(Search(attempts=3), (SpreadTier("Easy", 1.0),))


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
