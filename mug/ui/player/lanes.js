// Draws the stage: lanes, grid, notes, findings, region, and the state of a play.

import { laneLayout, columnTone, shownSpan, visibleRange, yOf } from "./layout.js";
import { keyName } from "./keys.js";
import { drawPlay } from "./hud.js";

const FLASH_MS = 160;

/** The stage's canvas. `draw(view)` paints one frame; nothing else keeps state between frames. */
export class Lanes {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.marks = []; // where findings were drawn, for the pointer
    this.drawn = []; // which notes were drawn and where, for whoever wants to check
    this.palette = {};
    this.size = { width: 0, height: 0 };
  }

  /** Takes the size on the page, in CSS pixels, and the screen's density. */
  resize(width, height, ratio = devicePixelRatio) {
    this.size = { width, height };
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.ratio = ratio;
  }

  /** Paints a frame; returns the geometry it used. */
  draw(view) {
    const { pen } = this;
    const layout = laneLayout({ ...this.size, keys: view.chart.keys, up: view.up });
    const [from, to] = shownSpan(layout, view.now, view.span);
    const frame = { pen, layout, view, from, to, colours: this.palette };
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, layout.width, layout.height);
    drawLanes(frame);
    drawGrid(frame);
    drawScroll(frame);
    drawRegion(frame);
    this.marks = drawFindings(frame);
    drawFlashes(frame);
    this.drawn = drawNotes(frame);
    drawFarEnd(frame);
    drawReceptors(frame);
    if (view.judge) drawPlay(frame);
    return layout;
  }
}

/** Row of a time in a frame. */
export function row({ layout, view }, ms) {
  return yOf(layout, ms, view.now, view.span);
}

function box(pen, x, y, width, height, radius) {
  pen.beginPath();
  pen.roundRect(x, y, width, Math.max(0.5, height), Math.min(radius, Math.max(0.25, height / 2)));
}

function drawLanes({ pen, layout, view, colours }) {
  for (let column = 0; column < layout.keys; column += 1) {
    const x = layout.left + column * layout.lane;
    pen.fillStyle = column % 2 ? colours.laneOdd : colours.laneEven;
    pen.fillRect(x, 0, layout.lane, layout.height);
    if (view.locks.has(column)) hatch(pen, x, layout, colours);
  }
  pen.fillStyle = colours.edge;
  for (const x of [layout.left - 2, layout.right]) pen.fillRect(x, 0, 2, layout.height);
}

function hatch(pen, x, layout, colours) {
  pen.save();
  pen.beginPath();
  pen.rect(x, 0, layout.lane, layout.height);
  pen.clip();
  pen.strokeStyle = colours.hatch;
  pen.lineWidth = 2;
  pen.beginPath();
  for (let y = -layout.lane; y < layout.height; y += 12) {
    pen.moveTo(x, y + layout.lane);
    pen.lineTo(x + layout.lane, y);
  }
  pen.stroke();
  pen.restore();
}

function drawGrid(frame) {
  const { pen, layout, view, from, to, colours } = frame;
  const leastMs = (7 / layout.travel) * view.span;
  const last = view.grid.bars.at(-1) ?? Infinity;
  for (const line of view.grid.lines(from, Math.min(to, Math.max(last, view.durationMs)), view.divisor, leastMs)) {
    const y = Math.round(row(frame, line.ms));
    const bar = line.bar >= 0;
    pen.globalAlpha = bar ? 1 : line.divisor === 1 ? 0.55 : 0.32;
    pen.fillStyle = bar ? colours.bar : line.divisor === 1 ? colours.beat : colours.snaps[line.divisor];
    pen.fillRect(layout.left, y, layout.right - layout.left, bar ? 2 : 1);
    pen.globalAlpha = 1;
    if (bar) drawBarNumber(frame, line, y);
  }
}

function drawBarNumber({ pen, layout, colours }, line, y) {
  pen.font = `600 11px ${colours.font}`;
  pen.fillStyle = colours.faint;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.fillText(String(line.bar + 1), layout.left - 9, y + 1);
  pen.fillRect(layout.left - 6, y, 4, 2);
}

/** Green lines: a thin line, and beside the lanes the scroll speed that begins there. */
function drawScroll(frame) {
  const { pen, layout, view, from, to, colours } = frame;
  for (const { time_ms: ms, velocity } of view.chart.scroll) {
    if (ms < from || ms > to) continue;
    const y = Math.round(row(frame, ms));
    pen.fillStyle = colours.green;
    pen.fillRect(layout.left, y, layout.right - layout.left, 1);
    pen.fillRect(layout.right + 2, y, 4, 2);
    pen.font = `650 10.5px ${colours.font}`;
    pen.textAlign = "left";
    pen.textBaseline = "bottom";
    pen.fillText(`×${Number(velocity.toFixed(2))}`, layout.right + 3, y - 2);
  }
}

