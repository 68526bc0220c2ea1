// The elements of a timing workbench, and what is written into them.

import { tidy } from "./bench-map.js";
import { clockText } from "./timing.js";
import { escapeText, icon } from "./view.js";

const NUDGES = [-10, -1, 1, 10];

function nudge(ms, t) {
  const name = t(ms < 0 ? "earlier" : "later", { n: Math.abs(ms) });
  return `<button type="button" class="small" data-nudge="${ms}" title="${name}" aria-label="${name}">${ms < 0 ? "−" : "+"}${Math.abs(ms)} ${t("ms")}</button>`;
}

/** Builds a workbench below `root`; returns its elements by name. */
export function buildBench(root, t) {
  const section = document.createElement("section");
  section.className = "bench";
  section.setAttribute("aria-label", t("bench"));
  section.innerHTML = `
    <div class="bar">
      <button type="button" class="round" data-ref="play" aria-label="${t("play")}" title="${t("play")}">${icon("play")}</button>
      <button type="button" class="small toggle" data-ref="click" aria-pressed="false">${t("click")}</button>
      <span class="clock" data-ref="clock">0:00.0</span>
      <label class="zoom"><span>${t("zoom")}</span><input type="range" data-ref="zoom" min="0" max="100" step="1"></label>
    </div>
    <div class="wave" data-ref="wave" tabindex="0" role="group" aria-label="${t("wave")}">
      <canvas data-ref="canvas" aria-hidden="true"></canvas><p class="waiting" data-ref="waiting">${t("waiting")}</p></div>
    <p class="grip">${t("grip")}</p>
    <div class="bar">
      <label class="applies"><span>${t("applies")}</span><select data-ref="which"></select></label>
      <div class="group">${NUDGES.map((ms) => nudge(ms, t)).join("")}</div>
      <div class="group">
        <button type="button" class="small" data-scale="0.5" title="${t("half")}" aria-label="${t("half")}">× ½</button>
        <button type="button" class="small" data-scale="2" title="${t("double")}" aria-label="${t("double")}">× 2</button></div>
      <div class="group">
        <button type="button" class="small" data-ref="add">${t("add")}</button>
        <button type="button" class="small" data-ref="undo" disabled>${t("undo")}</button>
        <button type="button" class="small" data-ref="reset" disabled>${t("reset")}</button></div>
    </div>
    <div class="below">
      <div class="tempi"><table aria-label="${t("table")}"><thead><tr><th><span class="hidden">${t("table")}</span></th>
        <th>${t("time")}</th><th>${t("bpm")}</th><th>${t("meter")}</th><th></th></tr></thead>
        <tbody data-ref="rows"></tbody></table></div>
      <div class="heard" data-ref="heard"><h4>${t("readings")}</h4><div class="chips" data-ref="readings"></div></div>
    </div>`;
  root.append(section);
  /** @type {Object<string, any>} */
  const refs = { section };
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (section.querySelectorAll("[data-ref]"))) refs[element.dataset.ref] = element;
  return refs;
}

/** One row a red line; the focus stays where it was. */
export function showRows(view, lines, chosen, t) {
  const root = view.section.getRootNode();
  const { line, field } = root.activeElement?.dataset ?? {};
  const input = (n, name, label, value, extra) =>
    `<td><input type="number" data-line="${n}" data-field="${name}" aria-label="${t(label, { n: n + 1 })}" value="${value}" ${extra}></td>`;
  view.rows.innerHTML = lines
    .map(
      (one, n) => `<tr aria-selected="${n === chosen}"><td><button type="button" class="number" data-go="${n}"
        title="${t("go", { n: n + 1 })}" aria-label="${t("go", { n: n + 1 })}">${n + 1}</button></td>
        ${input(n, "time_ms", "lineTime", tidy(one.time_ms, 3), 'step="1"')}
        ${input(n, "bpm", "lineBpm", Number(one.bpm.toPrecision(9)), 'step="any" min="10" max="1000"')}
        ${input(n, "meter", "lineMeter", one.meter, 'step="1" min="1" max="99"')}
        <td><button type="button" class="drop" data-remove="${n}" ${lines.length > 1 ? "" : "disabled"}
          title="${t("remove", { n: n + 1 })}" aria-label="${t("remove", { n: n + 1 })}">×</button></td></tr>`,
    )
    .join("");
  if (field) view.rows.querySelector(`[data-line="${line}"][data-field="${field}"]`)?.focus();
  const options = [["", t("all")], ...lines.map((_, n) => [String(n), t("one", { n: n + 1 })])];
  view.which.innerHTML = options.map(([value, text]) => `<option value="${value}">${text}</option>`).join("");
  view.which.value = chosen === null ? "" : String(chosen);
}

/** One button a reading of the beat, how sure it is as a bar. */
export function showReadings(view, readings, t) {
  view.heard.hidden = !readings.length;
  view.readings.innerHTML = readings
    .map((one, n) => {
      const percent = Math.round(100 * one.confidence);
      const name = t("reading", { bpm: tidy(one.bpm, 2), offset: tidy(one.offset_ms, 0), percent });
      return `<button type="button" class="chip" data-reading="${n}" title="${escapeText(name)}" aria-label="${escapeText(name)}"
        style="--share:${percent}%"><b>${tidy(one.bpm, 2)}</b><span>${tidy(one.offset_ms, 0)} ${t("ms")}</span><i></i></button>`;
    })
    .join("");
}

/** The time beside the play button. */
export function showClock(view, ms) {
  const text = clockText(ms, true);
  if (view.clock.textContent !== text) view.clock.textContent = text;
}

/** The colours of the present theme. */
export function benchPalette(element) {
  const style = getComputedStyle(element);
  const names = ["text", "faint", "bar", "beat", "soft", "accent", "head", "wavePeak", "waveRms", "red", "onRed", "green"];
  const palette = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  return { ...palette, font: style.fontFamily };
}
