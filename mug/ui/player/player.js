// The player: one document, one sound, one state; everything else is told what to show.

import { AudioEngine } from "./engine.js";
import { bindings } from "./keys.js";
import { stageWidth, windowMs } from "./layout.js";
import { Judge } from "./judge.js";
import { Lanes } from "./lanes.js";
import { readDocument } from "./model.js";
import { Overview } from "./overview.js";
import { Panels } from "./panels.js";
import { attachInput } from "./input.js";
import { readSettings, writeSettings } from "./settings.js";
import { fetchSound, SoundError } from "./sound.js";
import { watchSurroundings } from "./surroundings.js";
import { translator } from "./texts.js";
import { TimingGrid, barTimes } from "./timing.js";
import { pan, soundTrack } from "./track.js";
import { buildView, readPalette } from "./view.js";

const TAIL_MS = 1000; // after the last note, where there is no sound
const LEAD_IN_MS = 1500; // before a note that a player must be ready for

/** Shows a chart and plays it. Events bubble from `root`'s host: see README.md. */
export class Player {
  /**
   * @param {ShadowRoot | HTMLElement} root empty; the style sheet belongs beside it
   * @param {object} document as `mug.ui.player.document.player_document` makes it
   * @param {{language?: string, makeContext?: () => AudioContext, overrides?: object}} options
   */
  constructor(root, document, { language, makeContext, overrides = {} } = {}) {
    this.host = /** @type {HTMLElement} */ (root instanceof ShadowRoot ? root.host : root);
    this.model = readDocument(document);
    this.language = language ?? this.model.language;
    this.t = translator(this.language, this.model.texts);
    this.settings = { ...readSettings(), ...overrides };
    this.engine = new AudioEngine(makeContext);
    this.index = 0;
    this.judge = null;
    this.region = null;
    this.loop = false;
    this.finding = null;
    this.locks = new Set();
    this.pressed = new Set();
    this.onFrame = null; // called with the song time before a frame is judged and drawn
    this.view = buildView(root, this.model, this.t);
    this.view.section.lang = this.language;
    this.lanes = new Lanes(this.view.lanes);
    this.overview = new Overview(this.view.map);
    this.panels = new Panels(this);
    this._restyle(false, false);
    this._releases = [attachInput(this), this._watch()];
    this.applySettings();
    this.choose(0);
    this.ready = this._load();
  }

  /** The chart on the lanes. */
  get chart() {
    return this.model.candidates[this.index];
  }

  /** Length of the song in ms. */
  get durationMs() {
    const last = Math.max(0, ...this.model.candidates.map((one) => one.notes.latestEnds.at(-1) ?? 0));
    return this.engine.durationMs || this.model.durationMs || last + TAIL_MS;
  }

  /** Chart time that is shown and judged, in ms; at a page time where one is given. */
  timeMs(performanceTime) {
    return this.engine.heardMs(performanceTime) - this.settings.offset;
  }

  /** Whether the song plays. */
  get playing() {
    return this.engine.playing;
  }

  /** How far the picture is from the audio clock, in ms: now, and at most since playing began. */
  drift() {
    return { ...this.engine.drifts };
  }

  /** Song time that the lanes show at once, in ms. */
  get span() {
    return windowMs(this.settings.speed, this.engine.rate);
  }

  /** Plays from where it stands; from the beginning once the song is over. */
  async play() {
    if (this.timeMs() >= this.durationMs - 20) this.engine.position = this._beginning();
    this.view.stage.classList.add("live");
    await this.engine.play();
    this._changed("play");
  }

  /** Stops and keeps the place. */
  pause() {
    this.engine.pause();
    this._changed("pause");
  }

  /** Plays or pauses; a second press takes the first back, even before the sound has begun. */
  async toggle() {
    if (this.playing || this.engine.starting) this.pause();
    else await this.play();
  }

  /** Goes to a chart time. */
  async seek(ms) {
    const target = Math.min(this.durationMs, ms);
    this.judge?.reset(target);
    const done = this.engine.seek(target + this.settings.offset);
    this._changed(null);
    await done;
    this.invalidate();
  }

  /** Goes some bars on or back and lands on a bar. */
  async seekBars(bars) {
    await this.seek(this.model.grid.seekBar(this.timeMs(), bars));
  }

  /** Goes some steps of the grid on or back. */
  async seekSteps(steps) {
    const { grid } = this.model;
    const beat = grid.redAt(this.timeMs())?.beat_ms ?? 500;
    const target = this.timeMs() + (steps * beat) / this.settings.divisor;
    await this.seek(Math.max(0, grid.snap(target, this.settings.divisor)));
  }

