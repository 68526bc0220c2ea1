"""Everything that the page says, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mug.beatmap.formats.registry import FORMATS, OFFERED
from mug.errors import ConfigError

LANGUAGES: Mapping[str, str] = MappingProxyType({"en": "English", "zh": "中文"})

_BOTH: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        # the page
        "name": ("MuG Diffusion", "MuG Diffusion"),
        "tagline": (
            "Drop a song, say what to play, play it here.",
            "放入一首歌，说明想玩什么样的谱面，直接在这里试玩。",
        ),
        "other_language": ("中文", "English"),
        "make": ("Make charts", "生成谱面"),
        "read": ("Chart → prompt", "谱面 → 提示"),
        "about": ("About", "关于"),
        "theme": ("Light or dark", "浅色或深色"),
        # the model
        "model_loading": ("Loading the model …", "正在载入模型……"),
        "model_ready": ("Model: {name}", "模型：{name}"),
        "model_none": (
            "There is no model yet. `make demo` trains a small one on songs that it composes itself"
            " and leaves it in outputs/demo/model; or start the page with --ckpt and a checkpoint.",
            "还没有模型。运行 `make demo` 会用程序自己作的曲子训练一个小模型，保存在"
            " outputs/demo/model；也可以用 --ckpt 指定检查点来启动本页。",
        ),
        "model_failed": ("The model cannot be used: {reason}", "无法使用模型：{reason}"),
        # the song
        "song": ("Song", "歌曲"),
        "song_hint": (
            "mp3, ogg, flac, wav … up to {minutes} minutes and {size} MB",
            "mp3、ogg、flac、wav 等，最长 {minutes} 分钟，最大 {size} MB",
        ),
        "large_song": (
            "“{name}” has {size} MB; this page takes up to {limit} MB. Convert it to mp3 or ogg, or"
            " cut the song shorter.",
            "“{name}”有 {size} MB，本页最大接受 {limit} MB。请转换为 mp3 或 ogg，或把歌曲剪短。",
        ),
        "other_song": (
            "“{name}” is no kind of sound that this page takes. Convert it to mp3, ogg, flac or"
            " wav.",
            "本页不接受“{name}”这类文件。请转换为 mp3、ogg、flac 或 wav。",
        ),
        "large_chart": (
            "“{name}” has {size} MB; this page takes up to {limit} MB. Drop the chart's own file"
            " ({charts}) instead of a package with the song in it.",
            "“{name}”有 {size} MB，本页最大接受 {limit} MB。"
            "请放入谱面文件本身（{charts}），而不是含有歌曲的谱面包。",
        ),
        "other_chart": (
            "“{name}” is no chart that this page reads: {kinds}.",
            "本页无法读取“{name}”。可用的谱面：{kinds}。",
        ),
        "title": ("Title", "标题"),
        "artist": ("Artist", "艺术家"),
        "from_tags": ("from the file's tags", "取自文件标签"),
        "no_song": ("Drop a song first.", "请先放入一首歌。"),
        # what to ask for
        "ask": ("What should it be like?", "想要什么样的谱面？"),
        "ask_hint": (
            "Tick what matters. What is not ticked is free: the model decides.",
            "勾选你在意的项目。没有勾选的由模型自由决定。",
        ),
        "difficulty": ("Difficulty", "难度"),
        "sr": ("Star rating", "星数"),
        "sr_hint": (
            "stars on osu!: 1 is easy, 3 normal, 5 hard, 7 extreme",
            "osu! 的星数：1 简单，3 普通，5 困难，7 极难",
        ),
        "ett": ("Etterna rating (MSD)", "Etterna 难度 (MSD)"),
        "ett_hint": (
            "overall difficulty of 4K charts: 5 beginner … 20 advanced … 35 extreme",
            "4K 谱面的综合难度：5 入门……20 进阶……35 极难",
        ),
        "spread": ("A whole spread", "整套难度"),
        "spread_hint": (
            "Easy 1.6 … Expert 5.8 stars; the rhythm of each is part of the next harder one",
            "从 Easy 1.6 星到 Expert 5.8 星，较易谱面的节奏包含在较难谱面之中",
        ),
        "rank_status": ("In the style of", "风格"),
        "rank_status_hint": ("charts with this status on osu!", "osu! 上处于该状态的谱面"),
        "ranked": ("ranked", "ranked（上架）"),
        "loved": ("loved", "loved（社区喜爱）"),
        "graveyard": ("graveyard", "graveyard（坟图）"),
        "free": ("free", "不限"),
        "holds": ("Long notes", "长条"),
        "ln_ratio": ("Share of long notes", "长条比例"),
        "ln_ratio_hint": ("0 = taps only, 1 = holds only", "0 = 全部单点，1 = 全部长条"),
        "kind": ("Kind of chart", "谱面类型"),
        "kind_hint": ("taps, a mixture, or mostly holds", "单点、混合或以长条为主"),
        "rc": ("rice", "米 (RC)"),
        "hb": ("hybrid", "混合 (HB)"),
        "ln": ("long notes", "面条 (LN)"),
        "skills": ("Skills (4K)", "技能 (4K)"),
        "skills_hint": (
            "“more” makes it one of the chart's main skills, “less” keeps it from being one;"
            " the number is the Etterna difficulty (MSD) of that skill.",
            "“更多”使其成为谱面的主要技能，“更少”则避免；数值是该技能的 Etterna 难度 (MSD)。",
        ),
        "more": ("more", "更多"),
        "less": ("less", "更少"),
        "stamina": ("Stamina", "耐力"),
        "stamina_hint": ("long stretches without rest", "长时间没有休息"),
        "stream": ("Stream", "单点流"),
        "stream_hint": ("single notes one after the other", "连续的单个音符"),
        "jumpstream": ("Jumpstream", "双押流"),
        "jumpstream_hint": ("streams with chords of two", "带双押的连打"),
        "handstream": ("Handstream", "三押流"),
        "handstream_hint": ("streams with chords of three", "带三押的连打"),
        "jackspeed": ("Jackspeed", "叠键速度"),
        "jackspeed_hint": ("the same column repeated fast", "同一列快速重复"),
        "chordjack": ("Chordjack", "和弦叠键"),
        "chordjack_hint": ("chords whose columns repeat", "列重复的和弦"),
        "technical": ("Technical", "技巧"),
        "technical_hint": ("uneven rhythms and changes of speed", "不规则的节奏与变速"),
        "msd": ("MSD", "MSD"),
        # how
        "how": ("Sampling", "采样"),
        "count": ("Charts", "谱面数量"),
        "count_hint": (
            "to compare side by side; each has a seed of its own",
            "并排比较；每张都有自己的种子",
        ),
        "candidates": ("Choose from", "从多少张中挑选"),
        "candidates_hint": (
            "make so many and keep the best by score; 0 keeps all",
            "生成这么多并按评分保留最好的；0 表示全部保留",
        ),
        "reach_stars": ("Reach the star rating asked for", "达到要求的星级"),
        "reach_stars_hint": (
            "a chart that misses it is thinned, or takes over notes of the others and of the sound",
            "未达到星级的谱面会被删减，或从其他谱面和音乐中补充音符",
        ),
        "steps": ("Steps", "步数"),
        "steps_hint": ("more take longer and change less and less", "越多越慢，变化越来越小"),
        "guidance": ("Guidance", "引导强度"),
        "guidance_hint": (
            "how strongly the wishes are followed; 1 is off",
            "遵循提示的程度；1 表示关闭",
        ),
        "sampler": ("Sampler", "采样器"),
        "seed": ("Seed", "种子"),
        "seed_hint": (
            "same seed and wishes, same charts; -1 draws one",
            "种子与提示相同则谱面相同；-1 表示随机",
        ),
        "negative": ("Avoid", "避免"),
        "negative_hint": (
            "one `name: value` a line, e.g. `chordjack: true`",
            "每行一个 `name: value`，例如 `chordjack: true`",
        ),
        "cleanup": ("Timing, snapping and fixes", "时间轴、对齐与修正"),
        "timing": ("Timing", "时间轴"),
        "timing_hint": (
            "can be changed afterwards without generating again",
            "之后可以修改而无需重新生成",
        ),
        "heard": ("heard in the song", "从歌曲中识别"),
        "by_hand": ("by hand", "手动"),
        "from_file": ("from a chart", "取自谱面文件"),
        "bpm": ("Tempo, beats a minute", "速度 (BPM)"),
        "offset": ("Offset of the first bar, ms", "首小节偏移（毫秒）"),
        "timing_file": ("Chart with the timing", "含时间轴的谱面"),
        "snapping": ("Snapping", "对齐"),
        "snapping_hint": ("puts notes on the beat", "把音符放到节拍上"),
        "voice": ("straight or triplet, beat by beat", "逐拍判断二分或三连"),
        "nearest": ("nearest line", "最近的线"),
        "none": ("off", "关闭"),
        "divisors": ("Parts of a beat", "节拍细分"),
        "divisors_hint": ("e.g. 1,2,4; empty: by tier and tempo", "例如 1,2,4；留空则自动决定"),
        "fixes": ("Fixes", "修正"),
        "fixes_hint": (
            "mends what cannot be played at this difficulty",
            "修正在该难度下无法演奏的地方",
        ),
        "tier": ("whatever lint can mend", "所有可修正的问题"),
        "minijacks": ("mini-jacks only (the original's rule)", "仅小叠键（原版规则）"),
        "minijack_ms": ("Mini-jack interval, ms", "小叠键间隔（毫秒）"),
        # making
        "generate": ("Generate", "生成"),
        "cancel": ("Cancel", "取消"),
        "waiting": ("In line: {place} before you", "排队中：前面还有 {place} 个"),
        "preparing": ("Listening to the song …", "正在听歌……"),
        "running": ("Step {done} of {total}", "第 {done} / {total} 步"),
        "finishing": ("Snapping, mending, writing …", "正在对齐、修正、写入……"),
        "left": ("about {time} left", "大约还需 {time}"),
        "minutes": ("{time} min", "{time} 分钟"),
        "seconds": ("{count} s", "{count} 秒"),
        "cancelled": (
            "Cancelled. What was there before is still here.",
            "已取消。之前的结果仍然保留。",
        ),
        "done": ("Done.", "完成。"),
        "empty_title": ("Your charts appear here", "谱面会显示在这里"),
        "empty": (
            "Scrolling lanes in time with the song, play-along, findings, downloads.",
            "与歌曲同步的下落轨道、试玩、检查结果和下载。",
        ),
        # results
        "downloads": ("Downloads", "下载"),
        "kind_osz": ("osu! package", "osu! 谱面包"),
        "kind_osu": ("osu! chart", "osu! 谱面"),
        "kind_report": ("Report", "报告"),
        "kind_picture": ("Picture", "图片"),
        "kind_preview": ("Preview", "预览"),
        "report": ("Asked and reached", "要求与结果"),
        "chart": ("Chart", "谱面"),
        "asked": ("asked", "要求"),
        "reached": ("reached", "达到"),
        "of_asked": ("{reached} (asked {asked})", "{reached}（要求 {asked}）"),
        "feature": ("Feature", "特征"),
        "notes": ("Notes", "音符"),
        "long_notes": ("Long notes", "长条"),
        "density": ("Notes a second, mean / peak", "每秒音符，平均 / 峰值"),
        "findings": ("Findings", "检查结果"),
        "mended": ("Mended", "修正"),
        "score": ("Score", "评分"),
        "seed_used": ("Seed", "种子"),
        "as_asked": ("as asked", "符合"),
        "not_as_asked": ("not as asked", "不符"),
        "unknown": ("unknown", "未知"),
        "yes": ("yes", "是"),
        "no": ("no", "否"),
        "picture": ("The whole chart as a picture", "整张谱面图片"),
        "no_preview": (
            "The preview could not be made; the charts are whole, see the downloads.",
            "无法生成预览；谱面完好，请见下载。",
        ),
        "failed_part": ("Could not be made: {what}", "未能生成：{what}"),
        # the timing workbench
        "workbench": ("Timing workbench", "时间轴工作台"),
        "workbench_hint": (
            "Lay the lines on the beats that you see and hear, then snap again: the notes that were"
            " generated go to the new lines, nothing is generated anew.",
            "把红线对准看到和听到的拍点，然后重新对齐：已生成的音符会对齐到新的节拍线，不会重新生成。",
        ),
        "red_lines": ("Tempo map as text, or from a chart", "以文本编辑变速表，或取自谱面"),
        "red_lines_hint": (
            "one line a tempo: first bar in ms, beats a minute, beats a bar",
            "每行一个速度：首小节（毫秒）、BPM、每小节拍数",
        ),
        "snap_again": ("Snap again", "重新对齐"),
        "snapped": ("Snapped to the new timing.", "已按新的时间轴对齐。"),
        # editing
        "edit": ("Make a part anew", "重做一段"),
        "edit_hint": (
            "Select a part by dragging on the waveform or the lanes, lock columns that should stay,"
            " then make it anew. All that lies outside stays as it is.",
            "在波形或轨道上拖动选择一段，锁定要保留的列，然后重做。区间之外完全不变。",
        ),
        "strength": ("Strength", "强度"),
        "strength_hint": (
            "1 ignores what was there; less varies it",
            "1 忽略原有内容；越小越接近原样",
        ),
        "variations": ("Variations", "变体数量"),
        "lock_holds": ("Keep long notes", "保留长条"),
        "same_prompt": ("Ask for what stands above", "使用上方的提示"),
        "remake": ("Make it anew", "重做"),
        "no_region": ("Select a part in the player first.", "请先在播放器中选择一段。"),
        "selected": (
            "Selected: {start} – {end} s, columns {columns}",
            "已选择：{start} – {end} 秒，第 {columns} 列",
        ),
        "history": ("Versions", "版本"),
        "version_generated": ("{number}: generated", "{number}：生成"),
        "version_timing": ("{number}: timing", "{number}：时间轴"),
        "version_edit": ("{number}: edited", "{number}：编辑"),
        # chart -> prompt
        "read_hint": (
            "Drop a chart or a package: its features become a prompt that you can generate with.",
            "放入谱面或谱面包：其特征会变成可用于生成的提示。",
        ),
        "chart_file": (
            "Chart ({kinds})",
            "谱面 ({kinds})",
        ),
        "rate": ("Rate", "速率"),
        "rate_hint": ("as if the song were played so many times as fast", "按歌曲的播放倍速计算"),
        "measure": ("Measure", "测量"),
        "prompt_yaml": ("Prompt (YAML)", "提示 (YAML)"),
        "use_prompt": ("Use for generating", "用于生成"),
        "used_prompt": ("The wishes under “{tab}” are set.", "已填入“{tab}”中的提示。"),
        "which_chart": ("Chart in the package", "包中的谱面"),
        "no_chart": ("Drop a chart first.", "请先放入谱面。"),
        "beyond": (
            "Beyond the model's range, so it is asked for the nearest: {what}",
            "超出模型范围，因此取最接近的值：{what}",
        ),
    }
)


class Texts:
    """The page's texts in one language.

    Args:
        language: `en` or `zh`.

    Raises:
        ConfigError: for another language.
    """

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise ConfigError(
                "ui.no_such_language", value=language, remedy="remedy.choose_en_or_zh"
            )
        self.language = language
        self._index = list(LANGUAGES).index(language)

    def __call__(self, key: str, **values: object) -> str:
        """A text, with its `{values}` filled in."""
        text = _BOTH[key][self._index]
        return text.format(**values) if values else text

    def file_kind(self, kind: str) -> str:
        """Name of a kind of file: `osz`, `report` … or a format's suffix without its dot."""
        suffix = f".{kind}"
        return FORMATS[suffix].game if suffix in OFFERED else self(f"kind_{kind}")

    def choices(self, *keys: str) -> list[tuple[str, str]]:
        """Shown text and value of each, as Gradio takes them."""
        return [(self(key), key) for key in keys]


def keys() -> tuple[str, ...]:
    """The names of all texts."""
    return tuple(_BOTH)


def pair(key: str) -> tuple[str, str]:
    """A text in both languages."""
    return _BOTH[key]
