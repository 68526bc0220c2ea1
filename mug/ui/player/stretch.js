// Slower or faster at the same pitch: overlap-add of pieces that fit (WSOLA; Verhelst & Roelands,
// ICASSP 1993), with onsets kept whole and in their place. No DOM, no audio context.
//
// Every piece lies within 256 frames of where the rate puts it, except around an onset: there the
// pieces are laid so that the onset sounds once, unblended, on the very frame that the rate gives it.
// Sound and chart therefore cannot drift apart.

const HOP = 512;
const SEARCH = 256;
const STRIDE = 4;
const GUARD = 96; // frames after an onset that belong to its attack

const FRAME = 64;
const LEAST_GAP = 4 * HOP;

const FADE_IN = Float32Array.from({ length: HOP }, (_, i) => 0.5 - 0.5 * Math.cos((Math.PI * (i + 0.5)) / HOP));

/** Frames of one block. */
export const BLOCK = HOP;

/** All channels as one, for comparing pieces. */
export function mixDown(channels) {
  if (channels.length === 1) return channels[0];
  const mono = new Float32Array(channels[0].length);
  for (const channel of channels) for (let i = 0; i < mono.length; i += 1) mono[i] += channel[i];
  return mono;
}

/** Frames where something begins to sound: the energy of the slope rises sixfold; ascending. */
export function findOnsets(mono) {
  const energy = slopeEnergy(mono);
  const floor = 1e-3 * energy.reduce((most, e) => Math.max(most, e), 0);
  const found = [];
  for (let f = 1; f < energy.length - 1; f += 1) {
    let before = 0;
    const first = Math.max(0, f - 12);
    for (let i = first; i < f; i += 1) before += energy[i] / (f - first);
    const rise = energy[f] + energy[f + 1];
    if (rise <= 12 * before + floor) continue;
    const frame = steepest(mono, f * FRAME);
    const last = found.at(-1);
    if (!last || frame - last.frame >= LEAST_GAP) found.push({ frame, rise });
    else if (rise > 2 * last.rise) found[found.length - 1] = { frame, rise };
  }
  return found.map((onset) => onset.frame);
}

function slopeEnergy(mono) {
  const energy = new Float32Array(Math.floor(mono.length / FRAME));
  for (let f = 0; f < energy.length; f += 1) {
    for (let i = Math.max(1, f * FRAME); i < (f + 1) * FRAME; i += 1) energy[f] += (mono[i] - mono[i - 1]) ** 2;
  }
  return energy;
}

/** First of the steep slopes within two frames: where an attack begins. */
function steepest(mono, from) {
  let most = 0;
  const until = Math.min(mono.length, from + 2 * FRAME);
  for (let i = from + 1; i < until; i += 1) most = Math.max(most, Math.abs(mono[i] - mono[i - 1]));
  for (let i = from + 1; i < until; i += 1) if (Math.abs(mono[i] - mono[i - 1]) >= most / 2) return i;
  return from;
}

/** Reads a sound at another rate, block by block. */
export class Stretcher {
  /**
   * @param {Float32Array[]} channels
   * @param {Float32Array} mono their mix
   * @param {number} rate 0.5 plays half as fast
   * @param {number} startFrame where to begin
   * @param {number[]} onsets of `findOnsets`
   */
  constructor(channels, mono, rate, startFrame, onsets = findOnsets(mono)) {
    this.channels = channels;
    this.mono = mono;
    this.rate = rate;
    this.startFrame = startFrame;
    this.block = 0;
    this.previous = Math.round(startFrame) - HOP; // it begins as the sound itself does
    this.onsets = onsets.filter((frame) => frame >= startFrame);
    this.kept = -Infinity; // the onset that was laid last
    this.nextOnset = 0;
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

  /** A block: the piece before fades into the next one, which fades out in the block after. */
  _block(out, at) {
    const natural = this.previous + HOP;
    const place = this._place(natural);
    this.channels.forEach((channel, index) => {
      const target = out[index];
      for (let i = 0; i < HOP; i += 1) {
        const old = channel[natural + i] ?? 0;
        target[at + i] = old + FADE_IN[i] * ((channel[place + i] ?? 0) - old);
      }
    });
    this.previous = place;
    this.block += 1;
  }

  /** Where the next piece of two hops begins in the source. */
  _place(natural) {
    // The middle of a piece lies where the rate puts it.
    const ideal = Math.round(this.sourceFrame((this.block + 1) * HOP) - HOP);
    const onset = this._onsetFor(this.block + 1);
    if (onset !== null) {
      this.kept = onset;
      this.keptBlock = this.block + 1;
      return onset - Math.round((onset - this.startFrame) / this.rate - this.block * HOP);
    }
    // The onset itself is not blended with anything, and its attack is not heard again.
    if (this.block === 0 || this.block === this.keptBlock || ideal < this.kept + GUARD) return natural;
    const ahead = this.onsets[this.nextOnset] ?? Infinity;
    const low = Math.max(ideal - SEARCH, this.kept + GUARD);
    const high = Math.min(ideal + SEARCH, ahead - 2 * HOP);
    return low <= high ? this._bestWithin(low, high, natural) : Math.max(low, Math.min(ideal, high));
  }

  /** The onset that sounds in an output block, or null; each is given once. */
  _onsetFor(block) {
    const { onsets } = this;
    const begin = this.sourceFrame(block * HOP);
    while (this.nextOnset < onsets.length && onsets[this.nextOnset] < begin) this.nextOnset += 1;
    const onset = onsets[this.nextOnset];
    if (onset === undefined || onset >= this.sourceFrame((block + 1) * HOP)) return null;
    this.nextOnset += 1;
    return onset;
  }

  /** The place between two whose sound goes on most like that at `natural`. */
  _bestWithin(low, high, natural) {
    if (natural >= low && natural <= high) return natural;
    let best = low;
    let most = -Infinity;
    const look = (place) => {
      const likeness = this._likeness(place, natural);
      if (likeness > most) [best, most] = [place, likeness];
    };
    for (let place = low; place <= high; place += STRIDE) look(place);
    const coarse = best;
    for (let place = coarse - STRIDE + 1; place < coarse + STRIDE; place += 1) {
      if (place >= low && place <= high) look(place);
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
