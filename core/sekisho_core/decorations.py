"""What mail programs, lists, filters and senders put around a subject: reply prefixes, tags, brackets, file endings."""

from __future__ import annotations

import re

from sekisho_core.folding import KANJI_FORMS


def _words(text: str) -> str:
    return "".join(KANJI_FORMS.get(char, char) for char in text)


# Quotes 「」『』 are no decoration: they hold part of the title.
_PAIRS = dict(zip("【[(〔〈《<{〖≪«｢", "】])〕〉》>}〗≫»｣", strict=True))
_CLOSERS = {close: opener for opener, close in _PAIRS.items()}
# Words stand here in the characters that folding leaves.
_REPLY = _words(
    "re|r|fw|fwd|aw|sv|vs|wg|antw|tr|rv|enc|ref|res|odp|ynt|fyi|自動転送|返信|転送|再送|再返信|返|転|送|回复|回覆|答复|答覆|轉寄|转发|轉發"
)
_WORDS = _words(
    "spam|meiwaku|junk|bulk|virus|suspect|caution|warning|external|外部|社外|重要|至急|緊急|注意|迷惑|迷惑メール|広告|訂正|再掲|追加"
)
_ORNAMENT = "[*★☆■□◆◇●○◎※!#=_~+|/-]{1,20}"
_PREFIX = re.compile(rf"(?:(?:{_REPLY})(?:[\[(]\d{{1,4}}[\])]|[\^*-]?\d{{1,4}})?|{_WORDS})[:;>]+")
_STARRED = re.compile(rf"{_ORNAMENT}(?:{_REPLY}|{_WORDS}){_ORNAMENT}")
_ENDING = re.compile(
    r"\.(?:pdf|docx?|docm|rtf|xlsx?|xlsm|pptx?|pptm|jtdc?|txt|csv|zip|lzh|rar|7z|cab|exe|scr|lnk|html?|eml|msg|ex_|zi_)$"
)
# A bracket that tells one title from its sequel is no decoration, but a day or a count of resends is.
_ORDINAL = re.compile(r"第\d|その\d|\d+(?:回|号|版|次|年|期|報|部|章|条)")
_SENT = re.compile(r"再送|再掲|再通知|転送|resen[dt]|再\d|\d月\d+日")
_WARNING = re.compile(r"注意喚起|不審|警告|なりすまし|偽メール|詐欺|標的型|訓練")
_QUOTED = re.compile(r"[「『\"“].*[」』\"”]", re.DOTALL)


def bare(text: str) -> str:
    """`text` (casefolded, NFKC, without spaces) without what stands around the title, on both sides.

    What remains is never empty: a subject that is all decoration keeps its innermost.
    """
    while True:
        shorter = _without_ending(_without_trailing(_without_leading(text)))
        if shorter == text:
            return text
        text = shorter


def _without_leading(text: str) -> str:
    for pattern in (_PREFIX, _STARRED):
        found = pattern.match(text)
        if found and _says_something(text[found.end() :]):
            return text[found.end() :]
    end = _leading_bracket(text)
    return text[end:] if end and _is_decoration(text[1 : end - 1], text[end:]) else text


def _without_trailing(text: str) -> str:
    start = _trailing_bracket(text)
    return text[:start] if start and _is_decoration(text[start + 1 : -1], text[:start]) else text


def _without_ending(text: str) -> str:
    found = _ENDING.search(text[-8:])
    return text[: len(text) - len(found.group())] if found and _says_something(text[: -len(found.group())]) else text


def _is_decoration(inner: str, rest: str) -> bool:
    if not _says_something(rest):
        return False
    # A warning that quotes a lure whole is not the lure.
    if _WARNING.search(inner) and _QUOTED.fullmatch(rest):
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
