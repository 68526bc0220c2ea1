"""Benchmark of charts: findings, best of N, spreads, editing and time, with a checkpoint.

    MUG_REAL_DATA=FOLDER python benchmarks/charts.py --ckpt MODEL --first goin-under --steps 20

Songs are real ones, the one named by `--first` (best: held out of training) first; of the others
`--songs` say how many count. Prints tables in Markdown, each when it is done. The exit code is 1
where an error of lint survives the fixes or an edit changes a byte outside its region.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mug.audio.load import decode, load_audio
from mug.beatmap.formats.osu import patch as osu_patch
from mug.beatmap.formats.osu.package import write_osz
from mug.compose.composer import compose_song
from mug.compose.sound import render, write_audio
from mug.compose.style import SongStyle
from mug.difficulty.stars import star_rating
from mug.lint.findings import Finding
from mug.lint.rules import RULES, lint
from mug.pipeline.arrange.bars import bar_start_ms
from mug.pipeline.chart import ChartGenerator
from mug.pipeline.decode import decode_latent
from mug.pipeline.edit import bytes_changed_outside, edit_chart
from mug.pipeline.finish.chart import chart_of, red_lines_of
from mug.pipeline.finish.cleanup import Changes, Surroundings, fix_notes, snap_notes
from mug.pipeline.finish.options import FinishOptions
from mug.pipeline.judge.candidates import Judgement, bring_to_stars
from mug.pipeline.judge.measures import measure, note_times, snaps
from mug.pipeline.make import make
from mug.pipeline.plan import TIERS, Plan, Search
from mug.pipeline.request import Edit, GenerationRequest, Region
from mug.pipeline.sample import ChartRequest, chart_seed, sample_latents, song_tensor
from mug.timing.estimate import estimate_timing

STARS = (1.5, 2.5, 3.5)
STAGES = ("raw", "snapped", "fixed")
TOLERANCE = 0.25  # stars, for retries
ATTEMPTS = 4
LONG_S = 180.0
SPREAD_CANDIDATES = (1, 4)
PARTS = ("times", "findings", "edits", "spread", "choice")

T = TypeVar("T")


@dataclass
class Findings:
    """Findings of lint at one stage.

    Args:
        by_rule: how often, by rule and severity.
        off_grid: starts and ends off the beat.
        times: starts and ends.
    """

    by_rule: Counter[tuple[str, str]] = field(default_factory=Counter)
    off_grid: int = 0
    times: int = 0


@dataclass(frozen=True)
class Song:
    """A real song.

    Args:
        name: of its folder.
        audio: the file.
        charts: human ones.
    """

    name: str
    audio: Path
    charts: tuple[Path, ...]


def real_songs(root: Path, first: str, others: int) -> list[Song]:
    """The song of this name, then so many others of `root/songs`, the shortest files first."""
    found = []
    for folder in sorted((root / "songs").iterdir()):
        sounds = [p for p in sorted(folder.iterdir()) if p.suffix in {".mp3", ".ogg", ".wav"}]
        if sounds:
            found.append(Song(folder.name, sounds[0], tuple(sorted(folder.glob("*.osu")))))
    # A calibration track is no music.
    rest = [s for s in found if s.name != first and "calibrator" not in s.name]
    rest.sort(key=lambda song: song.audio.stat().st_size)
    return [*(s for s in found if s.name == first), *rest[:others]]


# ---------------------------------------------------------------------------- findings


def raw_findings(
    generator: ChartGenerator, songs: Sequence[Song], base: GenerationRequest
) -> tuple[dict[str, Findings], float]:
    """Findings of each stage over all songs and star ratings, and the minutes of chart."""
    stages = {stage: Findings() for stage in STAGES}
    minutes = 0.0
    for song in songs:
        request = replace(base, audio=song.audio)
        options = [FinishOptions(star_rating=stars) for stars in STARS]
        chart_requests = [
            ChartRequest({"sr": stars}, {}, chart_seed(base.seed, i))
            for i, stars in enumerate(STARS)
        ]
        made = generator.generate_each(request, chart_requests, options)
        song_sound = generator.song(song.audio)
        where = Surroundings(
            generator.model.keys, red_lines_of(request.finish, made.timing), song_sound.duration_ms
        )
        for notes, option in zip(made.raw, options, strict=True):
            minutes += song_sound.duration_ms / 60000
            snapped = snap_notes(notes, option, where, Changes())
            fixed = fix_notes(snapped, option, where, Changes())
            # Rounded alone, holds may end on or behind what follows; lint is to see just that.
            raw = snap_notes(notes, replace(option, snapping="none"), where, Changes())
            for stage, some in zip(STAGES, (raw, snapped, fixed), strict=True):
                chart = chart_of(some, option, where)
                found = lint(chart, star_rating=option.star_rating, audio_ms=where.duration_ms)
                _count(stages[stage], found)
                times = note_times(chart)
                stages[stage].times += len(times)
                stages[stage].off_grid += int((snaps(times, where.red_lines) == 0).sum())
    return stages, minutes


def _count(into: Findings, found: Sequence[Finding]) -> None:
    into.by_rule.update((finding.rule, finding.severity) for finding in found)


def print_findings(stages: dict[str, Findings], minutes: float) -> int:
    """Print findings a minute; return how many errors are left."""
    order = {rule.name: place for place, rule in enumerate(RULES)}
    graves = {"error": 0, "warning": 1, "note": 2}
    kinds = {kind for stage in stages.values() for kind in stage.by_rule}
    print(f"\n| rule | severity | {' | '.join(STAGES)} |\n|---|---|---|---|---|")
    for rule, severity in sorted(kinds, key=lambda k: (graves[k[1]], order[k[0]])):
        rates = [stages[s].by_rule[rule, severity] / minutes for s in STAGES]
        print(f"| `{rule}` | {severity} | {' | '.join(f'{rate:.2f}' for rate in rates)} |")
    for severity in graves:
        sums = [sum(c for (_, s), c in stages[x].by_rule.items() if s == severity) for x in STAGES]
        print(f"| all | {severity} | {' | '.join(f'{n / minutes:.2f}' for n in sums)} |")
    shares = [stages[s].off_grid / max(stages[s].times, 1) for s in STAGES]
    print(f"| off the beat grid | % of times | {' | '.join(f'{100 * x:.1f}' for x in shares)} |")
    left = sum(c for (_, s), c in stages["fixed"].by_rule.items() if s == "error")
    print(
        f"\nFindings a minute over {minutes:.1f} minutes of chart. Errors left: {left}.", flush=True
    )
    return left


# -------------------------------------------------------------------------------- choice


def print_choice(
    generator: ChartGenerator,
    song: Song,
    base: GenerationRequest,
    most: int,
    asked: Sequence[float],
) -> None:
    """Gain of best of N and retries in stars, from one pool of charts for each rating."""
    errors: dict[str, list[float]] = {}
    tries: list[int] = []
    one_sided = []
    for stars in asked:
        request = replace(base, audio=song.audio, prompt={"sr": stars}, count=most)
        made = make(
            generator, request, Plan(Search(tolerances={"sr": TOLERANCE}, reach_stars=False))
        )
        judged = made.judgements
        missed = [_error(one, signed=True) for one in judged]
        one_sided.append(min(missed) > 0 or max(missed) < 0)
        for size in (1, 4, 8):
            groups = [judged[i : i + size] for i in range(0, most - size + 1, size)]
            errors.setdefault(f"best of {size}", []).extend(_error(_best(g)) for g in groups)
            errors.setdefault(f"nearest of {size}", []).extend(min(map(_error, g)) for g in groups)
        for start in range(0, most - ATTEMPTS + 1, ATTEMPTS):
            found = judged[start : start + ATTEMPTS]
            ok = next((i for i, one in enumerate(found) if not one.misses), ATTEMPTS - 1)
            tries.append(ok + 1)
            errors.setdefault(f"1 chart, up to {ATTEMPTS} tries", []).append(
                _error(_best(found[: ok + 1]))
            )
        _, brought = bring_to_stars(
            generator, request, (made.result, dict(enumerate(judged))), range(most)
        )
        errors.setdefault("1 chart, brought to its stars", []).extend(map(_error, brought))
    print("\n| kept | mean error | worst | within 0.25 | picks |\n|---|---|---|---|---|")
    for name, found_errors in errors.items():
        near = np.mean([e <= TOLERANCE for e in found_errors])
        print(
            f"| {name} | {np.mean(found_errors):.2f} | {max(found_errors):.2f} |"
            f" {100 * near:.0f} % | {len(found_errors)} |"
        )
    print(
        f"\nStars, asked for {', '.join(map(str, asked))} on {song.name}; {most} charts each."
        f" Ratings that all {most} miss to the same side: {sum(one_sided)} of {len(one_sided)}."
        f" Tries needed on average: {np.mean(tries):.1f}.",
        flush=True,
    )


def _best(judged: Sequence[Judgement]) -> Judgement:
    """As `make` chooses: within the tolerance first, then by score."""
    return min(judged, key=lambda one: (bool(one.misses), -one.score.total))


def _error(judged: Judgement, *, signed: bool = False) -> float:
    (entry,) = (e for e in judged.report["compared"] if e["feature"] == "sr")
    error = float(entry.get("difference", math.inf))
    return error if signed else abs(error)


# --------------------------------------------------------------------- spread and editing


def print_spread(
    generator: ChartGenerator, song: Song, base: GenerationRequest, candidates: int
) -> None:
    """The tiers of a spread, what lint says of them, and how they nest."""
    plan = Plan(Search(candidates=candidates), TIERS)
    made = make(generator, replace(base, audio=song.audio), plan)
    audio_ms = generator.song(song.audio).duration_ms
    print(f"\n{song.name}, candidates a tier: {candidates}.\n")
    print(
        "| tier | to have | model asked for | as made | in the spread | notes | thinned out"
        " | taken over | from the sound | errors and warnings |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    spread = made.report["spread"]
    for tier, chart in zip(spread["tiers"], made.result.beatmaps, strict=True):
        stars = tier["star_rating"]
        graves = Counter(f.severity for f in lint(chart, star_rating=stars, audio_ms=audio_ms))
        print(
            f"| {tier['name']} | {stars} | {tier['asked']} | {tier['made']:.2f} |"
            f" {tier['reached']:.2f}{', missed' if tier['missed'] else ''} |"
            f" {len(chart.hit_objects)} | {tier['thinned']} | {tier['added']} | {tier['heard']} |"
            f" {graves['error']}, {graves['warning']} |"
        )
    print("\n| onsets of … | that … has | raw | in the spread | moved | left out |")
    print("|---|---|---|---|---|---|")
    for one in made.report["nesting"]:
        print(
            f"| {one['easier']} | {one['harder']} | {100 * one['raw_share']:.1f} % |"
            f" {100 * one['share']:.1f} % | {one['moved']} | {one['left_out']} |"
        )
    print(f"\nRising: {'yes' if spread['rising'] else 'no'}, {song.name}.", flush=True)


def print_edits(generator: ChartGenerator, song: Song, base: GenerationRequest) -> int:
    """Edits of human charts; returns the bytes that changed outside."""
    outside = edits = size = added = removed = 0
    for path in song.charts:
        chart = osu_patch.read(path)
        lines = chart.beatmap.red_lines
        bars = Region(bar_start_ms(lines, 9), bar_start_ms(lines, 17))
        edit = Edit(bars)
        if edits % 2:
            middle = bar_start_ms(lines, 12)
            edit = Edit(
                replace(bars, columns=frozenset({0, 1})),
                (Region(middle, middle + 500),),
                strength=0.7,
            )
        (made,) = edit_chart(generator, chart.beatmap, replace(base, audio=song.audio), edit)
        after = made.apply_to_file(chart)
        outside += bytes_changed_outside(chart, after, edit)
        edits, size = edits + 1, size + len(chart.data)
        added, removed = added + len(made.added), removed + len(made.removed)
    print(
        f"\n{edits} edits of bars 9 to 16 of human charts of {song.name} ({size} bytes): {removed}"
        f" notes removed, {added} added; bytes changed outside the region: {outside}.",
        flush=True,
    )
    return outside


# ---------------------------------------------------------------------------------- time


def print_times(generator: ChartGenerator, base: GenerationRequest, folder: Path) -> None:
    """CPU time of each step for a composed song of three minutes."""
    model, times = generator.model, {}

    def timed(name: str, work: Callable[[], T]) -> T:
        began = time.process_time()
        value = work()
        times[name] = time.process_time() - began
        return value

    audio = folder / "song.ogg"
    write_audio(audio, render(compose_song(11, SongStyle(seconds=(LONG_S, LONG_S)))))
    rate, finish = model.clock.sample_rate, replace(base.finish, star_rating=2.5)
    timed("decode the file", lambda: decode(audio))
    wave = timed("the same, resampled", lambda: load_audio(audio, rate))
    short = wave[: 20 * rate]  # what is loaded and built at first use is no part of a step
    with model.in_memory("wave_model"), torch.inference_mode():
        model.ddpm.generation.conditions(song_tensor(model, short), None)
    estimate_timing(short, rate)
    mel = timed("spectrogram", lambda: song_tensor(model, wave))
    with model.in_memory("wave_model"), torch.inference_mode():
        timed("encode the sound", lambda: model.ddpm.generation.conditions(mel, None).audio)
    song = generator.song(audio)
    chart_request, request = ChartRequest({"sr": 2.5}, {}, 1), replace(base, audio=audio)
    (z,) = timed(
        f"sample, {base.steps} steps", lambda: sample_latents(model, song, [chart_request], request)
    )
    times["of which one step"] = times[f"sample, {base.steps} steps"] / base.steps
    notes = timed("decode the notes", lambda: decode_latent(model, song, z))
    timing = timed("timing", lambda: estimate_timing(wave, rate))
    where = Surroundings(model.keys, timing.tempo_map.red_lines, song.duration_ms)
    snapped = timed("snap", lambda: snap_notes(notes, finish, where, Changes()))
    fixed = timed("lint and fix", lambda: fix_notes(snapped, finish, where, Changes()))
    chart = chart_of(sorted(fixed, key=lambda n: (n.start_ms, n.column)), finish, where)
    timed("star rating", lambda: star_rating(chart))
    timed("all features for the report", lambda: measure(chart))
    timed("write the .osz", lambda: write_osz(folder / "a.osz", [chart], {"song.ogg": audio}))
    print("\n| step | CPU s |\n|---|---|")
    for name, seconds in times.items():
        print(f"| {name} | {seconds:.3f} |")
    print(
        f"\n{song.duration_ms / 1000:.0f} s of sound, {len(chart.hit_objects)} notes,"
        f" {torch.get_num_threads()} threads; CPU time of all of them.",
        flush=True,
    )


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ckpt", type=Path, required=True, help="checkpoint, or folder of one")
    parser.add_argument("--first", default="goin-under", help="the song that all parts use")
    parser.add_argument("--songs", type=int, default=2, help="further songs for findings")
    parser.add_argument("--candidates", type=int, default=8, help="charts for each star rating")
    parser.add_argument(
        "--stars", type=float, nargs="+", default=STARS, help="asked for in the part `choice`"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    generator = ChartGenerator.from_checkpoint(args.ckpt)
    songs = real_songs(Path(os.environ["MUG_REAL_DATA"]), args.first, args.songs)
    base = GenerationRequest(audio=songs[0].audio, steps=args.steps, seed=args.seed, batch_size=8)
    print(f"Songs: {', '.join(song.name for song in songs)}; {args.steps} steps.")
    left = outside = 0
    if "times" in args.parts:
        with TemporaryDirectory() as folder:
            print_times(generator, base, Path(folder))
    if "findings" in args.parts:
        left = print_findings(*raw_findings(generator, songs, base))
    if "edits" in args.parts:
        outside = print_edits(generator, songs[0], base)
    if "spread" in args.parts:
        for song in songs:
            for count in SPREAD_CANDIDATES:
                print_spread(generator, song, base, count)
    if "choice" in args.parts:
        print_choice(generator, songs[0], base, args.candidates, args.stars)
    return int(left > 0 or outside > 0)


if __name__ == "__main__":
    sys.exit(main())
