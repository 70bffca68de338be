"""Spelt-out passwords: characters that are named one by one, and what a mail notes about how to type a value."""

from __future__ import annotations

import re

_NAMES = {
    "エー エイ ei": "a", "ビー びー": "b", "シー しー": "c", "ディー デー": "d", "イー いー": "e", "エフ": "f",
    "ジー ジィー": "g",
    "エイチ エッチ": "h", "アイ": "i", "ジェー ジェイ": "j", "ケー ケイ": "k", "エル": "l", "エム": "m", "エヌ": "n",
    "オー おー": "o", "ピー": "p", "キュー": "q", "アール": "r", "エス": "s", "ティー テー": "t", "ユー": "u",
    "ブイ ヴイ ヴィ": "v",
    "ダブリュー ダブリュ ダブル": "w", "エックス": "x", "ワイ": "y", "ゼット ズィー ゼッド": "z",
    "ゼロ れい 零 〇 zero": "0", "いち イチ 一 ワン one": "1", "に ニ 二 ツー two": "2",
    "さん サン 三 スリー three": "3",
    "よん ヨン し 四 フォー four": "4", "ご ゴ 五 ファイブ five": "5", "ろく ロク 六 シックス six": "6",
    "なな ナナ しち 七 セブン seven": "7", "はち ハチ 八 エイト eight": "8", "きゅう キュウ く 九 ナイン nine": "9",
    "ハイフン マイナス hyphen dash minus": "-", "アンダーバー アンダースコア アンダーライン underscore": "_",
    "ドット ピリオド dot period": ".", "シャープ 井桁 ハッシュ hash sharp pound": "#", "アットマーク アット at": "@",
    "スラッシュ slash": "/", "プラス plus": "+", "アスタリスク 米印 asterisk star": "*", "ドル ドルマーク dollar": "$",
    "パーセント percent": "%", "アンド アンパサンド ampersand": "&",
    "びっくりマーク ビックリマーク エクスクラメーション 感嘆符 exclamation bang": "!",
    "クエスチョン クエスチョンマーク はてな ハテナ 疑問符 question": "?", "イコール equals": "=",
}  # fmt: skip
_SIGNS = {name: sign for names, sign in _NAMES.items() for name in names.split()}
_NATO = (
    "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar papa "
    "quebec romeo sierra tango uniform victor whiskey xray x-ray yankee zulu"
)
_SIGNS |= {word: word[0] for word in _NATO.split()}
_UPPER = re.compile(r"大文字の?|upper\s?-?case|capital|big", re.I)
_LOWER = re.compile(r"小文字の?|lower\s?-?case|small|little", re.I)
_DROPPED = re.compile(
    r"半角の?|全角の?|数字の?|英字の?|記号の?|アルファベットの?|\b(?:the|letter|digit|number|sign|mark|as|in|like)\b",
    re.I,
)
_EXAMPLE = re.compile(r"\b(?:as\sin|like|for)\s[a-z]{2,12}\b", re.I)
_PIECES = re.compile(r"[\s、,・/|→‐「」『』\"'“”()]+")
_JAPANESE = re.compile(r"(?:" + "|".join(sorted(map(re.escape, _SIGNS), key=len, reverse=True)) + ")")
_NAMED_SIGN = re.compile(r"(?P<before>[!-~])[(\[](?P<name>[ァ-ヶー]{2,14}|井桁|米印)[)\]](?=[!-~])")
_MAX_PIECES = 40
# Notes about the value.
_NO_HYPHENS = re.compile(
    r"(?:ハイフン|「-」|-)(?:は|を)?(?:不要|除|抜|含ま|含み(?:ま)?せん|なし|無し|省)|(?:without|omit|no"
    r"|remove|ignore)\s(?:the\s)?(?:hyphen|dash)",
    re.I,
)
_NO_SPACES = re.compile(
    r"(?:スペース|空白)(?:は|を)?(?:不要|除|抜|含ま|含み|なし|無し|詰)|(?:without|omit|no|remove"
    r"|ignore)\s(?:the\s)?(?:space|blank)",
    re.I,
)
_ALL_UPPER = re.compile(
    r"(?:すべて|全て|全部|英字は|アルファベットは)大文字|大文字(?:で|に(?:て|し|変))|(?:all\s"
    r"|in\s)(?:upper\s?-?case|capital|caps)|in\scapitals",
    re.I,
)
_ALL_LOWER = re.compile(
    r"(?:すべて|全て|全部|英字は|アルファベットは)小文字|小文字(?:で|に(?:て|し|変))|(?:all\s"
    r"|in\s)(?:lower\s?-?case|small)",
    re.I,
)
_FIRST_UPPER = re.compile(
    r"(?:先頭|頭文字|最初の文字|[1一]文字目)(?:のみ|だけ)?(?:は|を|が)?大文字|(?:first"
    r"|initial)\s(?:letter|character)?\s?(?:is\s)?(?:capital|upper)",
    re.I,
)
_WITH_BRACKETS = re.compile(
    r"(?:かぎ?カッコ|カギカッコ|括弧|引用符|かっこ|カッコ|記号)(?:も|を?含(?:み(?!ませ)|む|めて))"
    r"|includ\w{1,4}\s(?:the\s)?(?:quot|bracket|parenthes)",
    re.I,
)
_ALL_WIDE = re.compile(r"(?:すべて|全て)?全角で(?:ご?入力|打|お)|全角(?:英数字?|文字)で")
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_REVERSED = re.compile(r"逆(?:から|順|さ)|後ろから(?:読|入)|backwards|reverse", re.I)
_FIRST_HALF = re.compile(
    r"(?:前半|前の|最初|1つ目|一つ目|ひとつ目|その1|1/2|上[0-9]桁|first\s(?:half|part)|part\s?(?:1|one|a)\b)", re.I
)
_SECOND_HALF = re.compile(
    r"(?:後半|後の|残り|2つ目|二つ目|ふたつ目|その2|2/2|下[0-9]桁|second\s(?:half|part)|part\s?(?:2|two|b)\b)", re.I
)
_OF_A_FILE = re.compile(r"ファイル|資料|file|document", re.I)
_HALF_VALUE = re.compile(
    r"[^0-9A-Za-z:=「『\"“\n]{0,12}?\s*(?:(?:[:=はが]|is)\s*[「『\"“']?|[「『\"“])([!#-&*-~]{1,32})", re.I
)
_JOINS = re.compile(
    r"つなげ|繋げ|続けて(?:ご?入力|、)|連結|結合|合わせ(?:て|た)|組み合わせ|concatenat|combin|並べ|順に(?:ご?入力|つな|並)"
    r"|together|join",
    re.I,
)


