// What the player says, by language. A document may bring `texts: {language: {key: text}}` that wins.

const en = {
  player: "Chart player",
  lanes: "Lanes of {name}: {keys} columns, {notes} notes",
  overview: "Song position; drag in the upper half to select a region",
  loading: "Loading the sound …",
  noSound: "The sound could not be played: {reason}. The chart is shown without it.",
  badDocument: "The chart could not be shown: {reason}.",
  undecodable: "the browser cannot decode this file; mp3, ogg, flac and wav work in most",
  unreachable: "the file could not be fetched ({status})",
  play: "Play", pause: "Pause", barBack: "Previous bar", barForward: "Next bar",
  playAlong: "Play along", stopPlaying: "Stop playing",
  loop: "Loop the region", select: "Select a region on the lanes",
  rate: "Rate", speed: "Scroll speed", songLevel: "Song", hitLevel: "Hit sounds",
  hitSounds: "Hit sounds", click: "Metronome", upscroll: "Notes move upwards",
  colourBy: "Note colour", byColumn: "column", bySnap: "snap", gridLines: "Grid",
  offset: "Audio offset", offsetHelp: "Raise it when notes come too early for what you hear.",
  offsetFromHits: "Take from my hits", ms: "ms",
  candidates: "Candidates", findings: "Findings", settings: "Settings", keys: "Keys",
  noFindings: "Nothing was found.", columns: "columns {list}", column: "column {list}",
  bar: "Bar", notes: "notes", longNotes: "long notes", perSecond: "notes/s", stars: "stars",
  region: "Region {start}–{end}, {columns}", regionNone: "Drag across the waveform to select a region.", clear: "Clear",
  lock: "Lock column {n}", locked: "Column {n} is locked",
  accuracy: "Accuracy", combo: "combo", best: "Best combo", mean: "Mean error", unstable: "Unstable rate",
  early: "early", late: "late", again: "Again", close: "Close", result: "Result",
  severity_error: "error", severity_warning: "warning", severity_info: "note",
  ready: "Press the keys when the notes reach the line.",
  touch: "Tap the lanes when the notes reach the line.",
  help_space: "play, pause", help_bars: "bar back, bar forward", help_speed: "scroll speed",
  help_rate: "rate", help_ab: "other candidate", help_pick: "candidate",
  help_finding: "next finding (⇧ previous)", help_region: "region begins, ends", help_loop: "loop",
  help_play: "play along", help_sounds: "hit sounds", help_escape: "clear region, stop playing along",
  help_drag: "drag on the lanes selects",
};

const zh = {
  player: "谱面播放器",
  lanes: "{name} 的轨道：{keys} 列，{notes} 个音符",
  overview: "歌曲进度；在上半部分拖动可选择区间",
  loading: "正在载入音频……",
  noSound: "无法播放音频：{reason}。谱面仍可无声查看。",
  badDocument: "无法显示谱面：{reason}。",
  undecodable: "浏览器无法解码此文件；多数浏览器支持 mp3、ogg、flac 和 wav",
  unreachable: "无法取得文件（{status}）",
  play: "播放", pause: "暂停", barBack: "上一小节", barForward: "下一小节",
  playAlong: "试玩", stopPlaying: "结束试玩",
  loop: "循环区间", select: "在轨道上选择区间",
  rate: "速率", speed: "下落速度", songLevel: "歌曲", hitLevel: "打击音",
  hitSounds: "打击音", click: "节拍器", upscroll: "音符向上移动",
  colourBy: "音符颜色", byColumn: "按列", bySnap: "按节拍", gridLines: "网格",
  offset: "音频偏移", offsetHelp: "如果音符比听到的声音早，请调大。",
  offsetFromHits: "按我的击打校准", ms: "毫秒",
  candidates: "候选谱面", findings: "检查结果", settings: "设置", keys: "按键",
  noFindings: "没有发现问题。", columns: "第 {list} 列", column: "第 {list} 列",
  bar: "小节", notes: "音符", longNotes: "长条", perSecond: "音符/秒", stars: "星",
  region: "区间 {start}–{end}，{columns}", regionNone: "在波形上拖动以选择区间。", clear: "清除",
  lock: "锁定第 {n} 列", locked: "第 {n} 列已锁定",
  accuracy: "准确率", combo: "连击", best: "最大连击", mean: "平均误差", unstable: "不稳定率",
  early: "偏早", late: "偏晚", again: "再来一次", close: "关闭", result: "成绩",
  severity_error: "错误", severity_warning: "警告", severity_info: "提示",
  ready: "音符到达判定线时按键。",
  touch: "音符到达判定线时点击轨道。",
  help_space: "播放、暂停", help_bars: "上一小节、下一小节", help_speed: "下落速度",
  help_rate: "速率", help_ab: "切换候选谱面", help_pick: "选择候选谱面",
  help_finding: "下一个问题（⇧ 上一个）", help_region: "区间开始、结束", help_loop: "循环",
  help_play: "试玩", help_sounds: "打击音", help_escape: "清除区间、结束试玩",
  help_drag: "在轨道上拖动以选择",
};

export const TEXTS = { en, zh };

/** Looks texts up: the document's own first, then the language's, then English. */
export function translator(language, own = {}) {
  const short = String(language ?? "en").toLowerCase().split("-")[0];
  return (key, values = {}) => {
    const text = own[language]?.[key] ?? own[short]?.[key] ?? TEXTS[short]?.[key] ?? en[key] ?? key;
    return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  };
}
