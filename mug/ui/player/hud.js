// What a player sees of the own play on the stage: accuracy, combo, the last judgement, the errors.

const POPUP_MS = 600;
const SHOWN_ERRORS = 24;

/** Draws the state of a play above the lanes. */
export function drawPlay({ pen, layout, view, colours }) {
  const { judge } = view;
  const middle = (layout.left + layout.right) / 2;
  const along = (share) => (layout.up ? layout.hitY + layout.travel * share : layout.hitY - layout.travel * share);
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  if (judge.combo > 1) {
    label(pen, colours, String(judge.combo), middle, along(0.6), 44, colours.text, 0.92);
    label(pen, colours, view.t("combo"), middle, along(0.6) + 30, 12, colours.faint, 1);
  }
  const age = judge.last ? view.pageNow - judge.last.seen : Infinity;
  if (age < POPUP_MS) drawJudgement(pen, colours, view, middle, along(0.36), age);
  drawErrors({ pen, view, colours }, middle, layout);
}

function label(pen, colours, text, x, y, size, colour, alpha) {
  pen.globalAlpha = alpha;
  pen.font = `800 ${size}px ${colours.font}`;
  pen.lineWidth = 4;
  pen.lineJoin = "round";
  pen.strokeStyle = colours.halo;
  pen.strokeText(text, x, y);
  pen.fillStyle = colour;
  pen.fillText(text, x, y);
  pen.globalAlpha = 1;
}

function drawJudgement(pen, colours, view, x, y, age) {
  const { grade, error } = view.judge.last;
  const grow = view.calm ? 1 : 1 + 0.25 * Math.max(0, 1 - age / 90);
  const alpha = Math.min(1, (POPUP_MS - age) / 200);
  const name = grade === "max" ? "MAX" : grade === "miss" ? "MISS" : grade;
  label(pen, colours, name, x, y, Math.round(26 * grow), colours.grades[grade], alpha);
  if (error === null || grade === "max") return;
  const side = error > 0 ? view.t("late") : view.t("early");
  label(pen, colours, `${side} ${Math.abs(error).toFixed(0)} ms`, x, y + 24, 12, colours.faint, alpha);
}

/**
 * The error bar under the line: windows as bands, hits as ticks, their mean as a triangle; early is
 * left. It lies beside the lanes' end, so that it hides no note.
 */
function drawErrors({ pen, view, colours }, middle, layout) {
  const { judge } = view;
  const y = layout.hitY + (layout.up ? -14 : 14);
  const half = Math.min(170, (layout.right - layout.left) * 0.46);
  const scale = half / judge.windows[50];
  for (const grade of ["50", "100", "200", "300", "max"]) {
    const reach = judge.windows[grade] * scale;
    pen.fillStyle = colours.grades[grade];
    pen.globalAlpha = 0.6;
    pen.fillRect(middle - reach, y - 1.5, 2 * reach, 3);
  }
  const recent = judge.errors.slice(-SHOWN_ERRORS);
  recent.forEach((hit, index) => {
    pen.globalAlpha = 0.25 + (0.75 * (index + 1)) / recent.length;
    pen.fillStyle = colours.grades[hit.grade];
    pen.fillRect(middle + hit.error * scale - 1.25, y - 6.5, 2.5, 13);
  });
  pen.globalAlpha = 1;
  pen.fillStyle = colours.text;
  pen.fillRect(middle - 0.75, y - 8, 1.5, 16);
  if (!recent.length) return;
  const mean = recent.reduce((sum, hit) => sum + hit.error, 0) / recent.length;
  const x = middle + mean * scale;
  pen.beginPath();
  pen.moveTo(x, y - 5);
  pen.lineTo(x - 4, y - 11);
  pen.lineTo(x + 4, y - 11);
  pen.fill();
}
