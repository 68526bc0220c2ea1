// Slower or faster at the same pitch: overlap-add of pieces that fit (WSOLA; Verhelst & Roelands,
// ICASSP 1993). No DOM, no audio context.
//
// Every piece lies within 256 frames of where the rate puts it, so sound and chart never drift
// apart: at 44.1 kHz an onset is off by 6 ms of search and 3 ms of piece at most.

const HOP = 512;
const SEARCH = 256;
const STRIDE = 4;

const FADE_IN = Float32Array.from({ length: HOP }, (_, i) => 0.5 - 0.5 * Math.cos((Math.PI * (i + 0.5)) / HOP));

/** All channels as one, for comparing pieces. */
export function mixDown(channels) {
  if (channels.length === 1) return channels[0];
  const mono = new Float32Array(channels[0].length);
  for (const channel of channels) for (let i = 0; i < mono.length; i += 1) mono[i] += channel[i];
  return mono;
}

/** Reads a sound at another rate, block by block. */
export class Stretcher {
  /**
   * @param {Float32Array[]} channels
   * @param {Float32Array} mono their mix
   * @param {number} rate 0.5 plays half as fast
   * @param {number} startFrame where to begin
   */
  constructor(channels, mono, rate, startFrame) {
    Object.assign(this, { channels, mono, rate, startFrame });
    this.block = 0;
    this.place = Math.round(startFrame); // the piece before begins as the sound itself does
    this.previous = this.place - HOP;
  }

  /** Source frame that an output frame plays, as the rate has it. */
  sourceFrame(outputFrame) {
    return this.startFrame + outputFrame * this.rate;
  }

  /** The next `blocks` times 512 frames of each channel. */
  read(blocks) {
    const out = this.channels.map(() => new Float32Array(blocks * HOP));
    for (let done = 0; done < blocks; done += 1) this._block(out, done * HOP);
    return out;
  }

  _block(out, at) {
    // The middle of a piece of two hops lies where the rate puts it.
    const ideal = Math.round(this.sourceFrame((this.block + 1) * HOP) - HOP);
    const natural = this.previous + HOP;
    const place = this.block === 0 ? natural : this._bestNear(ideal, natural);
    this.channels.forEach((channel, index) => {
      const target = out[index];
      for (let i = 0; i < HOP; i += 1) {
        const fade = FADE_IN[i];
        const old = channel[natural + i] ?? 0;
        target[at + i] = old + fade * ((channel[place + i] ?? 0) - old);
      }
    });
    this.previous = place;
    this.block += 1;
  }

  /** The place near `ideal` whose sound goes on most like that at `natural`. */
  _bestNear(ideal, natural) {
    if (Math.abs(natural - ideal) <= 1) return natural;
    let best = ideal;
    let most = -Infinity;
    const look = (shift) => {
      const likeness = this._likeness(ideal + shift, natural);
      if (likeness > most) [best, most] = [ideal + shift, likeness];
    };
    look(0);
    for (let shift = -SEARCH; shift <= SEARCH; shift += STRIDE) look(shift);
    const coarse = best - ideal;
    for (let shift = coarse - STRIDE + 1; shift < coarse + STRIDE; shift += 1) {
      if (Math.abs(shift) <= SEARCH) look(shift);
    }
    return best;
  }

  _likeness(place, natural) {
    const { mono } = this;
    let product = 0;
    let power = 1e-9;
    const from = Math.max(0, -place, -natural);
    const until = Math.min(HOP, mono.length - place, mono.length - natural);
    for (let i = from; i < until; i += STRIDE) {
      const sample = mono[place + i];
      product += sample * mono[natural + i];
      power += sample * sample;
    }
    return product / Math.sqrt(power);
  }
}

/** Frames of one block. */
export const BLOCK = HOP;
