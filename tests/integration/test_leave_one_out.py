"""Leaving one song out: one fold from folder to table, and what is made of several."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from forks import Forks

from benchmarks import leave_one_out
from benchmarks.leave_one_out import Fold, _length
from mug.compose.collection import CollectionOptions, compose_collection
from mug.compose.style import SongStyle
from mug.errors import DataError
from mug.evaluation.results import results
from mug.evaluation.rows import Judged, ResultRow, keep
from mug.evaluation.songs import load_songs

STYLE = SongStyle(seconds=(10.0, 11.0), wide_tempo_p=0.0, tempo_change_p=0.0)
SHORT = ["--size", "demo", "--first_stage_steps", "2", "--diffusion_steps", "2"]
SHORT += ["--steps", "1", "--seeds", "1", "--candidates", "1"]
SHORT += ["--override", "lightning.trainer.check_val_every_n_epoch=1000"]
SHORT += ["model.params.scheduler_config.params.warm_up_steps=1"]
SHORT += ["lightning.callbacks.first_stage_guard=null"]  # two steps rebuild nothing


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as MUG_REAL_DATA has it, with three composed songs."""
    folder = tmp_path_factory.mktemp("data")
    options = CollectionOptions(style=STYLE, difficulties=2, audio_format="wav")
    compose_collection(folder / "songs", 3, seed=5, options=options)
    return folder


def names(data: Path) -> list[str]:
    return sorted(path.name for path in (data / "songs").iterdir())


def test_one_song_from_folder_to_table(
    data: Path,
    tmp_path: Path,
    forks: Forks,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MUG_REAL_DATA", str(data))
    first, *others = names(data)
    command = ["benchmarks/leave_one_out.py", "--out", tmp_path, *SHORT, "--only", first]
    done = forks.run(*command)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "1 of 3 songs are done" in done.stdout
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert {row["song"] for row in found["rows"]} == {first}
    assert {"raw", "post-processed", "librosa, random columns", "librosa, shifted to fit"} <= {
        row["column"] for row in found["rows"]
    }
    files = [row["file"] for row in found["rows"] if row["file"]]
    assert all((tmp_path / file).is_file() for file in files)
    assert (tmp_path / "results.html").is_file()
    fold = tmp_path / "folds" / first
    assert sorted(path.name for path in (fold / "training").iterdir()) == others
    arguments = ["leave_one_out.py", "--out", str(tmp_path), *SHORT, "--only"]
    monkeypatch.setattr(sys, "argv", [*arguments, first])
    assert leave_one_out.main() == 0
    said = capsys.readouterr().out
    assert said.count("done before") == 5
    assert "took" not in said
    monkeypatch.setattr(sys, "argv", [*arguments, "nobody"])
    with pytest.raises(DataError, match="no such song with four-key charts"):
        leave_one_out.main()


def fold_of(data: Path, out: Path, name: str, f1: float) -> Fold:
    """A fold as a run would leave it: F1 0.5 for both of librosa's columns."""
    fold = Fold(name, out / "folds" / name)
    held_out, _ = fold.gather(data / "songs", names(data))
    songs = load_songs(held_out, 4)
    place = fold.results.parent
    rows = []
    for index, chart in enumerate(songs[0].charts):
        for column, value in (
            ("post-processed", f1),
            ("librosa, random columns", 0.5),
            ("librosa, shifted to fit", 0.5),
        ):
            timing = "given" if column == "post-processed" else ""
            figures = {"f1_20": value, "violations": 0.0}
            row = ResultRow(name, chart.version, column, timing, figures=figures, chart=index)
            rows.append(keep(Judged(row, chart), place))
    place.mkdir(parents=True, exist_ok=True)
    fold.results.write_text(json.dumps(results(rows, songs, {}, place)), encoding="utf-8")
    return fold


def test_the_interval_is_over_songs(data: Path, tmp_path: Path) -> None:
    first, second, _ = names(data)
    folds = [fold_of(data, tmp_path, first, 0.7), fold_of(data, tmp_path, second, 0.8)]
    text = leave_one_out.write(folds, tmp_path, {"title": "both"})
    assert "2 songs" in text
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    for base in ("librosa, random columns", "librosa, shifted to fit"):
        (difference,) = [
            one
            for one in found["paired"]
            if one["base"] == base and one["column"] == "post-processed, timing given"
        ]
        assert difference["songs"] == 2
        assert difference["mean"] == pytest.approx(0.25)
        # Student's t of one degree of freedom: 12.706 standard errors of .05.
        assert (difference["low"], difference["high"]) == pytest.approx(
            (0.25 - 12.706 * 0.05, 0.25 + 12.706 * 0.05), abs=1e-4
        )
    assert all((tmp_path / row["file"]).is_file() for row in found["rows"])
    assert "both" in (tmp_path / "results.html").read_text(encoding="utf-8")
    assert len(list((tmp_path / "pages").iterdir())) == 2


def test_links_of_a_fold_are_made_once_and_keep_songs_apart(data: Path, tmp_path: Path) -> None:
    first, second, _ = names(data)
    fold = Fold(first, tmp_path)
    for _ in range(2):
        held_out, training = fold.gather(data / "songs", [first, second])
        assert [path.name for path in held_out.iterdir()] == [first]
        assert [path.name for path in training.iterdir()] == [second]
        assert len(load_songs(held_out, 4)[0].charts) == 2


@pytest.mark.parametrize(
    ("steps", "minutes", "said"),
    [
        (None, None, []),
        (7, None, ["lightning.trainer.max_steps=7"]),
        (None, 90.5, ["lightning.trainer.max_time=00:01:30:30"]),
        (7, 1500, ["lightning.trainer.max_steps=7", "lightning.trainer.max_time=01:01:00:00"]),
    ],
)
def test_a_stage_is_as_long_as_asked(
    steps: int | None, minutes: float | None, said: list[str]
) -> None:
    assert list(_length(steps, minutes)) == said


def test_without_songs_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MUG_REAL_DATA", raising=False)
    monkeypatch.setattr(sys, "argv", ["leave_one_out.py", "--out", str(tmp_path)])
    with pytest.raises(DataError, match=r"MUG_REAL_DATA is not set.*folder of real songs"):
        leave_one_out.main()
