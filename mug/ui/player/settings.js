// What a person has chosen, kept in the browser between visits.

const PLACE = "mug-player";

/** @type {Readonly<Object<string, any>>} */
const DEFAULTS = Object.freeze({
  speed: 17, songLevel: 0.8, hitLevel: 0.5, hits: true, click: false, up: false, offset: 0,
  colour: "column", divisor: 4,
});

/** The settings of the last visit; the defaults where there are none, or none can be kept. */
export function readSettings() {
  try {
    const kept = JSON.parse(localStorage.getItem(PLACE) ?? "{}");
    const known = Object.entries(kept).filter(([name, value]) => typeof value === typeof DEFAULTS[name]);
    return { ...DEFAULTS, ...Object.fromEntries(known) };
  } catch {
    return { ...DEFAULTS }; // storage is switched off, or another page wrote there
  }
}

/** Keeps the settings where the browser allows it. */
export function writeSettings(settings) {
  try {
    localStorage.setItem(PLACE, JSON.stringify(settings));
  } catch {
    // Storage is switched off or full: the settings hold for this visit.
  }
}
