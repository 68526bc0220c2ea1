// Where things lie on the stage: times to rows, columns to places. No DOM, no sound.

import { lowerBound } from "./timing.js";

/** Time that the lanes show between the far edge and the receptors at scroll speed 1, in ms. */
const SPEED_ONE_MS = 11485;

/**
 * Song time that the lanes show at a scroll speed (the scale of osu!mania).
 * It grows with the rate, so that notes move at the same pace on the screen.
 */
export function windowMs(speed, rate = 1) {
  return (SPEED_ONE_MS / speed) * rate;
}

/**
 * Geometry of the stage in CSS pixels.
 * @param {{width: number, height: number, keys: number, up: boolean}} stage
 */
export function laneLayout({ width, height, keys, up }) {
  const narrow = width < 420;
  const gutter = narrow ? 26 : 40;
  const room = width - 2 * gutter;
  const lane = Math.max(6, Math.min(keys <= 4 ? 84 : 64, Math.floor(room / keys)));
  const left = Math.round((width - lane * keys) / 2);
  const caps = height < 420 ? 64 : 72;
  const hitY = up ? caps : height - caps;
  const travel = height - caps;
  const note = Math.max(8, Math.min(22, Math.round(lane * 0.3)));
  return { width, height, keys, up, lane, left, right: left + lane * keys, hitY, travel, caps, note };
}

/** Width that the stage takes on a wide page, in CSS pixels. */
export function stageWidth(keys) {
  return Math.max(380, Math.min(760, keys * (keys <= 4 ? 84 : 64) + 104));
}

/** Row of a time: on the receptors when it is now, `travel` pixels away one window later. */
export function yOf(layout, ms, nowMs, spanMs) {
  const away = ((ms - nowMs) / spanMs) * layout.travel;
  return layout.up ? layout.hitY + away : layout.hitY - away;
}

/** Time of a row: the inverse of `yOf`. */
export function timeAt(layout, y, nowMs, spanMs) {
  const away = layout.up ? y - layout.hitY : layout.hitY - y;
  return nowMs + (away / layout.travel) * spanMs;
}

/** Column of a place, held within the chart. */
export function columnAt(layout, x) {
  return Math.max(0, Math.min(layout.keys - 1, Math.floor((x - layout.left) / layout.lane)));
}

/** First and last time that any part of the stage shows. */
export function shownSpan(layout, nowMs, spanMs) {
  const behind = ((layout.caps + layout.note) / layout.travel) * spanMs;
  return [nowMs - behind, nowMs + spanMs * (1 + layout.note / layout.travel)];
}

/**
 * Notes that a span of time may show: indices `[first, end)` by two binary searches.
 * @param {ArrayLike<number>} starts ascending
 * @param {ArrayLike<number>} latestEnds running maximum of the ends, hence ascending too
 */
export function visibleRange(starts, latestEnds, fromMs, toMs) {
  const end = lowerBound(starts, toMs + 1e-6);
  return [Math.min(lowerBound(latestEnds, fromMs), end), end];
}

/** Which colour a column has: 0 outer, 1 inner, 2 the middle one of an odd number. */
export function columnTone(column, keys) {
  if (keys % 2 && keys > 1 && column === (keys - 1) / 2) return 2;
  return Math.min(column, keys - 1 - column) % 2;
}
