"""A varied song as a value: its bars, tempo, notes with exact times, and how it is produced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mug.compose.score import NoteEvent
from mug.compose.tempo import Metre, SongTempo

GRID = 24
"""Ticks a beat of the red lines: quarters, eighths, thirds and sixths lie on it."""

DRUMS = ("kick", "snare", "clap", "hat", "open_hat", "ride", "tom", "crash", "perc")
TONAL = ("bass", "chord", "pad", "arp", "lead", "vocal")
EFFECTS = ("riser", "impact")
VOICES = DRUMS + TONAL + EFFECTS

KINDS = ("intro", "verse", "build", "chorus", "break", "solo", "bridge", "outro")


@dataclass(frozen=True, slots=True)
class SongPart:
    """A part of the form.

    Args:
        kind: one of `KINDS`; parts of one kind share their music.
        first_bar: its first bar.
        bars: how many.
        energy: drive, 0 ... 1.
        beat_ms: duration of a beat in it.
    """

    kind: str
    first_bar: int
    bars: int
    energy: float
    beat_ms: float


@dataclass(frozen=True, slots=True)
class VariedSong:
    """A piece of music with many voices, complete.

    Args:
        seed: it was composed from this and a style.
        title: invented.
        artist: invented.
        metre: time signature, counted in beats of the red lines.
        tempo: way from beats to milliseconds; swing is in the ticks of the events.
        swing: ticks in which off-beats are late: 0, `GRID` (beats) or `GRID // 2` (half beats).
        parts: the form, in order, without gaps.
        loudness_db: root-mean-square level of the mix below full scale.
        duration_ms: length of the audio.
        events: notes by tick and voice.
    """

    seed: int
    title: str
    artist: str
    metre: Metre
    tempo: SongTempo
    swing: int
    parts: tuple[SongPart, ...]
    loudness_db: float
    duration_ms: float
    events: tuple[NoteEvent, ...]

    @property
    def bar_ticks(self) -> int:
        """Ticks a bar."""
        return self.metre.beats * GRID

    @property
    def bars(self) -> int:
        """Whole bars; the last chord may sound on the beat after them."""
        return sum(part.bars for part in self.parts)

    def of(self, voices: Iterable[str]) -> tuple[NoteEvent, ...]:
        """Events of some voices."""
        wanted = frozenset(voices)
        return tuple(event for event in self.events if event.instrument in wanted)

    def tick_ms(self, tick: int) -> float:
        """Time of a tick."""
        return self.tempo.ms(tick / GRID)

    def truth(self) -> dict[str, Any]:
        """Everything that is known about the song, as plain values for JSON; times in ms."""
        beats = [self.tempo.ms(float(n)) for n in range(self.bars * self.metre.beats + 1)]
        return {
            "seed": self.seed,
            "title": self.title,
            "artist": self.artist,
            "metre": self.metre.name,
            "beats_per_bar": self.metre.beats,
            "swing": self.swing,
            "loudness_db": round(self.loudness_db, 6),
            "duration_ms": round(self.duration_ms, 3),
            "tempo": [
                {"time_ms": round(s.time_ms, 6), "bpm": s.bpm, "beat": s.beat}
                for s in self.tempo.segments
            ],
            "beats": [round(t, 3) for t in beats],
            "downbeats": [round(t, 3) for t in beats[:: self.metre.beats]],
            "sections": [
                {
                    "kind": part.kind,
                    "energy": round(part.energy, 3),
                    "start_ms": round(beats[part.first_bar * self.metre.beats], 3),
                    "end_ms": round(beats[(part.first_bar + part.bars) * self.metre.beats], 3),
                }
                for part in self.parts
            ],
            "onsets": {
                name: sorted({round(e.time_ms, 3) for e in found})
                for name in VOICES
                if (found := self.of([name]))
            },
        }
