"""Folding tables beside those of kanji: letters, kana, dashes, numerals and words that a reader takes for one another.

Each group is the form that stands for all, followed by the forms it stands for. A form may not stand both as one that
is kept and as one that is replaced; the tests check it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

from sekisho_core.kanji import table

# Kanji written in the place of kana, already folded to hiragana.
_LOOK_ALIKES = "か力 ろ口囗 た夕 え工 と卜 ぬ又 む厶ㄙ ひ匕 の丿 へㄟ くㄑ"

# Small kana are often written large (half-width data entry has lost them); sounds that today are written alike.
_KANA = "あぁ いぃゐ うぅ えぇゑ おぉ かゕ けゖ つっ やゃ ゆゅ よょ わゎ じぢ ずづ"

# After casefold: letters of other scripts, and phonetic and stroked ones, that look Latin (after UTS 39, confusables).
_LATIN = """
aаαɑᴀⲁꓮꭺ bвʙᏼꓐⲃ cсϲᴄⲥꓚᏟ dԁᴅđꓓᎠ eеεєҽᴇⲉꓰᎬ fꜰꓝ gɡցɢꓖᏀ hһнʜħⲏꓧᎻ iіιıɩɪⲓꓲᎥᏆ jјϳᴊꓙᎫ kкκᴋⲕꓗᏦ lӏʟłⲗꓡᏞ mмμᴍⲙꓟᎷ nηոɴⲛꓠ
oоοօσᴏøⲟꓳ pрρᴘⲣꓑᏢ qԛզ rгʀɾꓣᎡ sѕꜱꓢᏚ tтτᴛⲧꓔᎢ uυսᴜʋꓴ vνѵᴠꓦᏙ wԝωᴡꓪᎳ xхχⲭꓫ yуγүʏⲩꓬ zζᴢꓜᏃ
"""
# Capitals that look like others than the capitals of what their small forms look like.
_CAPITALS = "HΗ NΝ YУΥ ZΖ BВΒ"


def _marked(first: int, digits: str) -> dict[str, str]:
    return {chr(first + place): digit for place, digit in enumerate(digits.split())}


FULL_WIDTH = {chr(0xFF01 + place): chr(0x21 + place) for place in range(94)} | {"\u3000": " "}

# Signs that NFKC leaves, or of which it makes several characters that are none of their meaning.
_LETTERS = " ".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NUMBERS = " ".join(map(str, range(1, 21)))
_TEN = "1 2 3 4 5 6 7 8 9 10"
SIGNS = {
    **_marked(0x1F150, _LETTERS), **_marked(0x1F170, _LETTERS),
    **_marked(0x24EB, _NUMBERS.partition(" 10 ")[2]), **_marked(0x24F5, _TEN), "\u24ff": "0",
    **_marked(0x2776, _TEN), **_marked(0x2780, _TEN), **_marked(0x278A, _TEN),
    **_marked(0x2160, "1 2 3 4 5 6 7 8 9 10 11 12"), **_marked(0x2170, "1 2 3 4 5 6 7 8 9 10 11 12"),
}  # fmt: skip

LATIN_FORMS = table(_LATIN)
_UPPER = {char.upper(): letter.upper() for char, letter in LATIN_FORMS.items() if char.upper() != char}
CAPITALS = {capital: letter for capital, letter in _UPPER.items() if capital.lower() in LATIN_FORMS} | table(_CAPITALS)
KANA_FORMS = table(_KANA)
LOOK_ALIKES = table(_LOOK_ALIKES)
TO_HIRAGANA = {chr(code): chr(code - 0x60) for code in range(0x30A1, 0x30F7)}

KANA_TABLE = {char: KANA_FORMS.get(plain, plain) for char, plain in TO_HIRAGANA.items()} | KANA_FORMS

# What 一 counts or makes a word with; in brackets what makes another word behind a long mark (センター部会). A dash and
# ー before it are 一 where no kana precedes them, and 一 is no ー where some do.
_ONE = """
般 律 覧 緒 致(知) 斉(藤木田) 同(窓意行様時封社席志級期好友盟僚) 式(典次辞場) 部(会門品長署隊屋材局員内外下数課位)
課(題長税程金員内) 括(弧) 時(間期刻給点事短代報計速) 度(数) 回(答覧収線復路転) 件(名数) 番(組号地) 階(層段級)
台(帳数風湾所東本) 周(辺知囲) 名(簿刺称義古前誉産所) 人(事材員権物数口形気名) 日(程時本米中韓経銀産立) 月(例間次報刊)
年(次度間会報末始金齢収賀頭) 連(絡携盟合動結係日休載続) 次(第回長期世) 体(制験系育力調) 元(号素年旦気) 貫(通) 環(境状)
種(別類目子苗) 期(間限日待末初中) 点(検数呼灯字滅) 枚(数) 冊(子) 校(長正舎内友) 定(員例期款価義時年置点休刊)
"""
ONE = "|".join(f"{word[0]}(?![{word[2:-1]}])" if word[1:] else word for word in _ONE.split())
# What no word begins with: before it every dash is 一.
ONLY_ONE = "(?:[覧般]|斉(?![藤木田]))"
# Behind 二 and 八 in the middle of a title.
TWO_OR_EIGHT = "次[募試会選]|重[国構]|国間|酸化|段階|者択|王子|丈島|世代|種類"

DASHES = "-‐‑‒–—―−─━ｰ⁃﹣－﹘〜～~∼〰⸺⸻㇐˗᠆⁓➖⹀ㅡᅳ〡ㄧ"
COLONS = "∶꞉ː᛬"

# Okurigana that may as well start later: 終わり and 終り. A kanji, the kana in question, and what follows it.
_EARLY = """
終わらりるつ 変わらりるつ 代わりるつ 替わりるつ 換わりるつ 断わりるつ 表わさしす 現わしすれ 著わしす 賜わりるつ
行なわいうつ 当たりるつ 果たしす 起こしすりるつ 落としす 押さえ 暮らしす 捕らえ 聞こえ 生まれ
"""
# Words of Japanese titles with several lawful spellings, with kana folded; honorifics and okurigana go afterwards.
SPELLINGS = {
    "に就いて": "について", "に付いて": "について", "につきまして": "について", "に付きまして": "について",
    "しらせ": "知らせ", "報せ": "知らせ", "ねがい": "願い", "あんない": "案内", "ごらん": "ご覧", "れんらく": "連絡",
    "かくにん": "確認", "ほうこく": "報告", "下さい": "ください", "致し": "いたし", "頂": "いただ", "戴": "いただ",
    "有難う": "ありがとう", "有り難う": "ありがとう", "宜しく": "よろしく", "御座い": "ござい", "何卒": "なにとぞ",
    "申し上げ": "申しあげ", "の程": "のほど", "の為": "のため", "の事": "のこと", "の通り": "のとおり",
    "及び": "および", "並びに": "ならびに", "或いは": "あるいは", "但し": "ただし", "ぬは": "または",
    "若しくは": "もしくは", "且つ": "かつ", "更に": "さらに", "為に": "ために", "等": "など", "全て": "すべて",
    "既に": "すでに", "予め": "あらかじめ", "是非": "ぜひ", "於いて": "おいて", "於て": "おいて",
    "於ける": "おける", "係る": "かかる", "係わ": "かかわ", "関わ": "かかわ", "迄": "まで", "出来": "でき",
    "伴う": "ともなう", "伴い": "ともない", "共に": "ともに", "申しこみ": "申し込み", "合わせ": "合せ",
    "あわせ": "合せ", "積もり": "積り", "見なおし": "見直し", "〆切": "締切", "引つ越": "引越", "子ども": "子供",
    "こども": "子供", "みなさま": "皆様", "皆さま": "皆様", "障がい": "障害", "障碍": "障害", "あいさつ": "挨拶",
    "わび": "詫び", "もうしこみ": "申込み",
    "てつずき": "手続き", "とい合せ": "問合せ", "うち合せ": "打合せ", "とりまとめ": "取りまとめ",
    "取まとめ": "取りまとめ", "取り纏め": "取りまとめ", "我が国": "わが国", "様様な": "さまざまな",
    # Kanji beyond those of everyday use, and kana in their place.
    "漏洩": "漏えい", "改竄": "改ざん", "逼迫": "ひつ迫", "拉致": "ら致", "隠蔽": "隠ぺい", "あつせん": "斡旋",
    "雛形": "ひな形", "雛型": "ひな型", "進捗": "進ちよく", "補填": "補てん", "破綻": "破たん", "処方箋": "処方せん",
    "冤罪": "えん罪", "毀損": "き損", "脆弱": "ぜい弱", "牽製": "けん製", "牽引": "けん引", "捏造": "ねつ造",
    "招聘": "招へい", "賄賂": "わいろ", "覚醒": "覚せい", "親睦": "親ぼく", "蔓延": "まん延", "払拭": "払しよく",
    "梱包": "こん包", "剥離": "はく離", "堆積": "たい積", "橋梁": "橋りよう", "遮蔽": "遮へい", "訃報": "ふ報",
    "哨戒": "しよう戒",
    # て between the kanji of compounds.
    "積立て": "積立", "割当て": "割当", "組立て": "組立", "申立て": "申立", "取立て": "取立", "埋立て": "埋立",
    "仕立て": "仕立", "立て替": "立替", "立て直": "立直",
    # Kanji that simplified Chinese has in common with Japanese ones of another meaning.
    "関系": "関係", "系長": "係長", "係統": "系統", "沖突": "衝突", "沖撃": "衝撃", "幹燥": "乾燥", "幹杯": "乾杯",
    "特征": "特徴", "征収": "徴収", "象征": "象徴", "追征": "追徴", "理発": "理髪", "発型": "髪型", "周刊": "週刊",
    "周間": "週間", "毎周": "毎週", "今周": "今週", "来周": "来週", "先周": "先週",
    "周末": "週末", "升格": "昇格", "升級": "昇級", "升進": "昇進", "上升": "上昇", "語匯": "語彙",
    "ゔあ": "ば", "ゔい": "び", "ゔえ": "べ", "ゔお": "ぼ", "ゔゆ": "びゆ", "ゔ": "ぶ",
} | {word[:2] + end: word[0] + end for word in _EARLY.split() for end in word[2:]}  # fmt: skip


def _expression(words: list[str]) -> str:
    """An expression for the words, the longest first, parted by their first characters."""
    words = sorted(words, key=len, reverse=True)
    rests = {word[0]: [re.escape(other[1:]) for other in words if other[0] == word[0]] for word in sorted(words)}
    return "|".join(f"{first}(?:{'|'.join(rest)})" for first, rest in rests.items())


# Two are searched in half of the time that one takes: all branches are tried at each kana that is often seen.
SPELLING = [
    _expression([word for word in SPELLINGS if word[0] <= "ゔ"]),
    _expression([word for word in SPELLINGS if word[0] > "ゔ"]),
]

# Kana that a title writes or leaves out between the kanji of a compound and at its end: 申し込み, 申込み and 申込 are
# one word. に, へ and て are left alone: they are particles. え stands for 工 too: it is dropped behind verbs that are
# often written without it, and not where 切替工事 has it.
OKURIGANA = "[りみきしいちぎびけれめせげ]"
# Of adjectives い always stands: 高い山 is no 高山.
ADJECTIVES = "青赤白黒高低安古長短強弱早速遅近遠広狭深浅重軽暗熱寒暑甘辛若悪良多細太厚薄硬固丸"
OKURIGANA_E = "え(?<=[換替変据植与押抑考控迎添].)(?=え[事業場程期]|[^事業場程期え]|$)"
PARTICLES = "のをにはがでとへもやか"

# A word ends: と and か, and particles before other kana, may as well go on (サポート, メーカー, ノート).
_WORD_END = (
    "[^ぁ-ゖー]|$|を|[のにはがでへもや](?![ぁ-ゖー])|に(?:つい|お[いけ]|かか|よ[りる]|ともな|むけ)|で[のは]|へ[のは]"
)
# Words with a long mark that is often left out before other words too.
_LONG_ENDED = """
ユーザー サーバー サイバー センター メーカー メンバー オーナー セミナー リーダー フォルダー プリンター モニター センサー
モーター レーダー ルーター ドライバー ブラウザー コンピューター エレベーター パラメーター シミュレーター アダプター
プロバイダー マネージャー スキャナー カレンダー エネルギー ポリシー セキュリティー メモリー カテゴリー ライブラリー
ディレクトリー プロパティー コンテナー フィルター ヘッダー キャリアー スピーカー オペレーター フォロワー レジスター
プロジェクター アクチュエーター ミキサー
"""

# Legal forms as they are abbreviated in brackets.
LEGAL_FORMS = {
    "株": "株式会社", "有": "有限会社", "社": "社団法人", "財": "財団法人", "独": "独立行政法人", "学": "学校法人",
    "医": "医療法人", "福": "社会福祉法人", "宗": "宗教法人", "資": "合資会社", "名": "合名会社", "合": "合同会社",
    "公財": "公益財団法人", "公社": "公益社団法人", "一財": "一般財団法人", "一社": "一般社団法人",
    "独法": "独立行政法人", "国研": "国立研究開発法人",
}  # fmt: skip


def _behind(words: Iterable[str]) -> str:
    """An expression that holds behind each of the words: those of one length stand in one look back."""
    groups = groupby(sorted(words, key=len), key=len)
    return "|".join(f"(?<={'|'.join(group)})" for _, group in groups)


_SPELT_LONG = "".join(KANA_TABLE.get(char, char) for char in _LONG_ENDED).split()
# At the end of a word of three sounds or more.
LONG_MARK = f"ー(?:(?<=[ぁ-ゖー]{{3}}.)(?={_WORD_END})|{_behind(_SPELT_LONG)})"

_DIGITS = {char: value for value, char in enumerate("〇一二三四五六七八九")} | {"零": 0, "壱": 1, "弐": 2}
_DIGITS |= {str(value): value for value in range(10)}
# Numerals only behind 第: elsewhere they are words.
FORMAL = {"参": "三", "拾": "十"}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_ROMAN = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "xi": "11", "xii": "12"}
_ONE_ROMAN = {"i": "1", "v": "5", "x": "10"}
_PARTING = frozenset("/.:・-")
NUMERAL = "[0-9〇零一二三四五六七八九十百千壱弐]+"
ROMAN = "[ivx]{1,4}(?![a-z0-9])"


def numeral(found: re.Match[str]) -> str:
    """A Japanese numeral as digits: 二十四 and 二四 are both 24; noughts alone are an ornament."""
    text = found[0]
    if text.isascii():
        return text
    if not any(char in _UNITS for char in text):
        return "".join(str(_DIGITS[char]) for char in text) if text.strip("〇") else ""
    total, digits = 0, ""
    for char in text:
        if char in _UNITS:
            total, digits = total + int(digits or "1") * _UNITS[char], ""
        else:
            digits += str(_DIGITS[char])
    return str(total + int(digits or "0"))


def parting(found: re.Match[str]) -> str:
    """What stays of punctuation: one sign for those that part two numbers, 12/1 is no 1/21; 1,300 is one number."""
    start, end = found.span()
    apart = found.string[start - 1 : start].isdigit() and found.string[end : end + 1].isdigit()
    return "/" if apart and found[0] in _PARTING else ""


def roman(found: re.Match[str]) -> str:
    """A Roman numeral that is no part of a Latin word as digits; of one letter only after 第."""
    text, before = found[0], found.string[: found.start()][-1:]
    if before.isascii() and before.isalnum():
        return text
    return _ROMAN.get(text) or (_ONE_ROMAN.get(text, text) if before == "第" else text)


def repeated(found: re.Match[str]) -> str:
    """The character that iteration marks stand for, as often."""
    return found.string[: found.start()][-1:] * len(found[0])
