"""Accuracy of timing from sound: composed songs, real songs, and the time it takes.

    MUG_REAL_DATA=FOLDER python benchmarks/timing.py [--songs 72] [--tempi 6] [--list]

Songs of one tempo, songs of several (1/2 to 2 times the one before), with drift, without a beat,
and real ones. Errors are against the exact truth of composed songs (seeds that fitting has not
seen) and against the timing points that people set on real songs. Prints tables in Markdown.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._timing_parts import judge_parts, parts_list, parts_table
from benchmarks._timing_songs import SAMPLE_RATE, TimedSong, composed_songs, real_songs
from benchmarks._timing_tempi import tempo_songs
from mug.timing.estimate import TimingEstimate, estimate_timing

LEVELS = (1.0, 0.5, 2.0, 1 / 3, 2 / 3, 3 / 4, 4 / 3, 1.5, 3.0)
MULTI = "several tempi"
TEMPI = ((60, 100), (100, 160), (160, 240), (240, 320))


@dataclass(frozen=True)
class Row:
    """Estimate of a song, against its truth.

    Args:
        song: the truth.
        found: the estimate.
        level: found over true tempo, to the nearest simple ratio.
        bpm_error: after that ratio is taken out, in beats a minute of the truth.
        offset_error_ms: from the nearest true beat.
        tempo_error: share of the tempo that is wrong, averaged over time, level taken out.
        downbeat: whether meter and first beat of the bar are right (half bars too in 6/8).
    """

    song: TimedSong
    found: TimingEstimate
    level: float
    bpm_error: float
    offset_error_ms: float
    tempo_error: float
    downbeat: bool


def judge(song: TimedSong, found: TimingEstimate) -> Row:
    """Compare an estimate with the truth."""
    tempo, truth = found.tempo_map, song.truth
    times = np.arange(truth.red_lines[0].time_ms, song.end_ms, 250.0)
    ratio = np.array([tempo.line_at(t).bpm / truth.line_at(t).bpm for t in times])
    level = min(LEVELS, key=lambda r: float(np.abs(ratio / r - 1).mean()))
    start = truth.red_lines[0].time_ms
    # Near its own first beat: there a wrong tempo does not yet show as a wrong offset.
    near = tempo.time_of_beat(round(tempo.beat_at(start)))
    beat = truth.red_lines[0].beat_ms
    off = (near - start + beat / 2) % beat - beat / 2
    down = truth.beat_at(found.tempo_map.red_lines[0].time_ms)
    meter = truth.red_lines[0].meter
    right = found.meter == (3 if meter == 3 else 4) and abs(off) < beat / 4 and level == 1.0
    return Row(
        song,
        found,
        level,
        tempo.line_at(start).bpm / level - truth.bpm,
        off,
        float(np.abs(ratio / level - 1).mean()),
        right and round(down) % meter == 0,
    )


def share(values: list[bool]) -> str:
    """Share of them, e.g. 11/12."""
    return f"{sum(values)}/{len(values)}"


def composed_table(rows: list[Row]) -> str:
    """Shares within the limits, by kind of song."""
    head = (
        "| composed songs | ±0.05 bpm | ±3 ms | level right | tempo over time ≤ 1 % | "
        "downbeats | falsely split |\n|---|---|---|---|---|---|---|\n"
    )
    kinds = list(dict.fromkeys(row.song.kind for row in rows))
    single = [kind for kind in kinds if kind != MULTI]
    groups = [([kind], kind) for kind in kinds] + [(single, "all of one tempo")]
    groups += [(single, f"{low} to {high} bpm") for low, high in TEMPI]
    lines = []
    for members, name in groups:
        chosen = [r for r in rows if r.song.kind in members]
        if " bpm" in name:
            least, most = (float(x) for x in name.removesuffix(" bpm").split(" to "))
            most += most == TEMPI[-1][1]
            chosen = [r for r in chosen if least <= r.song.truth.bpm < most]
        one = [r for r in chosen if len(r.song.truth.red_lines) == 1]
        lines.append(
            f"| {name} | {share([abs(r.bpm_error) <= 0.05 for r in chosen])} "
            f"| {share([abs(r.offset_error_ms) <= 3 for r in chosen])} "
            f"| {share([r.level == 1.0 for r in chosen])} "
            f"| {share([r.tempo_error <= 0.01 for r in chosen])} "
            f"| {share([r.downbeat for r in chosen])} "
            f"| {share([bool(r.found.changes) for r in one])} |"
        )
    return head + "\n".join(lines)


def candidates_table(rows: list[Row]) -> str:
    """Table of confidence against right and wrong."""
    rights: list[bool] = []
    confidences: list[float] = []
    for row in rows:
        if row.song.kind != MULTI:
            rights.append(row.level == 1.0 and abs(row.offset_error_ms) < 12)
            confidences.append(row.found.confidence)
    lines = ["| confidence | songs | right |", "|---|---|---|"]
    for low, high in ((0.0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01)):
        held = [r for r, c in zip(rights, confidences, strict=True) if low <= c < high]
        lines.append(f"| {low:g} to {min(high, 1):g} | {len(held)} | {sum(held)} |")
    return "\n".join(lines)


def published_shift_ms(song: TimedSong) -> float:
    """Shift of a song's red lines from where its author put them."""
    if song.published is None:
        return 0.0
    line, beat_ms = song.truth.red_lines[0], song.truth.red_lines[0].beat_ms
    apart = line.time_ms - song.published.red_lines[0].time_ms
    return (apart + beat_ms / 2) % beat_ms - beat_ms / 2


