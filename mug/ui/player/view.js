// The elements of a player: built once, filled by player.js.

const ICONS = {
  play: '<path d="M8 5.2v13.6c0 .9 1 1.4 1.7.9l10-6.8c.7-.4.7-1.4 0-1.8l-10-6.8C9 3.8 8 4.3 8 5.200z"/>',
  pause: '<rect x="6" y="5" width="4.5" height="14" rx="1.5"/><rect x="13.5" y="5" width="4.5" height="14" rx="1.5"/>',
  barBack: '<rect x="4" y="5" width="3" height="14" rx="1.3"/><path d="M19 6.300v11.400c0 .9-1 1.4-1.7.9l-8-5.700c-.7-.5-.7-1.4 0-1.900l8-5.700c.7-.4 1.7.1 1.7 1z"/>',
  barForward: '<rect x="17" y="5" width="3" height="14" rx="1.3"/><path d="M5 6.300v11.400c0 .9 1 1.4 1.7.9l8-5.700c.7-.5.7-1.4 0-1.900l-8-5.700C6 4.8 5 5.3 5 6.300z"/>',
  keys: '<path d="M4 5h4v14H4zM10 5h4v8h-4zM16 5h4v11h-4z"/>',
  loop: '<path fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round" d="M5 11V9.500A3.5 3.5 0 0 1 8.5 6H18m0 0-3-3m3 3-3 3M19 13v1.500a3.5 3.5 0 0 1-3.5 3.500H6m0 0 3 3m-3-3 3-3"/>',
  select: '<path fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-dasharray="3.3 3.6" d="M5 5h14v14H5z"/>',
  hits: '<path d="M4 10v4c0 .6.4 1 1 1h3l4.3 3.600c.7.5 1.7 0 1.7-.8V6.200c0-.8-1-1.3-1.7-.8L8 9H5c-.6 0-1 .4-1 1z"/><path fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" d="M17 9.500c1.3 1.4 1.3 3.6 0 5M19.5 7c2.7 2.8 2.7 7.2 0 10"/>',
  lock: '<path d="M7 10V8a5 5 0 0 1 10 0v2h.500c.8 0 1.5.7 1.5 1.500v7c0 .8-.7 1.5-1.5 1.500h-11c-.8 0-1.5-.7-1.5-1.500v-7c0-.8.7-1.5 1.5-1.500H7zm2.2 0h5.600V8a2.8 2.8 0 0 0-5.6 0v2z"/>',
};

/** Markup of an icon. */
export function icon(name) {
  return `<svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" fill="currentColor">${ICONS[name]}</svg>`;
}

