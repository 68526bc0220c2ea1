"""Chinese for the sentences of lint and of errors; `{}` stands for a value, in the same order."""

from __future__ import annotations

FINDINGS: dict[str, str] = {
    "two notes in one column at one time": "同一列同一时间有两个音符",
    "inside the hold from {} to {} ms": "位于 {} 至 {} 毫秒的长条之内",
    "repeated after {} ms, least {}": "相隔 {} 毫秒就重复，至少应为 {}",
    "held for {} ms, least {}": "长条只有 {} 毫秒，至少应为 {}",
    "released for {} ms, least {}": "松开后只隔 {} 毫秒，至少应为 {}",
    "a tap {} ms before a hold, least {}": "长条之前 {} 毫秒有单点，至少应相隔 {}",
    "{} times in a row, {} ms apart, most {}": "连续 {} 次，间隔 {} 毫秒，最多 {} 次",
    "{} times within a stream, {} ms apart, most {}": (
        "连打中同一列出现 {} 次，间隔 {} 毫秒，最多 {} 次"
    ),
    "{} notes at once, most {} in {}": "同时 {} 个音符，最多 {} 个（{}）",
    "{} notes in turn with the left hand, {} ms apart, most {}": (
        "左手交替 {} 个音符，间隔 {} 毫秒，最多 {} 个"
    ),
    "{} notes in turn with the right hand, {} ms apart, most {}": (
        "右手交替 {} 个音符，间隔 {} 毫秒，最多 {} 个"
    ),
    "{} notes in {} beats, where nine bars in ten have at most {}": (
        "{} 个音符集中在 {} 拍内，而九成的小节最多只有 {} 个"
    ),
    "begins {} ms after the song": "在歌曲结束 {} 毫秒之后才开始",
    "ends {} ms after the song": "在歌曲结束 {} 毫秒之后才结束",
    "the first note is at {} ms, least {}": "第一个音符在 {} 毫秒，至少应为 {}",
    "without notes": "没有音符",
    "the chart has no notes": "谱面没有音符",
    "nothing to play for {} s, most {}": "{} 秒没有音符，最多 {} 秒",
    "{} s without a rest of {} beats, most {}": "{} 秒内没有一次 {} 拍的休息，最多 {} 秒",
    "the left hand has {} of the notes, most {}": "左手承担了 {} 的音符，最多 {}",
    "the right hand has {} of the notes, most {}": "右手承担了 {} 的音符，最多 {}",
}

RULES: dict[str, str] = {
    "same_time": "同时重叠",
    "inside_hold": "长条内的音符",
    "mini_jack": "小叠键",
    "short_hold": "过短的长条",
    "release_gap": "松键间隔",
    "shield": "盾 (shield)",
    "jack": "叠键",
    "anchor": "定位键 (anchor)",
    "chord_size": "和弦过大",
    "one_hand_trill": "单手交互",
    "density_spike": "密度突增",
    "after_audio": "歌曲结束之后",
    "early_start": "开始过早",
    "empty_column": "空列",
    "long_break": "空白过长",
    "missing_rest": "缺少休息",
    "hand_balance": "左右手失衡",
}

