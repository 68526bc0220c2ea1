// Plays the song and the hit sounds on one audio clock.
//
// Everything is scheduled ahead in samples on one AudioContext: the song as one buffer (or, at
// another rate, as time-stretched pieces that join without a gap), hit sounds and clicks at their
// exact times. Song time is a straight line over the context's time, so nothing can drift; what the
// picture shows is the song time of the sample that leaves the loudspeaker now.

import { Anchor, OutputClock } from "./clock.js";
import { BLOCK, Stretcher, findOnsets, mixDown } from "./stretch.js";
import { lowerBound } from "./timing.js";

/** One rate for decoding and playing: no resampling at the seams of pieces. */
export const SAMPLE_RATE = 44100;

const START_DELAY_S = 0.06;
const SAFE_S = 0.02; // a source that is told its time so late may begin after it
const LONGEST_DELAY_S = 2;
const AHEAD_S = 1.6; // further than a hidden page's timers (one a second) can be late
const PIECE_BLOCKS = 32; // 0.37 s of sound
const PUMP_MS = 120;
const SETTLED = 15; // readings, a quarter of a second: fewer are no mean
const NO_DRIFT = Object.freeze({ now: 0, worst: 0, jitter: 0, readings: 0 });

/** An event of the hit-sound track: when, how loud, where in the panorama, which sound. */
// {ms: number, gain: number, pan: number, kind: "hit" | "beat" | "bar"}

/** The sound of a player. Emits nothing; `onEnd` is called when the song is over. */
export class AudioEngine {
  /** @param {() => AudioContext} makeContext made on the first sound, after a person's click */
  constructor(makeContext = () => new AudioContext({ sampleRate: SAMPLE_RATE, latencyHint: "interactive" })) {
    this.makeContext = makeContext;
    this.context = null;
    this.buffer = null;
    this.startMs = 0;
    this.rate = 1;
    this.playing = false;
    this.starting = false; // asked to play; the context has not resumed yet
    this.position = 0;
    this.events = [];
    this.levels = { song: 0.8, hits: 0.5 };
    this.clock = new OutputClock();
    this.anchor = new Anchor(0, 0, 1);
    /** @type {{now: number, worst: number, jitter: number, readings: number}} */
    this.drifts = NO_DRIFT;
    this._turn = 0;
    this._sources = new Set();
    this._hits = new Set();
  }

  /** Decodes a sound; throws what the browser throws when it cannot. */
  async load(bytes, startMs = 0) {
    this.decoder = new OfflineAudioContext(1, 1, SAMPLE_RATE); // kept: a collected one never answers
    try {
      this.useBuffer(await this.decoder.decodeAudioData(bytes), startMs);
    } finally {
      this.decoder = null;
    }
  }

  /** Takes a decoded sound whose first sample lies at the chart's time `startMs`. */
  useBuffer(buffer, startMs = 0) {
    this.buffer = buffer;
    this.startMs = startMs;
    this.channels = Array.from({ length: buffer.numberOfChannels }, (_, i) => buffer.getChannelData(i));
    this.mono = this.onsets = null; // made when another rate asks for them
  }

  /** Length in song ms; 0 without a sound. */
  get durationMs() {
    return this.buffer ? this.startMs + this.buffer.duration * 1000 : 0;
  }

  /** Starts the sound at a song time (negative: silence first). */
  async play(fromMs = this.position) {
    this._prepare();
    const turn = (this._turn += 1);
    this.starting = true;
    if (this.context.state !== "running") await this.context.resume?.(); // or each frame of a loop would wait anew
    if (turn !== this._turn) return; // paused, or played from elsewhere, meanwhile
    this.starting = false;
    this._findOnsets(); // before the clock is read: it takes a while, and the sound would begin too late
    let delayS = START_DELAY_S;
    do {
      this.start(fromMs, this.context.currentTime + delayS);
      delayS *= 2; // a machine that was busy meanwhile would begin late, and stay late for the whole song
    } while (this.anchor.contextS < this.context.currentTime + SAFE_S && delayS < LONGEST_DELAY_S);
    this._timer ??= setInterval(() => this.pump(), PUMP_MS);
  }

