// The parts around the canvases: candidates, findings, settings, score, time, region.

import { GRADES } from "./judge.js";
import { laneLayout } from "./layout.js";
import { clockText } from "./timing.js";
import { escapeText, icon } from "./view.js";

const TEXT_EVERY_MS = 80;

/** Writes the state of a player into its elements. */
export class Panels {
  constructor(player) {
    this.player = player;
    this.view = player.view;
    this.t = player.t;
    this._lastText = -Infinity;
    this._buildCandidates();
  }

  /** Writes what changes while the song plays, a dozen times a second. */
  tick(view) {
    const due = view.pageNow - this._lastText >= TEXT_EVERY_MS || !view.playing;
    if (!due) return;
    this._lastText = view.pageNow;
    const bar = view.grid.barIndex(view.now) + 1;
    this.view.time.textContent = clockText(view.now, true);
    this.view.length.textContent = ` / ${clockText(view.durationMs)}`;
    const red = view.grid.redAt(view.now);
    const bpm = red ? ` · ${tidy(60000 / red.beat_ms)} BPM` : "";
    this.view.place.textContent = `${this.t("bar")} ${Math.max(0, bar)}${bpm}`;
    this.view.badge.textContent = view.judge ? `${(100 * view.judge.accuracy).toFixed(2)} %` : "";
    const { overview } = this.view;
    overview.setAttribute("aria-valuemax", Math.round(view.durationMs / 1000));
    overview.setAttribute("aria-valuenow", Math.round(Math.max(0, view.now) / 1000));
    overview.setAttribute("aria-valuetext", `${clockText(view.now)} / ${clockText(view.durationMs)}, ${this.t("bar")} ${bar}`);
    if (view.judge) this.showScore();
  }

  /** The chosen candidate: its facts, findings and lanes. */
  showCandidate() {
    const { chart, index } = this.player;
    [...this.view.candidates.children].forEach((button, i) => {
      button.setAttribute("aria-checked", String(i === index));
      button.tabIndex = i === index ? 0 : -1;
    });
    const count = chart.notes.starts.length;
    this.showFacts();
    this.view.lanes.setAttribute("aria-label", this.t("lanes", { name: chart.name, keys: chart.keys, notes: count }));
    this._buildFindings(chart);
    this._buildLocks(chart);
    this.showRegion();
  }

  /** The song and the chart in one line. */
  showFacts() {
    const { chart, model } = this.player;
    const count = chart.notes.starts.length;
    const tempi = [...new Set(model.grid.redLines.map((red) => tidy(60000 / red.beat_ms)))];
    const bpm = tempi.length > 1 ? `${Math.min(...tempi)}–${Math.max(...tempi)} BPM` : tempi.map((x) => `${x} BPM`)[0];
    const facts = [model.artist, `${chart.keys}K`, bpm, clockText(this.player.durationMs), `${count} ${this.t("notes")}`];
    this.view.facts.textContent = facts.filter(Boolean).join("  ·  ");
  }

  /** Play or pause, on the button and for screen readers. */
  showPlaying() {
    const { playing } = this.player;
    if (this._shownPlaying === playing) return;
    this._shownPlaying = playing;
    const name = this.t(playing ? "pause" : "play");
    this.view.play.innerHTML = icon(playing ? "pause" : "play");
    this.view.play.title = `${name} (Space)`;
    this.view.play.setAttribute("aria-label", name);
    this.view.live.textContent = `${this.t(playing ? "play" : "pause")}, ${this.view.time.textContent}`;
  }

  /** The rate beside its slider. */
  showRate(rate) {
    this.view.rate.value = rate;
    fill(this.view.rate);
    this.view.outputs.rate.textContent = `${rate.toFixed(2)}×`;
  }

  /** The settings on their controls. */
  showSettings() {
    const { settings, engine } = this.player;
    const { view } = this;
    for (const name of ["speed", "songLevel", "hitLevel", "offset", "colour", "divisor"]) view[name].value = settings[name];
    for (const name of ["speed", "songLevel", "hitLevel", "offset"]) fill(view[name]);
    for (const name of ["click", "up"]) view[name].checked = settings[name];
    view.outputs.speed.textContent = settings.speed;
    view.outputs.songLevel.textContent = `${Math.round(settings.songLevel * 100)} %`;
    view.outputs.hitLevel.textContent = `${Math.round(settings.hitLevel * 100)} %`;
    view.outputs.offset.textContent = `${settings.offset > 0 ? "+" : ""}${settings.offset} ${this.t("ms")}`;
    view.hits.setAttribute("aria-pressed", String(settings.hits));
    this.showRate(engine.rate);
    this.placeLocks();
  }

