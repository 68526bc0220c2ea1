// Keys, pointers and buttons of a timing workbench.

import { beatUnder, moved, stretched } from "./bench-map.js";
import { BEATS } from "./bench-wave.js";

const PULL_PIXELS = 3;
const ZOOM_STEP = 6;

/** Listens to a person; returns a function that stops listening. */
export function attachBench(bench) {
  const stop = new AbortController();
  const on = (target, names, act, options = {}) => {
    for (const name of names.split(" ")) target.addEventListener(name, act, { signal: stop.signal, ...options });
  };
  attachButtons(bench, on);
  attachTable(bench, on);
  attachWave(bench, on);
  return () => stop.abort();
}

function attachButtons(bench, on) {
  const { view } = bench;
  on(view.play, "click", () => bench.player?.toggle());
  on(view.click, "click", () => bench.setClick(view.click.getAttribute("aria-pressed") !== "true"));
  on(view.zoom, "input", () => bench.setZoom(Number(view.zoom.value)));
  on(view.add, "click", () => bench.add());
  on(view.undo, "click", () => bench.undo());
  on(view.reset, "click", () => bench.reset());
  on(view.which, "change", () => bench.choose(view.which.value === "" ? null : Number(view.which.value)));
  on(view.section, "click", (event) => {
    const { nudge, scale, reading } = event.target.closest("button")?.dataset ?? {};
    if (nudge) bench.nudge(Number(nudge));
    if (scale) bench.scaleBy(Number(scale));
    if (reading) bench.read(Number(reading));
  });
}

function attachTable(bench, on) {
  const { rows } = bench.view;
  on(rows, "change", ({ target }) => bench.edit(Number(target.dataset.line), target.dataset.field, target.valueAsNumber));
  on(rows, "click", (event) => {
    const { go, remove } = event.target.closest("button")?.dataset ?? {};
    if (remove) bench.remove(Number(remove));
    if (!go) return;
    bench.choose(Number(go));
    bench.player?.seek(Math.max(0, bench.lines[Number(go)].time_ms));
  });
}

function attachWave(bench, on) {
  const { wave } = bench.view;
  const place = (event) => {
    const box = wave.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  let drag = null;
  on(wave, "pointerdown", (event) => {
    if (event.button > 0 || !bench.player) return;
    drag = beginDrag(bench, place(event));
    wave.setPointerCapture(event.pointerId);
  });
  on(wave, "pointermove", (event) => {
    if (drag) drag.move(place(event));
    else wave.style.cursor = cursorAt(bench, place(event));
  });
  on(wave, "pointerup pointercancel", (event) => {
    drag?.end(place(event));
    drag = null;
    bench.held = null;
    bench.stale = true;
  });
  on(wave, "keydown", (event) => keyDown(bench, event));
  on(
    wave,
    "wheel",
    (event) => {
      if (!event.ctrlKey) return; // without it the page scrolls
      event.preventDefault();
      bench.setZoom(bench.zoom - Math.sign(event.deltaY) * ZOOM_STEP);
    },
    { passive: false },
  );
}

function cursorAt(bench, at) {
  if (bench.lineAt(at) !== null) return "ew-resize";
  return at.y > bench.height - BEATS && beatUnder(bench.lines, bench.scale, at.x) ? "col-resize" : "grab";
}

function beginDrag(bench, from) {
  const index = bench.lineAt(from);
  if (index !== null) return dragLine(bench, from, index);
  const beat = from.y > bench.height - BEATS ? beatUnder(bench.lines, bench.scale, from.x) : null;
  return beat ? dragBeat(bench, from, beat) : dragSound(bench, from);
}

/** A pull that changes the lines; a click without one does `click`. */
function dragLines(bench, from, change, click) {
  let pulled = false;
  return {
    move(at) {
      if (!pulled && Math.abs(at.x - from.x) < PULL_PIXELS) return;
      if (!pulled) bench.remember();
      pulled = true;
      change(at);
    },
    end() {
      if (pulled) bench.commit();
      else click();
    },
  };
}

function dragLine(bench, from, index) {
  const off = bench.scale.x(bench.lines[index].time_ms) - from.x; // the line stays under the finger
  bench.choose(index);
  bench.held = { kind: "line", index };
  const change = (at) => bench.change(moved(bench.lines, index, bench.scale.ms(at.x + off)), { keep: false, tell: false });
  return dragLines(bench, from, change, () => {});
}

function dragBeat(bench, from, { index, beat, time_ms: ms }) {
  const before = bench.lines;
  const off = bench.scale.x(ms) - from.x;
  bench.held = { kind: "beat", ms };
  const change = (at) => {
    const target = bench.scale.ms(at.x + off);
    bench.held = { kind: "beat", ms: target };
    bench.change(stretched(before, index, beat, target), { keep: false, tell: false });
  };
  return dragLines(bench, from, change, () => bench.player.seek(ms));
}

/** Pulls the song along; a click goes there. */
function dragSound(bench, from) {
  const { player } = bench;
  const [start, resume] = [bench.now, player.playing];
  let pulled = false;
  return {
    move(at) {
      if (!pulled && Math.abs(at.x - from.x) < PULL_PIXELS) return;
      if (!pulled && resume) player.pause();
      pulled = true;
      player.seek(Math.max(0, start - (at.x - from.x) / bench.scale.pixels));
    },
    end(at) {
      if (!pulled) player.seek(Math.max(0, bench.scale.ms(at.x)));
      else if (resume) player.play();
    },
  };
}

function keyDown(bench, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = event.shiftKey ? 10 : 1;
  const acts = {
    " ": () => bench.player?.toggle(),
    ArrowLeft: () => bench.nudge(-step),
    ArrowRight: () => bench.nudge(step),
    "+": () => bench.setZoom(bench.zoom + ZOOM_STEP),
    "-": () => bench.setZoom(bench.zoom - ZOOM_STEP),
    Escape: () => bench.choose(null),
  };
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}
