"""Errors, clock, note layout, targets, atomic files."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repository import load_golden

from mug import util
from mug.clock import FrameClock
from mug.errors import BeatmapError, ConfigError, DataError, MugError
from mug.files import atomic_write
from mug.notes import NoteLayout
from mug.options import parse_arguments
from mug.util import files_below, find_file, get_obj_from_str, instantiate_from_config


def test_error_names_file_line_value_and_remedy() -> None:
    error = BeatmapError("not a number", file="a.osu", line=7, value="x,y", remedy="Fix the line")
    assert str(error) == "a.osu:7: not a number: 'x,y'. Fix the line"
    assert str(MugError("plain")) == "plain"
    assert str(MugError("plain", line=3)) == "line 3: plain"


def test_error_survives_the_way_between_processes() -> None:
    error = BeatmapError("bad", file=Path("a.osu"), line=7, value=1.5, remedy="Mend it")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is BeatmapError
    assert str(copy) == str(error)


def test_clock_has_the_original_frame_lengths() -> None:
    clock = FrameClock()
    assert clock.note_frame_ms == pytest.approx(46.439909297052154, abs=1e-12)
    assert clock.audio_frame_ms == pytest.approx(128 / 22050 * 1000)
    assert clock.latent_frame_ms == pytest.approx(8 * clock.note_frame_ms)
    assert 4096 * clock.note_frame_ms == pytest.approx(190_217.9, abs=0.1)
    meta, _ = load_golden("convertor")
    assert json.dumps(meta).count("46.43990") > 0  # the recording names the same frame


@given(st.floats(0, 2_000_000))
def test_clock_splits_and_joins(time_ms: float) -> None:
    clock = FrameClock()
    frame, offset = clock.split_ms(time_ms)
    assert clock.join_ms(frame, offset) == pytest.approx(time_ms, abs=1e-6)
    assert 0 <= offset < 1 + 1e-9


def test_clock_truncates_negative_times_toward_zero() -> None:
    frame, offset = FrameClock().split_ms(-10.0)
    assert frame == 0
    assert offset == pytest.approx(-10 / 46.4399093, abs=1e-6)


@given(st.floats(0, 1_000_000))
def test_clock_covers_a_duration(duration_ms: float) -> None:
    clock = FrameClock()
    frames = clock.note_frames(duration_ms)
    assert frames * clock.note_frame_ms >= duration_ms - 1e-6
    assert (frames - 1) * clock.note_frame_ms < duration_ms or frames == 0


def test_clock_refuses_nonsense() -> None:
    with pytest.raises(ConfigError, match="n_fft"):
        FrameClock(n_fft=0)


@given(st.integers(1, 18))
def test_layout_covers_every_channel_once(keys: int) -> None:
    layout = NoteLayout(keys)
    blocks = [layout.start, layout.start_offset, layout.holding, layout.end_offset]
    rows = [row for block in blocks for row in range(layout.channels)[block]]
    assert rows == list(range(layout.channels))
    assert NoteLayout.from_channels(layout.channels) == layout


@pytest.mark.parametrize("keys", [0, 19, -1])
def test_layout_refuses_impossible_key_counts(keys: int) -> None:
    with pytest.raises(DataError):
        NoteLayout(keys)
    with pytest.raises(DataError):
        NoteLayout.from_channels(15)


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.eval",
        "subprocess.Popen",
        "mug.util.importlib.import_module",
        "mug.util.Path",
        "mug.files.atomic_write",
        "torch.load",
        "torch.hub.load",
        "torch.utils.cpp_extension.load",
        "nodots",
        "",
    ],
)
def test_targets_outside_the_allowed_packages_are_refused(target: str) -> None:
    with pytest.raises(ConfigError):
        get_obj_from_str(target)


def test_classes_of_a_package_of_ones_own_are_reached_where_the_user_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_lab.py").write_text("import os\nclass Net:\n    pass\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(util, "_own_prefixes", [])
    with pytest.raises(ConfigError, match="--packages"):
        get_obj_from_str("own_lab.Net")
    util.allow_packages(parse_arguments(["-t", "--packages", "own_lab"]).packages)
    assert get_obj_from_str("own_lab.Net").__name__ == "Net"
    for target in ("own_lab.os", "own_laboratory.Net", "os.system"):
        with pytest.raises(ConfigError):
            get_obj_from_str(target)
    for name in ("os", "a.b", ""):
        with pytest.raises(ConfigError, match="package of your own"):
            util.allow_packages([name])


def test_a_misspelt_class_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="FrameClock"):
        get_obj_from_str("mug.clock.FrameClok")
    with pytest.raises(ConfigError, match="no such module"):
        get_obj_from_str("mug.clok.FrameClock")


def test_a_misspelt_parameter_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"sample_rat.*Did you mean 'sample_rate'"):
        instantiate_from_config({"target": "mug.clock.FrameClock", "params": {"sample_rat": 1}})
    with pytest.raises(ConfigError, match="params"):
        instantiate_from_config({"target": "mug.clock.FrameClock", "param": {}})


def test_instances_take_params_and_extras() -> None:
    made = instantiate_from_config(
        {"target": "mug.clock.FrameClock", "params": {"n_fft": 1024}}, sample_rate=44100
    )
    assert made == FrameClock(sample_rate=44100, n_fft=1024)
    assert instantiate_from_config("__is_first_stage__") is None
    assert instantiate_from_config(None) is None
    with pytest.raises(ConfigError, match="target"):
        instantiate_from_config({"params": {}})


def test_atomic_write_keeps_the_old_file_on_failure(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "file.txt"
    with atomic_write(path, "w") as handle:
        handle.write("old")

    def fail_halfway() -> None:
        with atomic_write(path, "w") as handle:
            handle.write("half")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail_halfway()
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_find_file_says_what_is_missing(root: Path) -> None:
    assert find_file("pyproject.toml").samefile(root / "pyproject.toml")
    with pytest.raises(ConfigError, match=r"no/such\.yaml"):
        find_file("no/such.yaml")


def test_links_to_folders_are_walked_through_once(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x").write_text("x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "y").write_text("y")
    root = tmp_path / "a"
    (root / "again").symlink_to(root / "b", target_is_directory=True)
    (root / "up").symlink_to(tmp_path / "a", target_is_directory=True)
    (root / "z").symlink_to(tmp_path / "outside", target_is_directory=True)
    (root / "dead").symlink_to(tmp_path / "nothing")
    assert [str(path.relative_to(root)) for path in files_below(root)] == ["b/x", "z/y"]


def test_errors_bring_no_control_characters_to_the_terminal() -> None:
    error = MugError("\x1b[31mred\x1b[0m", file="a\x1b[2Jb\x07.osu", value="\x1b]0;x\x07")
    assert str(error).startswith("ab.osu: red")
    assert "\x1b" not in str(error)
    assert "\x07" not in str(error)
