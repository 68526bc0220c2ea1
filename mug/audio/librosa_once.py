"""librosa, loaded by one process at a time.

librosa compiles functions while it is imported, and numba keeps them in files beside it. Two
processes that do so at once for the first time can each file a function under the other's number;
from then on every process that calls it crashes.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType

_COMPILED = "librosa.util.utils"


def load_librosa() -> ModuleType:
    """Return librosa with its compiled functions; other processes wait until they are stored."""
    from filelock import FileLock

    if _COMPILED not in sys.modules:
        with FileLock(lock_file()):
            import librosa.onset
            import librosa.util.utils  # the package itself would load it when it is first used
    import librosa

    return librosa


def lock_file() -> Path:
    """The file by which processes of one user wait for each other."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"mug-librosa-{user}.lock"
