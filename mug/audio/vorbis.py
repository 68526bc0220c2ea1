"""Ogg Vorbis files of samples; equal samples give equal bytes."""

from __future__ import annotations

import io
import zlib

import numpy as np
from jaxtyping import Float32

from mug.audio.ogg import read_pages

_BLOCK = 1 << 16  # frames; libsndfile's Vorbis writer overruns its stack on minutes at once


def encode_vorbis(samples: Float32[np.ndarray, "frames channels"], sample_rate: int) -> bytes:
    """Return samples as an Ogg Vorbis file.

    The number of the logical stream, which libsndfile draws at random, follows from the sound.

    Args:
        samples: -1 ... 1.
        sample_rate: in Hz.
    """
    import soundfile

    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer,
        "w",
        samplerate=sample_rate,
        channels=samples.shape[1],
        format="OGG",
        subtype="VORBIS",
    ) as sound:
        for first in range(0, len(samples), _BLOCK):
            sound.write(samples[first : first + _BLOCK])
    pages = [page for page in read_pages(buffer.getvalue()) if page.whole]
    serial = zlib.crc32(b"".join(page.body for page in pages))
    return b"".join(page.with_serial(serial) for page in pages)
