"""`scripts/train_release.py`: every step at tiny sizes, stopped and begun again."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from forks import Forks
from repository import ROOT

from benchmarks._small_trainings import RELEASE, SHORT
from mug.cli.models.train_release import (
    MOST_BYTES,
    TASKS,
    ReleaseRecipe,
    check_disk,
    keep_to_songs,
)
from mug.cli.steps import Steps
from mug.errors import ConfigError


class Listed(Steps):
    """Steps that are listed in place of being run."""

    def run(self, name: str, command: list[str], extra: list[str] | None = None) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        with (self.out / "list.txt").open("a", encoding="utf-8") as file:
            file.write(" ".join([name, "|", *command, *(extra or [])]) + "\n")

    def train(self, name: str, config: str, overrides: list[str]) -> Path:
        self.run(name, ["main.py", "--base", config, *overrides])
        run_folder = self.out / "logs" / name / "run" / "checkpoints"
        run_folder.mkdir(parents=True)
        (run_folder / "last.ckpt").touch()
        return run_folder / "last.ckpt"


def listed(recipe: ReleaseRecipe) -> list[str]:
    for task in TASKS.values():
        task(Listed(recipe.out), recipe)
    return (recipe.out / "list.txt").read_text("utf-8").splitlines()


def test_the_steps_name_commands_that_exist_and_hand_their_results_on(tmp_path):
    recipe = ReleaseRecipe(tmp_path, songs=40, minutes=60.0, keys=7, overrides=("a.b=1",))
    steps = listed(recipe)
    names = [line.split(" | ")[0] for line in steps]
    assert names == [
        "compose songs", "compose scorer songs", "compose held-out songs", "prepare", "features",
        "scorer", "first stage", "diffusion", "pack", "calibrate",
    ]  # fmt: skip
    by_name = dict(line.split(" | ") for line in steps)
    for command in by_name.values():
        assert (ROOT / command.split()[0]).is_file()
    for name in ("first stage", "diffusion"):
        assert (ROOT / by_name[name].split()[2]).is_file()
        assert "keys=7" in by_name[name]
        assert by_name[name].endswith("a.b=1")
    assert f"{tmp_path}/logs/first stage/run/checkpoints/last.ckpt" in by_name["diffusion"]
    assert f"lines.scorer={tmp_path}/scorer/scorer.safetensors" in by_name["diffusion"]
    assert f"--scorer {tmp_path}/scorer/scorer.safetensors" in by_name["pack"]
    assert f"{tmp_path}/model --scorer" in by_name["pack"]
    assert f"--ckpt {tmp_path}/model" in by_name["calibrate"]
    assert "--count 40" in by_name["compose songs"]
    assert "--count 10" in by_name["compose scorer songs"]
    seeds = [
        by_name[f"compose {name}"].split("--seed ")[1][0] for name in ("songs", "scorer songs")
    ]
    assert seeds[0] != seeds[1]


def test_minutes_are_dealt_out_to_the_trainings(tmp_path):
    short, long = (ReleaseRecipe(tmp_path, minutes=minutes) for minutes in (20.0, 200.0))
    for training in ("scorer", "first stage", "diffusion"):
        assert long.steps(training) == pytest.approx(10 * short.steps(training), rel=0.01)
        assert ReleaseRecipe(tmp_path).steps(training) is None


def test_a_release_stays_within_its_disk_space(tmp_path):
    most = ReleaseRecipe(tmp_path, songs=3000)
    assert most.disk_bytes < MOST_BYTES
    with pytest.raises(ConfigError, match="songs"):
        ReleaseRecipe(tmp_path, songs=10_000)
    with pytest.raises(ConfigError, match="songs"):
        ReleaseRecipe(tmp_path, songs=1)


def test_a_full_disk_is_named_before_anything_is_done(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(ConfigError, match="too little space"):
        check_disk(ReleaseRecipe(tmp_path / "out", songs=4))
    assert list((tmp_path / "out").iterdir()) == []


def test_other_songs_are_refused_in_the_same_folder(tmp_path):
    keep_to_songs(ReleaseRecipe(tmp_path, songs=8))
    keep_to_songs(ReleaseRecipe(tmp_path, songs=8, minutes=5.0))
    for other in ({"songs": 9}, {"songs": 8, "keys": 7}, {"songs": 8, "seconds": (10.0, 20.0)}):
        with pytest.raises(ConfigError, match="other songs"):
            keep_to_songs(ReleaseRecipe(tmp_path, **other))


def test_a_step_that_changes_takes_the_later_ones_with_it(tmp_path):
    steps = Steps(tmp_path)
    log = tmp_path / "log"

    def go(words: dict[str, str]) -> list[str]:
        log.write_text("")
        for name, word in words.items():
            code = f"open({str(log)!r}, 'a').write({name!r} + '\\n')  # {word}"
            steps.run(name, ["-S", "-c", code])
        return log.read_text().split()

    first = {"one": "a", "two": "b", "three": "c"}
    assert go(first) == ["one", "two", "three"]
    assert go(first) == []
    assert go(first | {"two": "other"}) == ["two", "three"]
    assert go(first | {"two": "other"}) == []


def test_steps_are_done_wherever_their_folder_lies_and_whatever_the_clock_says(tmp_path):
    log = tmp_path / "log"

    def go(out: Path, two: str = "b") -> list[str]:
        log.write_text("")
        for name, word in {"one": "a", "two": two, "three": "c"}.items():
            code = f"open({str(log)!r}, 'a').write({name!r} + '\\n')  # {word} {out}"
            Steps(out).run(name, ["-S", "-c", code])
        return log.read_text().split()

    here, there = tmp_path / "here", tmp_path / "there"
    assert go(here) == ["one", "two", "three"]
    here.rename(there)
    assert go(there) == []
    for age, name in enumerate(("one", "two", "three")):  # each done before the one before it
        os.utime(there / ".done" / name, (1e9 - age, 1e9 - age))
    assert go(there, two="other") == ["two", "three"]


def test_a_killed_release_goes_on_and_ends_with_a_model(tmp_path: Path, forks: Forks) -> None:
    command = ["scripts/train_release.py", "--out", tmp_path, *RELEASE, *SHORT]
    killed = forks.start(*command)
    # In the midst of the first training, with a checkpoint on disk.
    while killed.poll() is None and not list(tmp_path.glob("logs/*/*/checkpoints/last.ckpt")):
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "model").exists()
    songs = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*songs/*/*.osu")}
    again = forks.run(*command)
    assert again.returncode == 0, again.stdout[-3000:] + again.stderr[-3000:]
    assert again.stdout.count("done before") == 6
    assert songs == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*songs/*/*.osu")}
    assert len(list((tmp_path / "logs" / "first stage").iterdir())) == 1
    assert (tmp_path / "model" / "model.safetensors").is_file()
    assert (tmp_path / "model" / "rhythm.safetensors").is_file()
    assert (tmp_path / "model" / "reached.json").is_file()
