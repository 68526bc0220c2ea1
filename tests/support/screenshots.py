"""Pictures of every tab in both languages and themes, for people to look at.

python tests/support/screenshots.py --ckpt outputs/demo-training/model --out outputs/screenshots

With --figures docs/figures, those of the README instead.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[up]) for up in range(3)]

from browser import find_chromium, launch_arguments  # noqa: E402
from page_visits import READY, drop, settle, unfold, write_number  # noqa: E402
from pages import running, write_song  # noqa: E402

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ckpt", type=Path, required=True)
    parser.add_argument("--song", type=Path, help="default: one that is composed")
    parser.add_argument("--out", type=Path, default=Path("outputs/screenshots"))
    parser.add_argument("--figures", type=Path, help="write the README's pictures there")
    parser.add_argument("--only", nargs="*", default=[], help="e.g. en-light zh-dark")
    return parser.parse_args()


def main() -> None:
    """Takes the pictures."""
    from playwright.sync_api import sync_playwright

    args = _arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        song = args.song or write_song(Path(folder) / "Morning Line.ogg", 40.0)
        chromium = playwright.chromium.launch(
            executable_path=str(find_chromium()), args=launch_arguments()
        )
        with running(Path(folder), args.ckpt) as page:
            if args.figures:
                figures(chromium, page.address, song, args.figures)
            for language, path in (("en", "/"), ("zh", "/zh")):
                for theme in ("light", "dark"):
                    name = f"{language}-{theme}"
                    if args.figures or (args.only and name not in args.only):
                        continue
                    context = chromium.new_context(viewport=DESK, color_scheme=theme)
                    _tabs(context.new_page(), page.address + path, song, args, name)
                    context.close()
        chromium.close()


def figures(chromium: Any, address: str, song: Path, folder: Path) -> None:
    """The README's pictures: controls and workbench in the light, the player in the dark."""
    context = chromium.new_context(viewport=DESK, color_scheme="light", reduced_motion="reduce")
    tab = context.new_page()
    tab.set_default_timeout(300_000)
    tab.goto(address)
    settle(tab)
    tab.wait_for_selector(".mug-status[data-state=ready]")
    drop(tab, "#mug-song", song)
    write_number(tab, "Charts", 3)
    unfold(tab, "Sampling")
    tab.get_by_label("Reach the star rating").check()
    unfold(tab, "Sampling")
    tab.click("#mug-generate")
    tab.wait_for_function(f"{READY}?.engine.buffer")
    tab.wait_for_function("document.querySelector('mug-workbench')?.bench?.player")
    tab.evaluate(f"{READY}.setRegion({{start_ms: 12800, end_ms: 19200}})")

    def take(name: str, selector: str, height: int, at_ms: int) -> None:
        tab.set_viewport_size({"width": DESK["width"], "height": height})
        tab.evaluate(f"{READY}.seek({at_ms})")
        tab.evaluate(f"document.querySelector('{selector}').scrollIntoView()")
        tab.mouse.move(0, 0)
        tab.wait_for_timeout(800)
        tab.screenshot(path=folder / f"page_{name}.png")

    take("controls", "html", 980, 0)
    take("workbench", ".mug-bench", 600, 2300)
    tab.evaluate("document.querySelector('[data-act=theme]').click()")
    take("player", "mug-player", 900, 9000)
    context.close()


def _tabs(tab: Any, address: str, song: Path, args: argparse.Namespace, name: str) -> None:
    tab.set_default_timeout(120_000)

    def take(what: str, *, whole: bool = True) -> None:
        tab.wait_for_timeout(800)
        tab.screenshot(path=args.out / f"{what}-{name}.png", full_page=whole)

    tab.goto(address)
    settle(tab)
    tab.wait_for_selector(".mug-status[data-state=ready]")
    take("empty")
    drop(tab, "#mug-song", song)
    tab.wait_for_timeout(1500)
    for fold in tab.query_selector_all(".mug-fold > button"):
        if fold.is_visible():
            fold.click()
    take("controls")
    for fold in tab.query_selector_all(".mug-fold > button"):
        if fold.is_visible():
            fold.click()
    tab.click("#mug-generate")
    tab.wait_for_selector(".mug-progress")
    tab.wait_for_timeout(1200)
    take("running", whole=False)
    tab.wait_for_function(READY)
    tab.wait_for_function(f"{READY}?.engine.buffer")
    tab.wait_for_function("document.querySelector('mug-workbench')?.bench?.player")
    tab.evaluate(f"{READY}.seek(9000)")
    tab.evaluate(f"{READY}.setRegion({{start_ms: 9600, end_ms: 16000, columns: [0, 1, 2, 3]}})")
    tab.mouse.move(0, 0)
    take("results")
    tab.evaluate("document.querySelector('mug-player').scrollIntoView()")
    take("player", whole=False)
    tab.evaluate("document.querySelector('.mug-bench').scrollIntoView()")
    take("workbench", whole=False)
    tab.set_viewport_size(PHONE)
    take("phone")
    tab.set_viewport_size(DESK)
    with tab.expect_download() as download:
        tab.click(".mug-file.first")
    package = args.out / "chart.osz"
    download.value.save_as(package)
    tabs = tab.query_selector_all("#mug-tabs [role=tab]")
    tabs[1].click()
    drop(tab, "#mug-chart", package)
    tab.click("#mug-measure")
    tab.wait_for_timeout(4000)
    take("prompt")
    tabs[2].click()
    take("about")


if __name__ == "__main__":
    main()
