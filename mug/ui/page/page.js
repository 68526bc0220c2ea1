// What the page does in the browser besides Gradio: theme, language, the player's selection.

import "./uploads.js";

const root = document.documentElement;

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

function setTheme(theme) {
  document.body.classList.toggle("dark", theme === "dark");
}

const asked = new URLSearchParams(location.search).get("__theme") ?? kept("theme");
new MutationObserver(showTheme).observe(document.body, { attributes: true, attributeFilter: ["class"] });
if (asked === "dark" || asked === "light") setTheme(asked);
showTheme();

// ---- language: by the browser, until someone chooses

// `navigator.language` is the page's own, see `speaking` in mug/ui/routes.py.
const browser = () => (navigator.languages?.[0] ?? "en").toLowerCase();

// What the page says; `root.lang` is Gradio's, which calls Chinese zh-CN.
const language = () => document.querySelector(".mug-head")?.dataset.language ?? "en";

function chooseLanguage(head) {
  if (!("automatic" in head.dataset)) return;
  const wanted = kept("language") ?? (browser().startsWith("zh") ? "zh" : "en");
  if (wanted !== language() && location.pathname === "/" && wanted === "zh") {
    location.replace(`/zh${location.search}`);
  }
}

const waiting = new MutationObserver(() => {
  const head = document.querySelector(".mug-head");
  if (!head) return;
  waiting.disconnect();
  chooseLanguage(head);
  if (asked === "dark" || asked === "light") setTheme(asked);
});
waiting.observe(document.body, { childList: true, subtree: true });

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-act]");
  if (button?.dataset.act === "theme") {
    const theme = document.body.classList.contains("dark") ? "light" : "dark";
    kept("theme", theme);
    setTheme(theme);
  } else if (button?.dataset.act === "language") {
    kept("language", language() === "zh" ? "en" : "zh");
  }
});

// ---- the player's selection

function showRegion(region) {
  const line = document.querySelector(".mug-region");
  if (!line) return;
  const seconds = (ms) => (ms / 1000).toFixed(2);
  const columns = (region?.columns ?? []).map((column) => column + 1).join(", ");
  line.textContent = region
    ? line.dataset.some.replace("[0]", seconds(region.start_ms)).replace("[1]", seconds(region.end_ms)).replace("[2]", columns)
    : line.dataset.none;
  line.toggleAttribute("data-on", Boolean(region));
}

document.addEventListener("mug-region", (event) => showRegion(event.detail));
document.addEventListener("mug-ready", (event) => {
  showRegion(null);
  if (event.target.scrollIntoView && window.mugPage.follow) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    event.target.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
  }
});

// ---- the timing workbench and the text of its lines

const bench = () => document.querySelector("mug-workbench")?.bench;

document.addEventListener("mug-tempo", (event) => {
  const field = document.querySelector("#mug-tempo textarea");
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
  /** Shows a tempo map on the workbench. */
  showTempo(text) {
    bench()?.setText(text);
  },
  /** The tempo map: as the text has it where that is in sight, as the workbench has it otherwise. */
  tempo(text) {
    const field = document.querySelector("#mug-tempo textarea");
    return field ? field.value : (bench()?.text ?? text);
  },
};
