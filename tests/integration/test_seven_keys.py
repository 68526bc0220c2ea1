"""Charts of seven columns: models are trained on them by configuration alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from flat_configs import TRAIN_DATA, build
from tiny_songs import make_songs

from mug import train
from mug.beatmap.formats.osu import chart as osu
from mug.beatmap.hit_objects import HitObject, LongNote
from mug.clock import FrameClock
from mug.encoding.convertor import ManiaConvertor
from mug.prepare.collect import collect
from mug.prepare.ingest import Selection
from mug.util import instantiate_from_config


@pytest.fixture(autouse=True)
def _at_root(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.chdir(root)


def run(path: str, songs: Path, logs: Path, *more: str) -> Path:
    """Trains a config; its folder."""
    overrides = [
        f"data.params.common_params.txt_file={songs}",
        f"data.params.common_params.cache_dir={songs.parent / 'cache'}",
        "lightning.trainer.enable_progress_bar=false",
    ]
    assert train.main(["--base", path, "-t", "-l", str(logs), *overrides, *more]) == 0
    (folder,) = logs.iterdir()
    return folder


def state(folder: Path) -> dict[str, torch.Tensor]:
    saved = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert saved["global_step"] == 2
    weights: dict[str, torch.Tensor] = saved["state_dict"]
    return weights


def ends_of(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The convolutions into which the 28 rows of seven columns go, and out of which they come."""
    return {n: w for n, w in weights.items() if w.ndim == 3 and 28 in w.shape[:2]}


def test_seven_columns_are_trained_by_configuration(tmp_path: Path) -> None:
    songs = make_songs(tmp_path / "songs", keys=7)
    first = run("configs/debug/autoencoder_keys7.yaml", songs, tmp_path / "first")
    assert len(ends_of(state(first))) == 2
    checkpoint = first / "checkpoints" / "last.ckpt"
    given = f"model.params.first_stage_config.params.ckpt_path={checkpoint}"
    trained = state(run("configs/debug/diffusion_keys7.yaml", songs, tmp_path / "second", given))
    assert all(w.isfinite().all() for w in trained.values() if w.is_floating_point())
    inner = ends_of({n: w for n, w in trained.items() if "first_stage_model." in n})
    assert len(inner) == 2
    for name, weight in ends_of(state(first)).items():
        (same,) = [w for n, w in inner.items() if n.endswith(name)]
        assert torch.equal(same, weight)


def test_a_model_for_four_columns_refuses_seven(tmp_path: Path) -> None:
    songs = make_songs(tmp_path / "songs", keys=7)
    config = {
        "target": "mug.data.dataset.OsuTrainDataset",
        "params": {
            "txt_file": str(songs),
            "window": {"max_audio_frame": 1024},
            "split": {"train": 1.0},
        },
    }
    with pytest.raises(Exception, match="expected a chart with 4 columns"):
        instantiate_from_config(config)[0]


def places(notes: list[HitObject], until_ms: float) -> set[tuple[int, int, int | None]]:
    return {
        (n.column, round(n.start_ms), round(n.end_ms) if isinstance(n, LongNote) else None)
        for n in notes
        if n.start_ms < until_ms
    }


@pytest.mark.real_data
def test_items_of_real_charts_decode_to_their_notes(tmp_path: Path, real_data: Path) -> None:
    collect(real_data / "songs" / "umami-packed-mountaineering", tmp_path, Selection(keys=7))
    dataset = build(
        TRAIN_DATA,
        txt_file=tmp_path / "beatmap.txt",
        keys=7,
        split={"train": 1.0},
        max_audio_frame=65536,
    )
    assert len(dataset) == 9
    convertor = ManiaConvertor(FrameClock(), keys=7, max_frames=8192)
    objects = 0
    for index in range(0, len(dataset), 4):
        item = dataset[index]
        assert item["note"].shape == (28, 8192)
        chart = osu.read(Path(item["meta"]["path"]))
        encoded = convertor.encode(chart.hit_objects)
        assert not encoded.lost
        assert not encoded.bent
        decoded = convertor.decode(item["note"].numpy())
        whole = float("inf")
        assert places(decoded, whole) == places(list(chart.hit_objects), whole)
        objects += len(decoded)
    assert objects > 1000
