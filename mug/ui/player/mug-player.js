// The element `<mug-player>` and `mountPlayer`, the two ways for a page to show a player.

import { Player } from "./player.js";
import { DocumentError } from "./model.js";
import { translator } from "./texts.js";

/** A style sheet: the player's inside the page where it brings one, beside this module otherwise. */
export function styleSheet(name = "player.css") {
  const inside = document.getElementById("mug-player-style");
  if (inside && name === "player.css") {
    const style = document.createElement("style");
    style.textContent = inside.textContent;
    return { element: style, ready: Promise.resolve() };
  }
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL(name, import.meta.url).href;
  const ready = new Promise((done) => link.addEventListener("load", done, { once: true }));
  return { element: link, ready };
}

/**
 * Shows a player below an element, in a shadow tree of its own; what was there before goes.
 * @returns {Promise<Player>} once the style has come; `player.ready` waits for the sound
 */
export async function mountPlayer(host, playerDocument, options = {}) {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const { element, ready } = styleSheet();
  root.replaceChildren(element);
  await ready;
  try {
    return new Player(root, playerDocument, options);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    showSentence(root, translator(options.language)("badDocument", { reason: error.message }));
    host.dispatchEvent(new CustomEvent("mug-error", { detail: { message: error.message }, bubbles: true }));
    return null;
  }
}

function showSentence(root, text) {
  const section = document.createElement("section");
  section.className = "player";
  section.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const card = document.createElement("p");
  card.className = "card";
  card.setAttribute("role", "alert");
  card.textContent = text;
  section.append(card);
  root.append(section);
}

/**
 * `<mug-player src="chart.json" lang="zh" data-theme="dark">`; or set the property `document`.
 * The property `player` is the player once it is there.
 */
export class MugPlayerElement extends HTMLElement {
  static observedAttributes = ["src", "lang"];

  connectedCallback() {
    this._show();
  }

  disconnectedCallback() {
    this._generation = (this._generation ?? 0) + 1;
    this.player?.destroy();
    this.player = null;
  }

  attributeChangedCallback() {
    if (this.isConnected) this._show();
  }

  /** The document that is shown. */
  get document() {
    return this._document;
  }

  set document(value) {
    this._document = value;
    if (this.isConnected) this._show();
  }

  async _show() {
    const generation = (this._generation = (this._generation ?? 0) + 1);
    await Promise.resolve(); // several attributes that change at once make one player
    if (generation !== this._generation) return;
    const shown = this._document ?? (await this._fetch());
    if (!shown || generation !== this._generation) return;
    const before = this.player;
    this.player = null; // nobody may take the old one for the new
    await before?.destroy();
    const player = await mountPlayer(this, shown, { language: this.lang || undefined });
    if (generation !== this._generation) {
      await player?.destroy();
      return;
    }
    this.player = player;
    if (player) this.dispatchEvent(new CustomEvent("mug-shown", { bubbles: true }));
  }

  async _fetch() {
    const source = this.getAttribute("src");
    if (!source) return null;
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    try {
      const answer = await fetch(source);
      if (!answer.ok) throw new DocumentError(`${source}: ${answer.status}`);
      return await answer.json();
    } catch (error) {
      const { element } = styleSheet();
      root.replaceChildren(element);
      showSentence(root, translator(this.lang)("badDocument", { reason: error.message }));
      this.dispatchEvent(new CustomEvent("mug-error", { detail: { message: error.message }, bubbles: true }));
      return null;
    }
  }
}

if (!customElements.get("mug-player")) customElements.define("mug-player", MugPlayerElement);
