"""Analysis of a song in another process: the same result and errors, whatever becomes of it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mug.errors import AudioError
from mug.timing.ahead import AnalysisAhead
from mug.timing.analysis import SongAnalysis
from mug.timing.onsets import SAMPLE_RATE


def test_a_song_that_is_analysed_ahead_is_the_same(song: Path) -> None:
    ahead = AnalysisAhead(song, timing=True, curves=True)
    here = SongAnalysis.read(song, SAMPLE_RATE)
    sound = ahead.result()
    assert {"timing", "curves", "onset_strength"} <= vars(sound).keys()  # nothing is left to do
    assert np.array_equal(sound.wave, here.wave)
    assert sound.timing == here.timing
    assert np.array_equal(sound.curves, here.curves)
    assert np.array_equal(sound.onset_strength.strength, here.onset_strength.strength)


def test_what_is_wrong_with_a_song_is_said_where_it_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "song.ogg").write_bytes(b"no sound")
    ahead = AnalysisAhead(tmp_path / "song.ogg", timing=True, curves=True)
    with pytest.raises(AudioError, match=r"song\.ogg"):
        ahead.result()


def test_a_process_that_dies_costs_time_alone(song: Path) -> None:
    ahead = AnalysisAhead(song, timing=False, curves=False)
    ahead.process.kill()
    assert np.array_equal(ahead.result().wave, SongAnalysis.read(song, SAMPLE_RATE).wave)


def test_beginning_loads_nothing_heavy() -> None:
    code = "import sys, mug.timing.ahead; print({'numpy', 'torch', 'scipy'} & sys.modules.keys())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
