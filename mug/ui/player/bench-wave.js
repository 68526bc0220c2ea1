// The sound of a song with the lines of its beats over it: outline, drawing.

export const BLOCK = 64; // samples that a point of the outline stands for
export const FLAGS = 30; // height of the strip with the red lines' flags, in CSS pixels
const FLAG_ROOM = 110; // that a flag may take, in CSS pixels
export const BEATS = 26; // height of the strip with the beats' handles

/**
 * Peak and root mean square of each block of samples, 0 ... 1 of the loudest one.
 * @param {Float32Array[]} channels of a decoded sound
 */
export function outlineOf(channels, block = BLOCK) {
  const count = Math.ceil((channels[0]?.length ?? 0) / block);
  const peaks = new Float32Array(count);
  const rms = new Float32Array(count);
  let loudest = 1e-9;
  for (let point = 0; point < count; point += 1) {
    let [most, sum, samples] = [0, 0, 0];
    for (const channel of channels) {
      const end = Math.min(channel.length, (point + 1) * block);
      for (let i = point * block; i < end; i += 1) {
        const size = Math.abs(channel[i]);
        if (size > most) most = size;
        sum += size * size;
        samples += 1;
      }
    }
    peaks[point] = most;
    rms[point] = Math.sqrt(sum / Math.max(1, samples));
    loudest = Math.max(loudest, most);
  }
  for (let point = 0; point < count; point += 1) {
    peaks[point] /= loudest;
    rms[point] /= loudest;
  }
  return { peaks, rms };
}

/**
 * Paints a frame.
 * @param {CanvasRenderingContext2D} pen
 * @param {any} view `scale`, `height`, `ratio`, `grid`, `lines`, `outline`, `blockMs`, `startMs`, `durationMs`, `now`,
 *   `chosen`, `held`, `scroll`, `colours`
 */
export function drawBench(pen, view) {
  const { scale, height, ratio } = view;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, scale.width, height);
  const body = { top: FLAGS, bottom: height - BEATS };
  drawOutside(pen, view, body);
  if (view.outline) drawSound(pen, view, body);
  drawGrid(pen, view, body);
  drawScroll(pen, view, body);
  drawLines(pen, view, body);
  drawHead(pen, view, body);
}

/** What lies before and after the song is hatched away. */
function drawOutside(pen, { scale, durationMs, colours }, { top, bottom }) {
  pen.fillStyle = colours.soft;
  const begin = Math.max(0, scale.x(0));
  const end = Math.min(scale.width, scale.x(durationMs));
  if (begin > 0) pen.fillRect(0, top, begin, bottom - top);
  if (end < scale.width) pen.fillRect(end, top, scale.width - end, bottom - top);
}

function drawGrid(pen, view, { top, bottom }) {
  const { scale, grid, colours } = view;
  const [from, to] = [scale.ms(-40), scale.ms(scale.width + 40)];
  for (const line of grid.lines(from, to, 4, 9 / scale.pixels)) {
    const x = Math.round(scale.x(line.ms));
    const beat = line.divisor === 1 || line.bar >= 0;
    pen.fillStyle = line.bar >= 0 ? colours.text : beat ? colours.bar : colours.beat;
    pen.globalAlpha = line.bar >= 0 ? 0.9 : beat ? 0.75 : 0.4;
    pen.fillRect(x, beat ? top : top + 14, line.bar >= 0 ? 2 : 1, (beat ? bottom : bottom - 14) - (beat ? top : top + 14));
    pen.globalAlpha = 1;
    if (beat) drawHandle(pen, view, line, x, bottom);
  }
}

function drawHandle(pen, { colours, held }, line, x, bottom) {
  const bar = line.bar >= 0;
  const taken = held?.kind === "beat" && Math.abs(held.ms - line.ms) < 1;
  pen.fillStyle = taken ? colours.accent : bar ? colours.text : colours.bar;
  pen.beginPath();
  pen.arc(x + (bar ? 1 : 0.5), bottom + 6, taken ? 6 : bar ? 4.5 : 3.5, 0, 2 * Math.PI);
  pen.fill();
  if (!bar) return;
  pen.font = `600 10.5px ${colours.font}`;
  pen.textAlign = "center";
  pen.textBaseline = "alphabetic";
  pen.fillStyle = colours.faint;
  pen.fillText(String(line.bar + 1), x + 1, bottom + 23);
}

