"""Rows of a chart: the places where notes are played, by what sounds there and by the metre."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mug.compose.charting.spec import FAMILIES, ChartSpec
from mug.compose.score import NoteEvent
from mug.compose.varied.mix import prominence
from mug.compose.varied.song import GRID, KINDS, SongPart, VariedSong

PHRASE_BARS = 4
_LEAST_MS, _LEAST_CHORD_MS = 58.0, 74.0
_QUIET = 0.3
_FILLED_FROM, _FILLED_STARS = 3.5, 2.0  # rows a second, stars; easier: only what sounds

# How far each voice speaks where it leads, where it only accompanies, and its group.
_LEADING = {
    "drums": {"kick": 0.9, "snare": 1.0, "clap": 1.0, "tom": 0.95, "crash": 1.2, "impact": 0.9}
    | {"open_hat": 0.6, "hat": 0.35, "ride": 0.4, "perc": 0.4},
    "lead": {"lead": 1.0},
    "vocal": {"vocal": 1.0},
    "arp": {"arp": 0.85},
    "bass": {"bass": 0.85},
    "chord": {"chord": 0.9, "pad": 0.6},
}
_BESIDE = {
    "crash": 0.8, "impact": 0.6, "snare": 0.5, "clap": 0.5, "kick": 0.4, "tom": 0.45, "lead": 0.5,
    "vocal": 0.5, "chord": 0.3, "pad": 0.2, "bass": 0.25, "arp": 0.25, "open_hat": 0.2, "hat": 0.1,
    "ride": 0.12, "perc": 0.15, "riser": 0.0,
}  # fmt: skip
_ACCENTS = {
    "crash": 1.2, "impact": 0.8, "snare": 0.55, "clap": 0.55, "kick": 0.35, "tom": 0.3,
    "lead": 0.3, "vocal": 0.3, "chord": 0.25, "bass": 0.1, "arp": 0.05,
}  # fmt: skip
_LEADERS = {"lead": 1.0, "vocal": 0.9, "drums": 0.8, "arp": 0.35, "bass": 0.2, "chord": 0.3}


@dataclass(frozen=True, slots=True)
class Row:
    """A place where notes are played.

    Args:
        tick: on the song's grid.
        time_ms: exact.
        accent: how strongly it sounds; 0 where nothing does.
        sounding: events that begin here, by voice, the highest of each.
        leader: the voice that is followed here.
        part: where it lies.
    """

    tick: int
    time_ms: float
    accent: float
    sounding: Mapping[str, NoteEvent]
    leader: str
    part: SongPart


def by_tick(song: VariedSong) -> dict[int, dict[str, NoteEvent]]:
    """Events that begin together, by tick and voice; of a chord the highest."""
    found: dict[int, dict[str, NoteEvent]] = defaultdict(dict)
    for event in song.events:
        found[event.tick][event.instrument] = event
    return found


def metre_stress(song: VariedSong, tick: int, unit: int) -> float:
    """Weight of a place in the bar: 1 for its first beat, 0 between quarters of a beat."""
    place = tick % song.bar_ticks
    if place == 0:
        return 1.0
    if place % GRID == 0:
        return 0.8 if 2 * place == song.bar_ticks else 0.7
    if place % unit == 0:
        return 0.6
    half = unit // 3 if song.metre.compound or song.swing else unit // 2
    if place % half == 0:
        return 0.35
    return 0.1 if place % max(1, half // 2) == 0 else 0.0


def line_weight(stress: float, spec: ChartSpec) -> float:
    """Readiness of a chart of such stars to leave the beat.

    Args:
        stress: of the line, from `metre_stress`.
        spec: of the chart.
    """
    if stress >= 0.6:
        return 1.0
    full = 1.8 if stress >= 0.3 else 3.2
    share = float(np.clip((spec.stars - 0.6) / (full - 0.6), 0.15, 1.0))
    return float(1 - spec.discipline * (1 - share**1.5))


def _unit(part: SongPart, compound: bool) -> int:
    """Ticks of the counted beat, 110 ... 220 a minute."""
    if compound:
        return GRID
    return GRID // 2 if part.beat_ms >= 60000 / 110 else GRID * 2 if part.beat_ms < 270 else GRID


class RowChoice:
    """Rows taken one after the other, never closer than allowed.

    Args:
        least_ms: between two rows.
    """

    def __init__(self, least_ms: float) -> None:
        self.least_ms = least_ms
        self.times: list[float] = []

    def take(self, time_ms: float) -> bool:
        """Take a row if it is far enough from those taken."""
        place = bisect_left(self.times, time_ms)
        for near in self.times[max(0, place - 1) : place + 1]:
            if abs(near - time_ms) < self.least_ms:
                return False
        insort(self.times, time_ms)
        return True


def _least_ms(spec: ChartSpec, rng: np.random.Generator) -> float:
    floor_ms = _LEAST_MS if FAMILIES[spec.family].repeat <= 0 else _LEAST_CHORD_MS
    evenness = float(np.interp(spec.stars, (1.0, 3.0), (620.0, 430.0)))
    return max(floor_ms, evenness / spec.rows_per_second * float(rng.uniform(0.7, 1.1)))


@dataclass(frozen=True, slots=True)
class _Place:
    tick: int
    time_ms: float
    part: SongPart
    salience: float


def _shares(song: VariedSong, spec: ChartSpec, played: list[SongPart]) -> list[int]:
    """Rows of each part: by its length, more where the music is loud."""
    seconds = np.array([p.bars * song.metre.beats * p.beat_ms / 1000 for p in played])
    energy = np.array([p.energy for p in played])
    drive = 0.12 + (energy / max(0.2, float(energy.max()))) ** (2.0 * spec.contrast)
    weights = seconds * drive
    total = max(8.0, spec.rows_per_second * float(seconds.sum()))
    return [round(float(n)) for n in total * weights / weights.sum()]


def _take(choice: RowChoice, places: list[_Place], wanted: int) -> list[_Place]:
    """The most salient places, so many as are wanted, apart from each other."""
    taken: list[_Place] = []
    for place in sorted(places, key=lambda p: (-p.salience, p.tick)):
        if len(taken) >= wanted:
            break
        if choice.take(place.time_ms):
            taken.append(place)
    return taken


class _Listening:
    """A song as the maker of a chart listens to it.

    Args:
        song: the music.
        spec: the chart.
    """

    def __init__(self, song: VariedSong, spec: ChartSpec) -> None:
        self.song, self.spec = song, spec
        self.sounding = by_tick(song)
        levels = prominence(song.seed)
        self.audible = {name: float(np.clip(p, 0.2, 2.0)) ** 0.7 for name, p in levels.items()}
        # Preferences that are the same wherever a kind of part returns, by tick of its phrase.
        rng = np.random.default_rng([spec.seed, 92])
        self.noise = {kind: rng.standard_normal(PHRASE_BARS * song.bar_ticks) for kind in KINDS}
        self.leaders = self._draw_leaders()

    def _draw_leaders(self) -> dict[str, str]:
        """The voice that each kind of part is charted to: one that is loud there, tunes first."""
        rng = np.random.default_rng([self.spec.seed, 91])
        counts: Counter[tuple[str, str]] = Counter()
        starts = [part.first_bar * self.song.bar_ticks for part in self.song.parts]
        leader_of = {voice: name for name, voices in _LEADING.items() for voice in voices}
        for event in self.song.events:
            kind = self.song.parts[max(0, bisect_left(starts, event.tick + 1) - 1)].kind
            counts[kind, leader_of.get(event.instrument, "")] += 1
        favoured = str(rng.choice(list(_LEADERS)))
        found = {}
        for kind in KINDS:
            shares = {
                name: weight
                * (2.0 if name == favoured else 1.0)
                * self.audible.get(name, self.audible["kick"]) ** 3
                for name, weight in _LEADERS.items()
                if counts[kind, name] >= 4
            }
            names, values = list(shares) or ["drums"], np.array(list(shares.values()) or [1.0])
            found[kind] = names[int(rng.choice(len(names), p=values / values.sum()))]
        return found

    def preference(self, part: SongPart, tick: int) -> float:
        """A small preference for a tick, the same in all phrases of its kind."""
        noise = self.noise[part.kind]
        return float(noise[(tick - part.first_bar * self.song.bar_ticks) % len(noise)])

    def salience(self, sounding: Mapping[str, NoteEvent], leader: str) -> float:
        """Weight of what begins together, by how loud it is and whether it is followed."""
        leading, others = _LEADING[leader], 1.15 - self.spec.loyalty
        total = 0.0
        for voice, event in sounding.items():
            weight = leading.get(voice)
            weight = weight if weight is not None else _BESIDE[voice] * others
            total += event.velocity * weight * self.audible[voice]
        return total

    def places(self, part: SongPart) -> list[_Place]:
        """Places of a part where something begins, with their salience."""
        song, spec, leader = self.song, self.spec, self.leaders[part.kind]
        unit = _unit(part, song.metre.compound)
        found = []
        for tick in _ticks(song, part):
            events = self.sounding.get(tick)
            felt = self.salience(events, leader) if events else 0.0
            if felt <= 0.05:
                continue
            stress = metre_stress(song, tick, unit)
            salience = felt * line_weight(stress, spec) + spec.stress * stress
            salience += 0.08 * self.preference(part, tick)
            found.append(_Place(tick, song.tick_ms(tick), part, salience))
        return found

    def lines_between(self, part: SongPart, least_ms: float) -> list[_Place]:
        """Lines without a sound of their own, as streams run through; runs come first."""
        song = self.song
        unit = _unit(part, song.metre.compound)
        if song.metre.compound or song.swing:
            steps = [unit // 3, unit // 6]
        else:
            steps = [unit // 2, unit // 4]
        found: list[_Place] = []
        for level, step in enumerate(steps):
            if step * part.beat_ms / GRID < least_ms:
                break
            for tick in _ticks(song, part)[::step]:
                if tick in self.sounding:
                    continue
                near = sum(tick + side * step in self.sounding for side in (-1, 1))
                salience = part.energy + 0.35 * near - 0.25 * level
                salience += 0.15 * self.preference(part, tick)
                found.append(_Place(tick, song.tick_ms(tick), part, salience))
        return found

    def row(self, place: _Place) -> Row:
        """The row at a place that was taken."""
        part, sounding = place.part, self.sounding.get(place.tick, {})
        accent = sum(
            _ACCENTS.get(v, 0.0) * e.velocity * self.audible[v] for v, e in sounding.items()
        )
        stress = metre_stress(self.song, place.tick, _unit(part, self.song.metre.compound))
        accent += 0.35 * stress + 0.06 * self.preference(part, place.tick)
        return Row(place.tick, place.time_ms, accent, sounding, self.leaders[part.kind], part)


def _ticks(song: VariedSong, part: SongPart) -> range:
    return range(part.first_bar * song.bar_ticks, (part.first_bar + part.bars) * song.bar_ticks)


def choose_rows(song: VariedSong, spec: ChartSpec) -> list[Row]:
    """Rows of a chart by time: the most salient first, then lines between them where needed.

    Args:
        song: the music.
        spec: the chart; `rows_per_second` counts the time of the parts that are not left out.
    """
    rng = np.random.default_rng([spec.seed, 93])
    listening = _Listening(song, spec)
    quiet = {p.kind for p in song.parts if spec.rests and p.energy < _QUIET and rng.random() < 0.7}
    # A song that is quiet throughout is played as it is.
    played = [p for p in song.parts if p.kind not in quiet] or list(song.parts)
    choice = RowChoice(_least_ms(spec, rng))
    taken: list[_Place] = []
    missing = 0
    for part, wanted in zip(played, _shares(song, spec, played), strict=True):
        found = _take(choice, listening.places(part), wanted)
        taken += found
        missing += wanted - len(found)
    if missing and spec.rows_per_second > _FILLED_FROM and spec.stars >= _FILLED_STARS:
        between = [p for part in played for p in listening.lines_between(part, choice.least_ms)]
        taken += _take(choice, between, missing)
    last = song.bars * song.bar_ticks
    if last in listening.sounding and choice.take(song.tick_ms(last)):
        taken.append(_Place(last, song.tick_ms(last), song.parts[-1], 0.0))
    return [listening.row(place) for place in sorted(taken, key=lambda p: p.tick)]