def spelt(text: str) -> list[str]:
    """The passwords that a row of characters' names means: 「大文字のエー、ビー、ハイフン、いち」.

    Where a letter's case is not said, both are tried.
    """
    # Nothing but 〇 is a mask.
    if not text.strip("〇。です "):
        return []
    pieces = [piece for piece in _PIECES.split(_shorten(text)) if piece]
    if len(pieces) < 2 and (run := _JAPANESE.findall(text)) and "".join(run) == text.strip():
        pieces = run
    if not 3 <= len(pieces) <= _MAX_PIECES:
        return []
    lower, upper, case = "", "", ""
    named = len(_EXAMPLE.findall(text))
    for piece in pieces:
        kind, bare = _case(piece)
        case = kind or case
        sign = _SIGNS.get(bare) or _SIGNS.get(bare.lower()) or (bare if len(bare) == 1 and bare.isascii() else "")
        if not bare:
            continue
        if not sign:
            return []
        named += bare != sign
        lower += sign.upper() if case == "upper" else sign
        upper += sign if case == "lower" else sign.upper()
        case = ""
    if len(lower) < 3 or named < 2:
        return []
    return list(dict.fromkeys((lower, upper)))


def _shorten(text: str) -> str:
    text = _EXAMPLE.sub(" ", text)
    return _DROPPED.sub(" ", _LOWER.sub(" \x02 ", _UPPER.sub(" \x01 ", text)))


def _case(piece: str) -> tuple[str, str]:
    kind = "upper" if "\x01" in piece else "lower" if "\x02" in piece else ""
    return kind, piece.strip("\x01\x02")


def with_named_signs(text: str) -> str:
    """The text with the signs that brackets name inside a value: tk(アンダーバー)2025; none where the sign stands."""
    return _NAMED_SIGN.sub(_named_sign, text) if "(" in text or "[" in text else text


def _named_sign(match: re.Match[str]) -> str:
    sign = _SIGNS.get(match["name"], "")
    if sign.isalnum() or not sign:
        return match[0]
    return match["before"] if match["before"] == sign else match["before"] + sign


def as_noted(value: str, note: str) -> list[str]:
    """The value as the notes of its sentence want it typed, before the value itself."""
    found: list[str] = []
    if _NO_HYPHENS.search(note) and "-" in value:
        found.append(value.replace("-", ""))
    if _NO_SPACES.search(note) and " " in value:
        found.append(value.replace(" ", ""))
    if _REVERSED.search(note):
        found.append(value[::-1])
    if _ALL_UPPER.search(note):
        found.append(value.upper())
    if _ALL_LOWER.search(note):
        found.append(value.lower())
    if _FIRST_UPPER.search(note):
        found.append(value[:1].upper() + value[1:])
    if _ALL_WIDE.search(note):
        found.append(value.translate(_WIDE))
    if _WITH_BRACKETS.search(note):
        found += [f"「{value}」", f'"{value}"', f"[{value}]", f"({value})"]
    return list(dict.fromkeys([*found, value]))


def joined_halves(lines: list[str]) -> list[str]:
    """A password in two halves that are each named."""
    halves: list[list[str]] = [[], []]
    for line in lines:
        for found, pattern in zip(halves, (_FIRST_HALF, _SECOND_HALF), strict=True):
            match = pattern.search(line)
            value = _HALF_VALUE.match(line, match.end()) if match else None
            # Of two files each has a password of its own.
            if value and not _OF_A_FILE.search(value[0]):
                found.append(value[1].rstrip(".,;)"))
    return [one + other for one, other in zip(*halves, strict=False)][:3]


def are_joined(text: str) -> bool:
    """Whether the text tells to put several values together."""
    return _JOINS.search(text) is not None
