"""A composed song as a value: every note with its exact time, and the truth about its timing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from mug.compose.tempo import Metre, SongTempo

PERCUSSION = ("kick", "snare", "hat", "open_hat", "tom", "crash")
PITCHED = ("bass", "chord", "melody")
INSTRUMENTS = PERCUSSION + PITCHED

SECTION_KINDS = ("intro", "verse", "chorus", "break", "outro")


@dataclass(frozen=True, slots=True)
class NoteEvent:
    """One sounded note.

    Args:
        instrument: one of `INSTRUMENTS`.
        tick: notated place on the grid of `TICKS` a beat.
        time_ms: when it sounds in the audio, swing and tempo changes included.
        duration_ms: how long it is held.
        pitch: MIDI number; 0 for percussion without pitch.
        velocity: strength, 0 ... 1.
    """

    instrument: str
    tick: int
    time_ms: float
    duration_ms: float
    pitch: int
    velocity: float


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the song's form: bars `first_bar` ... `first_bar + bars - 1`."""

    kind: str
    first_bar: int
    bars: int


@dataclass(frozen=True, slots=True)
class Timbre:
    """Timbre of a song's instruments; all between 0 and 1 unless a unit is named.

    Args:
        kick_hz: pitch of the kick's body.
        kick_decay_ms: time in which the kick falls to 1/e.
        snare_tone: share of body against noise.
        snare_decay_ms: as for the kick.
        hat_decay_ms: as for the kick.
        brightness: overtones of pitched sounds.
        odd: weight of odd overtones (hollow, as a clarinet) against all.
        lead_decay: how fast a melody note fades while it is held.
        pad_attack_ms: how slowly held chords swell.
        room: share of reverberation.
        drums_gain: level of the percussion bus.
        bass_gain: level of the bass.
        chord_gain: level of the chords.
        melody_gain: level of the melody.
    """

    kick_hz: float = 50.0
    kick_decay_ms: float = 110.0
    snare_tone: float = 0.4
    snare_decay_ms: float = 90.0
    hat_decay_ms: float = 25.0
    brightness: float = 0.5
    odd: float = 0.3
    lead_decay: float = 0.3
    pad_attack_ms: float = 20.0
    room: float = 0.1
    drums_gain: float = 1.0
    bass_gain: float = 0.5
    chord_gain: float = 0.3
    melody_gain: float = 0.6


@dataclass(frozen=True, slots=True)
class Song:
    """A piece of music, complete: what to play, when, and how it sounds.

    Args:
        seed: it was composed from this and a style.
        title: invented.
        artist: invented.
        metre: time signature.
        tempo: way from beats to milliseconds.
        key: pitch class of the tonic, 0 = C.
        mode: name of the scale.
        density: how busy the music is, 0 ... 1.
        loudness_db: root-mean-square level of the mix below full scale.
        duration_ms: length of the audio.
        sections: the form, in order, without gaps.
        events: notes by time.
        timbre: sound of the instruments.
    """

    seed: int
    title: str
    artist: str
    metre: Metre
    tempo: SongTempo
    key: int
    mode: str
    density: float
    loudness_db: float
    duration_ms: float
    sections: tuple[Section, ...]
    events: tuple[NoteEvent, ...]
    timbre: Timbre

    @property
    def bars(self) -> int:
        """Whole bars; the last chord sounds on the beat after them."""
        return sum(section.bars for section in self.sections)

    @property
    def bpm(self) -> float:
        """Tempo at the start."""
        return self.tempo.segments[0].bpm

    def of(self, instruments: Iterable[str]) -> tuple[NoteEvent, ...]:
        """Events of some instruments."""
        wanted = frozenset(instruments)
        return tuple(event for event in self.events if event.instrument in wanted)

    def section_at(self, tick: int) -> Section:
        """The section in which a tick lies; the last one for the final chord."""
        bar = tick // self.metre.bar
        return next((s for s in reversed(self.sections) if s.first_bar <= bar), self.sections[0])

    def truth(self) -> dict[str, Any]:
        """Everything that is known about the song, as plain values for JSON.

        Times are exact, in ms rounded to microseconds. `beats` and `downbeats` run to the final
        chord; `onsets` lists each instrument's note starts, `notes` its pitches and lengths.
        """
        beats = [self.tempo.ms(float(n)) for n in range(self.bars * self.metre.beats + 1)]
        names = [name for name in INSTRUMENTS if self.of([name])]
        return {
            "seed": self.seed,
            "title": self.title,
            "artist": self.artist,
            "metre": self.metre.name,
            "beats_per_bar": self.metre.beats,
            "swing": round(self.tempo.swing, 6),
            "key": self.key,
            "mode": self.mode,
            "density": round(self.density, 6),
            "loudness_db": round(self.loudness_db, 6),
            "duration_ms": round(self.duration_ms, 3),
            "tempo": [
                {"time_ms": round(s.time_ms, 3), "bpm": s.bpm, "beat": s.beat}
                for s in self.tempo.segments
            ],
            "beats": [round(t, 3) for t in beats],
            "downbeats": [round(t, 3) for t in beats[:: self.metre.beats]],
            "sections": [
                {
                    "kind": s.kind,
                    "start_ms": round(beats[s.first_bar * self.metre.beats], 3),
                    "end_ms": round(beats[(s.first_bar + s.bars) * self.metre.beats], 3),
                }
                for s in self.sections
            ],
            "timbre": {name: round(value, 6) for name, value in asdict(self.timbre).items()},
            "onsets": {
                name: sorted({round(e.time_ms, 3) for e in self.of([name])}) for name in names
            },
            "notes": {
                name: [
                    [round(e.time_ms, 3), round(e.duration_ms, 3), e.pitch, round(e.velocity, 3)]
                    for e in self.of([name])
                ]
                for name in names
                if name in PITCHED
            },
        }
