"""librosa compiles while it is imported: one process at a time, or numba's files mix up."""

from __future__ import annotations

import subprocess
import sys

from filelock import FileLock

from mug.audio.librosa_once import lock_file

_LOAD = """
import sys, time
from filelock import FileLock
from mug.audio import librosa_once
if "held" in sys.argv:
    original = FileLock.acquire
    def told(self, *args, **more):
        print("waits", flush=True)
        return original(self, *args, **more)
    FileLock.acquire = told
module = librosa_once.load_librosa()
again = librosa_once.load_librosa()  # without the lock: it would wait for itself
print(module.onset.onset_detect.__name__, again is module, flush=True)
"""


def test_a_process_waits_while_another_one_loads(root) -> None:
    command = [sys.executable, "-c", _LOAD, "held"]
    with FileLock(lock_file()):
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        assert process.poll() is None
    rest, _ = process.communicate()
    assert rest == "onset_detect True\n"
    assert process.returncode == 0
