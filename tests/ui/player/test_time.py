"""The player's time as a person meets it: picture, sound and clock go together."""

from __future__ import annotations

import bisect
from itertools import pairwise
from statistics import median

import pytest
from player_pages import Documents, Show

pytestmark = pytest.mark.browser


def test_the_picture_moves_with_the_audio_clock(show: Show) -> None:
    """Every frame: each note lies where the time of the heard sample puts it."""
    frames = show("song").run(
        """const { readOutput } = await import('/player/engine.js'); const frames = []; let heard;
        p.onFrame = () => { if (!p.playing) return;
          const reading = readOutput(p.engine.context);
          const late = (performance.now() - reading.performanceTime) / 1000;
          heard = p.engine.anchor.songAt(reading.contextTime + late); };
        const draw = p.lanes.draw.bind(p.lanes);
        p.lanes.draw = (view) => { const layout = draw(view);
          if (p.playing) frames.push({now: view.now, heard, hit: layout.hitY, travel: layout.travel,
            span: view.span, notes: p.lanes.drawn.map((n) => [n.start, n.y])});
          return layout; };
        await p.play();
        const notes = () => frames.reduce((n, f) => n + (f.now > 200) * f.notes.length, 0);
        while (p.playing && (p.timeMs() < 2000 || frames.length < 20 || notes() <= 60))
          await new Promise(requestAnimationFrame);
        p.pause(); return frames;"""
    )
    moving = [frame for frame in frames if frame["now"] > 200]
    assert len(moving) > 10
    assert sum(len(frame["notes"]) for frame in moving) > 50
    for frame in moving:
        for start, y in frame["notes"]:
            away = (start - frame["now"]) / frame["span"] * frame["travel"]
            assert y == pytest.approx(frame["hit"] - away, abs=1e-6)
    assert median(abs(frame["now"] - frame["heard"]) for frame in moving) <= 10
    assert moving[-1]["now"] - moving[0]["now"] > 1000
    assert all(after["now"] >= before["now"] for before, after in pairwise(moving))


TAP = """
class Tap extends AudioWorkletProcessor {
  process([[samples]]) {
    if (samples) samples.forEach((x, i) => {
      if (Math.abs(x) > 0.2 && currentFrame + i - (this.last ?? -9999) > 4000) {
        this.last = currentFrame + i; this.port.postMessage(this.last); } });
    return true;
  }
}
registerProcessor('tap', Tap);
"""


@pytest.mark.parametrize("rate", [1.0, 0.75])
def test_what_is_heard_is_what_the_clock_says(show: Show, rate: float) -> None:
    """Clicks are caught on their way to the loudspeaker, and compared with the chart's times."""
    page = show("clicks")
    found = page.run(
        """await p.setRate(a.rate); p.set({hits: false}); p.engine._prepare();
        const { context, output } = p.engine;
        const url = URL.createObjectURL(new Blob([a.tap], {type: 'text/javascript'}));
        await context.audioWorklet.addModule(url);
        const tap = new AudioWorkletNode(context, 'tap'); const heard = [];
        tap.port.onmessage = (event) => heard.push(event.data);
        output.connect(tap).connect(context.destination);
        await p.play();
        while (p.playing && (heard.length < 8 || Math.abs(p.drift().now) > 10))
          await new Promise(requestAnimationFrame); // a sound that stopped is caught up with
        const line = p.engine.anchor; const drift = p.drift(); p.pause();
        return {drift, heard: heard.map((frame) => line.songAt(frame / 44100))};""",
        {"tap": TAP, "rate": rate},
    )
    clicks = [float(ms) for ms in range(500, 7500, 250)]
    assert len(found["heard"]) >= 6
    assert found["heard"] == pytest.approx(clicks[: len(found["heard"])], abs=0.1)
    assert found["drift"]["readings"] > 20
    assert abs(found["drift"]["now"]) <= 10


def test_seeking_by_bar_lands_on_the_bar(show: Show, documents: Documents) -> None:
    page = show("song")
    bars = documents["song"]["timing"]["bars"]
    page.page.locator(".stage").focus()
    for key, bar in (("ArrowRight", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1)):
        page.page.keyboard.press(key)
        page.settle()
        assert page.run("return p.timeMs();") == pytest.approx(bars[bar], abs=1e-6)
    page.page.get_by_label("Next bar").click()
    assert page.run("return p.timeMs();") == pytest.approx(bars[2], abs=1e-6)
    page.run("await p.play(); await p.seekBars(2); p.pause();")
    after = page.run("return p.timeMs();")
    assert bars[bisect.bisect(bars, after + 1) - 1] in bars[3:6]


