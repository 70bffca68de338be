"""What mail programs, lists, filters and senders put around a subject: reply prefixes, tags, brackets, file endings."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from sekisho_core.folding import LATIN_FORMS, ONLY_ONE
from sekisho_core.kanji import KANJI_FORMS
from sekisho_core.steps import Kind


def _words(text: str) -> str:
    """The words as folding leaves them, without spaces and accents; the voiced marks of kana stay."""
    marked = unicodedata.normalize("NFD", text)
    plain = "".join(char for char in marked if unicodedata.category(char) != "Mn" or char in "\u3099\u309a")
    forms = KANJI_FORMS | LATIN_FORMS
    return "".join(forms.get(char, char) for char in unicodedata.normalize("NFC", plain).casefold() if char != " ")


# Quotes 「」『』 are no decoration: they hold part of the title.
_PAIRS = dict(zip("【[(〔〈《<{〖≪«｢⦅", "】])〕〉》>}〗≫»｣⦆", strict=True))
_CLOSERS = {close: opener for opener, close in _PAIRS.items()}
_QUOTES = "「」『』\"“”'‘’"
# What mail programs of all languages write before a colon (after RFC 5256 section 2.1 and their own translations).
_REPLY = _words(
    "re|r|reply|fw|fwd|forward|forwarded|weitergeleitet|fs|vb|aw|sv|vs|vl|wg|antw|antwort|tr|trs|rv|enc|ref|rif|res|rsp|odp|pd|"
    "ynt|ilt|i|atb|bls|doorst|vá|tov|továbbítás|fyi|отв|на|пересл|απ|σχετ|πρθ|trả lời|ตอบ|회신|답장|전달|תגובה|הועבר|"
    "automatic reply|auto reply|auto|自動転送|自動返信|自動応答|自动回复|返信|転送|再送|再送信|再返信|返|転|送|回复|"
    "回覆|答复|答覆|轉寄|轉發|转寄|转发"
)
_WORDS = _words(
    "spam|meiwaku|junk|bulk|virus|suspect|suspected spam|caution|warning|ext|external|urgent|important|reminder|"
    "外部|社外|社外秘|重要|最重要|至急|大至急|緊急|注意|取扱注意|迷惑|迷惑メール|広告|訂正|再掲|追加|要返信|要回答|要確認|要対応|回覧|リマインド"
)
# 【予算委員会】の開催: the bracket is the beginning of the title.
_ON = "[のを](?![ぁ-ゖ])|に(?:つ[いき]|関|係)"
_GOES_ON = re.compile(_ON)
_HELD = re.escape("".join([*_PAIRS, *_CLOSERS, _QUOTES]))
_ORNAMENT = rf"(?:[^\w{_HELD}]|[_●]){{1,20}}"
# Of masks nothing is an ornament, nor is a dash that stands for 一.
_ORNAMENTS = re.compile(rf"(?:[^\w●{_HELD}-]|-(?!{ONLY_ONE})|_|●(?<!●●)(?!●))+")
_PREFIX = re.compile(
    rf"(?:(?:{_REPLY})(?:[\[(]\d{{1,4}}[\])]|[\^*-]?\d{{1,4}})?\.?|{_WORDS})(?:[:;>]+(?:[\[(]\d{{1,4}}[\])])?|[)\]】])"
    rf"|(?:{_WORDS})!|未承諾広告[※*]"
)
# A word that only tags say between ornaments, or any few between the same signs.
_STARRED = re.compile(
    rf"{_ORNAMENT}(?:{_REPLY}|{_WORDS})(?:[\[(][\d./]{{1,12}}[\])])?{_ORNAMENT}"
    rf"|([■□◆◇★☆▼▽▲△◎※♦♥♪✦*#])\1{{0,3}}[^\W_]{{1,8}}\1{{1,4}}+(?!{_ON})"
)
# A word in quotes is part of the title unless it is one that only tags say.
_QUOTED_TAG = re.compile(rf"[「『](?:{_REPLY}|{_WORDS})[」』]")
_ENDING = re.compile(
    r"[.。](?:pdf|docx?|do[ct]m|rtf|xlsx?|xls[mb]|pptx?|pptm|pps[xm]?|jtdc?|odt|ods|odp|txt|csv|one|zip|zipx|lzh|rar|7z|cab|"
    r"t?gz|tar|iso|img|vhdx?|exe|scr|pif|lnk|url|jse?|vb[se]|ws[fh]|hta|bat|cmd|ps1|jar|msi|dll|chm|html?|mht|shtml?|svg|"
    r"xps|jpe?g|png|gif|bmp|tiff?|eml|msg|ex_|zi_)$"
)
# A bracket that tells one title from its sequel is no decoration, but a day or a count of resends is.
_ORDINAL = re.compile(
    r"第[\d一二三四五六七八九十]|その[\d一二三四五六七八九十]|[\d一二三四五六七八九十]+(?:回|号|版|次|年|期|報|部|章|条)"
    r"|^[\d一二三四五六七八九十]{1,3}$|(?<![a-z])(?:part|vol|no|ver|v)\.?\d|続き?$|続[報編]|[前後][編半]$|^[上中下]巻?$"
    r"|改[訂定正]版?$|[\d一二三四五六七八九十●]月(?![\d一二三四五六七八九十])|^[rhs]\d{1,2}$|(?:令和|平成)[\d元]+$"
)
_SENT = re.compile(r"再送|再掲|再通知|転送|resen[dt]|再\d|\d月\d+日|\d[./]\d|\d{4}-\d")
_UNDONE = re.compile(r"中止|延期|取消|取り消し|取りやめ|取り止め|cancel|postpon")
# Of security notices, which quote the lures that they warn of; a lure may be about another virus.
_WARNING = re.compile(
    _words(
        r"注意喚起|要注意|不審|警告|なりすまし|偽メ[-ー]ル|詐欺|標的型|訓練|フィッシング|マルウェア|(?<!コロナ)ウ[イィ]ルス|"
        r"セキュリティ(?:情報|警報|通知)|アラ[-ー]ト|(?<![a-z])alert|phish|malware"
    )
)
_QUOTED = re.compile(r"[「『\"“].*[」』\"”]", re.DOTALL)


class Kept(NamedTuple):
    """`text[start:end]` is what stays when one decoration is taken off, which is of this kind."""

    start: int
    end: int
    kind: Kind


def peelings(text: str) -> list[Kept]:
    """What stays of `text` (casefolded, NFKC, without spaces) each time its outermost decoration is taken off.

    What stays is never empty: a subject that is all decoration keeps its innermost. A warning that quotes a lure whole
    is not the lure: there nothing is taken off from the tag that warns on.
    """
    found, warned = _all_peelings(text)
    return found if warned is None else found[:warned]


def is_warning(text: str) -> bool:
    """Whether `text` is a title in quotes under a tag that warns."""
    return _all_peelings(text)[1] is not None


def _all_peelings(text: str) -> tuple[list[Kept], int | None]:
    """All peelings, and which of them takes off the first tag that warns of a title in quotes."""
    found: list[Kept] = []
    warned = None
    while (left := _peeled(text)) is not None:
        if warned is None and _WARNING.search(text[: left.start] + text[left.end :]):
            warned = len(found)
        found.append(left)
        text = text[left.start : left.end]
    return found, warned if warned is not None and _QUOTED.fullmatch(text) else None


def _peeled(text: str) -> Kept | None:
    return _front(text) or _ornaments(text) or _leading(text) or _trailing(text) or _ending(text)


def _front(text: str) -> Kept | None:
    for kind, pattern in _FRONTS:
        found = pattern.match(text)
        if found and _says_something(text[found.end() :]):
            return Kept(found.end(), len(text), kind)
    return None


def _ornaments(text: str) -> Kept | None:
    start, end = _bare(text)
    return Kept(start, end, "punctuation") if end - start < len(text) and _says_something(text[start:end]) else None


def _bare(text: str) -> tuple[int, int]:
    """Where `text` begins and ends without the signs on both sides, which would hide a bracket or a quote."""
    before, behind = (len(found[0]) if found else 0 for found in map(_ORNAMENTS.match, (text, text[::-1])))
    return before, max(before, len(text) - behind)


def _leading(text: str) -> Kept | None:
    end = _leading_bracket(text)
    if end == len(text) and _front(text[1:-1]):
        # [Fwd: title], as RFC 5256 section 2.1 has it.
        return Kept(1, end - 1, "punctuation")
    if not end or _GOES_ON.match(text, end) or not _is_decoration(text[1 : end - 1], text[end:]):
        return None
    return Kept(end, len(text), "decoration")


_FRONTS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("prefix", _PREFIX),
    ("decoration", _STARRED),
    ("decoration", _QUOTED_TAG),
)


def _trailing(text: str) -> Kept | None:
    start = _trailing_bracket(text)
    return Kept(0, start, "decoration") if start and _is_decoration(text[start + 1 : -1], text[:start]) else None


def _ending(text: str) -> Kept | None:
    found = _ENDING.search(text, max(0, len(text) - 8))
    return Kept(0, found.start(), "ending") if found and _says_something(text[: found.start()]) else None


def _is_decoration(inner: str, rest: str) -> bool:
    if not _says_something(rest) or _UNDONE.search(inner):
        return False
    return bool(_SENT.search(inner)) or not _ORDINAL.search(inner)


def _says_something(text: str) -> bool:
    return any(char.isalnum() or char == "●" for char in text)


def _leading_bracket(text: str) -> int:
    """The end of the balanced bracket that `text` begins with, 0 for none."""
    if not text or text[0] not in _PAIRS:
        return 0
    return _balanced(text, text[0], _PAIRS[text[0]])


def _trailing_bracket(text: str) -> int:
    """The start of the balanced bracket that `text` ends with, 0 for none."""
    if not text or text[-1] not in _CLOSERS:
        return 0
    length = _balanced(text[::-1], text[-1], _CLOSERS[text[-1]])
    return len(text) - length if length else 0


def _balanced(text: str, opener: str, closer: str) -> int:
    depth = 0
    for position, char in enumerate(text):
        depth += (char == opener) - (char == closer)
        if depth == 0:
            return position + 1
    return 0