  /** Whether a person plays along. */
  showPlayAlong() {
    const on = Boolean(this.player.judge);
    this.view.along.setAttribute("aria-pressed", String(on));
    this.view.along.querySelector("span").textContent = this.t(on ? "stopPlaying" : "playAlong");
    this.view.stage.dataset.mode = on ? "play" : "watch";
    this.view.score.hidden = !on;
    this.view.findingCard.hidden = on;
    this.view.locks.hidden = on;
    if (!on) return;
    this.showScore();
    this.view.live.textContent = this.t(matchMedia("(pointer: coarse)").matches ? "touch" : "ready");
  }

  /** Numbers of a play, for events and pages. */
  result() {
    const { judge } = this.player;
    const { accuracy, maxCombo, counts, meanError, unstableRate } = judge;
    return { accuracy, max_combo: maxCombo, counts: { ...counts }, mean_error_ms: meanError, unstable_rate: unstableRate };
  }

  /** The card with the numbers of a play. */
  showScore() {
    const { judge } = this.player;
    const { meanError } = judge;
    const side = Math.abs(meanError) < 0.05 ? "" : ` ${this.t(meanError > 0 ? "late" : "early")}`;
    const cell = (name, value) => `<div><dt>${this.t(name)}</dt><dd>${value}</dd></div>`;
    const bars = GRADES.map((grade) => {
      const share = judge.total ? (100 * judge.counts[grade]) / judge.total : 0;
      return `<span>${grade.toUpperCase()}</span>
        <i style="--share:${share}%;--colour:var(--grade-${grade})"></i><span>${judge.counts[grade]}</span>`;
    });
    this.view.score.innerHTML = `<div><h3>${this.t("accuracy")}</h3>
      <div class="accuracy">${(100 * judge.accuracy).toFixed(2)} %</div>
      <dl>${cell("best", judge.maxCombo)}${cell("mean", `${Math.abs(meanError).toFixed(1)} ms${side}`)}
      ${cell("unstable", judge.unstableRate.toFixed(0))}</dl></div><div class="bars">${bars.join("")}</div>`;
  }

  /** The selected region in words. */
  showRegion() {
    const { region } = this.player;
    this.view.clear.hidden = !region;
    const columns = region && this.t("columns", { list: region.columns.map((column) => column + 1).join(" ") });
    const [start, end] = region ? [clockText(region.start_ms, true), clockText(region.end_ms, true)] : [];
    this.view.region.textContent = region ? this.t("region", { start, end, columns }) : this.t("regionNone");
    this.view.loop.setAttribute("aria-pressed", String(this.player.loop));
  }

  /** Which columns are locked. */
  showLocks() {
    [...this.view.locks.children].forEach((button, column) => {
      const locked = this.player.locks.has(column);
      button.setAttribute("aria-pressed", String(locked));
      button.title = this.t(locked ? "locked" : "lock", { n: column + 1 });
    });
  }

  /** Puts the locks under their lanes. */
  placeLocks() {
    const { lanes, chart, settings } = this.player;
    if (!lanes.size.width) return;
    const layout = laneLayout({ ...lanes.size, keys: chart.keys, up: settings.up });
    Object.assign(this.view.locks.style, {
      left: `${layout.left}px`,
      width: `${layout.right - layout.left}px`,
      top: `${(layout.up ? 0 : layout.hitY + 2) + 8}px`,
      height: `${layout.caps - 16}px`,
    });
    this.view.stage.classList.toggle("up", layout.up);
  }

  /** A sentence over the lanes; null takes it away. */
  showNotice(text, bad = false) {
    const { notice } = this.view;
    notice.hidden = !text;
    notice.textContent = text ?? "";
    notice.classList.toggle("bad", bad);
    notice.setAttribute("role", bad ? "alert" : "status");
  }