def test_comparing_candidates_does_not_stop_the_sound(show: Show, documents: Documents) -> None:
    page = show("song")
    found = page.run(
        """await p.play(); await new Promise((done) => setTimeout(done, 600));
        const line = p.engine.anchor, sources = [...p.engine._sources], before = p.timeMs();
        p.choose(2); const after = p.timeMs();
        const same = p.engine.anchor === line && sources.every((s) => p.engine._sources.has(s));
        await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame);
        const shown = p.lanes.drawn.map((n) => [n.column, n.start]);
        p.pause(); return {same, step: after - before, sources: sources.length, shown};"""
    )
    assert found["same"]
    assert found["sources"] == 1
    assert 0 <= found["step"] < 60
    notes = documents["song"]["candidates"][2]["notes"]
    known = set(zip(notes["column"], notes["start_ms"], strict=True))
    assert {tuple(note) for note in found["shown"]} <= known


def test_keys_choose_candidates(show: Show) -> None:
    page = show("song")
    page.page.locator(".stage").focus()
    chosen = []
    for key in ("3", "x", "x", "1"):
        page.page.keyboard.press(key)
        chosen.append(page.run("return p.index;"))
    assert chosen == [2, 0, 2, 0]
    page.page.get_by_role("radio", name="Easy").click()
    assert page.run("return p.chart.name;") == "Easy"
    assert page.page.get_by_role("radio", name="Easy").get_attribute("aria-checked") == "true"


def test_another_rate_keeps_the_place(show: Show) -> None:
    found = show("song").run(
        """await p.seek(4000); await p.play(); await new Promise((d) => setTimeout(d, 500));
        const { context } = p.engine, [before, then] = [p.timeMs(), context.currentTime];
        await p.setRate(0.5);
        const kept = p.engine.anchor.songMs - before, passed = 1000 * (context.currentTime - then);
        const [s, t] = [p.timeMs(), context.currentTime];
        while (context.currentTime - t < 1.5) await new Promise(requestAnimationFrame);
        const speed = (p.timeMs() - s) / (1000 * (context.currentTime - t)); p.pause();
        return [kept, passed, speed, p.engine.rate];"""
    )
    kept, passed, speed, rate = found
    # Nothing is heard twice, and nothing is left out but what was heard while it got ready.
    assert -30 < kept < passed + 30
    assert speed == pytest.approx(0.5, abs=0.08)
    assert rate == 0.5


def test_another_rate_is_ready_before_its_sound_begins(show: Show) -> None:
    """A slow machine takes long to find the onsets: the sound may not be late for that."""
    found = show("song").run(
        """const { engine } = p; await p.play(); let mono = null;
        const slow = () => { const end = performance.now() + 500;
          while (performance.now() < end); };
        Object.defineProperty(engine, 'mono', { get: () => mono,
          set: (made) => { if (made) slow(); mono = made; } });
        const { start } = engine; let ahead;
        engine.start = (ms, at) => { start.call(engine, ms, at);
          ahead = at - engine.context.currentTime; };
        await p.setRate(0.5); p.pause(); return ahead;"""
    )
    assert found > -0.3


def test_a_sound_is_told_its_time_before_it_comes(show: Show) -> None:
    """A machine that is busy while playing begins plans again: late once would be late always."""
    tries, ahead = show("clicks").run(
        """const { engine } = p, { start } = engine; let tries = 0, ahead;
        engine.start = (ms, at) => { start.call(engine, ms, at); tries += 1;
          const end = performance.now() + (tries < 3 ? 60 * 2 ** tries : 0);
          while (performance.now() < end);
          ahead = at - engine.context.currentTime; };
        await p.play(); p.pause(); return [tries, ahead];"""
    )
    assert tries >= 3
    assert ahead > 0


def test_the_audio_offset_moves_the_picture(show: Show) -> None:
    page = show("song")
    page.run("await p.seek(5000); p.set({offset: 40});")
    assert page.run("return p.timeMs();") == 4960
    page.run("await p.seek(5000);")
    assert page.run("return [p.timeMs(), p.engine.position];") == [5000, 5040]


def test_it_stops_at_the_end_and_begins_again(show: Show) -> None:
    page = show("clicks")
    page.run("await p.seek(7700); await p.play();")
    page.page.wait_for_function("!document.querySelector('mug-player').player.playing")
    assert page.run("return p.timeMs() >= 8000;")
    page.run("await p.play();")
    assert page.run("return p.timeMs() < 4000 && p.playing;")


# The sound of a slow machine: it begins only when `go` is called.
SLOW = """p.engine._prepare(); const { context } = p.engine; await context.suspend();
const resume = context.resume.bind(context); let go; const asked = new Promise((done) => {
  context.resume = () => { done(); return new Promise((on) => { go = () => on(resume()); }); }; });
"""


def test_a_second_press_takes_back_the_first_before_the_sound_begins(show: Show) -> None:
    found = show("song").run(
        SLOW + "const first = p.toggle(); await asked; await p.toggle(); go(); await first;"
        "return [p.playing, p.engine.starting, p.timeMs()];"
    )
    assert found == [False, False, 0]


def test_a_place_that_is_chosen_before_the_sound_begins_holds(show: Show) -> None:
    found = show("song").run(
        SLOW + "p.play(); await asked; const there = p.seek(6000); go(); await there;"
        "const [playing, at] = [p.playing, p.timeMs()]; p.pause(); return [playing, at];"
    )
    assert found[0]
    assert found[1] == pytest.approx(6000, abs=200)