  /** Schedules everything from `fromMs` on, to sound from context time `atS`. */
  start(fromMs, atS) {
    this._prepare();
    this._silence();
    this.anchor = new Anchor(atS, fromMs, this.rate);
    this.clock.reset();
    this.drifts = NO_DRIFT;
    this.playing = true;
    const fromFrame = Math.max(0, ((fromMs - this.startMs) / 1000) * SAMPLE_RATE);
    const songS = this.anchor.contextAt(Math.max(fromMs, this.startMs));
    if (!this.buffer) this._stretch = null;
    else if (this.rate === 1) this._playBuffer(this.buffer, songS, fromFrame / SAMPLE_RATE);
    else {
      this._findOnsets();
      this._stretch = new Stretcher(this.channels, this.mono, this.rate, fromFrame, this.onsets);
      this._pieceS = Math.round(songS * SAMPLE_RATE) / SAMPLE_RATE;
    }
    this._nextEvent = lowerBound(this._times(), fromMs - 0.5);
    this.pump();
  }

  /** Stops the sound and keeps the place. */
  pause() {
    this._turn += 1;
    this.starting = false;
    if (!this.playing) return;
    this.position = this.heardMs();
    this._stop();
  }

  /** Goes to a song time, playing or not. */
  async seek(ms) {
    this.position = Math.min(ms, this.durationMs || ms);
    if (this.playing || this.starting) await this.play(this.position);
  }

  /** Changes the speed at the same pitch, playing or not. */
  async setRate(rate) {
    this.rate = rate;
    this._findOnsets(); // what was heard meanwhile is not heard again
    const here = this.heardMs();
    if (this.playing || this.starting) await this.play(here);
  }

  /** Replaces the hit-sound track without touching the song. */
  setEvents(events) {
    this.events = events;
    this._eventTimes = null;
    for (const source of this._hits) source.stop();
    this._hits.clear();
    if (!this.playing) return;
    const soon = this.anchor.songAt(this.context.currentTime + 0.005);
    this._nextEvent = lowerBound(this._times(), soon);
    this.pump();
  }

  /** Loudness of `song` or `hits`, 0 ... 1. */
  setLevel(name, level) {
    this.levels[name] = level;
    if (this.context) this._gains[name].gain.setTargetAtTime(level ** 2, this.context.currentTime, 0.01);
  }

  /** Sounds a hit now, for a key that was pressed. */
  hitNow(pan = 0) {
    if (this.context) this._playEvent({ ms: 0, gain: 1, pan, kind: "hit" }, this.context.currentTime);
  }

  /** Schedules what falls into the next moments; called by a timer while playing. */
  pump(untilS = this.context.currentTime + AHEAD_S) {
    if (!this.playing) return;
    while (this._stretch && this._pieceS < untilS) this._playPiece();
    const until = this.anchor.songAt(untilS);
    while (this._nextEvent < this.events.length && this.events[this._nextEvent].ms < until) {
      const event = this.events[this._nextEvent];
      this._playEvent(event, this.anchor.contextAt(event.ms));
      this._nextEvent += 1;
    }
  }

  /** Song time of what is heard at a page time (`performance.now()` or an event's `timeStamp`). */
  heardMs(performanceTime = performance.now()) {
    if (!this.playing) return this.position;
    if (this.clock.offset === null) this.read();
    return this.anchor.songAt(this.clock.heard(performanceTime));
  }

  /** Reads the audio clock once; the picture calls it every frame. */
  read() {
    if (!this.playing) return;
    const reading = readOutput(this.context);
    const shown = this.clock.offset === null ? null : this.clock.heard(reading.performanceTime);
    this.clock.sample(reading);
    if (shown === null || reading.contextTime < this.anchor.contextS) return;
    this.drifts = nextDrift(this.drifts, (shown - reading.contextTime) * 1000);
  }

  /** Frees the sound card. */
  async close() {
    this._turn += 1;
    this._stop();
    await this.context?.close?.();
    this.context = null;
  }

  /** Prepares another rate, once for a song. */
  _findOnsets() {
    if (!this.buffer || this.rate === 1) return;
    this.mono ??= mixDown(this.channels);
    this.onsets ??= findOnsets(this.mono);
  }

  _times() {
    this._eventTimes ??= this.events.map((event) => event.ms);
    return this._eventTimes;
  }

