// The timing workbench: red lines over the sound of a player, moved by hand, heard as clicks.

import { attachBench } from "./bench-input.js";
import {
  added, changed, lineUnder, mapText, parseMap, redLines, removed, ruling, scaled, shifted, timeScale,
} from "./bench-map.js";
import { BENCH_TEXTS } from "./bench-texts.js";
import { benchPalette, buildBench, showClock, showReadings, showRows } from "./bench-view.js";
import { BLOCK, FLAGS, drawBench, outlineOf } from "./bench-wave.js";
import { SAMPLE_RATE } from "./engine.js";
import { fill } from "./panels.js";
import { watchSurroundings } from "./surroundings.js";
import { translator } from "./texts.js";
import { TimingGrid, barTimes } from "./timing.js";
import { icon } from "./view.js";

const WIDEST_MS = 30000;
const NARROWEST_MS = 500;
const FIRST_ZOOM = 40; // of 0 ... 100; some six seconds
const HEAD = 0.38; // where the present lies, as a share of the width
const FLAG_PIXELS = 96;
const MOST_UNDO = 100;

/** Lines of a map, their picture and their sound. Tells `mug-tempo` with `{text}` when a person has changed them. */
export class Bench {
  /**
   * @param {ShadowRoot} root empty but for the style sheet
   * @param {{text: string, readings?: {bpm: number, offset_ms: number, meter?: number}[], language?: string}} options `text` as `parseMap` reads it
   */
  constructor(root, { text, readings = [], language = "en" }) {
    this.host = /** @type {HTMLElement} */ (root.host);
    this.t = translator(language, BENCH_TEXTS);
    this.first = parseMap(text) ?? [{ time_ms: 0, bpm: 120, meter: 4 }];
    this.lines = this.first;
    this.readings = readings;
    this.chosen = null; // index of a line; null: buttons change all
    this.held = null; // what a pointer drags
    this.past = [];
    this.player = null;
    this.outline = null;
    this.zoom = FIRST_ZOOM;
    this.view = buildBench(root, this.t);
    this.view.section.lang = language;
    this.pen = this.view.canvas.getContext("2d");
    this.view.zoom.value = this.zoom;
    fill(this.view.zoom);
    this._regrid();
    showReadings(this.view, readings, this.t);
    this._write();
    this._stops = [attachBench(this), this._watch()];
    this._tick = this._tick.bind(this);
    this._frame = requestAnimationFrame(this._tick);
  }

  /** Takes the sound and the clock of a player. */
  attach(player) {
    this.player = player;
    const { channels, startMs } = player.engine;
    this.outline = channels ? outlineOf(channels) : null;
    this.startMs = startMs;
    this.view.waiting.hidden = true;
    this._regrid();
    this._tell();
    this.stale = true;
  }

  /** The map as text. */
  get text() {
    return mapText(this.lines);
  }

  /** Takes a map from outside; what is no map is left alone. */
  setText(text) {
    const lines = parseMap(text);
    if (!lines || mapText(lines) === this.text) return;
    this.change(lines, { tell: false });
  }

  /** Time that the width shows, in ms. */
  get span() {
    return WIDEST_MS * (NARROWEST_MS / WIDEST_MS) ** (this.zoom / 100);
  }

  /** Chart time under the mark, in ms. */
  get now() {
    return this.player ? this.player.timeMs() : 0;
  }

  /** Times to places, as the picture has them. */
  get scale() {
    const width = this.view.wave.clientWidth;
    return timeScale(width, this.now, this.span, Math.round(width * HEAD));
  }

  /**
   * Shows other lines. `keep: false` while a pointer drags: one step back then undoes the whole pull.
   */
  change(lines, { keep = true, tell = true } = {}) {
    if (lines === this.lines) return;
    if (keep) this.remember();
    this.lines = lines;
    if (this.chosen !== null && this.chosen >= lines.length) this.chosen = null;
    this._regrid();
    this._write();
    this.stale = true;
    if (tell) this.commit();
  }

  /** Keeps the present lines for a step back. */
  remember() {
    this.past = [...this.past.slice(1 - MOST_UNDO), this.lines];
  }

  /** Tells the player and the page of the lines. */
  commit() {
    this._tell();
    this.host.dispatchEvent(new CustomEvent("mug-tempo", { detail: { text: this.text }, bubbles: true, composed: true }));
  }

  /** One step back. */
  undo() {
    const before = this.past.pop();
    if (before) this.change(before, { keep: false });
    this._write();
  }

  /** Back to what the charts have. */
  reset() {
    this.change(this.first);
  }

  /** Moves the chosen line, or all. */
  nudge(ms) {
    this.change(shifted(this.lines, ms, this.chosen));
  }

  /** Makes the tempo of the chosen line, or all, so many times as fast. */
  scaleBy(factor) {
    this.change(scaled(this.lines, factor, this.chosen));
  }