ERRORS: dict[str, str] = {
    # the page
    "{} must be a whole number from {} to {}": "{} 必须是 {} 到 {} 的整数",
    "timing by hand needs a tempo and an offset": "手动时间轴需要速度和偏移",
    "parts of a beat are whole numbers": "节拍细分必须是整数",
    "a tempo must be 10 to 1000 beats a minute": "速度必须在 10 到 1000 BPM 之间",
    "there is no chart to take the timing from": "没有可以取得时间轴的谱面",
    "a tempo is a time in ms, beats a minute and beats a bar": (
        "每个速度由起点（毫秒）、BPM 和每小节拍数组成"
    ),
    "a region has finite times": "区间的时间必须是有限的数",
    "these charts are not here any more": "这些谱面已不存在",
    "cancelled before it began": "尚未开始就已取消",
    "something unexpected went wrong; the server's log has the details": (
        "发生了意外错误，详情见服务器日志"
    ),
    "the line is full": "队列已满",
    "your other request is still running": "你的另一个请求仍在进行",
    "there is no model yet": "还没有模型",
    "the model cannot be loaded": "无法载入模型",
    "there is no such chart": "没有这张谱面",
    # songs
    "no decoder can read it": "没有解码器能读取此文件",
    "the file is empty": "文件是空的",
    "there is no sound in it": "其中没有声音",
    "a sample is not a number": "有采样值不是数字",
    "its header makes no sense": "文件头有误",
    "it is longer than {} s": "长度超过 {} 秒",
    "no such file": "没有这个文件",
    "this is not a file": "这不是文件",
    "the file cannot be opened": "无法打开文件",
    # timing
    "the file has no such chart": "文件中没有这张谱面",
    "the chart has no timing points": "谱面没有时间点",
    "a tempo map needs a red line": "变速表需要至少一条红线",
    "red lines are in order of time, each at its own": "红线须按时间排列，且时间各不相同",
    "the tempo must be 10 to 1000 beats a minute and the offset a number": (
        "速度必须在 10 到 1000 BPM 之间，偏移必须是数字"
    ),
    "a tempo is scaled by a factor above 0": "速度的倍数必须大于 0",
    "the timing points make no tempo map": "这些时间点不能组成变速表",
    "a red line is not a number": "红线的数值不是数字",
    "a beat lasts longer than 0 and a bar has beats": "一拍必须长于 0，小节必须有拍",
    "the mini-jack interval must be 0 or more": "小叠键间隔不能为负",
    "readings of the beat are counted from 1": "节拍识别结果从 1 开始编号",
    "the song's beat has no such reading": "没有这一项节拍识别结果",
    "a tempo needs an offset and an offset a tempo": "速度和偏移必须同时给出",
    "the tempo must be 10 to 1000 beats a minute": "速度必须在 10 到 1000 BPM 之间",
    "unknown choice of {}": "{} 没有这个选项",
    "times of notes must be finite": "音符的时间必须是有限的数",
    "divisors must be positive, at least one": "节拍细分至少一个，且必须为正数",
    # prompts
    "not a value of feature {}": "不是特征 {} 的取值",
    "a prompt is a list of `name: value` lines": "提示由若干行 `name: value` 组成",
    "the prompt names no such feature": "提示中的特征不存在",
    "{} needs one plain value": "{} 只能有一个普通的值",
    "a rate must be 0.1 to 10": "速率必须在 0.1 到 10 之间",
    "a chart without objects has no features": "没有物件的谱面没有特征",
    "cannot read the prompt": "无法读取提示",
    "the prompt is not UTF-8 text": "提示不是 UTF-8 文本",
    "not a YAML file": "不是 YAML 文本",
    "this key is there twice": "这一项出现了两次",
    # requests
    "the number of charts must be 1 to {}": "谱面数量必须在 1 到 {} 之间",
    "the guidance scale must be 0 to 100": "引导强度必须在 0 到 100 之间",
    "the guidance interval must be two numbers from 0 to 1, ascending": (
        "引导区间必须是 0 到 1 之间两个递增的数"
    ),
    "the batch size must be positive": "批大小必须为正数",
    "the seed must fit in 64 bits": "种子超出 64 位范围",
    "candidates are 0 to {}": "候选数必须在 0 到 {} 之间",
    "attempts are 1 to {}": "尝试次数必须在 1 到 {} 之间",
    "this model makes charts of {} columns": "该模型只能生成 {} 列的谱面",
    "the chart has no red line, so it has no bars": "谱面没有红线，因此没有小节",
    "bars are counted from 1": "小节从 1 开始编号",
    "a region must end after it begins": "区间的结束必须晚于开始",
    "the strength must be 0 to 1": "强度必须在 0 到 1 之间",
    "the seam must be 0 ms or more": "接缝不能为负",
    "the chart has columns 0 to {}": "谱面的列号为 0 到 {}",
    # charts
    "this is no chart of a known format": "不是已知格式的谱面",
    "no such format": "没有这种格式",
    "a {} file holds one chart, not {}": "一个 {} 文件只能放一张谱面，不能放 {} 张",
    "cannot read the chart": "无法读取谱面",
    "not a safe name for a file in an archive": "压缩包内的文件名不安全",
    "no chart is in the package": "谱面包中没有谱面",
    "this is a chart of {}, not of osu!mania": "这是 {} 的谱面，不是 osu!mania 的",
    "the file has more than {} bytes; no chart has": "文件超过 {} 字节，谱面不会这么大",
    "the file has more than {} lines; no chart has": "文件超过 {} 行，谱面不会这么长",
    "a .mc file is one map with `meta`, `time` and `note`": (
        ".mc 文件应含有 `meta`、`time` 和 `note`"
    ),
    "this is a chart of Malody's {} mode": "这是 Malody 的 {} 模式谱面",
    "this is not JSON": "不是 JSON 文本",
    "this is not YAML": "不是 YAML 文本",
    "two files of one name": "有两个同名文件",
    # models
    "no config beside this checkpoint": "检查点旁没有配置文件",
    "no such checkpoint": "没有这个检查点",
    "no state_dict of tensors in this file": "文件中没有权重",
    "this checkpoint holds no diffusion model": "检查点中没有扩散模型",
    "this file holds no checkpoint": "文件中没有检查点",
    "weights and config do not fit": "权重与配置不符",
    "the folder holds no {}": "文件夹中没有 {}",
    "this file needs code to be read, and that is never run": "读取此文件需要运行代码，已拒绝",
    "this file is damaged or not a checkpoint": "文件已损坏，或不是检查点",
    "this file is damaged or no safetensors file": "文件已损坏，或不是 safetensors 文件",
}

