// What the timing workbench says, by language.

const en = {
  bench: "Timing workbench", ms: "ms",
  wave: "The sound with its beats. Arrow keys move the chosen red line by 1 ms, with Shift by 10 ms; Space plays",
  waiting: "Waiting for the sound …",
  play: "Play", pause: "Pause", click: "Click on the beats", zoom: "Zoom", undo: "Undo", reset: "As the charts have it",
  grip: "Drag a red flag to move its line, a dot below to stretch the tempo, anything else to go elsewhere.",
  all: "All lines", one: "Line {n}", applies: "Buttons change",
  earlier: "{n} ms earlier", later: "{n} ms later", half: "Half the tempo", double: "Twice the tempo",
  add: "New line here", remove: "Remove line {n}", go: "Go to line {n}",
  time: "Begin, ms", bpm: "Tempo, BPM", meter: "Beats a bar", table: "Tempo map",
  lineTime: "Begin of line {n}, ms", lineBpm: "Tempo of line {n}, BPM", lineMeter: "Beats a bar of line {n}",
  readings: "Readings of the beat", reading: "{bpm} BPM, {offset} ms, {percent} % sure",
};

const zh = {
  bench: "时间轴工作台", ms: "毫秒",
  wave: "波形与节拍线。方向键将所选红线移动 1 毫秒，按住 Shift 移动 10 毫秒；空格播放",
  waiting: "正在等待音频……",
  play: "播放", pause: "暂停", click: "在拍点上发出节拍声", zoom: "缩放", undo: "撤销", reset: "恢复谱面的时间轴",
  grip: "拖动红旗移动红线，拖动下方圆点改变速度，拖动其他位置前后移动。",
  all: "全部红线", one: "第 {n} 条", applies: "按钮作用于",
  earlier: "提前 {n} 毫秒", later: "推后 {n} 毫秒", half: "速度减半", double: "速度加倍",
  add: "在此新增红线", remove: "删除第 {n} 条红线", go: "转到第 {n} 条红线",
  time: "起点（毫秒）", bpm: "速度 (BPM)", meter: "每小节拍数", table: "变速表",
  lineTime: "第 {n} 条红线的起点（毫秒）", lineBpm: "第 {n} 条红线的速度 (BPM)", lineMeter: "第 {n} 条红线的每小节拍数",
  readings: "节拍识别结果", reading: "{bpm} BPM，{offset} 毫秒，可信度 {percent} %",
};

export const BENCH_TEXTS = { en, zh };
