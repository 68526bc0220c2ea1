"""A data set of a few seconds of noise with charts, as the preparation scripts would leave it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import HitObject, LongNote, Rice
from mug.beatmap.timing_points import TimingPoint
from mug.data.feature_db import FeatureDB, FeatureRow
from mug.features import FeatureSchema

SAMPLE_RATE = 22050


def notes(rng: np.random.Generator, seconds: float, keys: int = 4) -> tuple[HitObject, ...]:
    times = np.arange(200.0, seconds * 1000 - 600, 250.0)
    return tuple(
        LongNote(int(column), time, time + 200.0) if hold else Rice(int(column), time)
        for time, column, hold in zip(
            times.tolist(),
            rng.integers(0, keys, len(times)),
            rng.random(len(times)) < 0.3,
            strict=True,
        )
    )


def make_songs(
    folder: Path, songs: int = 5, charts: int = 2, seconds: float = 4.0, keys: int = 4
) -> Path:
    """Writes sets, `beatmap.txt` and `features.db`; the list's path."""
    rng = np.random.default_rng(0)
    schema = FeatureSchema.from_yaml("configs/mug/mania_beatmap_features.yaml")
    lines, rows = [], []
    for song in range(songs):
        name = f"{song} tester - song {song}"
        (folder / name).mkdir(parents=True)
        wave = rng.normal(0, 0.1, int(seconds * SAMPLE_RATE)).astype(np.float32)
        soundfile.write(folder / name / "audio.wav", wave, SAMPLE_RATE)
        for chart in range(charts):
            path = f"{name}/chart{chart}.osu"
            beatmap = Beatmap(
                keys=keys,
                hit_objects=notes(rng, seconds, keys),
                timing=(TimingPoint(0.0, 500.0),),
                general={"AudioFilename": "audio.wav", "Mode": "3"},
                metadata={"Title": name, "Version": f"chart {chart}"},
                difficulty={"CircleSize": str(keys)},
            )
            osu.write(beatmap, folder / path)
            lines.append(path)
            features = {"sr": 2.0 + chart, "rank_status": "ranked", "ln_ratio": 0.3}
            rows.append(FeatureRow(path, str(song), audio_hash=f"hash{song}", features=features))
    with FeatureDB(folder / "features.db", schema.names) as database:
        database.upsert(rows)
    (folder / "beatmap.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder / "beatmap.txt"