  /** Changes the speed of the song at the same pitch, 0.5 ... 1.5. */
  async setRate(rate) {
    const held = Math.round(Math.max(0.5, Math.min(1.5, rate)) * 20) / 20;
    await this.engine.setRate(held);
    this.panels.showRate(held);
    this.invalidate();
  }

  /** Shows another candidate; the sound goes on. */
  choose(index) {
    if (index < 0 || index >= this.model.candidates.length) return;
    if (index !== this.index) this.previous = this.index;
    this.index = index;
    this.finding = null;
    this.pressed.clear();
    this.locks = new Set([...this.locks].filter((column) => column < this.chart.keys));
    this.bindings = bindings(this.chart.keys, this.model.bindings);
    if (this.judge) this._startJudge(this.timeMs());
    this.overview.stale = true;
    this.view.section.style.setProperty("--stage", `${stageWidth(this.chart.keys)}px`);
    this._schedule();
    this.panels.showCandidate();
    this.emit("mug-candidate", { index, name: this.chart.name });
    if (this.region) {
      const columns = this._asked?.filter((column) => column < this.chart.keys);
      this.setRegion({ ...this.region, columns });
    }
    this.invalidate();
  }

  /** Turns playing along on or off; it begins where the song stands. */
  setPlayAlong(on) {
    if (on === Boolean(this.judge)) return;
    this.judge = null;
    if (on) {
      this._startJudge(this.timeMs());
      this.view.stage.focus({ preventScroll: true });
      const note = this.chart.notes.starts.find((start) => start >= this.timeMs()) ?? Infinity;
      if (!this.playing && note - this.timeMs() < LEAD_IN_MS) {
        this.engine.position = note - LEAD_IN_MS * this.engine.rate + this.settings.offset;
      }
    }
    this.pressed.clear();
    this._schedule();
    this.panels.showPlayAlong();
    this.invalidate();
  }

  /** A key of a column goes down at a chart time in ms. */
  press(column, ms = this.timeMs()) {
    this.pressed.add(column);
    if (!this.judge) return null;
    if (this.settings.hits) this.engine.hitNow(pan(column, this.chart.keys));
    return this._judged(this.judge.press(column, ms));
  }

  /** A key of a column comes up at a chart time in ms. */
  release(column, ms = this.timeMs()) {
    this.pressed.delete(column);
    return this.judge ? this._judged(this.judge.release(column, ms)) : null;
  }

  /** Selects a span of time and columns for editing, and says so by `mug-region`; null clears. */
  setRegion(region, final = true) {
    this._asked = region?.columns ?? null; // null: all; what is freed later comes back
    const columns = (this._asked ?? this.allColumns).filter((column) => !this.locks.has(column));
    const [start, end] = region ? [region.start_ms, region.end_ms].sort((a, b) => a - b) : [0, 0];
    this.region = region && end > start ? { start_ms: start, end_ms: end, columns } : null;
    this.panels.showRegion();
    this.invalidate();
    if (!final) return;
    const locked = [...this.locks].sort((a, b) => a - b);
    this.emit("mug-region", this.region && { ...this.region, locked, candidate: this.index });
  }

  /** Locks a column against editing, or frees it. */
  setLock(column, on) {
    this.locks[on ? "add" : "delete"](column);
    this.panels.showLocks();
    this.emit("mug-locks", { columns: [...this.locks].sort((a, b) => a - b) });
    if (this.region) this.setRegion({ ...this.region, columns: this._asked });
    this.invalidate();
  }

  /** Shows a finding: the song goes to a beat before it. */
  async showFinding(index) {
    const finding = this.chart.findings[index];
    if (!finding) return;
    this.finding = index;
    this.panels.showChosenFinding();
    this.emit("mug-finding", { index, ...finding });
    const beat = this.model.grid.redAt(finding.time_ms)?.beat_ms ?? 400;
    await this.seek(Math.max(0, finding.time_ms - beat));
  }

  /** Goes to the next finding, or the one before. */
  async nextFinding(step = 1) {
    const { length } = this.chart.findings;
    if (!length) return;
    const from = this.finding ?? (step > 0 ? -1 : length);
    await this.showFinding((from + step + length) % length);
  }

  /** Lays another timing over the song: grid, bars and metronome follow it, notes stay. */
  useTiming(redLines) {
    this.model.grid = new TimingGrid(redLines, barTimes(redLines, this.durationMs));
    this.overview.stale = true;
    this.panels.showFacts();
    if (this.settings.click) this._schedule();
    this.invalidate();
  }

  /** Changes settings, keeps them for the next visit and applies them. */
  set(changes) {
    Object.assign(this.settings, changes);
    writeSettings(this.settings);
    this.applySettings();
    if ("hits" in changes || "click" in changes) this._schedule();
  }

  /** Brings sound and picture to the settings. */
  applySettings() {
    this.engine.setLevel("song", this.settings.songLevel);
    this.engine.setLevel("hits", this.settings.hitLevel);
    this.panels.showSettings();
    this.invalidate();
  }

