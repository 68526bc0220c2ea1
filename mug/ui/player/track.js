// The hit-sound track: what sounds beside the song, and when.

/** Notes while watching (a player makes the own ones) and the metronome, in order of time. */
export function soundTrack({ chart, settings, judge, model, durationMs }) {
  const events = [];
  const { notes, keys } = chart;
  if (settings.hits && !judge) {
    notes.starts.forEach((ms, i) => events.push({ ms, gain: 0.8, pan: pan(notes.column[i], keys), kind: "hit" }));
  }
  if (settings.click) {
    for (const { ms, divisor, bar } of model.grid.lines(0, durationMs, 1, 60)) {
      if (divisor === 1 || bar >= 0) events.push({ ms, gain: 0.7, pan: 0, kind: bar >= 0 ? "bar" : "beat" });
    }
  }
  return events.sort((a, b) => a.ms - b.ms);
}

/** Place of a column in the panorama, -0.5 ... 0.5. */
export function pan(column, keys) {
  return keys > 1 ? 0.5 * ((2 * column) / (keys - 1) - 1) : 0;
}
