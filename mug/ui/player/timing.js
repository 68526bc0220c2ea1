// Bars, beats and snaps: where a time lies in the music. No DOM, no sound.

/** Divisors of a beat that have a colour of their own, coarsest first. */
export const SNAPS = [1, 2, 3, 4, 6, 8, 12, 16];

const SNAP_TOLERANCE_MS = 2;
const BAR_TOLERANCE_MS = 1;
const LEAST_BAR_MS = 100; // charts that fake scroll effects have bars of microseconds

/** Index of the first element that is not below `value`; `array` ascends. */
export function lowerBound(array, value) {
  let low = 0;
  let high = array.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (array[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `m:ss`, or `m:ss.d` with tenths; negative times with a minus sign. */
export function clockText(ms, tenths = false) {
  const unit = tenths ? 10 : 1;
  const whole = Math.round((Math.abs(ms) / 1000) * unit);
  const sign = ms < 0 && whole > 0 ? "−" : "";
  const minutes = Math.floor(whole / (60 * unit));
  const seconds = (whole - minutes * 60 * unit) / unit;
  const text = tenths ? seconds.toFixed(1).padStart(4, "0") : String(seconds).padStart(2, "0");
  return `${sign}${minutes}:${text}`;
}

/** The grid of a song: red lines and bar lines, both in ms and ascending. */
export class TimingGrid {
  /**
   * @param {{time_ms: number, beat_ms: number, meter: number}[]} redLines
   * @param {number[]} bars where bars begin
   */
  constructor(redLines, bars) {
    this.redLines = redLines;
    this.bars = bars;
    this._times = redLines.map((line) => line.time_ms);
  }

  /** The red line that rules at a time; the first one also before itself; null without any. */
  redAt(ms) {
    if (!this.redLines.length) return null;
    const index = lowerBound(this._times, ms + BAR_TOLERANCE_MS) - 1;
    return this.redLines[Math.max(index, 0)];
  }

  /** Index of the bar that a time lies in, -1 before the first. */
  barIndex(ms) {
    return lowerBound(this.bars, ms + BAR_TOLERANCE_MS) - 1;
  }

  /**
   * Where a seek by bars lands.
   * Backwards, the begin of the present bar counts as one step once `grace` ms of it have passed.
   */
  seekBar(ms, bars, grace = 250) {
    if (!this.bars.length) return Math.max(0, ms + bars * 2000);
    const here = this.barIndex(ms);
    let target = here + bars;
    if (bars < 0 && here >= 0 && ms - this.bars[here] > grace) target += 1;
    if (target < 0) return Math.min(0, this.bars[0]);
    return this.bars[Math.min(target, this.bars.length - 1)];
  }

  /** The grid time next to a given one; the time itself where there is no grid. */
  snap(ms, divisor = 1) {
    const red = this.redAt(ms);
    if (!red) return ms;
    const step = red.beat_ms / divisor;
    const snapped = red.time_ms + Math.round((ms - red.time_ms) / step) * step;
    const next = this.redLines[this.redLines.indexOf(red) + 1];
    return next && snapped > next.time_ms ? next.time_ms : snapped;
  }

  /** Coarsest divisor of the beat that a time lies on to within 2 ms; 0 for none. */
  divisorOf(ms) {
    const red = this.redAt(ms);
    if (!red) return 0;
    for (const divisor of SNAPS) {
      const part = red.beat_ms / divisor;
      const off = ms - red.time_ms - Math.round((ms - red.time_ms) / part) * part;
      if (Math.abs(off) <= Math.min(SNAP_TOLERANCE_MS, part / 4)) return divisor;
    }
    return 0;
  }

  /**
   * Grid lines within a span, as `{ms, divisor, bar}`: bar lines carry their number, others -1.
   * Lines closer than `leastMs` are left out, coarser divisors are kept.
   */
  lines(fromMs, toMs, divisor = 4, leastMs = 12) {
    const found = [];
    const first = Math.max(0, lowerBound(this._times, fromMs + BAR_TOLERANCE_MS) - 1);
    const last = Math.max(first + 1, lowerBound(this._times, toMs));
    this.redLines.slice(first, last).forEach((red, nth) => {
      const index = first + nth;
      const begin = index ? red.time_ms : -Infinity;
      const end = Math.min(toMs, (this._times[index + 1] ?? Infinity) - 0.5);
      let parts = divisor;
      while (parts > 1 && red.beat_ms / parts < leastMs) parts = Math.floor(parts / 2);
      const step = red.beat_ms / parts;
      if (step < leastMs) return;
      let count = Math.ceil((Math.max(begin, fromMs) - red.time_ms) / step - 1e-9);
      for (let ms = red.time_ms + count * step; ms <= end; ms = red.time_ms + ++count * step) {
        found.push({ ms, divisor: coarsest(count, parts), bar: -1 });
      }
    });
    return this._numberBars(found, fromMs, toMs);
  }

  _numberBars(lines, fromMs, toMs) {
    const first = lowerBound(this.bars, fromMs);
    for (let index = first; index < this.bars.length && this.bars[index] <= toMs; index += 1) {
      const ms = this.bars[index];
      const line = lines.find((other) => Math.abs(other.ms - ms) < BAR_TOLERANCE_MS);
      if (line) line.bar = index;
      else lines.push({ ms, divisor: 1, bar: index });
    }
    return lines;
  }
}

/**
 * Where bars begin, from 0 to `untilMs`; the same rule as `bar_times` in player.py.
 * @param {{time_ms: number, beat_ms: number, meter: number}[]} redLines ascending
 */
export function barTimes(redLines, untilMs) {
  const bars = [];
  redLines.forEach((red, index) => {
    let length = red.beat_ms * red.meter;
    length *= Math.ceil(LEAST_BAR_MS / length);
    const begin = index ? Math.max(red.time_ms, 0) : 0;
    const next = redLines[index + 1];
    const end = Math.min(next ? next.time_ms - BAR_TOLERANCE_MS : Infinity, untilMs);
    let count = Math.ceil((begin - red.time_ms) / length - 1e-9);
    for (let ms = red.time_ms + count * length; ms <= end; ms = red.time_ms + ++count * length) bars.push(Math.max(ms, 0));
  });
  return bars;
}

/** Divisor that the `count`-th of `parts` equal parts of a beat belongs to. */
function coarsest(count, parts) {
  const within = ((count % parts) + parts) % parts;
  for (const divisor of SNAPS) if ((within * divisor) % parts === 0) return divisor;
  return parts;
}
