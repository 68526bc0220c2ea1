// Keys, pointers and touches of a player.

import { columnAt, timeAt } from "./layout.js";
import { findingAt } from "./lanes.js";
import { markAt, msAt, xOf } from "./overview.js";
import { fill } from "./panels.js";

const CLICK_PIXELS = 4;
const EDGE_PIXELS = 7;

/** Listens to a person; returns a function that stops listening. */
export function attachInput(player) {
  const stop = new AbortController();
  const on = (target, names, act) => {
    for (const name of names.split(" ")) target.addEventListener(name, act, { signal: stop.signal });
  };
  const { view } = player;
  on(view.section, "keydown", (event) => keyDown(player, event));
  on(view.section, "keyup", (event) => keyUp(player, event));
  on(view.section, "focusout", (event) => {
    if (!view.section.contains(event.relatedTarget)) releaseAll(player);
  });
  attachControls(player, on);
  attachStage(player, on);
  attachOverview(player, on);
  return () => stop.abort();
}

function attachControls(player, on) {
  const { view } = player;
  on(view.play, "click", () => player.toggle());
  on(view.barBack, "click", () => player.seekBars(-1));
  on(view.barForward, "click", () => player.seekBars(1));
  on(view.along, "click", () => player.setPlayAlong(!player.judge));
  on(view.hits, "click", () => player.set({ hits: !player.settings.hits }));
  on(view.loop, "click", () => toggleLoop(player));
  on(view.select, "click", () => toggleSelect(player));
  on(view.clear, "click", () => player.setRegion(null));
  on(view.rate, "change", () => player.setRate(Number(view.rate.value)));
  on(view.rate, "input", () => {
    view.outputs.rate.textContent = `${Number(view.rate.value).toFixed(2)}×`;
    fill(view.rate);
  });
  for (const name of ["speed", "songLevel", "hitLevel", "offset"]) {
    on(view[name], "input", () => player.set({ [name]: Number(view[name].value) }));
  }
  on(view.colour, "change", () => player.set({ colour: view.colour.value }));
  on(view.divisor, "change", () => player.set({ divisor: Number(view.divisor.value) }));
  for (const name of ["click", "up"]) on(view[name], "change", () => player.set({ [name]: view[name].checked }));
  on(view.fromHits, "click", () => {
    if (player.judge) player.set({ offset: Math.round(player.settings.offset + player.judge.meanError) });
  });
  const indexOf = (event, name) => Number(event.target.closest(`[data-${name}]`)?.dataset[name] ?? -1);
  on(view.candidates, "click", (event) => player.choose(indexOf(event, "index")));
  on(view.candidates, "keydown", (event) => pickCandidate(player, event));
  on(view.findings, "click", (event) => player.showFinding(indexOf(event, "index")));
  on(view.locks, "click", (event) => {
    const column = indexOf(event, "column");
    if (column >= 0) player.setLock(column, !player.locks.has(column));
  });
}

function pickCandidate(player, event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  event.stopPropagation();
  const { length } = player.model.candidates;
  player.choose((player.index + step + length) % length);
  player.view.candidates.children[player.index].focus();
}

function toggleLoop(player) {
  player.loop = !player.loop;
  player.panels.showRegion();
}

function toggleSelect(player) {
  const on = player.view.select.getAttribute("aria-pressed") !== "true";
  player.view.select.setAttribute("aria-pressed", String(on));
  if (!player.judge) player.view.stage.dataset.mode = on ? "select" : "watch";
}

function isSelecting(player, event) {
  return event.shiftKey || player.view.select.getAttribute("aria-pressed") === "true";
}

// ---- keys

const isField = (target) => target.matches?.("input, select, summary");

function keyDown(player, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const column = player.judge ? player.bindings.indexOf(event.code) : -1;
  if (column >= 0 && !isField(event.target)) {
    event.preventDefault();
    if (!event.repeat) player.press(column, player.timeMs(event.timeStamp));
    return;
  }
  const act = shortcut(player, event);
  if (!act) return;
  event.preventDefault();
  act();
}

function keyUp(player, event) {
  const column = player.judge ? player.bindings.indexOf(event.code) : -1;
  if (column < 0 || !player.pressed.has(column)) return;
  event.preventDefault(); // or the space bar would click the button that has the focus
  player.release(column, player.timeMs(event.timeStamp));
}

function releaseAll(player) {
  for (const column of [...player.pressed]) player.release(column);
}

