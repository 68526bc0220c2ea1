// The element `<mug-workbench>`: a timing workbench for the player on the same page.

import { Bench } from "./bench.js";
import { styleSheet } from "./mug-player.js";

/**
 * `<mug-workbench lang="en" data-tempo="0 120 4" data-readings="[…]">` works on the sound of the page's `<mug-player>`.
 * The property `bench` is there once the style has come; the event `mug-tempo` tells of changes by hand.
 */
export class MugWorkbenchElement extends HTMLElement {
  async connectedCallback() {
    const generation = (this._generation = (this._generation ?? 0) + 1);
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const { element, ready } = styleSheet("bench.css");
    root.replaceChildren(element);
    await ready;
    if (generation !== this._generation) return;
    const { tempo = "", readings = "[]" } = this.dataset;
    this.bench = new Bench(root, { text: tempo, readings: JSON.parse(readings), language: this.lang || "en" });
    this._listen = ({ target }) => this._attach(target);
    for (const name of ["mug-ready", "mug-error"]) document.addEventListener(name, this._listen);
    this._attach(document.querySelector("mug-player"));
  }

  disconnectedCallback() {
    this._generation += 1;
    for (const name of ["mug-ready", "mug-error"]) document.removeEventListener(name, this._listen);
    this.bench?.destroy();
    this.bench = null;
  }

  /** Takes a player once its sound is there. */
  async _attach(element) {
    await element?.player?.ready;
    if (element?.isConnected && element.player && this.bench) this.bench.attach(element.player);
  }
}

if (!customElements.get("mug-workbench")) customElements.define("mug-workbench", MugWorkbenchElement);
