// What the page does in the browser besides Gradio: theme, language, the player's selection.
//
// `mug/ui/routes.py` puts this before Gradio's script, so that it runs before Gradio shows anything: nothing can be
// pressed, chosen or dropped that it does not hear of.

import "./uploads.js";

const root = document.documentElement;
const search = new URLSearchParams(location.search);

/** What the person has chosen, where the browser keeps it. */
function kept(name, value) {
  try {
    if (value === undefined) return localStorage.getItem(`mug-${name}`);
    localStorage.setItem(`mug-${name}`, value);
  } catch {
    // Storage is switched off: the choice holds for this visit.
  }
  return value ?? null;
}

// ---- theme: Gradio's class `dark` leads, the player follows `data-theme`

function showTheme() {
  root.dataset.theme = document.body.classList.contains("dark") ? "dark" : "light";
}

/** Gradio sets the class when it has started and when the system changes: what was chosen stays. */
function followTheme() {
  if (chosen === "dark" || chosen === "light") setTheme(chosen);
  showTheme();
}

function setTheme(theme) {
  document.body.classList.toggle("dark", theme === "dark");
}

let chosen = search.get("__theme") ?? kept("theme");
new MutationObserver(followTheme).observe(document.body, { attributes: true, attributeFilter: ["class"] });
followTheme();

document.addEventListener("click", (event) => {
  const { target } = event;
  const button = target instanceof Element ? target.closest("[data-act]") : null;
  if (!(button instanceof HTMLElement) || button.dataset.act !== "theme") return;
  chosen = document.body.classList.contains("dark") ? "light" : "dark";
  kept("theme", chosen);
  setTheme(chosen);
});

// ---- language: by the browser, until someone chooses

/** What is chosen is in the address of the link to the other language: it cannot arrive later than its page. */
function chooseLanguage() {
  const asked = search.get("language");
  const language = ["en", "zh"].includes(asked) ? kept("language", asked) : kept("language");
  // `navigator.language` is the page's own, see mug/ui/routes.py.
  const browser = (navigator.languages?.[0] ?? "en").toLowerCase();
  const wanted = language ?? (browser.startsWith("zh") ? "zh" : "en");
  if ("automatic" in root.dataset && location.pathname === "/" && wanted === "zh") {
    location.replace(`/zh${location.search}`);
  } else if (asked && kept("language") === asked) {
    search.delete("language");
    history.replaceState(history.state, "", `${location.pathname}${search.size ? `?${search}` : ""}${location.hash}`);
  }
}

chooseLanguage();

// ---- the player's selection

function showRegion(region) {
  const line = document.querySelector(".mug-region");
  if (!(line instanceof HTMLElement)) return;
  const seconds = (ms) => (ms / 1000).toFixed(2);
  const columns = (region?.columns ?? []).map((column) => column + 1).join(", ");
  line.textContent = region
    ? line.dataset.some.replace("[0]", seconds(region.start_ms)).replace("[1]", seconds(region.end_ms)).replace("[2]", columns)
    : line.dataset.none;
  line.toggleAttribute("data-on", Boolean(region));
}

document.addEventListener("mug-region", (/** @type {CustomEvent} */ event) => showRegion(event.detail));

// Not `mug-ready`: until the sound is there, somebody may have selected something and gone elsewhere on the page.
document.addEventListener("mug-shown", (event) => {
  showRegion(null);
  const { target } = event;
  if (target instanceof Element && window.mugPage.follow) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    target.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
  }
});

// ---- the timing workbench and the text of its lines

const bench = () => document.querySelector("mug-workbench")?.bench;

/** The text of the tempo map, where it is in sight. @returns {HTMLTextAreaElement | null} */
const tempoField = () => document.querySelector("#mug-tempo textarea");

document.addEventListener("mug-tempo", (/** @type {CustomEvent} */ event) => {
  const field = tempoField();
  if (!field) return;
  field.value = event.detail.text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

window.mugPage = {
  follow: true,
  /** What is selected in the player, as the server takes it. */
  state() {
    const player = document.querySelector("mug-player")?.player;
    return JSON.stringify({ region: player?.region ?? null, index: player?.index ?? 0 });
  },
  /** Values of fields after a song's tags were read: what somebody wrote there meanwhile stays. */
  fillIn(tags, now) {
    const { found, before } = JSON.parse(tags);
    return now.map((text, index) => (text === before[index] ? found[index] : text));
  },
  /** Shows a tempo map on the workbench. */
  showTempo(text) {
    bench()?.setText(text);
  },
  /** The tempo map: as the text has it where that is in sight, as the workbench has it otherwise. */
  tempo(text) {
    const field = tempoField();
    return field ? field.value : (bench()?.text ?? text);
  },
};