function shortcut(player, event) {
  const { target, key, shiftKey } = event;
  if (isField(target) && key !== "Escape") return null;
  if (target.tagName === "BUTTON" && (key === " " || key === "Enter")) return null;
  const { settings } = player;
  const bars = shiftKey ? (n) => player.seekSteps(n * settings.divisor) : (n) => player.seekBars(n);
  const acts = {
    " ": () => player.toggle(),
    ArrowLeft: () => bars(-1),
    ArrowRight: () => bars(1),
    ArrowUp: () => player.set({ speed: Math.min(40, settings.speed + 1) }),
    ArrowDown: () => player.set({ speed: Math.max(5, settings.speed - 1) }),
    Home: () => player.seek(0),
    End: () => player.seek(player.model.grid.bars.at(-1) ?? player.durationMs),
    ",": () => player.setRate(player.engine.rate - 0.05),
    ".": () => player.setRate(player.engine.rate + 0.05),
    x: () => player.choose(player.previous ?? (player.index + 1) % player.model.candidates.length),
    n: () => player.nextFinding(shiftKey ? -1 : 1),
    l: () => toggleLoop(player),
    g: () => player.setPlayAlong(!player.judge),
    h: () => player.set({ hits: !settings.hits }),
    u: () => player.set({ up: !settings.up }),
    m: () => player.set({ click: !settings.click }),
    "[": () => edgeHere(player, "start_ms"),
    "]": () => edgeHere(player, "end_ms"),
    Escape: () => (player.judge ? player.setPlayAlong(false) : player.setRegion(null)),
  };
  if (/^[1-9]$/.test(key)) return () => player.choose(Number(key) - 1);
  return acts[key] ?? acts[key.toLowerCase()] ?? null;
}

/** Puts an edge of the region on the beat next to now; the other one is a bar away at first. */
function edgeHere(player, edge) {
  const { grid } = player.model;
  const here = grid.snap(player.timeMs());
  const old = player.region;
  const red = grid.redAt(here);
  const bar = red ? red.beat_ms * red.meter : 2000;
  const other = edge === "start_ms" ? (old && old.end_ms > here ? old.end_ms : here + bar)
    : old && old.start_ms < here ? old.start_ms : Math.max(0, here - bar);
  const span = edge === "start_ms" ? { start_ms: here, end_ms: other } : { start_ms: other, end_ms: here };
  player.setRegion({ ...span, columns: old?.columns });
}

// ---- the stage

function placeIn(element, event) {
  const box = element.getBoundingClientRect();
  return { x: event.clientX - box.left - element.clientLeft, y: event.clientY - box.top - element.clientTop };
}

function attachStage(player, on) {
  const { stage } = player.view;
  const drags = new Map();
  on(stage, "pointerdown", (event) => {
    if (event.target.closest("button") || event.button > 0 || !player.layout) return;
    const drag = beginStageDrag(player, event, placeIn(stage, event));
    if (!drag) return;
    drags.set(event.pointerId, drag);
    stage.setPointerCapture(event.pointerId);
  });
  on(stage, "pointermove", (event) => {
    const place = placeIn(stage, event);
    const drag = drags.get(event.pointerId);
    if (drag) drag.move(place, event);
    else if (event.pointerType === "mouse" && player.layout) {
      player.panels.showTip(findingAt(player.lanes.marks, place.x, place.y), place.x, place.y);
    }
  });
  on(stage, "pointerup pointercancel", (event) => {
    drags.get(event.pointerId)?.end(placeIn(stage, event), event);
    drags.delete(event.pointerId);
  });
  on(stage, "pointerleave", () => player.panels.showTip(null));
  stage.addEventListener("wheel", (event) => wheel(player, event), { passive: false });
}

function wheel(player, event) {
  if (player.playing || !player.view.stage.matches(":focus") || !event.deltaY) return;
  event.preventDefault();
  player.seekSteps(event.deltaY < 0 ? 1 : -1);
}

function beginStageDrag(player, event, place) {
  if (player.judge) return beginTouch(player, event, place);
  if (isSelecting(player, event)) return beginRegionOnLanes(player, place);
  if (event.pointerType !== "mouse") return beginTap(player, place);
  return beginScrub(player, place);
}

/** A finger on a lane is a key. */
function beginTouch(player, event, place) {
  if (event.pointerType === "mouse") return null;
  const column = columnAt(player.layout, place.x);
  player.press(column, player.timeMs(event.timeStamp));
  return { move() {}, end: (_, up) => player.release(column, player.timeMs(up.timeStamp)) };
}