function drawSound(pen, { scale, outline, blockMs, startMs, colours }, { top, bottom }) {
  const middle = (top + bottom) / 2;
  const reach = (bottom - top) / 2 - 5;
  const at = (x) => Math.floor((scale.ms(x) - startMs) / blockMs);
  for (const [list, colour] of [[outline.peaks, colours.wavePeak], [outline.rms, colours.waveRms]]) {
    pen.fillStyle = colour;
    pen.beginPath();
    for (let x = 0; x < scale.width; x += 1) {
      const last = Math.min(list.length, Math.max(at(x) + 1, at(x + 1)));
      let size = 0;
      for (let i = Math.max(0, at(x)); i < last; i += 1) size = Math.max(size, list[i]);
      if (size > 0) pen.rect(x, middle - size * reach, 1, 2 * size * reach);
    }
    pen.fill();
  }
}

/** Green lines: where the scroll speed changes, and to what. */
function drawScroll(pen, { scale, scroll, colours }, { top, bottom }) {
  pen.font = `650 11px ${colours.font}`;
  pen.textAlign = "left";
  pen.textBaseline = "alphabetic";
  for (const point of scroll) {
    const x = Math.round(scale.x(point.time_ms));
    if (x < -60 || x > scale.width) continue;
    pen.fillStyle = colours.green;
    pen.fillRect(x, top, 2, bottom - top);
    pen.fillText(`×${Number(point.velocity.toFixed(2))}`, x + 5, bottom - 6);
  }
}

function drawLines(pen, view, { bottom }) {
  const { scale, lines, chosen, held, colours } = view;
  lines.forEach((line, index) => {
    const x = Math.round(scale.x(line.time_ms));
    if (x < -120 || x > scale.width + 4) return;
    const active = index === chosen || (held?.kind === "line" && held.index === index);
    pen.fillStyle = colours.red;
    pen.fillRect(x - 1, 2, active ? 4 : 3, bottom - 2);
    drawFlag(pen, x - 1, line, colours, { fill: colours.red, ink: colours.onRed, alpha: active ? 1 : 0.88 });
  });
  // The line that rules at the left edge keeps its flag there, pale, while it is out of sight.
  const index = lines.findLastIndex((line) => scale.x(line.time_ms) <= 0);
  const next = lines[index + 1];
  if (index < 0 || scale.x(lines[index].time_ms) > -FLAG_ROOM || (next && scale.x(next.time_ms) < FLAG_ROOM)) return;
  drawFlag(pen, 0, lines[index], colours, { fill: colours.soft, ink: colours.faint, alpha: 1 });
}

function drawFlag(pen, x, line, colours, { fill, ink, alpha }) {
  const text = `${Number(line.bpm.toFixed(2))} · ${line.meter}/4`;
  pen.font = `700 12px ${colours.font}`;
  pen.beginPath();
  pen.roundRect(x, 2, pen.measureText(text).width + 16, FLAGS - 8, [0, 7, 7, 0]);
  pen.globalAlpha = alpha;
  pen.fillStyle = fill;
  pen.fill();
  pen.globalAlpha = 1;
  pen.fillStyle = ink;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillText(text, x + 8, 2 + (FLAGS - 8) / 2 + 0.5);
}

function drawHead(pen, { scale, now, colours }, { top, bottom }) {
  const x = Math.round(scale.x(now));
  pen.fillStyle = colours.head;
  pen.fillRect(x - 1, top, 2, bottom - top);
  pen.beginPath();
  pen.moveTo(x - 6, top - 1);
  pen.lineTo(x + 6, top - 1);
  pen.lineTo(x, top + 7);
  pen.fill();
}
