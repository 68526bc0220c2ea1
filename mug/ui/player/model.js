// The document that a player shows, checked and made ready for drawing. README.md has its schema.

import { TimingGrid } from "./timing.js";

export const SCHEMA = "mug-player/1";

/** A document that cannot be shown; the message is a sentence for a person. */
export class DocumentError extends Error {}

/** Checks a document and turns its lists into what the lanes and the judge need. */
export function readDocument(document) {
  if (document?.schema !== SCHEMA) {
    throw new DocumentError(`not a document of schema ${SCHEMA}: ${document?.schema}`);
  }
  if (!document.candidates?.length) throw new DocumentError("the document holds no chart");
  const grid = new TimingGrid(document.timing.red_lines, document.timing.bars);
  const candidates = document.candidates.map((one) => readCandidate(one, grid));
  return {
    title: document.title ?? "",
    artist: document.artist ?? "",
    durationMs: document.duration_ms,
    audio: document.audio,
    language: document.language ?? "en",
    texts: document.texts ?? {},
    bindings: document.bindings ?? {},
    waveform: document.waveform ?? null,
    grid,
    candidates,
    densest: Math.max(1, ...candidates.flatMap((one) => one.density?.values ?? [])),
  };
}

function readCandidate(candidate, grid) {
  const { column, start_ms: starts, end_ms: ends } = candidate.notes;
  if (column.length !== starts.length || ends.length !== starts.length) {
    throw new DocumentError(`the notes of ${candidate.name} have lists of different lengths`);
  }
  const order = starts.map((_, i) => i).sort((a, b) => starts[a] - starts[b] || column[a] - column[b]);
  const notes = {
    column: Uint8Array.from(order, (i) => column[i]),
    starts: Float64Array.from(order, (i) => starts[i]),
    ends: Float64Array.from(order, (i) => ends[i]),
    snaps: Uint8Array.from(order, (i) => grid.divisorOf(starts[i])),
    inColumn: new Uint32Array(order.length),
  };
  if (notes.column.some((lane) => lane >= candidate.keys)) {
    throw new DocumentError(`a note of ${candidate.name} lies outside its ${candidate.keys} columns`);
  }
  let latest = -Infinity;
  notes.latestEnds = notes.ends.map((end) => (latest = Math.max(latest, end)));
  return {
    name: candidate.name,
    keys: candidate.keys,
    overallDifficulty: candidate.overall_difficulty ?? 8,
    stats: candidate.stats ?? {},
    density: candidate.density ?? null,
    scroll: [...(candidate.scroll ?? [])].sort((a, b) => a.time_ms - b.time_ms),
    findings: [...(candidate.findings ?? [])].sort((a, b) => a.time_ms - b.time_ms),
    notes,
    columns: byColumn(notes, candidate.keys),
  };
}

function byColumn(notes, keys) {
  const columns = Array.from({ length: keys }, () => ({ starts: [], ends: [] }));
  notes.column.forEach((lane, index) => {
    notes.inColumn[index] = columns[lane].starts.length;
    columns[lane].starts.push(notes.starts[index]);
    columns[lane].ends.push(notes.ends[index]);
  });
  return columns;
}
