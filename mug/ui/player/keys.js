// Which key plays which column: physical places (`KeyboardEvent.code`), whatever the layout.

const LEFT = ["KeyQ", "KeyW", "KeyE", "KeyR", "KeyA", "KeyS", "KeyD", "KeyF", "KeyV"];
const RIGHT = ["KeyN", "KeyJ", "KeyK", "KeyL", "Semicolon", "KeyU", "KeyI", "KeyO", "KeyP"];
const HOME_LEFT = ["KeyA", "KeyS", "KeyD", "KeyF"];
const HOME_RIGHT = ["KeyJ", "KeyK", "KeyL", "Semicolon"];

/** Key codes of a chart's columns, left to right; `own` maps a key count to a person's choice. */
export function bindings(keys, own = {}) {
  const chosen = own[keys];
  if (Array.isArray(chosen) && new Set(chosen).size === keys) return chosen;
  const hand = keys >> 1;
  const middle = keys % 2 ? ["Space"] : [];
  if (hand <= 4) {
    return [...HOME_LEFT.slice(4 - hand), ...middle, ...HOME_RIGHT.slice(0, hand)];
  }
  if (hand === 5) return [...HOME_LEFT, "KeyV", ...middle, "KeyN", ...HOME_RIGHT];
  return [...LEFT.slice(0, hand), ...middle, ...RIGHT.slice(0, hand)];
}

/** What stands on a key cap. */
export function keyName(code) {
  if (code.startsWith("Key")) return code.slice(3);
  if (code.startsWith("Digit")) return code.slice(5);
  return { Space: "␣", Semicolon: ";", Comma: ",", Period: ".", Slash: "/" }[code] ?? code;
}