  /** Marks the chosen finding in the list and shows it. */
  showChosenFinding() {
    [...this.view.findings.querySelectorAll("button")].forEach((button, index) => {
      const chosen = index === this.player.finding;
      button.setAttribute("aria-current", String(chosen));
      const { findings } = this.view;
      if (!chosen) return;
      const top = button.offsetTop - findings.offsetTop;
      if (top < findings.scrollTop || top + button.offsetHeight > findings.scrollTop + findings.clientHeight) {
        findings.scrollTop = top - 40;
      }
    });
  }

  /** Text of a finding for the tip beside the pointer; null hides it. */
  showTip(index, x = 0, y = 0) {
    const { tip, stage } = this.view;
    tip.hidden = index === null;
    if (index === null) return;
    const finding = this.player.chart.findings[index];
    const where = `${clockText(finding.time_ms, true)} · ${this._columns(finding)}`;
    tip.innerHTML = `<b>${escapeText(finding.rule)}</b>${escapeText(finding.message)}<br><small>${where}</small>`;
    tip.style.left = `${Math.max(6, Math.min(stage.clientWidth - tip.offsetWidth - 6, x + 14))}px`;
    tip.style.top = `${Math.max(6, Math.min(stage.clientHeight - tip.offsetHeight - 6, y + 14))}px`;
  }

  _columns(finding) {
    const list = finding.columns.map((column) => column + 1).join(" ");
    return this.t(finding.columns.length === 1 ? "column" : "columns", { list });
  }

  _buildCandidates() {
    this.view.candidates.innerHTML = this.player.model.candidates
      .map((one, index) => {
        const { stars, notes, longNotes } = summary(one);
        const share = notes ? Math.round((100 * longNotes) / notes) : 0;
        const facts = [stars && `★ ${stars}`, share ? `LN ${share} %` : !stars && `${notes} ${this.t("notes")}`];
        return `<button type="button" role="radio" aria-checked="false" data-index="${index}"
          title="${escapeText(one.name)}"><span class="letter" aria-hidden="true">${letter(index)}</span>
          <b>${escapeText(one.name)}</b><small>${facts.filter(Boolean).join(" · ")}</small></button>`;
      })
      .join("");
  }

  _buildFindings(chart) {
    this.view.findingCount.textContent = chart.findings.length ? String(chart.findings.length) : "";
    if (!chart.findings.length) {
      this.view.findings.innerHTML = `<li><p>${this.t("noFindings")}</p></li>`;
      return;
    }
    this.view.findings.innerHTML = chart.findings
      .map((finding, index) => {
        const kind = ["error", "warning"].includes(finding.severity) ? finding.severity : "info";
        return `<li><button type="button" data-index="${index}" aria-current="false">
          <i style="background:var(--${kind})" role="img" aria-label="${this.t(`severity_${kind}`)}"></i>
          <time>${clockText(finding.time_ms)}</time>
          <span>${escapeText(finding.message)} <small>${this._columns(finding)}</small></span></button></li>`;
      })
      .join("");
  }

  _buildLocks(chart) {
    this.view.locks.innerHTML = Array.from({ length: chart.keys }, (_, column) => {
      const name = this.t("lock", { n: column + 1 });
      return `<button type="button" aria-pressed="false" aria-label="${name}" data-column="${column}">${icon("lock")}</button>`;
    }).join("");
    this.showLocks();
    this.placeLocks();
  }
}

function summary(candidate) {
  const { starts, ends } = candidate.notes;
  const stars = candidate.stats.star_rating;
  return {
    stars: stars === undefined || stars === null ? "" : stars.toFixed(2),
    notes: starts.length,
    longNotes: starts.reduce((sum, start, i) => sum + (ends[i] > start ? 1 : 0), 0),
  };
}

/** Colours a slider's track up to its thumb. */
export function fill(slider) {
  const share = (slider.value - slider.min) / (slider.max - slider.min);
  slider.style.setProperty("--fill", `${100 * share}%`);
}

function letter(index) {
  return index < 26 ? String.fromCharCode(65 + index) : String(index + 1);
}

function tidy(number) {
  return Math.round(number * 100) / 100;
}