  /** Asks for a frame where none is under way. */
  invalidate() {
    this._frame ??= requestAnimationFrame((now) => this._draw(now));
  }

  /** Takes everything down. */
  async destroy() {
    cancelAnimationFrame(this._frame);
    this._frame = -1;
    this._releases.forEach((stop) => stop());
    this.view.section.remove();
    await this.engine.close();
  }

  /** Every column of the chart. */
  get allColumns() {
    return Array.from({ length: this.chart.keys }, (_, column) => column);
  }

  /** Sends an event that the page can hear. */
  emit(name, detail) {
    this.host.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  async _load() {
    this.panels.showNotice(this.t("loading"));
    try {
      await this.engine.load(await fetchSound(this.model.audio.url, this.t), this.model.audio.start_ms ?? 0);
      this.panels.showNotice(null);
      this.emit("mug-ready", { duration_ms: this.durationMs });
    } catch (error) {
      const known = error instanceof SoundError;
      const reason = known ? error.message : this.t("undecodable");
      this.panels.showNotice(this.t("noSound", { reason }), true);
      this.emit("mug-error", { message: this.t("noSound", { reason }), cause: String(error) });
    }
    this.overview.stale = true;
    this.invalidate();
  }

  _beginning() {
    return this.judge ? Math.min(0, (this.chart.notes.starts[0] ?? 0) - LEAD_IN_MS) : 0;
  }

  _startJudge(fromMs) {
    this.judge = new Judge(this.chart, this.chart.overallDifficulty);
    this.judge.reset(fromMs);
  }

  _judged(judgement) {
    if (judgement) {
      judgement.seen = performance.now();
      this.emit("mug-judgement", judgement);
    }
    return judgement;
  }

  _schedule() {
    this.engine.setEvents(soundTrack(this));
  }

  _changed(state) {
    this.panels.showPlaying();
    if (state) this.emit("mug-state", { playing: this.playing, time_ms: this.timeMs() });
    this.invalidate();
  }

  _draw(pageNow) {
    this._frame = null;
    this.engine.read();
    const now = this.timeMs();
    this.onFrame?.(now);
    if (this.playing) this._advance(now);
    const view = this._frameView(this.playing ? now : this.timeMs(), pageNow);
    if (this.lanes.size.width && this.overview.size.width) {
      this.layout = this.lanes.draw(view);
      this.overview.draw(view);
    } // a hidden tab has no size: the sound goes on alone
    this.panels.tick(view);
    if (this.playing || this._popupLives(pageNow)) this.invalidate();
  }

  _advance(now) {
    if (this.judge) {
      const before = this.judge.total;
      this.judge.advance(now);
      if (this.judge.total > before && this.judge.last) this.judge.last.seen ??= performance.now();
    }
    if (this.loop && this.region && now >= this.region.end_ms) this.seek(this.region.start_ms);
    else if (now >= this.durationMs) {
      this.pause();
      if (this.judge?.total) this.emit("mug-result", this.panels.result());
    }
  }

  _popupLives(pageNow) {
    return Boolean(this.judge?.last && pageNow - this.judge.last.seen < 700);
  }

  _frameView(now, pageNow) {
    const { settings, model, chart } = this;
    return {
      now, pageNow, chart, t: this.t, span: this.span, rate: this.engine.rate, grid: model.grid,
      up: settings.up, divisor: Number(settings.divisor), bySnap: settings.colour === "snap",
      playing: this.playing, judge: this.judge, pressed: this.pressed, bindings: this.bindings,
      region: this.region, locks: this.locks, finding: this.finding, allColumns: this.allColumns,
      durationMs: this.durationMs, waveform: model.waveform, calm: this.calm,
      others: model.candidates.filter((one) => one !== chart),
      densest: model.densest,
    };
  }

  _watch() {
    return watchSurroundings(this.host, [this.view.stage, this.view.overview], {
      restyle: (dark, calm) => this._restyle(dark, calm),
      resize: () => this._resize(),
    });
  }

  _restyle(dark, calm) {
    const themed = /** @type {HTMLElement | null} */ (this.host.closest("[data-theme]"));
    const asked = themed?.dataset.theme;
    this.calm = calm;
    this.view.section.dataset.theme = ["dark", "light"].includes(asked) ? asked : dark ? "dark" : "light";
    this.lanes.palette = this.overview.palette = readPalette(this.view.section);
    this.overview.stale = true;
    this.invalidate();
  }

  _resize() {
    this.lanes.resize(this.view.stage.clientWidth, this.view.stage.clientHeight);
    this.overview.resize(this.view.overview.clientWidth, this.view.overview.clientHeight);
    this.panels.placeLocks();
    this.invalidate();
  }
}
