// Clocks: from the page's time to the sample that is heard at that time. No DOM.

const SLEW = 0.06; // share of an error that one reading mends: jitter is smoothed, drift is followed
const ONE_SIDED = 4; // readings in a row on the same side
const FAST_SLEW = 0.3;
const JUMP_S = 0.06; // beyond this it is no jitter: another device, a machine that slept

/**
 * Follows the audio clock through noisy readings.
 *
 * A reading pairs the time of the sample that leaves the loudspeaker now (`contextTime`, seconds)
 * with the page's time (`performanceTime`, ms). Their difference is nearly constant; the clock
 * follows it slowly, so that the picture moves evenly, and never strays from it.
 */
export class OutputClock {
  constructor() {
    this.reset();
  }

  /** Forgets what was read, e.g. after the sound was suspended. */
  reset() {
    this.offset = null;
    this.readings = 0;
    this.oneSided = 0;
    this.side = 0;
  }

  /** Takes a reading. */
  sample({ contextTime, performanceTime }) {
    const offset = contextTime - performanceTime / 1000;
    if (this.offset === null || Math.abs(offset - this.offset) > JUMP_S) {
      this.offset = offset;
      this.readings = 0;
    }
    this.readings += 1; // the first readings are averaged: one alone may be far off
    const error = offset - this.offset;
    this.oneSided = Math.sign(error) === this.side ? this.oneSided + 1 : 0;
    this.side = Math.sign(error);
    const moved = this.oneSided >= ONE_SIDED; // no jitter: the sound stopped for a moment
    this.offset += Math.max(moved ? FAST_SLEW : SLEW, 1 / this.readings) * error;
  }

  /** Context time, in seconds, of what is heard at a page time in ms. */
  heard(performanceTime) {
    return performanceTime / 1000 + this.offset;
  }
}

/** A straight line between context seconds and song ms: exact, since both count samples. */
export class Anchor {
  /** @param {number} contextS @param {number} songMs @param {number} rate */
  constructor(contextS, songMs, rate) {
    this.contextS = contextS;
    this.songMs = songMs;
    this.rate = rate;
  }

  /** Song time of a context time; the song stands still before the anchor. */
  songAt(contextS) {
    return this.songMs + Math.max(0, contextS - this.contextS) * 1000 * this.rate;
  }

  /** Context time of a song time. */
  contextAt(songMs) {
    return this.contextS + (songMs - this.songMs) / 1000 / this.rate;
  }
}
