"""Names that tests of the player share with their fixtures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mug.beatmap.beatmap import Beatmap
from mug.beatmap.hit_objects import LongNote, Rice
from mug.beatmap.timing_points import TimingPoint

CLICKS_MS = tuple(range(500, 7500, 250))


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
Documents = dict[str, Any]


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


def events_of(page: Shown, name: str) -> list[Any]:
    """Details of the events of a name that `listen` heard."""
    return page.page.evaluate(f"window.heard['{name}'] ?? []")


def listen(page: Shown, *names: str) -> None:
    """Notes the details of events of these names from now on."""
    page.page.evaluate(
        "(names) => { window.heard = {}; for (const name of names) { window.heard[name] = [];"
        " document.addEventListener(name, (e) => window.heard[name].push(e.detail)); } }",
        names,
    )


def middle_of(page: Shown, ref: str) -> tuple[float, float, float, float]:
    """Left, top, width and height of an element, without its border."""
    box = page.run(
        "const e = p.view[a], b = e.getBoundingClientRect();"
        "return [b.left + e.clientLeft, b.top + e.clientTop, e.clientWidth, e.clientHeight];",
        ref,
    )
    return tuple(box)


def drag(page: Shown, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drags the pointer from one place to another."""
    mouse = page.page.mouse
    mouse.move(*start)
    mouse.down()
    mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    mouse.move(*end)
    mouse.up()
