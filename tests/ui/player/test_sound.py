"""The player's clock, time stretching and schedule of sounds, run by the browser."""

from __future__ import annotations

import numpy as np
import pytest
from player_pages import Shown

pytestmark = pytest.mark.browser


def test_the_picture_stays_with_an_audio_clock_that_runs_differently(empty: Shown) -> None:
    """Three minutes: the sound card 400 ppm off the system's clock, readings 8 ms off at random."""
    worst = empty.logic(
        "clock",
        """let seed = 5; const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
        const truth = (ms) => 0.37 + (ms / 1000) * (1 + a);
        const clock = new m.OutputClock(); const line = new m.Anchor(truth(0), 0, 1); let worst = 0;
        let before = -Infinity, backwards = 0;
        for (let frame = 0, ms = 0; ms < 180000; frame += 1, ms += 16.7) {
          clock.sample({contextTime: truth(ms) + (random() - 0.5) * 0.016, performanceTime: ms});
          const shown = line.songAt(clock.heard(ms));
          if (frame > 10) worst = Math.max(worst, Math.abs(shown - line.songAt(truth(ms))));
          if (shown < before) backwards += frame > 10 ? 1 : 0;
          before = shown;
        } return [worst, backwards];""",
        4e-4,
    )
    assert worst[0] <= 10
    assert worst[0] > 0.05  # the readings are noisy: an exact zero would mean that nothing ran
    assert worst[1] == 0


def test_a_sound_that_stopped_for_a_moment_is_caught_up_with(empty: Shown) -> None:
    """The clock falls 40 ms behind for good: the picture is with it a fifth of a second later."""
    off = empty.logic(
        "clock",
        "const c = new m.OutputClock(); const s = (i, d) =>"
        " c.sample({contextTime: i / 60 - d, performanceTime: (i * 1000) / 60});"
        "for (let i = 0; i < 200; i += 1) s(i, 0); const off = [];"
        "for (let i = 200; i < 260; i += 1) { s(i, 0.04);"
        " off.push(Math.abs(c.heard(0) + 0.04) * 1000); } return off;",
    )
    assert off[0] > 30
    assert off[12] < 5
    assert off[40] < 0.1


def test_a_clock_that_jumps_is_followed_at_once(empty: Shown) -> None:
    shown = empty.logic(
        "clock",
        "const c = new m.OutputClock(); for (let i = 0; i < 50; i += 1)"
        " c.sample({contextTime: i / 50, performanceTime: i * 20});"
        " c.sample({contextTime: 3, performanceTime: 1000}); return c.heard(1000);",
    )
    assert shown == pytest.approx(3, abs=1e-6)


CLICKS = """const rate = 44100, seconds = a.seconds, sound = new Float32Array(rate * seconds);
let seed = 9; const noise = () => (seed = (seed * 16807) % 2147483647) / 2147483647 - 0.5;
for (let i = 0; i < sound.length; i += 1)
  sound[i] = 0.05 * noise() + 0.1 * Math.sin((2 * Math.PI * 220 * i) / rate);
for (let s = 1; s < seconds; s += 1)
  for (let i = 0; i < 60; i += 1) sound[s * rate + i] = 1 - i / 60;
const onsets = (list, from = 0) => { const found = []; let last = -rate;
  for (let i = 0; i < list.length; i += 1)
    if (Math.abs(list[i]) > 0.45 && i - last > rate / 10) { found.push(i + from); last = i; }
  return found; };
"""


@pytest.mark.parametrize(("speed", "seconds"), [(0.5, 60), (0.75, 60), (1.5, 180)])
def test_a_stretched_song_stays_with_the_chart(empty: Shown, speed: float, seconds: int) -> None:
    """A minute or three of clicks: each is heard once, on the frame that the rate gives it."""
    clicks = empty.logic(
        "stretch",
        CLICKS + "const s = new m.Stretcher([sound], m.mixDown([sound]), a.speed, 0);"
        "const blocks = Math.ceil(sound.length / a.speed / m.BLOCK);"
        "return onsets(s.read(blocks)[0]);",
        {"speed": speed, "seconds": seconds},
    )
    wanted = [44100 * second / speed for second in range(1, seconds)]
    assert len(clicks) == len(wanted)
    assert max(abs(click - at) for click, at in zip(clicks, wanted, strict=True)) <= 1


