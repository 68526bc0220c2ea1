// The whole song at a glance: waveform above, density below, findings, region, position.

const MARK = 5;

/** Geometry of the overview in CSS pixels: the upper band selects, the lower one seeks. */
export function overviewLayout({ width, height, startMs, endMs }) {
  const waveHeight = Math.round(height * 0.58);
  return { width, height, waveHeight, startMs, endMs, msPerPixel: (endMs - startMs) / Math.max(1, width) };
}

/** Place of a time. */
export function xOf(layout, ms) {
  return (ms - layout.startMs) / layout.msPerPixel;
}

/** Time of a place, held within the song. */
export function msAt(layout, x) {
  return Math.max(layout.startMs, Math.min(layout.endMs, layout.startMs + x * layout.msPerPixel));
}

/** The overview's canvas. What does not move is painted once and copied. */
export class Overview {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.still = document.createElement("canvas");
    this.stale = true;
    this.size = { width: 0, height: 0 };
    this.ratio = 1;
    /** @type {Object<string, any>} colours of the theme */
    this.palette = {};
  }

  /** Takes the size on the page and the screen's density. */
  resize(width, height, ratio = devicePixelRatio) {
    this.size = { width, height };
    this.ratio = ratio;
    this.stale = true;
    for (const canvas of [this.canvas, this.still]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
  }

  /** Geometry for a song of this length. */
  layout(durationMs) {
    return overviewLayout({ ...this.size, startMs: 0, endMs: Math.max(1, durationMs) });
  }

  /** Paints a frame. */
  draw(view) {
    const { pen } = this;
    const layout = this.layout(view.durationMs);
    if (this.stale) this._paintStill(view, layout);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.drawImage(this.still, 0, 0);
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    drawPlayed(pen, layout, view, this.palette);
    if (view.region) drawRegion(pen, layout, view.region, this.palette);
    drawHead(pen, layout, view, this.palette);
  }

  _paintStill(view, layout) {
    const pen = this.still.getContext("2d");
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, layout.width, layout.height);
    drawBars(pen, layout, view, this.palette);
    drawWave(pen, layout, view.waveform, this.palette);
    for (const other of view.others) drawDensity(pen, layout, other.density, view.densest, this.palette, false);
    drawDensity(pen, layout, view.chart.density, view.densest, this.palette, true);
    drawMarks(pen, layout, view, this.palette);
    this.stale = false;
  }
}

function drawBars(pen, layout, view, colours) {
  const { bars } = view.grid;
  const every = [1, 2, 4, 8, 16, 32, 64, 128].find(
    (step) => (bars[step] - bars[0]) / layout.msPerPixel >= 26 || step >= bars.length,
  );
  pen.fillStyle = colours.beat;
  pen.globalAlpha = 0.35;
  for (let index = 0; index < bars.length; index += every ?? 128) {
    pen.fillRect(Math.round(xOf(layout, bars[index])), 0, 1, layout.height);
  }
  pen.globalAlpha = 1;
}

function drawWave(pen, layout, waveform, colours) {
  if (!waveform?.peaks.length) return;
  const middle = layout.waveHeight / 2;
  const reach = middle - 3;
  const bar = layout.width < 500 ? 2 : 3;
  for (let x = 0; x < layout.width; x += bar) {
    const span = [x, x + bar].map((place) => msAt(layout, place) / waveform.step_ms);
    for (const [list, colour] of [[waveform.peaks, colours.wavePeak], [waveform.rms, colours.waveRms]]) {
      const size = (Math.max(...sliceOf(list, span)) / 255) * reach;
      pen.fillStyle = colour;
      pen.beginPath();
      pen.roundRect(x, middle - size - 0.5, bar - 1, 2 * size + 1, 1);
      pen.fill();
    }
  }
}

/** @param {number[]} list @param {number[]} span first and last place */
function sliceOf(list, [from, to]) {
  const first = Math.min(list.length - 1, Math.floor(from));
  return list.slice(first, Math.max(first + 1, Math.ceil(to)));
}

function drawDensity(pen, layout, density, densest, colours, main) {
  if (!density?.values.length) return;
  const base = layout.height - 1;
  const reach = layout.height - layout.waveHeight - 8;
  pen.beginPath();
  density.values.forEach((value, index) => {
    const x = xOf(layout, index * density.step_ms);
    pen.lineTo(x, base - (value / densest) * reach);
  });
  pen.strokeStyle = main ? colours.accent : colours.faint;
  pen.globalAlpha = main ? 1 : 0.45;
  pen.lineWidth = main ? 1.75 : 1;
  pen.lineJoin = "round";
  pen.stroke();
  if (main) {
    pen.lineTo(xOf(layout, (density.values.length - 1) * density.step_ms), base);
    pen.lineTo(0, base);
    const fill = pen.createLinearGradient(0, layout.waveHeight, 0, base);
    fill.addColorStop(0, colours.densityTop);
    fill.addColorStop(1, colours.densityFoot);
    pen.fillStyle = fill;
    pen.fill();
  }
  pen.globalAlpha = 1;
}

function drawMarks(pen, layout, view, colours) {
  for (const finding of view.chart.findings) {
    const x = xOf(layout, finding.time_ms);
    const y = layout.waveHeight + MARK;
    pen.fillStyle = colours.severity[finding.severity] ?? colours.severity.info;
    pen.beginPath();
    pen.moveTo(x, y - MARK);
    pen.lineTo(x + MARK, y);
    pen.lineTo(x, y + MARK);
    pen.lineTo(x - MARK, y);
    pen.fill();
    pen.strokeStyle = colours.halo;
    pen.lineWidth = 1;
    pen.stroke();
  }
}

/** What has been played is brighter: the rest lies under a veil. */
function drawPlayed(pen, layout, view, colours) {
  const x = Math.max(0, xOf(layout, view.now));
  pen.fillStyle = colours.veil;
  pen.fillRect(x, 0, layout.width - x, layout.height);
}

function drawRegion(pen, layout, region, colours) {
  const [left, right] = [xOf(layout, region.start_ms), xOf(layout, region.end_ms)];
  pen.fillStyle = colours.regionFill;
  pen.fillRect(left, 0, right - left, layout.height);
  pen.fillStyle = colours.accent;
  for (const x of [left, right]) {
    pen.fillRect(x - 1, 0, 2, layout.height);
    pen.beginPath();
    pen.roundRect(x - 3, layout.waveHeight / 2 - 9, 6, 18, 3);
    pen.fill();
  }
}

function drawHead(pen, layout, view, colours) {
  const x = Math.max(1, Math.min(layout.width - 1, xOf(layout, view.now)));
  pen.fillStyle = colours.head;
  pen.fillRect(x - 1, 0, 2, layout.height);
  pen.beginPath();
  pen.arc(x, layout.height - 6, 5, 0, 2 * Math.PI);
  pen.fill();
}

/** Index of the finding whose mark is under a place, or null. */
export function markAt(layout, findings, x, y) {
  if (Math.abs(y - (layout.waveHeight + MARK)) > 9) return null;
  let best = null;
  findings.forEach((finding, index) => {
    const away = Math.abs(xOf(layout, finding.time_ms) - x);
    if (away <= 7 && (best === null || away < Math.abs(xOf(layout, findings[best].time_ms) - x))) best = index;
  });
  return best;
}
