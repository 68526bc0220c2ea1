// Judges presses and releases as osu!mania does. No DOM, no sound; times in song ms.
//
// Windows (osu! wiki, "Gameplay/Judgement/osu!mania"): MAX 16 ms, then 64, 97, 127, 151 and 188 ms
// less three times the overall difficulty. A release is judged on its own with windows half as wide
// again; a hold whose head is missed, or that is let go too early, loses its tail as well.

export const GRADES = ["max", "300", "200", "100", "50", "miss"];

const POINTS = { max: 300, 300: 300, 200: 200, 100: 100, 50: 50, miss: 0 };
const RELEASE_LENIENCE = 1.5;

/** Half widths of the windows in ms, by grade. */
export function windowsFor(overallDifficulty) {
  const less = 3 * overallDifficulty;
  return { max: 16, 300: 64 - less, 200: 97 - less, 100: 127 - less, 50: 151 - less, miss: 188 - less };
}

/** Grade of an error in ms (positive is late); null where it is outside even the miss window. */
export function gradeOf(windows, error, lenience = 1) {
  const size = Math.abs(error);
  for (const grade of GRADES) if (size <= windows[grade] * lenience) return grade;
  return null;
}

/** State of a play: feed it presses, releases and the passing of time. */
export class Judge {
  /**
   * @param {{keys: number, columns: {starts: ArrayLike<number>, ends: ArrayLike<number>}[]}} chart
   *   notes of each column, ascending; a tap has `end === start`.
   * @param {number} overallDifficulty
   */
  constructor(chart, overallDifficulty = 8) {
    this.chart = chart;
    this.windows = windowsFor(overallDifficulty);
    this.reset(-Infinity);
  }

  /** Begins anew; notes before `fromMs` do not count. */
  reset(fromMs) {
    this.counts = Object.fromEntries(GRADES.map((grade) => [grade, 0]));
    this.errors = [];
    this.combo = 0;
    this.maxCombo = 0;
    this.last = null;
    this.next = this.chart.columns.map(({ starts }) => {
      let index = 0;
      while (index < starts.length && starts[index] < fromMs) index += 1;
      return index;
    });
    this.first = [...this.next];
    this.held = this.chart.columns.map(() => -1);
    this.taken = this.chart.columns.map(() => new Map());
  }

  /** Number of judgements so far. */
  get total() {
    return GRADES.reduce((sum, grade) => sum + this.counts[grade], 0);
  }

  /** Share of the points reached, 0 ... 1; 1 before the first judgement. */
  get accuracy() {
    const points = GRADES.reduce((sum, grade) => sum + POINTS[grade] * this.counts[grade], 0);
    return this.total ? points / (300 * this.total) : 1;
  }

  /** Mean error in ms, positive is late; 0 before the first hit. */
  get meanError() {
    if (!this.errors.length) return 0;
    return this.errors.reduce((sum, hit) => sum + hit.error, 0) / this.errors.length;
  }

  /** Ten times the standard deviation of the errors, as players state it. */
  get unstableRate() {
    if (!this.errors.length) return 0;
    const mean = this.meanError;
    const square = this.errors.reduce((sum, hit) => sum + (hit.error - mean) ** 2, 0);
    return 10 * Math.sqrt(square / this.errors.length);
  }

  /** A key goes down; the judgement, or null where no note is near. */
  press(column, ms) {
    this.advance(ms);
    const { starts, ends } = this.chart.columns[column];
    const index = this.next[column];
    if (index >= starts.length) return null;
    const error = ms - starts[index];
    const grade = gradeOf(this.windows, error);
    if (grade === null) return null;
    this.next[column] += 1;
    const judged = this._count(grade, error, column, index, "head", ms);
    if (ends[index] > starts[index]) {
      if (grade === "miss") this._count("miss", null, column, index, "tail", ms);
      else this.held[column] = index;
    }
    return judged;
  }

  /** A key comes up; the judgement of the hold's end, or null where nothing was held. */
  release(column, ms) {
    this.advance(ms);
    const index = this.held[column];
    if (index < 0) return null;
    this.held[column] = -1;
    const error = ms - this.chart.columns[column].ends[index];
    const found = gradeOf(this.windows, error, RELEASE_LENIENCE);
    const grade = found ?? "miss";
    return this._count(grade, grade === "miss" ? null : error, column, index, "tail", ms);
  }

  /** Time passes: what was not hit is missed. */
  advance(ms) {
    this.chart.columns.forEach(({ starts, ends }, column) => {
      const index = this.held[column];
      if (index >= 0 && ms > ends[index] + this.windows[50] * RELEASE_LENIENCE) {
        this.held[column] = -1;
        this._count("miss", null, column, index, "tail", ms);
      }
      while (this.next[column] < starts.length) {
        const late = this.next[column];
        if (ms <= starts[late] + this.windows[50]) break;
        this.next[column] += 1;
        this._count("miss", null, column, late, "head", ms);
        if (ends[late] > starts[late]) this._count("miss", null, column, late, "tail", ms);
      }
    });
  }

  /** Whether a note has been hit: its picture is gone from the lane. */
  isHit(column, index) {
    const grade = this.taken[column].get(index);
    return grade !== undefined && grade !== "miss";
  }

  _count(grade, error, column, index, part, ms) {
    this.counts[grade] += 1;
    this.combo = grade === "miss" ? 0 : this.combo + 1;
    this.maxCombo = Math.max(this.maxCombo, this.combo);
    if (part === "head") this.taken[column].set(index, grade);
    const judged = { grade, error, column, index, part, ms };
    if (error !== null && grade !== "miss") this.errors.push(judged);
    this.last = judged;
    return judged;
  }
}
