"""Files appear whole, together, or not at all; what the system refuses is one sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from file_limits import largest_file

from mug.cli.common import FAILED, run
from mug.errors import FileError, FileIsThereError, plain_error
from mug.files import (
    PART,
    _machine,
    append_lines,
    atomic_copy,
    atomic_write,
    check_free,
    sweep_below,
    write_together,
)


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_what_the_system_refuses_is_an_error_with_the_file_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    file = tmp_path / "new" / "folder" / "a.txt"
    with largest_file(1000), pytest.raises(FileError) as caught, atomic_write(file, "w") as handle:
        handle.write("x" * 100_000)
    assert caught.value.file == file
    assert "too large" in str(caught.value)
    assert caught.value.remedy.code == "remedy.raise_limit_of_file_size"
    assert _names(tmp_path) == set()


def test_an_error_that_a_library_tells_in_its_own_way_is_still_ours(tmp_path: Path) -> None:
    def save() -> None:
        with atomic_write(tmp_path / "a.ckpt") as handle:
            torch.save({"a": torch.zeros(10_000)}, handle)

    with largest_file(1000), pytest.raises(FileError, match="too large"):
        save()
    assert _names(tmp_path) == set()


def test_an_error_that_a_library_passes_over_is_still_ours(tmp_path: Path) -> None:
    def save() -> None:
        with atomic_write(tmp_path / "a.wav") as handle:
            handle.seek(5000)
            with suppress(OSError):
                handle.raw.write(b"x")

    with largest_file(1000), pytest.raises(FileError, match="too large"):
        save()
    assert _names(tmp_path) == set()


def test_another_file_that_the_block_works_on_is_named_instead(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        atomic_copy(tmp_path / "absent", tmp_path / "b")
    assert caught.value.file == tmp_path / "absent" or str(caught.value.file).endswith("absent")


def _write_all(folder: Path, names: list[str]) -> None:
    with write_together() as files:
        for name in names:
            files.write(folder / name, b"new")


def test_several_files_appear_together_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "in the way").write_text("stays")
    before = _names(tmp_path)
    with pytest.raises(FileError) as caught:
        _write_all(tmp_path, ["a", "b", "c"])
    assert caught.value.file == tmp_path / "c"
    assert (tmp_path / "a").read_text() == "old"
    assert _names(tmp_path) == before
    with pytest.raises(FileError):
        _write_all(tmp_path, ["a", "a/b"])
    assert (tmp_path / "a").read_text() == "old"
    with write_together() as files:
        files.write(tmp_path / "a", b"new")
        files.write(tmp_path / "d", b"too")
        assert not (tmp_path / "d").exists()
    assert [(tmp_path / name).read_text() for name in "ad"] == ["new", "too"]
    assert _names(tmp_path) == before | {"d"}


def test_a_process_that_ended_and_is_not_waited_for_is_no_more(tmp_path: Path) -> None:
    """In a container without an init process it stays in the list of processes for ever."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    os.kill(ended.pid, 0)  # it is still listed
    left = tmp_path / f".a.{_machine()}-{ended.pid}-01234567{PART}"
    left.touch()
    ours = tmp_path / f".a.{_machine()}-{os.getpid()}-01234567{PART}"
    (tmp_path / "below").mkdir()
    deeper = shutil.copy(left, tmp_path / "below")
    ours.touch()
    with write_together() as files:
        files.write(tmp_path / "b", b"")
    assert not left.exists()
    assert Path(deeper).exists()
    sweep_below(tmp_path)
    assert _names(tmp_path) == {"b", "below", ours.name}
    ended.wait()


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    begin = f"""
import os
from pathlib import Path
from mug.files import write_together
with write_together() as files:
    files.write(Path({str(tmp_path)!r}) / "a", b"half")
    print("waiting", flush=True)
    os.kill(os.getpid(), 9)
"""
    killed = subprocess.run([sys.executable, "-c", begin], check=False, stdout=subprocess.PIPE)
    assert killed.stdout == b"waiting\n"
    assert [name.endswith(PART) for name in _names(tmp_path)] == [True]
    other = tmp_path / ".somebody's.part"
    other.touch()
    with write_together() as files:
        files.write(tmp_path / "b", b"")
        assert len(_names(tmp_path)) == 2  # ours is at work
    assert _names(tmp_path) == {"b", other.name}


def test_lines_are_added_whole_and_behind_a_cut_one(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "log.jsonl"
    append_lines(file, ["one", "two"])
    with file.open("a") as handle:
        handle.write("cut o")
    append_lines(file, ["three"])
    assert file.read_text() == "one\ntwo\ncut o\nthree\n"
    with largest_file(30), pytest.raises(FileError):
        append_lines(file, ["x" * 100])
    assert file.read_text() == "one\ntwo\ncut o\nthree\n"


def test_foreign_files_are_not_written_over_unasked(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    mine.touch()
    check_free([mine, other], overwrite=False, is_ours=lambda path: path == mine)
    other.symlink_to("nowhere")
    with pytest.raises(FileError) as caught:
        check_free([mine, other], overwrite=False, is_ours=lambda path: path == mine)
    assert caught.value.file == other
    check_free([mine, other], overwrite=True)


def test_equal_files_stay_and_others_are_refused_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "same").write_text("1")
    (tmp_path / "other").write_text("2")
    before = (tmp_path / "same").stat().st_mtime_ns

    def write(other: bytes) -> None:
        with write_together(overwrite=False):
            for name, content in (("new", b"0"), ("same", b"1"), ("other", other)):
                with atomic_write(tmp_path / name) as handle:
                    handle.write(content)

    with pytest.raises(FileIsThereError) as caught:
        write(b"changed")
    assert caught.value.file == tmp_path / "other"
    assert _names(tmp_path) == {"same", "other"}
    write(b"2")
    assert _names(tmp_path) == {"same", "other", "new"}
    assert (tmp_path / "same").stat().st_mtime_ns == before


def _full() -> int:
    Path("/dev/full").write_text("x")
    return 0


def _memory() -> int:
    torch.empty(1 << 60)
    return 0


def _missing() -> int:
    list(Path("/no such folder").iterdir())
    return 0


def test_a_command_says_what_the_system_refuses_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for work, said in (
        (_full, "No space left"),
        (_memory, "too little memory"),
        (_missing, "/no such folder"),
    ):
        assert run(work, when_stopped="") == FAILED
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ")
        assert said in line


def test_a_fault_of_the_program_is_no_error_of_the_disk() -> None:
    assert plain_error(ValueError("x")) is None
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 // 0, when_stopped="")


def test_an_output_that_cannot_be_written_ends_a_command_in_one_line(tmp_path: Path) -> None:
    call = "from mug.cli.common import run; exit(run(lambda: print('x') or 0, when_stopped=''))"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", call],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == FAILED
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
