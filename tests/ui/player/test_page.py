"""The player on a page: what is shown, and how it gets along with what is around it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from player_pages import Documents, Show, many_notes

from mug.ui.player.document import player_document
from mug.ui.player.page import audio_data_url, player_page

pytestmark = pytest.mark.browser


def test_its_notes_are_those_of_the_document(show: Show, documents: Documents) -> None:
    page = show("song")
    for index, candidate in enumerate(documents["song"]["candidates"]):
        shown = page.run(
            "p.choose(a); const n = p.chart.notes;"
            "return {column: [...n.column], start_ms: [...n.starts], end_ms: [...n.ends]};",
            index,
        )
        assert shown == candidate["notes"]


def test_the_lanes_show_just_the_notes_of_the_moment(show: Show, documents: Documents) -> None:
    page = show("song")
    notes = documents["song"]["candidates"][0]["notes"]
    for at in (0.0, 5000.0, 11_111.0):
        drawn, (begin, end) = page.run(
            "await p.seek(a); await new Promise(requestAnimationFrame);"
            "const m = await import('/player/layout.js');"
            "return [p.lanes.drawn, m.shownSpan(p.layout, p.timeMs(), p.span)];",
            at,
        )
        wanted = [
            i
            for i, (start, last) in enumerate(zip(notes["start_ms"], notes["end_ms"], strict=True))
            if start <= end and last >= begin
        ]
        assert sorted(note["index"] for note in drawn) == wanted


def test_a_note_is_painted_where_it_is_said_to_be(show: Show) -> None:
    found = show("song").run(
        """await p.seek(p.chart.notes.starts[20] - 300); await new Promise(requestAnimationFrame);
        const { pen, ratio, palette, canvas } = p.lanes; const tone = [0, 1, 1, 0];
        const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
        const hex = (at) => '#' + [...data.slice(at, at + 3)]
          .map((x) => x.toString(16).padStart(2, '0')).join('');
        return p.lanes.drawn.filter((n) => n.y > 100 && n.y < p.layout.hitY - 20).map((n) => {
          const x = Math.floor((p.layout.left + (n.column + 0.5) * p.layout.lane) * ratio);
          const y = Math.floor((n.y + 4) * ratio);
          return [hex(4 * (y * canvas.width + x)), palette.columns[tone[n.column]]]; });"""
    )
    assert found
    assert all(painted == wanted for painted, wanted in found)


def test_thousands_of_notes_cost_no_more_than_those_shown(
    show: Show, site: Path, address: str
) -> None:
    document = player_document([many_notes(5000)], "/clicks.wav")
    (site / "many.json").write_text(json.dumps(document), encoding="utf-8")
    page = show("empty", ready=False)
    page.page.evaluate("document.querySelector('mug-player').setAttribute('src', '/many.json')")
    page.page.wait_for_function("document.querySelector('mug-player').player")
    drawn = page.run(
        "await p.ready; await p.seek(3000); await new Promise(requestAnimationFrame);"
        "return p.lanes.drawn.length;"
    )
    assert 10 < drawn < 60


# ---- surroundings


@pytest.mark.parametrize(
    ("name", "words"),
    [("broken", "cannot decode"), ("missing", "could not be fetched (404)")],
)
def test_a_sound_that_cannot_be_played_is_a_sentence(show: Show, name: str, words: str) -> None:
    page = show(name)
    alert = page.page.get_by_role("alert")
    assert words in alert.inner_text()
    assert "\n" not in alert.inner_text()
    # The chart is there all the same, and runs silently.
    assert page.run("await p.seek(500); await new Promise(requestAnimationFrame);"
                    "return p.lanes.drawn.length;") > 0  # fmt: skip
    page.complaints[:] = [text for text in page.complaints if "404" not in text]


def test_a_document_of_another_kind_is_a_sentence(show: Show) -> None:
    page = show("old", ready=False)
    alert = page.page.get_by_role("alert")
    alert.wait_for()
    assert "mug-player/1" in alert.inner_text()


def test_dark_and_light_follow_the_page_and_the_system(show: Show) -> None:
    page = show("clicks", color_scheme="light")
    theme = "return [p.view.section.dataset.theme, p.lanes.palette.laneEven];"
    light = page.run(theme)
    page.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    dark = page.run(f"await new Promise(requestAnimationFrame); {theme}")
    assert (light[0], dark[0]) == ("light", "dark")
    assert light[1] != dark[1]
    page.page.evaluate("delete document.documentElement.dataset.theme")
    page.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    turned = "for (let i = 0; i < 200 && p.view.section.dataset.theme !== 'dark'; i++)"
    assert page.run(f"{turned} await new Promise(requestAnimationFrame); {theme}")[0] == "dark"
    assert page.run("return p.calm;") is True


def test_it_speaks_chinese(show: Show) -> None:
    page = show("clicks")
    page.page.evaluate("document.querySelector('mug-player').lang = 'zh'")
    page.page.get_by_role("button", name="试玩").wait_for()
    assert page.page.get_by_role("button", name="Play along").count() == 0


def test_nobody_takes_the_old_player_for_the_new(show: Show) -> None:
    page = show("clicks")
    found = page.run(
        """const { host } = p;
        const made = new Promise((done) => new MutationObserver((_, seen) => {
          seen.disconnect(); done(host.player); }).observe(host.shadowRoot, { childList: true }));
        host.setAttribute('src', '/song.json'); const during = await made;
        while (!host.player) await new Promise(requestAnimationFrame);
        return [during, host.player !== p, host.player.model.candidates.length];"""
    )
    assert found == [None, True, 4]


def test_everything_that_can_be_pressed_has_a_name(show: Show) -> None:
    page = show("song")
    nameless = page.run(
        "const pressable = 'button, input, select, canvas[role], [role=slider]';"
        "return [...p.view.section.querySelectorAll(pressable)].filter((e) =>"
        " !(e.getAttribute('aria-label') || e.innerText || e.closest('label')?.innerText))"
        ".map((e) => e.outerHTML);"
    )
    assert nameless == []
    assert "4 columns" in page.page.get_by_role("img").first.get_attribute("aria-label")


@pytest.mark.parametrize("width", [360, 700, 1240])
def test_it_fits_any_width(show: Show, width: int) -> None:
    page = show("song", viewport={"width": width, "height": 800})
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    wide = page.run(
        "return [...p.view.section.querySelectorAll('button, canvas, input')].filter((e) => {"
        "const b = e.getBoundingClientRect();"
        "return b.width && (b.left < 0 || b.right > innerWidth); }).length;"
    )
    assert wide == 0


def test_settings_are_kept_between_visits(show: Show, address: str) -> None:
    page = show("clicks")
    page.run("p.set({speed: 23, up: true});")
    page.page.reload()
    page.page.wait_for_function("document.querySelector('mug-player').player")
    assert page.run("await p.ready; return [p.settings.speed, p.settings.up];") == [23, True]
    assert page.run("await new Promise(requestAnimationFrame); return p.layout.up;") is True


def test_one_file_holds_the_whole_player(
    show: Show, documents: Documents, site: Path, tmp_path: Path
) -> None:
    document = documents["clicks"] | {"audio": {"url": audio_data_url(site / "clicks.wav")}}
    target = tmp_path / "one.html"
    target.write_text(player_page(document), encoding="utf-8")
    page = show("one", url=target.as_uri())
    assert page.run("await p.play(); return p.playing && p.engine.durationMs;") == 8000
    assert [url for url in page.requests if not url.startswith(("file:", "data:"))] == []


def test_leaving_the_page_frees_the_sound(show: Show) -> None:
    page = show("clicks")
    state = page.page.evaluate(
        """async () => { const e = document.querySelector('mug-player');
        const p = e.player; await p.play();
        const { context } = p.engine; e.remove();
        while (context.state !== 'closed') await new Promise(requestAnimationFrame);
        return [context.state, e.player, p.playing]; }"""
    )
    assert state == ["closed", None, False]
