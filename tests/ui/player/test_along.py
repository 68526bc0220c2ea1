"""Playing along with real keys and fingers."""

from __future__ import annotations

import pytest
from player_pages import Show, events_of, listen

pytestmark = pytest.mark.browser


# Keys are pressed as a person would, with the time stamps that the browser would give them.
PRESS_ALL = """p.choose(a.chart); p.setPlayAlong(true); const stage = p.view.stage;
const send = (kind, column, ms) => {
  const event = new KeyboardEvent(kind, {code: p.bindings[column], key: 'x', bubbles: true});
  const line = p.engine.anchor;
  const at = (line.contextAt(ms) - p.engine.clock.offset) * 1000;
  Object.defineProperty(event, 'timeStamp', {value: at}); stage.dispatchEvent(event); };
const todo = []; const notes = p.chart.notes;
for (let i = 0; i < a.count; i += 1) {
  const late = a.late, hold = notes.ends[i] > notes.starts[i];
  todo.push([notes.starts[i] + late, 'keydown', notes.column[i]]);
  todo.push([(hold ? notes.ends[i] : notes.starts[i] + 60) + late, 'keyup', notes.column[i]]); }
todo.sort((x, y) => x[0] - y[0]);
await new Promise(async (done) => {
  p.onFrame = (now) => { while (todo.length && todo[0][0] <= now) {
      const [ms, kind, column] = todo.shift(); send(kind, column, ms); }
    if (!todo.length) { p.onFrame = null; p.pause(); done(); } }; // before later notes are missed
  await p.play(); });
await new Promise(requestAnimationFrame); return p.panels.result();"""


@pytest.mark.parametrize("chart", [0, 1])
def test_keys_at_the_exact_times_are_perfect(show: Show, chart: int) -> None:
    count = 12
    result = show("clicks").run(PRESS_ALL, {"chart": chart, "count": count, "late": 0})
    assert result["accuracy"] == 1
    assert result["counts"]["max"] == count * (1 + chart)
    assert result["max_combo"] == count * (1 + chart)
    assert abs(result["mean_error_ms"]) < 2


def test_late_keys_are_shown_as_late(show: Show) -> None:
    page = show("clicks")
    result = page.run(PRESS_ALL, {"chart": 0, "count": 10, "late": 60})
    assert result["counts"]["200"] == 10
    assert result["accuracy"] == pytest.approx(200 / 300)
    assert result["mean_error_ms"] == pytest.approx(60, abs=2)
    assert "late" in page.page.locator(".score").inner_text()
    page.page.get_by_text("Take from my hits").click()
    assert page.run("return p.settings.offset;") == pytest.approx(60, abs=2)


def test_untouched_notes_are_missed(show: Show) -> None:
    page = show("clicks")
    listen(page, "mug-result")
    page.run("await p.seek(5900); p.setPlayAlong(true); await p.play();")
    page.page.wait_for_function("window.heard['mug-result'].length")
    result = events_of(page, "mug-result")[0]
    assert result["accuracy"] == 0
    assert result["counts"]["miss"] == sum(1 for ms in range(500, 7500, 250) if ms >= 5900)


def test_real_keys_light_their_lanes(show: Show) -> None:
    page = show("clicks")
    page.page.get_by_role("button", name="Play along").click()
    for code, column in (("d", 0), ("f", 1), ("j", 2), ("k", 3)):
        page.page.keyboard.down(code)
        assert page.run("return [...p.pressed];") == [column]
        page.page.keyboard.up(code)
    assert page.run("return p.pressed.size;") == 0
    page.page.keyboard.press("Escape")
    assert page.run("return p.judge;") is None


def test_fingers_play_on_a_phone(show: Show) -> None:
    page = show("clicks", viewport={"width": 360, "height": 740}, has_touch=True)
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 360
    found = page.run(
        """p.setPlayAlong(true); await p.seek(500); p.judge.reset(0);
        const b = p.view.stage.getBoundingClientRect(); const taps = [];
        p.host.addEventListener('mug-judgement', (e) => taps.push(e.detail.column));
        const send = (kind) => p.view.stage.dispatchEvent(new PointerEvent(kind, {pointerId: 7,
          pointerType: 'touch', bubbles: true, clientX: b.left + p.layout.left + 5,
          clientY: b.top + 200}));
        p.view.stage.setPointerCapture = () => {};
        send('pointerdown'); const during = [...p.pressed]; send('pointerup');
        return {taps, during, after: p.pressed.size, grade: p.judge.last.grade};"""
    )
    assert found == {"taps": [0], "during": [0], "after": 0, "grade": "max"}
