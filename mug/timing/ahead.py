"""Analysis of a song in a process of its own, while this one loads torch and a model.

Nothing heavy is imported here: the other process imports what it needs. A thread would not do,
since importing torch holds the interpreter's lock.
"""

from __future__ import annotations

import multiprocessing
import signal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from mug.errors import MugError

if TYPE_CHECKING:
    from mug.timing.analysis import SongAnalysis


class AnalysisAhead:
    """A song that another process reads and analyses, until its result is wanted.

    Args:
        audio: the sound file.
        timing: whether to estimate its timing.
        curves: whether to work out its curves.
    """

    def __init__(self, audio: Path, *, timing: bool, curves: bool) -> None:
        wanted = ["onset_strength", *["timing"] * timing, *["curves"] * curves]
        context = multiprocessing.get_context("spawn")  # a fork would copy locks that threads hold
        self._audio = audio
        self._end, theirs = context.Pipe(duplex=False)
        self.process = context.Process(target=_analyse, args=(theirs, audio, wanted), daemon=True)
        self.process.start()
        theirs.close()

    def result(self) -> SongAnalysis:
        """Wait for the song; it is analysed here when the other process has died.

        Raises:
            AudioError: when it cannot be read.
        """
        from mug.timing.analysis import SongAnalysis
        from mug.timing.onsets import SAMPLE_RATE

        try:
            found = self._end.recv()
        except EOFError:
            found = SongAnalysis.read(self._audio, SAMPLE_RATE)
        self._end.close()
        self.process.join()
        if isinstance(found, MugError):
            raise found
        assert isinstance(found, SongAnalysis)
        return found


def _analyse(end: Connection, audio: Path, wanted: list[str]) -> None:
    """Send the analysis of a song, or what is wrong with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that waits is the one to be stopped
    from mug.timing.analysis import SongAnalysis
    from mug.timing.onsets import SAMPLE_RATE

    found: SongAnalysis | MugError
    try:
        found = SongAnalysis.read(audio, SAMPLE_RATE)
        for name in wanted:
            getattr(found, name)
    except MugError as error:
        found = error
    try:
        end.send(found)
    except BrokenPipeError:  # nobody waits any more
        return