/** Text made safe for markup. */
export function escapeText(text) {
  return String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function button(ref, name, t, key, extra = "") {
  return `<button type="button" data-ref="${ref}" class="tool" title="${t(name)} (${key})"
    aria-label="${t(name)}" aria-keyshortcuts="${key}" ${extra}>${icon(ref)}</button>`;
}

function slider(ref, label, attributes) {
  return `<label class="row"><span>${label}</span>
    <input type="range" data-ref="${ref}" ${attributes}><output data-for="${ref}"></output></label>`;
}

function tick(ref, label) {
  return `<label class="row tick"><input type="checkbox" data-ref="${ref}"><span>${label}</span></label>`;
}

function choice(ref, label, options) {
  const list = options.map(([value, text]) => `<option value="${value}">${text}</option>`).join("");
  return `<label class="row"><span>${label}</span><select data-ref="${ref}">${list}</select></label>`;
}

function settings(t) {
  const grids = [1, 2, 3, 4, 6, 8, 12, 16].map((d) => [d, `1/${d}`]);
  return `<details class="card" open data-ref="settings"><summary>${t("settings")}</summary><div class="fields">
    ${slider("speed", t("speed"), 'min="5" max="40" step="1"')}
    ${slider("songLevel", t("songLevel"), 'min="0" max="1" step="0.05"')}
    ${slider("hitLevel", t("hitLevel"), 'min="0" max="1" step="0.05"')}
    ${slider("offset", t("offset"), 'min="-300" max="300" step="1"')}
    <div class="row hint"><span>${t("offsetHelp")}</span>
      <button type="button" class="small" data-ref="fromHits">${t("offsetFromHits")}</button></div>
    ${choice("colour", t("colourBy"), [["column", t("byColumn")], ["snap", t("bySnap")]])}
    ${choice("divisor", t("gridLines"), grids)}
    <div class="ticks">${tick("click", t("click"))}${tick("up", t("upscroll"))}</div>
  </div></details>`;
}

const HELP = [
  ["␣", "help_space"], ["← →", "help_bars"], ["↑ ↓", "help_speed"], [", .", "help_rate"], ["X", "help_ab"],
  ["1–9", "help_pick"], ["N", "help_finding"], ["[ ]", "help_region"], ["⇧", "help_drag"], ["L", "help_loop"],
  ["G", "help_play"], ["H", "help_sounds"], ["Esc", "help_escape"],
];

function help(t) {
  const rows = HELP.map(([key, text]) => `<dt><kbd>${key}</kbd></dt><dd>${t(text)}</dd>`).join("");
  return `<details class="card" data-ref="help"><summary>${t("keys")}</summary><dl class="help">${rows}</dl></details>`;
}

function side(t) {
  return `<aside class="side">
    <section class="card score" data-ref="score" hidden aria-label="${t("result")}"></section>
    <section class="card" aria-label="${t("candidates")}"><h3>${t("candidates")}</h3>
      <div class="candidates" role="radiogroup" aria-label="${t("candidates")}" data-ref="candidates"></div></section>
    <section class="card" data-ref="findingCard" aria-label="${t("findings")}">
      <h3>${t("findings")} <span class="count" data-ref="findingCount"></span></h3>
      <ul class="findings" data-ref="findings"></ul></section>
    ${settings(t)}${help(t)}
  </aside>`;
}

function stage(t) {
  return `<div class="stage" data-ref="stage" tabindex="0" role="group" aria-label="${t("player")}">
    <canvas data-ref="lanes" role="img"></canvas>
    <div class="locks" data-ref="locks"></div>
    <div class="badge" data-ref="badge" aria-hidden="true"></div>
    <div class="tip" data-ref="tip" hidden></div>
    <div class="notice" data-ref="notice" hidden></div>
  </div>`;
}

function transport(t) {
  return `<div class="transport">
    <div class="group main">
      ${button("barBack", "barBack", t, "ArrowLeft")}
      <button type="button" data-ref="play" class="tool big" title="${t("play")} (Space)"
        aria-label="${t("play")}" aria-keyshortcuts="Space">${icon("play")}</button>
      ${button("barForward", "barForward", t, "ArrowRight")}
    </div>
    <div class="time"><span><b data-ref="time">0:00.0</b><span class="faint" data-ref="length"></span></span>
      <span class="faint" data-ref="place"></span></div>
    <label class="rate"><span>${t("rate")}</span>
      <input type="range" data-ref="rate" min="0.5" max="1.5" step="0.05"><output data-for="rate"></output></label>
    <div class="group">
      ${button("hits", "hitSounds", t, "H", 'aria-pressed="true"')}
      ${button("loop", "loop", t, "L", 'aria-pressed="false"')}
      ${button("select", "select", t, "Shift", 'aria-pressed="false"')}
    </div>
    <button type="button" class="along" data-ref="along" aria-pressed="false" aria-keyshortcuts="G">
      ${icon("keys")}<span>${t("playAlong")}</span></button>
  </div>`;
}

/** Builds a player below `root`; returns its elements by name. */
export function buildView(root, model, t) {
  const section = document.createElement("section");
  section.className = "player";
  section.setAttribute("aria-label", t("player"));
  section.innerHTML = `
    <header class="head"><div class="names"><h2>${escapeText(model.title)}</h2>
      <p data-ref="facts"></p></div></header>
    ${stage(t)}${side(t)}
    <div class="whole"><div class="overview" data-ref="overview" role="slider" tabindex="0"
      aria-label="${t("overview")}" aria-valuemin="0"><canvas data-ref="map"></canvas></div>
      <div class="regionbar"><span data-ref="region"></span>
        <button type="button" class="small" data-ref="clear" hidden>${t("clear")}</button></div></div>
    ${transport(t)}
    <p class="hidden" data-ref="live" role="status" aria-live="polite"></p>`;
  root.append(section);
  /** @type {Object<string, any>} */
  const refs = { section };
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (section.querySelectorAll("[data-ref]"))) refs[element.dataset.ref] = element;
  refs.outputs = {};
  for (const output of section.querySelectorAll("output")) refs.outputs[output.dataset.for] = output;
  return refs;
}

const COLOURS = [
  "laneEven", "laneOdd", "edge", "hatch", "bar", "beat", "faint", "text", "accent", "regionFill", "floor", "cap",
  "capEdge", "noteEdge", "shine", "onNote", "onMark", "halo", "wavePeak", "waveRms", "densityTop", "densityFoot",
  "veil", "head", "fade", "fadeOut", "green",
];

/** The colours of the present theme, read from the style sheet. */
export function readPalette(element) {
  const style = getComputedStyle(element);
  const value = (name) => style.getPropertyValue(`--${name}`).trim();
  /** @type {Object<string, any>} */
  const palette = Object.fromEntries(COLOURS.map((name) => [name, value(name)]));
  palette.font = style.fontFamily;
  palette.bodyAlpha = Number(value("bodyAlpha"));
  palette.columns = [0, 1, 2].map((tone) => value(`column${tone}`));
  palette.beams = [0, 1, 2].map((tone) => value(`beam${tone}`));
  palette.severity = Object.fromEntries(["error", "warning", "info"].map((name) => [name, value(name)]));
  palette.grades = Object.fromEntries(["max", "300", "200", "100", "50", "miss"].map((g) => [g, value(`grade-${g}`)]));
  palette.snaps = Object.fromEntries([0, 1, 2, 3, 4, 6, 8, 12, 16].map((d) => [d, value(`snap${d}`)]));
  return palette;
}
