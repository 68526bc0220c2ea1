"""The tab that says what this is, what may be done with it, and under which licences."""

from __future__ import annotations

from html import escape

from mug.ui.page.texts import Texts

_PARTS = (
    (
        ("What this is", "这是什么"),
        (
            "MuG Diffusion turns a song into charts for vertical-scrolling rhythm games"
            " (osu!mania, StepMania, Quaver, Malody). A diffusion model hears the song, takes your"
            " wishes and writes notes; these are snapped to the beat, mended where nobody could"
            " play them, measured and compared with what you asked for.",
            "MuG Diffusion 把一首歌变成下落式音游（osu!mania、StepMania、Quaver、Malody）的谱面。"
            "扩散模型听取歌曲与你的要求写出音符，随后对齐到节拍、修正无法演奏之处，"
            "并与你的要求进行对比测量。",
        ),
    ),
    (
        ("Machine-made charts on osu!", "osu! 上的机器谱面"),
        (
            "osu! does not accept machine-made content in ranked maps. Every chart made here says"
            " in its tags that a machine made it; leave these tags in when you share one. Take the"
            " charts as a start for your own work, or play them for fun.",
            "osu! 不接受在上架（ranked）谱面中使用机器生成的内容。"
            "这里生成的每张谱面都会在标签中注明由机器生成，"
            "分享时请保留这些标签。可以把它们作为自己制谱的起点，或者单纯拿来玩。",
        ),
    ),
    (
        ("Songs", "歌曲"),
        (
            "Your songs and charts stay on the computer that runs this page and are deleted there"
            " after a day. Sharing a package shares the song in it: that needs the permission of"
            " whoever owns it.",
            "你的歌曲和谱面只保存在运行本页的计算机上，一天后删除。"
            "分享谱面包就是分享其中的歌曲，需要得到版权所有者的许可。",
        ),
    ),
    (
        ("Licences", "许可证"),
        (
            "The code is under the MIT licence; the page uses Gradio (Apache 2.0). THIRD_PARTY.md"
            " lists everything else that is used.",
            "代码采用 MIT 许可证；页面使用 Gradio（Apache 2.0）。其余依赖见 THIRD_PARTY.md。",
        ),
    ),
)


def about(t: Texts) -> str:
    """The tab's text as HTML."""
    index = 1 if t.language == "zh" else 0
    parts = "".join(
        f"<h2>{escape(head[index])}</h2><p>{escape(body[index])}</p>" for head, body in _PARTS
    )
    return f'<article class="mug-prose">{parts}</article>'
