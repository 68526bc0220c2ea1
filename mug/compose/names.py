"""Invented titles and artists; nobody's name."""

from __future__ import annotations

import numpy as np

_QUALITIES = (
    "Amber", "Borrowed", "Clockwork", "Distant", "Electric", "Folded", "Gentle", "Hollow",
    "Inverted", "Jagged", "Kinetic", "Luminous", "Midnight", "Narrow", "Orbital", "Paper",
    "Quiet", "Restless", "Silver", "Tidal", "Umbral", "Velvet", "Winding", "Yonder",
)  # fmt: skip
_THINGS = (
    "Arcade", "Beacon", "Causeway", "Drift", "Ember", "Fountain", "Garden", "Harbour",
    "Isthmus", "Junction", "Kaleidoscope", "Lantern", "Meridian", "Nebula", "Orchard", "Prism",
    "Quarry", "Rivulet", "Signal", "Threshold", "Undertow", "Viaduct", "Waltz", "Zenith",
)  # fmt: skip
_GROUPS = ("Club", "Collective", "Committee", "Engine", "Ensemble", "Machine", "Society", "Unit")


def invent_title(rng: np.random.Generator) -> str:
    """A title of two words."""
    return f"{rng.choice(_QUALITIES)} {rng.choice(_THINGS)}"


def invent_artist(rng: np.random.Generator) -> str:
    """A name that is plainly that of a group and of no person."""
    return f"{rng.choice(_QUALITIES)} {rng.choice(_THINGS)} {rng.choice(_GROUPS)}"