def real_table(rows: list[Row]) -> str:
    """Each real song, and the constant bias over them."""
    bias = float(np.median([row.offset_error_ms for row in rows]))
    lines = [
        "| real song | human bpm | found | level | offset error ms | after the bias | "
        "against the chart as published | downbeat | confidence | falsely split |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row.song.name} | {row.song.truth.bpm:.3f} | {row.found.bpm:.3f} | {row.level:.3g} "
            f"| {row.offset_error_ms:+.1f} | {row.offset_error_ms - bias:+.1f} "
            f"| {row.offset_error_ms + published_shift_ms(row.song):+.1f} "
            f"| {'right' if row.downbeat else 'wrong'} | {row.found.confidence:.2f} "
            f"| {'yes' if row.found.changes else 'no'} |"
        )
    return "\n".join([*lines, "", f"Constant bias (median, found − human): {bias:+.1f} ms"])


def seconds_of_three_minutes() -> float:
    """Processor time of a three-minute song."""
    song = next(composed_songs(1))
    wave = np.tile(song.wave, 1 + 180 * SAMPLE_RATE // len(song.wave))[: 180 * SAMPLE_RATE]
    estimate_timing(wave[: 10 * SAMPLE_RATE], SAMPLE_RATE)  # imports are not the song's time
    before = time.process_time()
    estimate_timing(wave, SAMPLE_RATE)
    return time.process_time() - before


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=int, default=72, help="composed songs (default 72)")
    parser.add_argument(
        "--tempi", type=int, default=6, help="songs of each kind whose tempo is not one (default 6)"
    )
    parser.add_argument("--list", action="store_true", help="list those that come out wrong")
    args = parser.parse_args()
    parts = [judge_parts(s, estimate_timing(s.wave, SAMPLE_RATE)) for s in tempo_songs(args.tempi)]
    if parts:
        print(parts_table(parts), *[parts_list(parts)] * args.list, sep="\n\n", end="\n\n")
    if not args.songs:
        return 0
    rows = [judge(s, estimate_timing(s.wave, SAMPLE_RATE)) for s in composed_songs(args.songs)]
    print(composed_table(rows), candidates_table(rows), sep="\n\n")
    bias = np.median([row.offset_error_ms for row in rows])
    print(f"\nConstant bias on composed songs (median): {bias:+.2f} ms")
    if os.environ.get("MUG_REAL_DATA"):
        songs = real_songs(Path(os.environ["MUG_REAL_DATA"]))
        real = [judge(song, estimate_timing(song.wave, SAMPLE_RATE)) for song in songs]
        print(f"\n{real_table(real)}")
    print(f"\nThree minutes of song: {seconds_of_three_minutes():.2f} s of processor time")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