  /** A further line on the beat next to the mark. */
  add() {
    const found = added(this.lines, this.now);
    this.choose(found.index);
    if (found.lines.length > this.lines.length) this.change(found.lines);
    this.choose(found.index);
  }

  /** Takes a line away. */
  remove(index) {
    this.chosen = null;
    this.change(removed(this.lines, index));
    this._write();
  }

  /** Writes a value into a line; what cannot be is put back. */
  edit(index, field, value) {
    const lines = changed(this.lines, index, { [field]: value });
    const sorted = [...lines].sort((a, b) => a.time_ms - b.time_ms);
    if (parseMap(mapText(sorted))) this.change(lines === this.lines ? lines : sorted);
    this._write();
  }

  /** Takes a reading of the beat for the whole song. */
  read(index) {
    const { bpm, offset_ms: time_ms, meter = 4 } = this.readings[index];
    this.chosen = null;
    this.change(parseMap(mapText([{ time_ms, bpm, meter }])) ?? this.lines);
  }

  /** Chooses the line that the buttons change; null for all. */
  choose(index) {
    this.chosen = index;
    this._write();
    this.stale = true;
  }

  /** Shows more or less of the song, 0 ... 100. */
  setZoom(zoom) {
    this.zoom = Math.max(0, Math.min(100, zoom));
    this.view.zoom.value = this.zoom;
    fill(this.view.zoom);
    this.stale = true;
  }

  /** Clicks on the beats instead of hit sounds on the notes, or as it was. */
  setClick(on) {
    if (!this.player) return;
    if (on) this.hitsBefore = this.player.settings.hits;
    this.player.set({ click: on, hits: on ? false : (this.hitsBefore ?? true) });
  }

  /** The red line under a place: its flag or its line; null for none. */
  lineAt({ x, y }) {
    const { scale } = this;
    const near = lineUnder(this.lines, scale, x);
    if (near !== null || y > FLAGS) return near;
    const index = ruling(this.lines, scale.ms(x));
    const away = x - scale.x(this.lines[index].time_ms);
    return away >= 0 && away <= FLAG_PIXELS ? index : null;
  }

  /** Takes everything down. */
  destroy() {
    cancelAnimationFrame(this._frame);
    this._stops.forEach((stop) => stop());
    this.view.section.remove();
  }

  _regrid() {
    const reds = redLines(this.lines);
    this.grid = new TimingGrid(reds, barTimes(reds, this.player?.durationMs ?? 0));
  }

  _tell() {
    this.player?.useTiming(redLines(this.lines));
  }

  _write() {
    showRows(this.view, this.lines, this.chosen, this.t);
    this.view.undo.disabled = !this.past.length;
    this.view.reset.disabled = this.text === mapText(this.first);
  }

  _tick() {
    this._frame = requestAnimationFrame(this._tick);
    if (this.player && !this.player.host.isConnected) this.player = null;
    this._showState();
    const { width } = this;
    const { now } = this;
    if (!width || (!this.stale && now === this._drawn)) return;
    this._drawn = now;
    this.stale = false;
    drawBench(this.pen, {
      scale: this.scale, height: this.height, ratio: devicePixelRatio, grid: this.grid, lines: this.lines,
      outline: this.outline, blockMs: (1000 * BLOCK) / SAMPLE_RATE, startMs: this.startMs, now, chosen: this.chosen,
      durationMs: this.player?.durationMs ?? 0, held: this.held, scroll: this.player?.chart.scroll ?? [],
      colours: this.palette,
    });
    showClock(this.view, now);
  }

  /** What the player may have changed: whether it plays, whether it clicks. */
  _showState() {
    const playing = Boolean(this.player?.playing);
    const click = String(Boolean(this.player?.settings.click));
    if (this.view.click.getAttribute("aria-pressed") !== click) this.view.click.setAttribute("aria-pressed", click);
    if (playing === this._shownPlaying) return;
    this._shownPlaying = playing;
    const name = this.t(playing ? "pause" : "play");
    this.view.play.innerHTML = icon(playing ? "pause" : "play");
    this.view.play.title = name;
    this.view.play.setAttribute("aria-label", name);
  }

  _watch() {
    return watchSurroundings(this.host, [this.view.wave], {
      restyle: (dark) => this._restyle(dark),
      resize: () => this._resize(),
    });
  }

  _restyle(dark) {
    const themed = /** @type {HTMLElement | null} */ (this.host.closest("[data-theme]"));
    const asked = themed?.dataset.theme;
    this.view.section.dataset.theme = ["dark", "light"].includes(asked) ? asked : dark ? "dark" : "light";
    this.palette = benchPalette(this.view.section);
    this.stale = true;
  }

  _resize() {
    this.width = this.view.wave.clientWidth;
    this.height = this.view.wave.clientHeight;
    this.view.canvas.width = Math.round(this.width * devicePixelRatio);
    this.view.canvas.height = Math.round(this.height * devicePixelRatio);
    this.stale = true;
  }
}
