"""Old code pages distinguished by their letters.

Each candidate gives a text; each letter of it costs the bits that somebody would need who knows how
often such letters stand in titles. The cheapest text is the likeliest. Control characters and
bytes without a letter rule a candidate out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

PAGES = ("cp1252", "cp932", "cp949", "gbk", "cp1251", "cp950")
FALLBACK = "cp1252"
_MOST_BYTES = 4000  # of lines with letters beyond ASCII: more evidence is not needed
_IMPOSSIBLE = 1000.0

# Letters that titles are full of; any other of their kind is rarer.
_HAN = frozenset(
    "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心"
    "多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将"
    "外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很最间新什打便位因重被走"
    "电四第门相次东海口使教西再平真听世气信北少关并内加化由却代军入先山五太水万市眼体别处总才场师书比住九笑性通"
    "目华报立马命张活难神数安表原车白应路叫死常感金何更反合放做计受光王果亲界今京解各任至清物象记边共风战干接许"
    "八特觉望直毛林南度色字请交爱让认百吃元社结六思非流每青夫连远带花快条变言往传近留红周保达运武半七必城父强步"
    "完深区即求品士转空轻江语英满李息写极令黄德始双历越史千片像找友孩站广形早房音火首影失香似若谁飞观落喜离夜梦"
    "歌曲星雪雨魂恋舞春夏秋冬云龙鸟蝶泪心蓝黑银翼情缘愿忆醉仙剑天空时光童话故事月亮太阳"
    "這個們為來時說國會學對後見過開無頭長動樣現將與進實點種聲話兒問機給幾業間電門東氣關書師報馬張難數車應場華歡"
    "樂戀雙鳥雲龍飛夢愛風淚憶願劍"
    "日本会円語読聞食桜恋僕私君涙姫魔永遠希望未来現在物幻想紅蓮東方明闇絵猫犬翔奏響祭花火戦終焉黎楽曲歌舞踊巫女"
    "晴稻香瓷晨暖灯凉城岁浮沉繁落暮枫雾霜霞烟沧海蔷薇玫瑰樱桃糖"
    "黒銀青赤緑桃蒼白鬼神狂乱雷炎氷刻旅路街駅手紙約束"
)
_HANGUL = frozenset(
    "이가는을에다의고지하나로도서시리사기아자어그인대한으부스수일라정니해게있만여전것를보제상조동들구오주은요과안면"
    "소유선무장생물위우원공성미신때비개경모세와거내마년말방교치연중되진학국화관재계음노래랑너밤별늘꽃눈바람꿈길날봄"
    "름을겨울새달빛영녕처혼자파란하얀검은붉두번째끝시작행복슬픔추억기억여행소녀왕춤빨간맛물빛숲강산집친구사람희망약속이별눈물달콤좋"
)
_LEADS = {"gbk": (0xB0, 0xD8), "cp950": (0xA4, 0xC7), "cp932": (0x88, 0x98)}
"""Lead bytes of the letters that each page's makers held for common: first, and one beyond."""


def likeliest(data: bytes, pages: Sequence[str]) -> str:
    """Return the code page of these bytes; the Western one where none fits.

    Args:
        data: any text with letters beyond ASCII.
        pages: candidates; of equal ones the first counts.
    """
    lines = (line for line in data.splitlines() if not line.isascii())
    sample = b""
    for line in lines:
        sample += line + b"\n"
        if len(sample) > _MOST_BYTES:
            break
    costs = {page: cost(sample, page) for page in pages}
    best = min(costs, key=lambda page: costs[page])
    return best if costs[best] < _IMPOSSIBLE * len(sample) else FALLBACK


def cost(data: bytes, page: str) -> float:
    """Bits that the letters beyond ASCII cost; beyond all bounds where they are none."""
    try:
        text = data.decode(page)
    except UnicodeDecodeError:
        return _IMPOSSIBLE * (len(data) + 1)
    total = 0.0
    for index, letter in enumerate(text):
        if letter > "\x7f":
            beside = text[max(index - 1, 0) : index] + text[index + 1 : index + 2]
            total += _letter_cost(letter, beside, text[max(index - 1, 0) : index], page)
    return total


def _letter_cost(letter: str, beside: str, before: str, page: str) -> float:
    point = ord(letter)
    if 0xAC00 <= point <= 0xD7A3:
        common = 7.5 if letter in _HANGUL else 10.5
        bits = common if letter.encode(page)[0] >= 0xB0 else 16.0
    elif 0x4E00 <= point <= 0x9FFF:
        bits = _han_cost(letter, page)
    elif 0x3040 <= point <= 0x30FF:
        bits = 6.5 if page == "cp932" else 13.0
    elif 0x3000 <= point <= 0x303F or 0xFF01 <= point <= 0xFF5E:
        bits = 9.0
    elif 0x2010 <= point <= 0x2026 or letter in "«»¡¿°·™":
        bits = 8.0
    elif unicodedata.category(letter) in ("Cc", "Cn", "Co"):
        bits = _IMPOSSIBLE
    else:
        bits = _word_cost(letter, beside, before)
    return bits


def _word_cost(letter: str, beside: str, before: str) -> float:
    """Bits of a letter that belongs among others of its script, in words of one case."""
    point = ord(letter)
    latin_beside = any(one.isascii() and one.isalpha() for one in beside)
    broken_case = 6.0 * (bool(before) and before.islower() and letter.isupper())
    alone = not any(one.isalpha() for one in beside)
    if 0xFF61 <= point <= 0xFF9F:
        among_others = any(0xFF61 <= ord(one) <= 0xFF9F for one in beside)
        return 9.0 + 8.0 * (latin_beside or not among_others)
    if letter.isalpha() and 0x400 <= point <= 0x4FF:
        stray = 8.0 * (latin_beside or alone)
        return 4.8 + stray + broken_case + 4.0 * (point not in _RUSSIAN)
    if letter.isalpha() and unicodedata.name(letter, "").startswith("LATIN"):
        pair = any(one > "\x7f" for one in beside)
        return 5.0 + 3.0 * letter.isupper() + 4.0 * alone + 4.0 * pair + broken_case
    return 14.0


_RUSSIAN = frozenset(range(0x410, 0x450)) | {0x401, 0x451}


def _han_cost(letter: str, page: str) -> float:
    if page == "cp949":
        return 14.0  # Korean titles hardly have any
    low, beyond = _LEADS.get(page, (0, 0))
    common = low <= letter.encode(page)[0] < beyond
    if letter in _HAN:
        return 7.5 if common else 15.0
    return 11.3 if common else 16.0