  _prepare() {
    if (this.context) return;
    this.context = this.makeContext();
    // No compressor: its look-ahead would delay the sound against the clock.
    this.output = this.context.createGain();
    this.output.connect(this.context.destination);
    this._gains = {};
    for (const name of ["song", "hits"]) {
      const gain = this.context.createGain();
      gain.gain.value = this.levels[name] ** 2;
      gain.connect(this.output);
      this._gains[name] = gain;
    }
    this._sounds = { hit: hitSound(), beat: clickSound(1320), bar: clickSound(1980) };
  }

  _playBuffer(buffer, atS, offsetS) {
    const source = this._source(buffer, this._gains.song, this._sources);
    source.start(Math.max(0, atS), offsetS);
  }

  _playPiece() {
    const frames = this._stretch.read(PIECE_BLOCKS);
    const at = this._pieceS;
    this._pieceS = (Math.round(at * SAMPLE_RATE) + PIECE_BLOCKS * BLOCK) / SAMPLE_RATE;
    if (this._stretch.sourceFrame((this._stretch.block - PIECE_BLOCKS) * BLOCK) > this.mono.length) {
      this._stretch = null;
      return;
    }
    const piece = new AudioBuffer({
      numberOfChannels: frames.length,
      length: frames[0].length,
      sampleRate: SAMPLE_RATE,
    });
    frames.forEach((channel, index) => piece.copyToChannel(channel, index));
    this._source(piece, this._gains.song, this._sources).start(Math.max(0, at));
  }

  _playEvent(event, atS) {
    const gain = this.context.createGain();
    gain.gain.value = event.gain;
    const pan = this.context.createStereoPanner();
    pan.pan.value = event.pan;
    gain.connect(pan).connect(this._gains.hits);
    this._source(this._sounds[event.kind], gain, this._hits).start(Math.max(0, atS));
  }

  _source(buffer, target, kept) {
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(target);
    source.onended = () => kept.delete(source);
    kept.add(source);
    return source;
  }

  _silence() {
    for (const source of [...this._sources, ...this._hits]) source.stop();
    this._sources.clear();
    this._hits.clear();
    this._stretch = null;
  }

  _stop() {
    this.playing = false;
    clearInterval(this._timer);
    this._timer = null;
    if (this.context) this._silence();
  }
}

/**
 * Follows the distance between the picture and the audio clock, in ms.
 * `now` is its mean over the last half second or so, `worst` the largest of these, `jitter` the
 * largest single reading: the clock's own noise, which the picture is meant not to follow.
 */
function nextDrift(drifts, distance) {
  const readings = drifts.readings + 1;
  const now = drifts.now + Math.max(0.03, 1 / readings) * (distance - drifts.now);
  const worst = readings < SETTLED ? 0 : Math.max(drifts.worst, Math.abs(now));
  return { now, worst, jitter: Math.max(drifts.jitter, Math.abs(distance)), readings };
}

/** Which sample leaves the loudspeaker, and when that was read. */
export function readOutput(context) {
  const stamp = context.getOutputTimestamp?.();
  if (stamp?.performanceTime > 0) return stamp;
  const behind = context.outputLatency || context.baseLatency || 0;
  return { contextTime: context.currentTime - behind, performanceTime: performance.now() };
}

/** A short wooden tick: a falling tone and a breath of noise, the same every time. */
function hitSound() {
  let seed = 7;
  return synthesise(0.07, (t) => {
    seed = (seed * 16807) % 2147483647;
    const noise = (seed / 2147483647) * 2 - 1;
    const tone = Math.sin(2 * Math.PI * (880 * t + 420 * (1 - Math.exp(-t * 60)) * 0.05));
    return 0.75 * tone * Math.exp(-t * 85) + 0.5 * noise * Math.exp(-t * 260);
  });
}

function clickSound(hertz) {
  return synthesise(0.05, (t) => 0.7 * Math.cos(2 * Math.PI * hertz * t) * Math.exp(-t * 110));
}

function synthesise(seconds, wave) {
  const length = Math.round(seconds * SAMPLE_RATE);
  const buffer = new AudioBuffer({ numberOfChannels: 1, length, sampleRate: SAMPLE_RATE });
  const samples = buffer.getChannelData(0);
  for (let i = 0; i < length; i += 1) samples[i] = wave(i / SAMPLE_RATE) * (1 - i / length);
  return buffer;
}