function drawRegion(frame) {
  const { pen, layout, view, colours } = frame;
  if (!view.region) return;
  const { start_ms: start, end_ms: end, columns } = view.region;
  const rows = [row(frame, start), row(frame, end)].sort((a, b) => a - b);
  const top = Math.max(-4, rows[0]);
  const height = Math.min(layout.height + 4, rows[1]) - top;
  if (height <= 0) return;
  pen.fillStyle = colours.regionFill;
  for (const column of columns) {
    pen.fillRect(layout.left + column * layout.lane, top, layout.lane, height);
  }
  pen.fillStyle = colours.accent;
  for (const y of rows) {
    for (const column of columns) {
      pen.fillRect(layout.left + column * layout.lane, y - 1, layout.lane, 2);
    }
  }
}

function drawFindings(frame) {
  const { pen, layout, view, from, to, colours } = frame;
  const marks = [];
  view.chart.findings.forEach((finding, index) => {
    const end = finding.end_ms ?? finding.time_ms;
    if (end < from || finding.time_ms > to) return;
    const colour = colours.severity[finding.severity] ?? colours.severity.info;
    const rows = [row(frame, finding.time_ms), row(frame, end)].sort((a, b) => a - b);
    const [top, bottom] = [rows[0] - layout.note * 0.95, rows[1] + layout.note * 0.95];
    const columns = finding.columns.length ? finding.columns : view.allColumns;
    const chosen = index === view.finding;
    pen.strokeStyle = colour;
    pen.fillStyle = colour;
    for (const column of columns) {
      const x = layout.left + column * layout.lane + 1.5;
      box(pen, x, top, layout.lane - 3, bottom - top, 7);
      pen.globalAlpha = chosen ? 0.34 : 0.16;
      pen.fill();
      pen.globalAlpha = chosen ? 1 : 0.8;
      pen.lineWidth = chosen ? 2.5 : 1.5;
      pen.stroke();
      marks.push({ index, x, y: top, width: layout.lane - 3, height: bottom - top });
    }
    pen.globalAlpha = 1;
    marks.push(drawMark(pen, layout, rows[1], colour, index, colours));
  });
  return marks;
}

/** The sign beside the lanes: a diamond with an exclamation mark. */
function drawMark(pen, layout, y, colour, index, colours) {
  const x = layout.right + 15;
  pen.fillStyle = colour;
  pen.beginPath();
  pen.moveTo(x, y - 9);
  pen.lineTo(x + 9, y);
  pen.lineTo(x, y + 9);
  pen.lineTo(x - 9, y);
  pen.fill();
  pen.fillStyle = colours.onMark;
  pen.fillRect(x - 1, y - 4.5, 2, 5);
  pen.fillRect(x - 1, y + 2, 2, 2);
  return { index, x: x - 12, y: y - 12, width: 24, height: 24 };
}

/** Light on the lanes whose note has just sounded, or whose key is down. */
function drawFlashes(frame) {
  const { layout, view } = frame;
  if (!view.judge && !view.playing) return;
  for (let column = 0; column < layout.keys; column += 1) {
    const strength = view.judge ? (view.pressed.has(column) ? 1 : 0) : glow(view, column);
    if (strength > 0) drawBeam(frame, column, strength);
  }
}

/** Strength of the light on a column, 0 ... 1: full while a hold lasts, fading after a hit. */
function glow(view, column) {
  const { starts, ends } = view.chart.columns[column];
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= view.now) low = middle + 1;
    else high = middle;
  }
  if (!low) return 0;
  const since = view.now - ends[low - 1];
  return since <= 0 ? 1 : Math.max(0, 1 - since / (FLASH_MS * view.rate));
}

function drawBeam({ pen, layout, view, colours }, column, strength) {
  const x = layout.left + column * layout.lane;
  const reach = view.calm ? layout.note * 2 : layout.travel * 0.45;
  const far = layout.hitY + (layout.up ? reach : -reach);
  const colour = colours.beams[columnTone(column, layout.keys)];
  const light = pen.createLinearGradient(0, layout.hitY, 0, far);
  light.addColorStop(0, colour);
  light.addColorStop(1, `${colour}00`); // "transparent" would be a black one
  pen.globalAlpha = 0.42 * strength;
  pen.fillStyle = light;
  pen.fillRect(x, Math.min(layout.hitY, far), layout.lane, reach);
  pen.globalAlpha = 1;
}

function drawNotes(frame) {
  const { view, layout, from, to, colours } = frame;
  const { notes } = view.chart;
  const [first, end] = visibleRange(notes.starts, notes.latestEnds, from, to);
  const shown = [];
  for (let i = end - 1; i >= first; i -= 1) {
    if (notes.ends[i] < from) continue;
    const column = notes.column[i];
    if (isGone(view, i, column)) continue;
    const colour = view.bySnap
      ? (colours.snaps[notes.snaps[i]] ?? colours.snaps[0])
      : colours.columns[columnTone(column, layout.keys)];
    drawNote(frame, i, column, colour);
    shown.push({ index: i, column, start: notes.starts[i], end: notes.ends[i], y: row(frame, notes.starts[i]) });
  }
  return shown;
}

