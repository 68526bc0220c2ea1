"""Real songs by which the detector's numbers were chosen: it does not judge itself by them.

Its weights are fitted on composed songs alone, but what they weigh was chosen with these songs in
view (`docs/timing.md`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

FITTED_SONGS = {
    "6a5a67e6e22ee6ae2884fbf1186fa8e7a2c518b801116a8f29e62a42d12bdc37": "flowering-night",
    "9d211f2fee8bc5327119ea9b1b6bb77f88226c5a1317628ad2467734fe4cb483": "goin-under",
    "6eb052cf8081ebb01d4b30e8db34e9eeca692635e2c1ed3ba7f7bd131c1b65c3": "mecha-tribe-assault",
    "970856d80ce66dc0c0ccb3501c89e62b1015e450b02f5d41c913f9081369e7c2": "princess-of-winter",
    "097b4f6fdfec333b62260b03f648eaf5f22e6eb8f083a57939a49b70c0f9360a": "quaver-offset-calibrator",
    "9476c0e8dca57cd9d8904e6d5f5ad715bce829e58763d418abc6f8106b722b71": "tangent-tectonics",
    "47b895484e7751f3ab429694ff6dbf21e774ab023e4f6c5b481476f04ff22f0f": "triangles",
    "6607be3df90cc92f756bfba0fd522f81c61736a618551b803f8dd41afc77d369": (
        "umami-packed-mountaineering"
    ),
}
"""Names by the SHA-256 of their sound files; `docs/timing.md` says how they were used."""


def was_fitted_on(audio: Path) -> bool:
    """Return whether a sound file is one that the detector was made with, whatever its name."""
    return hashlib.sha256(audio.read_bytes()).hexdigest() in FITTED_SONGS