def test_onsets_are_found_where_sounds_begin(empty: Shown) -> None:
    onsets = empty.logic("stretch", CLICKS + "return m.findOnsets(sound);", {"seconds": 12})
    assert onsets == [44100 * second for second in range(1, 12)]
    assert empty.logic("stretch", "return m.findOnsets(new Float32Array(9999));") == []


@pytest.mark.parametrize("speed", [0.6, 1.4])
def test_a_stretched_song_keeps_its_pitch(empty: Shown, speed: float) -> None:
    wave = empty.logic(
        "stretch",
        "const sine = new Float32Array(88200);"
        "sine.forEach((_, i) => (sine[i] = Math.sin((2 * Math.PI * 441 * i) / 44100)));"
        "return [...new m.Stretcher([sine], sine, a, 4000).read(64)[0]];",
        speed,
    )
    spectrum = np.abs(np.fft.rfft(np.asarray(wave) * np.hanning(len(wave))))
    loudest = float(np.argmax(spectrum)) * 44100 / len(wave)
    assert loudest == pytest.approx(441, abs=44100 / len(wave))
    assert np.abs(wave).max() < 1.05


OFFLINE = """const context = new OfflineAudioContext(2, Math.round(44100 * a.length), 44100);
const e = new m.AudioEngine(() => context);
const buffer = new AudioBuffer({numberOfChannels: 1, length: sound.length, sampleRate: rate});
buffer.copyToChannel(sound, 0); e.useBuffer(buffer, a.start ?? 0);
"""


def test_three_minutes_of_sound_come_out_on_the_sample(empty: Shown) -> None:
    """The engine's schedule, rendered at once: the song's clicks to the sample, no drift."""
    found = empty.logic(
        "engine",
        CLICKS + OFFLINE + "e.start(2500, 0.06); e.pump(Infinity);"
        "const out = (await context.startRendering()).getChannelData(0).map((x) => x / 0.64);"
        "const line = e.anchor; return {found: onsets(out), wanted: Array.from({length: 177},"
        " (_, i) => Math.round(line.contextAt((i + 3) * 1000) * rate))};",
        {"seconds": 180, "length": 178},
    )
    assert found["found"] == found["wanted"]


def test_hit_sounds_come_out_on_the_sample(empty: Shown) -> None:
    times = [float(t) for t in np.cumsum(np.random.default_rng(1).uniform(150, 900, 90))]
    found = empty.logic(
        "engine",
        CLICKS + OFFLINE + "e.levels.song = 0;"
        "e.setEvents(a.times.map((ms) => ({ms, gain: 1, pan: 0, kind: 'bar'})));"
        "e.start(0, 0.1); e.pump(Infinity);"
        "const out = (await context.startRendering()).getChannelData(0).map((x) => x * 5);"
        "return onsets(out).map((frame) => frame / rate);",
        {"seconds": 2, "length": times[-1] / 1000 + 1, "times": times},
    )
    assert len(found) == len(times)
    off = [abs(at - (0.1 + ms / 1000)) for at, ms in zip(found, times, strict=True)]
    assert max(off) <= 1.5 / 44100


@pytest.mark.parametrize("speed", [0.5, 1.25])
def test_another_rate_keeps_song_and_hit_sounds_together(empty: Shown, speed: float) -> None:
    found = empty.logic(
        "engine",
        CLICKS + OFFLINE + "e.rate = a.speed; e.start(0, 0.06); e.pump(Infinity);"
        "const out = (await context.startRendering()).getChannelData(0).map((x) => x / 0.64);"
        "return {found: onsets(out).map((f) => f / rate),"
        " wanted: Array.from({length: a.seconds - 1},"
        " (_, i) => e.anchor.contextAt((i + 1) * 1000))};",
        {"seconds": 30, "length": 30 / speed + 0.2, "speed": speed},
    )
    assert len(found["found"]) == len(found["wanted"])
    off = [abs(at - to) for at, to in zip(found["found"], found["wanted"], strict=True)]
    assert max(off) <= 1.5 / 44100


def test_the_sound_may_begin_before_or_after_the_chart(empty: Shown) -> None:
    for start in (250.0, -250.0):
        first = empty.logic(
            "engine",
            CLICKS + OFFLINE + "e.start(0, 0.1); e.pump(Infinity);"
            "const out = (await context.startRendering()).getChannelData(0).map((x) => x / 0.64);"
            "return onsets(out)[0] / rate;",
            {"seconds": 3, "length": 3, "start": start},
        )
        assert first == pytest.approx(0.1 + 1 + start / 1000, abs=2 / 44100)