/** Whether a note is not drawn any more: hit by the player, or sounded while watching. */
function isGone(view, index, column) {
  const { notes } = view.chart;
  const hold = notes.ends[index] > notes.starts[index];
  if (view.judge) {
    const within = notes.inColumn[index];
    if (!view.judge.isHit(column, within)) return false;
    return !hold || view.judge.held[column] !== within;
  }
  return view.playing && notes.ends[index] < view.now;
}

function drawNote(frame, index, column, colour) {
  const { pen, layout, view, colours } = frame;
  const { notes } = view.chart;
  const x = layout.left + column * layout.lane;
  const inset = Math.max(1, Math.round(layout.lane * 0.045));
  const held = notes.ends[index] > notes.starts[index];
  const onLine = view.judge ? view.judge.held[column] === notes.inColumn[index] : view.playing;
  const start = onLine ? Math.max(notes.starts[index], Math.min(view.now, notes.ends[index])) : notes.starts[index];
  const y = row(frame, start);
  if (held) drawBody(frame, x, y, row(frame, notes.ends[index]), colour);
  const height = layout.note;
  pen.fillStyle = colour;
  box(pen, x + inset, y - height / 2, layout.lane - 2 * inset, height, 6);
  pen.fill();
  pen.strokeStyle = colours.noteEdge;
  pen.lineWidth = 1;
  pen.stroke();
  pen.fillStyle = colours.shine;
  box(pen, x + inset + 2, y - height / 2 + 2, layout.lane - 2 * inset - 4, height * 0.32, 4);
  pen.fill();
}

/** A hold between its two ends: a paler band with bright edges and a cap. */
function drawBody({ pen, layout, colours }, x, startY, endY, colour) {
  const inset = Math.max(2, Math.round(layout.lane * 0.13));
  const top = Math.min(startY, endY);
  const height = Math.abs(endY - startY);
  const width = layout.lane - 2 * inset;
  pen.fillStyle = colour;
  pen.globalAlpha = colours.bodyAlpha;
  box(pen, x + inset, top, width, height, 5);
  pen.fill();
  pen.globalAlpha = 0.9;
  pen.fillRect(x + inset, top + 3, 2, Math.max(0, height - 6));
  pen.fillRect(x + inset + width - 2, top + 3, 2, Math.max(0, height - 6));
  const cap = Math.max(4, layout.note * 0.36);
  box(pen, x + inset, endY - cap / 2, width, cap, 3);
  pen.fill();
  pen.globalAlpha = 1;
}

/** Notes come out of a haze instead of springing up at the edge. */
function drawFarEnd({ pen, layout, colours }) {
  const depth = layout.travel * 0.1;
  const [edge, inner] = layout.up ? [layout.height, layout.height - depth] : [0, depth];
  const haze = pen.createLinearGradient(0, edge, 0, inner);
  haze.addColorStop(0, colours.fade);
  haze.addColorStop(1, colours.fadeOut);
  pen.fillStyle = haze;
  pen.fillRect(0, Math.min(edge, inner), layout.width, depth);
}

function drawReceptors({ pen, layout, view, colours }) {
  const gap = view.judge ? 27 : 12; // the error bar needs room
  const depth = layout.caps - gap;
  const away = layout.up ? 5 - layout.caps : gap;
  pen.fillStyle = colours.floor;
  pen.fillRect(layout.left, layout.up ? 0 : layout.hitY + 2, layout.right - layout.left, layout.caps - 2);
  pen.fillStyle = colours.accent;
  pen.fillRect(layout.left, layout.hitY - 1.5, layout.right - layout.left, 3);
  for (let column = 0; column < layout.keys; column += 1) {
    const x = layout.left + column * layout.lane;
    const down = view.pressed.has(column) || (!view.judge && view.playing && glow(view, column) > 0.4);
    const tone = colours.columns[columnTone(column, layout.keys)];
    box(pen, x + 3, layout.hitY + away + 1, layout.lane - 6, depth - 6, 9);
    pen.fillStyle = down ? tone : colours.cap;
    pen.globalAlpha = down && !view.judge ? 0.55 : 1;
    pen.fill();
    pen.globalAlpha = 1;
    pen.strokeStyle = colours.capEdge;
    pen.lineWidth = 1;
    pen.stroke();
    if (view.judge) drawKeyName(pen, layout, colours, view, column, x, away + (depth - 4) / 2, down);
  }
}

function drawKeyName(pen, layout, colours, view, column, x, below, down) {
  pen.font = `700 ${Math.min(18, Math.round(layout.lane * 0.36), Math.round(layout.caps * 0.24))}px ${colours.font}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = down ? colours.onNote : colours.text;
  pen.fillText(keyName(view.bindings[column]), x + layout.lane / 2, layout.hitY + below);
}

/** The finding whose drawing lies under a place, or null. */
export function findingAt(marks, x, y) {
  const mark = marks.find((m) => x >= m.x && x <= m.x + m.width && y >= m.y && y <= m.y + m.height);
  return mark ? mark.index : null;
}