function beginTap(player, place) {
  return { move() {}, end: (up) => Math.hypot(up.x - place.x, up.y - place.y) < 10 && tap(player, up) };
}

function tap(player, place) {
  const finding = findingAt(player.lanes.marks, place.x, place.y);
  if (finding === null) return player.toggle();
  player.panels.showTip(finding, place.x, place.y);
  player.finding = finding;
  player.panels.showChosenFinding();
  return player.invalidate();
}

/** Pulls the song along like a tape; a click without a pull plays or pauses. */
function beginScrub(player, from) {
  const start = player.timeMs();
  const resume = player.playing;
  let pulled = false;
  return {
    move(place) {
      if (!pulled && Math.abs(place.y - from.y) < CLICK_PIXELS) return;
      if (!pulled && resume) player.pause();
      pulled = true;
      player.view.stage.classList.add("scrubbing");
      const { layout, span } = player;
      player.seek(Math.max(0, start + timeAt(layout, from.y, 0, span) - timeAt(layout, place.y, 0, span)));
    },
    end(place) {
      player.view.stage.classList.remove("scrubbing");
      if (!pulled) tap(player, place);
      else if (resume) player.play();
    },
  };
}

function beginRegionOnLanes(player, from) {
  const time = (place) => timeAt(player.layout, place.y, player.timeMs(), player.span);
  const start = time(from);
  const first = columnAt(player.layout, from.x);
  const region = (place, event) => {
    const last = columnAt(player.layout, place.x);
    const columns = player.allColumns.filter((c) => c >= Math.min(first, last) && c <= Math.max(first, last));
    return snapped(player, { start_ms: start, end_ms: time(place), columns }, event);
  };
  return dragRegion(player, region, from);
}

/** A region on the grid of beats; free while the Alt key is down. */
function snapped(player, region, event) {
  if (event.altKey) return region;
  const { grid } = player.model;
  return { ...region, start_ms: Math.max(0, grid.snap(region.start_ms)), end_ms: grid.snap(region.end_ms) };
}

function dragRegion(player, region, from, click = (_place) => {}) {
  let pulled = false;
  return {
    move(place, event) {
      pulled ||= Math.hypot(place.x - from.x, place.y - from.y) >= CLICK_PIXELS;
      if (pulled) player.setRegion(region(place, event), false);
    },
    end(place, event) {
      if (pulled) player.setRegion(region(place, event));
      else click(place);
    },
  };
}

// ---- the overview

function attachOverview(player, on) {
  const { overview } = player.view;
  let drag = null;
  on(overview, "pointerdown", (event) => {
    if (event.button > 0) return;
    drag = beginOverviewDrag(player, placeIn(overview, event));
    overview.setPointerCapture(event.pointerId);
  });
  on(overview, "pointermove", (event) => {
    const place = placeIn(overview, event);
    if (drag) drag.move(place, event);
    overview.classList.toggle("selecting", place.y < player.overview.layout(player.durationMs).waveHeight);
  });
  on(overview, "pointerup", (event) => {
    drag?.end(placeIn(overview, event), event);
    drag = null;
  });
  on(overview, "pointercancel", () => (drag = null));
}

function beginOverviewDrag(player, from) {
  const layout = player.overview.layout(player.durationMs);
  const mark = markAt(layout, player.chart.findings, from.x, from.y);
  if (mark !== null) return { move() {}, end: () => player.showFinding(mark) };
  if (from.y >= layout.waveHeight) return beginSeek(player, layout, from);
  const { region } = player;
  const near = (edge) => region && Math.abs(xOf(layout, region[edge]) - from.x) <= EDGE_PIXELS;
  const fixed = near("start_ms") ? region.end_ms : near("end_ms") ? region.start_ms : msAt(layout, from.x);
  const columns = near("start_ms") || near("end_ms") ? region.columns : undefined;
  const drawn = (place, event) =>
    snapped(player, { start_ms: fixed, end_ms: msAt(layout, place.x), columns }, event);
  return dragRegion(player, drawn, from, (place) => player.seek(msAt(layout, place.x)));
}

function beginSeek(player, layout, from) {
  const resume = player.playing;
  if (resume) player.pause();
  player.seek(msAt(layout, from.x));
  return {
    move: (place) => player.seek(msAt(layout, place.x)),
    end: (place) => player.seek(msAt(layout, place.x)).then(() => resume && player.play()),
  };
}