REMEDIES: dict[str, str] = {
    "Try again in a few minutes": "请过几分钟再试",
    "Wait for it, or cancel it": "请等待它完成，或将其取消",
    "Generate them again, or keep the download": "请重新生成，或保留已下载的文件",
    "`make demo` trains a small one and leaves it in outputs/demo/model": (
        "运行 `make demo` 会训练一个小模型并保存在 outputs/demo/model"
    ),
    "`make demo` trains one and says where it lies": "运行 `make demo` 会训练一个并说明位置",
    "Drop one": "请放入一张",
    "E.g. {}": "例如 {}",
    "Check the path": "请检查路径",
    "Copy or download it again": "请重新复制或下载",
    "Choose another file": "请选择另一个文件",
    "Convert it to mp3, ogg, flac or wav with another program and try again": (
        "请用其他程序转换为 mp3、ogg、flac 或 wav 后再试"
    ),
    "Export the song again, e.g. as 16-bit wav": "请重新导出歌曲，例如 16 位 wav",
    "Name one sound file": "请指定一个音频文件",
    "Shorten it": "请将其缩短",
    "Give the tempo of the song": "请给出歌曲的速度",
    "Give tempo and offset instead": "请改为给出速度和偏移",
    "It has {}, counted from 0": "共有 {} 张，从 0 开始编号",
    "Give both, or neither": "请同时给出，或都不给",
    "There are {}; the report lists them": "共有 {} 项，列在报告中",
    "It is a number from {} to {}": "应为 {} 到 {} 的数",
    "Did you mean {}? Accepted: {}": "是否想写 {}？可用的有：{}",
    "Accepted: {}": "可用的有：{}",
    "Known are {}": "已知的有 {}",
    "Choose a chart of Key mode": "请选择 Key 模式的谱面",
    "Choose a chart with Mode: 3": "请选择 Mode: 3 的谱面",
    "Do not trust this archive": "请勿信任此压缩包",
    "Mend the line, or read the file leniently to leave it out": (
        "请修正这一行，或以宽松方式读取以跳过它"
    ),
    "Save it as UTF-8": "请另存为 UTF-8",
    "Write into a folder or a package": "请写入文件夹或谱面包",
    "Put its {} into the same folder": "请把它的 {} 放进同一文件夹",
    "Give the checkpoint of the diffusion, not that of the first stage": (
        "请给出扩散模型的检查点，而不是第一阶段的"
    ),
}
