"""Names that tests of the player share with their fixtures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import TimingPoint


@dataclass
class Shown:
    """A page with a player, and what the browser complained of."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def run(self, body: str, argument: Any = None) -> Any:
        """Runs JavaScript with the player as `p` and the argument as `a`."""
        head = "const p = document.querySelector('mug-player')?.player;"
        return self.page.evaluate(f"async (a) => {{ {head} {body} }}", argument)

    def logic(self, module: str, body: str, argument: Any = None) -> Any:
        """Runs JavaScript with a module of the player as `m` and the argument as `a`."""
        head = f"const m = await import('/player/{module}.js');"
        return self.page.evaluate(f"async (a) => {{ {head} {body} }}", argument)

    def settle(self) -> None:
        """Waits until two frames have been drawn."""
        self.run("for (let i = 0; i < 2; i += 1) await new Promise(requestAnimationFrame)")


Show = Callable[..., Shown]


def many_notes(count: int) -> Beatmap:
    """A chart of taps 40 ms apart, with a hold over its first half."""
    notes: list[Rice | LongNote] = [Rice(i % 3, 40.0 * i) for i in range(count - 1)]
    notes.append(LongNote(3, 0.0, 20.0 * count))
    return Beatmap(
        keys=4,
        hit_objects=tuple(notes),
        timing=(TimingPoint(0.0, 480.0),),
        metadata={"Title": "Many", "Version": "many"},
    )
