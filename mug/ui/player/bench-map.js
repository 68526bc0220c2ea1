// The red lines of a timing workbench as values: text, nudges, drags. No DOM, no sound.
//
// A line is `{time_ms, bpm, meter}`; a map is a list of lines, ascending, each at a time of its own.

export const LEAST_BPM = 10;
export const MOST_BPM = 1000;
const MOST_METER = 99;
const LEAST_GAP_MS = 1; // between two red lines
const HIT_PIXELS = 9;

/** A map from text, one line a tempo: begin in ms, beats a minute, beats a bar (4 if left out); null where it is none. */
export function parseMap(text) {
  const lines = [];
  for (const row of text.split("\n")) {
    const parts = row.replace(/[,，]/g, " ").trim().split(/\s+/).filter(Boolean);
    if (!parts.length) continue;
    const [time_ms, bpm, meter] = [Number(parts[0]), Number(parts[1]), Number(parts[2] ?? 4)];
    const line = { time_ms, bpm, meter };
    if (parts.length > 3 || !isLine(line)) return null;
    lines.push(line);
  }
  lines.sort((a, b) => a.time_ms - b.time_ms);
  const apart = lines.every((line, i) => !i || line.time_ms > lines[i - 1].time_ms);
  return lines.length && apart ? lines : null;
}

/** Whether a line may stand in a map. */
export function isLine({ time_ms, bpm, meter }) {
  const tempo = bpm >= LEAST_BPM && bpm <= MOST_BPM;
  return Number.isFinite(time_ms) && tempo && Number.isInteger(meter) && meter >= 1 && meter <= MOST_METER;
}

/** The text that `parseMap` reads. */
export function mapText(lines) {
  return lines.map((line) => `${tidy(line.time_ms, 3)} ${Number(line.bpm.toPrecision(9))} ${line.meter}`).join("\n");
}

/** A number with at most so many digits behind the point. */
export function tidy(number, digits) {
  return String(Number(number.toFixed(digits)));
}

/** Red lines as the player and the server have them. */
export function redLines(lines) {
  return lines.map(({ time_ms, bpm, meter }) => ({ time_ms, beat_ms: 60000 / bpm, meter }));
}

/** The map with other tempi: of all lines, or of one; as it was where a tempo would leave its range. */
export function scaled(lines, factor, only = null) {
  const changed = lines.map((line, i) => (only === null || i === only ? { ...line, bpm: line.bpm * factor } : line));
  return changed.every(isLine) ? changed : lines;
}

/** The map later by so much: all lines, or one, which stays between its neighbours. */
export function shifted(lines, byMs, only = null) {
  if (only !== null) return moved(lines, only, lines[only].time_ms + byMs);
  return lines.map((line) => ({ ...line, time_ms: round(line.time_ms + byMs) }));
}

/** The map with one line elsewhere, between its neighbours. */
export function moved(lines, index, ms) {
  const least = index ? lines[index - 1].time_ms + LEAST_GAP_MS : -Infinity;
  const most = index + 1 < lines.length ? lines[index + 1].time_ms - LEAST_GAP_MS : Infinity;
  return changed(lines, index, { time_ms: round(Math.min(most, Math.max(least, ms))) });
}

/** The map with other values in one line; as it was where they cannot be. */
export function changed(lines, index, values) {
  const found = lines.map((line, i) => (i === index ? { ...line, ...values } : line));
  return isLine(found[index]) ? found : lines;
}

/** Index of the line that rules at a time; the first one also before itself. */
export function ruling(lines, ms) {
  let index = 0;
  while (index + 1 < lines.length && lines[index + 1].time_ms <= ms + 1e-6) index += 1;
  return index;
}

/** The map with a further line on the beat next to a time, at the tempo that rules there; and its index. */
export function added(lines, ms) {
  const rule = lines[ruling(lines, ms)];
  const beat = 60000 / rule.bpm;
  const time_ms = round(rule.time_ms + Math.round((ms - rule.time_ms) / beat) * beat);
  const near = lines.findIndex((line) => Math.abs(line.time_ms - time_ms) < LEAST_GAP_MS);
  if (near >= 0) return { lines, index: near };
  const found = [...lines, { ...rule, time_ms }].sort((a, b) => a.time_ms - b.time_ms);
  return { lines: found, index: found.findIndex((line) => line.time_ms === time_ms) };
}

/** The map without a line; the last one stays. */
export function removed(lines, index) {
  return lines.length > 1 ? lines.filter((_, i) => i !== index) : lines;
}

/** The map whose `beat`-th beat of a line lies at a time: the line stays, its tempo follows. */
export function stretched(lines, index, beat, ms) {
  const beatMs = (ms - lines[index].time_ms) / beat;
  if (!beat || beatMs <= 0) return lines;
  return changed(lines, index, { bpm: Math.round((60000 / beatMs) * 1000) / 1000 });
}

/** The beat next to a time: its line, its number from that line (0: the line itself), its time. */
export function beatAt(lines, ms) {
  const index = ruling(lines, ms);
  const beatMs = 60000 / lines[index].bpm;
  const beat = Math.round((ms - lines[index].time_ms) / beatMs);
  const time_ms = lines[index].time_ms + beat * beatMs;
  const next = lines[index + 1];
  return next && time_ms > next.time_ms - LEAST_GAP_MS
    ? { index: index + 1, beat: 0, time_ms: next.time_ms }
    : { index, beat, time_ms };
}

/** Index of the red line under a place, or null. */
export function lineUnder(lines, scale, x) {
  let best = null;
  lines.forEach((line, index) => {
    const away = Math.abs(scale.x(line.time_ms) - x);
    if (away <= HIT_PIXELS && (best === null || away < Math.abs(scale.x(lines[best].time_ms) - x))) best = index;
  });
  return best;
}

/** The beat under a place, or null; never a red line. */
export function beatUnder(lines, scale, x) {
  const found = beatAt(lines, scale.ms(x));
  return found.beat && Math.abs(scale.x(found.time_ms) - x) <= HIT_PIXELS ? found : null;
}

/** Times to places: `now` lies at `at` pixels, `span` ms fill the width. */
export function timeScale(width, now, span, at = width / 2) {
  const pixels = width / span;
  return { width, pixels, x: (ms) => at + (ms - now) * pixels, ms: (x) => now + (x - at) / pixels };
}

function round(ms) {
  return Math.round(ms * 1000) / 1000;
}
