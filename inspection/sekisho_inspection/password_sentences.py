"""Sentences that state passwords: what a line says behind a label, or before it."""

from __future__ import annotations

import re
from itertools import islice

from sekisho_inspection.password_labels import (
    ELSEWHERE,
    FILE_NAME,
    MOST_QUOTES,
    NAMED,
    OTHER_FIELD,
    OTHERWISE,
    REACH,
    Label,
    is_made_up,
    is_plausible,
    is_word,
)
from sekisho_inspection.password_ornaments import METHODS, set_off
from sekisho_inspection.password_spelling import as_noted, spelt, with_named_signs
from sekisho_inspection.password_values import (
    JOINT,
    QUOTED,
    SPACED,
    TOKEN,
    marked_value,
    quoted_values,
    token_at,
    trimmings,
)
from sekisho_inspection.password_words import TAIL, is_told

_NOTE = re.compile(
    r"\s*\([^()]{0,80}\)|\s*[\[〔][^\[\]〔〕]{0,40}[\]〕](?=\s*[:=は])"
    r"|\s*[【\[〔](?:半角|全角|英数|大文字|小文字|[0-9]{1,2}(?:桁|文字))[^\[\]〔〕【】]{0,20}[】\]〕](?!$)"
)
_EXAMPLE = re.compile(r"\((?:例(?![外年題会文])|たとえば|e\.g\.)[^()]{0,80}\)", re.I)
_NUMBER = re.compile(r"\s?(?:その)?[#]?[0-9A-Z]{1,2}(?=\s*(?:[:=はが]|→))")
_LETTER_OF_VALUE = re.compile(r"\s?[A-Z]{1,2}=")
_CLOSED = re.compile(r"[\s\])】》』」〕>}*_~◆■●◇□★☆▼▽▲△♦♢]*")
_CLOSING_LABEL = re.compile(r"\s*[\])】》』」〕>}◆■●◇□★☆▼▽▲△♦♢]")
# Words between a label and its mark: 解凍パスワードのお知らせ：
_BETWEEN = re.compile(r"(?:(?:の|を|用|に|for|to|of)?[^:=「『【。、\n]{0,30}?)(?=\s?[:=→⇒])", re.I)
_MARK = re.compile(r"\s*(?:[:=;→⇒➡►▶⇨☞👉]|-{1,8}+>|=>|>>|\.{3,}|…+|・{2,}|\|)+\s*(?:(?:→|⇒|->|=>|>)\s*)?")
# Between the values of a row; a row has one for each file.
_IN_ROW = re.compile(r"\s?(?:\([^()]{0,20}\))?\s?、\s?")
_ROW_GOES_ON = re.compile(r"\s*(?:[、。(]|です|$)")
_MOST_IN_ROW = 8
_SOFT_MARK = re.compile(r"\s*(?:[-–—―ー~〜/]|\s/)\s*")
_TOPIC = re.compile(
    r"\s*(?:ですが、?|には|としては|につきましては|に関しては|について(?:は)?|として(?:は)?、?|[はがも]、?|、"
    r"|を(?=\s?[「『【\"“!-~]))\s*[,、]?\s*"
)
_ANNOUNCING = re.compile(r"(?:こちら|以下|下記|次|これ)[^:=→⇒]{0,20}?(?:[:=→⇒]|->|=>)\s*")
_MANNER = re.compile(
    r"(?:(?:すべて|全て|いずれも|今回(?:は|から|より)?|添付の?|共通で|一律で?|半角|全角|英数字?|数字|英字"
    r"|アルファベット|大文字|小文字|記号|ローマ字|[0-9]{1,2}(?:桁|文字)|(?:下記|以下|次)(?:の(?=[0-9])|(?=\())|引き続き|これまで通り"
    r"|(?:社内共通|共通|いつも|従来|前回|前回同様)の|(?:前回|いつも|従来)と(?:同じ|同様の?))++(?:の|で|にて|で、|は|、)?\s*+)++"
)
# What the password is not, or no longer.
_NO_LONGER = re.compile(
    r"[^。、「『\n]{0,24}?(?:では(?:なく|無く)|とは?(?:違い|違って|異なり)|から(?:変更し|変え)て?)、?\s*"
)
# A clause between the label and its value, which says that the file is locked.
_LOCKED = re.compile(
    r"\s*[をがは](?:かか|掛か|かけ|掛け|付け|付い|つけ|つい|設定)[^。、「『\n]{0,14}?(?:まして|ますが|ですが|ていて|て)、\s*"
)
_BESIDE = re.compile(r"(?:id|ユーザ名?|ユーザー名?)\s?[/・&]\s?$", re.I)
_SQUARE_LABEL = re.compile(r"[\]】〕]\s?")
_NOTE_BEHIND = re.compile(r"(?<=[」』】”\"])\s?\([^()]{0,60}\)")
_COPULA = re.compile(
    r"\s*(?:(?:\([^()]{0,60}\)\s*)?(?:です|でした|となり|とな(?:る|って)|になり|とし(?:て|ま)|でござ"
    r"|になって|のまま(?!に)|よろしく|宜しく|である|だ(?:。|$|よ)"
    r"|で(?:お願い|ご?解凍|ご?開|復号|展開|す|ロック|保護|暗号|設定|統一|登録|ご?入力|[!。、]|$)|を(?:ご?入力|ご?使用"
    r"|ご?利用|お使い|設定|かけ|掛け|付け|用い|使っ)|と(?:ご?入力|いたし|致し|し)|にて|に(?:設定|し(?:て|ま)|いたし|致し|変更|変わ)"
    r"|が(?:設定|かか|必要))"
    r"|[。、,(※\[]|\.(?:\s|$)|$)"
)
_ENGLISH = re.compile(
    r"(?P<between>[^:=\n。]{0,80}?)(?P<mark>\b(?:(?P<renewed>(?:(?:has\sbeen|is|was)\s)?(?:now\s)?(?:changed|reset|updated|set)\sto"
    r"|remains|stays)|has\sbeen\sset\s(?:to|as)"
    r"|have\sset\sto|is|are|was|will\sbe|would\sbe)\b\s?(?:set\s(?:to|as)|as\sfollows|the\sfollowing|now|simply|just"
    r"|still)?\s?[:=-]?|[:=]|->|=>|\s(?P<dash>[-–—]{1,2})\s|^(?P<short>['’]s\s))\s*",
    re.I,
)
# How a value is typed, where it may stand.
_TYPED_AS = re.compile(
    r"(?:(?:(?:all|in|entirely)\s(?:in\s)?(?:(?:lower|upper)\s?-?case|caps|capitals|capital\sletters)|(?:no|without)\s(?:spaces|hyphens)"
    r"|case[\s-]sensitive|one\sword|it(?:['’]s|\sis))[,;:]?\s(?:and\s)?)++",
    re.I,
)
# Behind a value, its last character first, where a clause ends.
_ENDED = re.compile(r"(?:[.,;!)]|.(?:$|[(,;-]|(?:on|as|since|from|by|for|yesterday|today)\b))")
_STATES = re.compile(r"[\s\])】》』」〕>◆■●◇□★☆]*+(?:[:=;→⇒はがを「『【\"“<-]|is\b|$|[!-~]+\s*$)", re.I)
# Behind a quotation that is one of several parts.
_MORE = re.compile(r"\s*(?:\+|と|、|に|の|and|followed)[^「『【“\"\n]{0,20}[「『【“\"]")
# Behind a quotation that is the password, also in a sentence that says what it protects.
_OPENED_BY = re.compile(
    r"\s*(?:\([^()]{0,60}\)\s*)?(?:です|とな|にな|でござ|にて|により|によ?って|を(?:ご?入力|ご?使用|ご?利用|用い|使っ|お使い|設定|かけ|掛け)"
    r"|で(?:[すの、。]|$|ご?(?:お?開|解|保護|暗号|ロック|設定|復号|展開|閲覧))|[にへ](?:変更|変わ|設定|いた)|が(?:設定|かか|掛か|必要)"
    r"|と(?:設定|して|ご?入力)|付き|つき)"
)
_BEFORE = re.compile(
    r"(?:[「『【“\"‘]([^「」『』【】“”\"‘’\n]{1,64})[」』】”\"’]|([!-~]{3,64}))\s*+"
    r"(?:が|という|といった|を|は|も|←|<-+|<=+|…|\.{3}|=|:|→|,)?\s*+(?:\(|\[|【)?\s*+(?:こちらが|これが"
    r"|添付(?:ファイル)?の?|今回の|ファイルの|解凍(?:用)?の?|復号|開封|展開|zip|pdf|excel|(?:is|are|was"
    r"|as|be)\s(?:the|your|our)?\s?)?$",
    re.I,
)
_BEFORE_LINK = re.compile(
    r"(?:が|という|といった|を|←|<-|<=|\(|\[|【|is\sthe|is\syour|as\sthe|as|:|=|は)\s*(?:添付(?:ファイル)?の?|今回の"
    r"|ファイルの|解凍(?:用)?の?|復号|開封|展開|zip|pdf|excel)*$",
    re.I,
)


def on_line(line: str, label: Label) -> list[str]:
    """The values that stand on the label's own line; of an identifier and a password first the password."""
    found = _stated(line, label)
    pair = _BESIDE.search(line[max(0, label.start - 8) : label.start]) if found and "/" in found[0] else None
    return [found[0].partition("/")[2], *found] if pair else found


def _stated(line: str, label: Label) -> list[str]:
    rest = with_named_signs(_EXAMPLE.sub("", line[label.end : label.end + REACH]))
    sentence = _sentence(rest)
    # In English prose the word passes something, or is a verdict.
    if is_compound(rest) or (label.is_pass and not _STATES.match(rest)):
        return []
    behind = pass_notes(rest)
    if label.announces:
        return _announced(behind)
    if label.sure and (found := set_off(rest)):
        return found
    for read in (_marked, _after_topic, _in_quotes, _in_english, _adjacent):
        if (label.sure or read is _marked) and (found := read(behind, sentence, label)):
            return found if label.sure else [value for value in found if is_made_up(value)]
        if read is _marked and _MARK.match(behind):
            return []
    return _before(line[: label.start], sentence) if label.sure else []


def is_compound(rest: str) -> bool:
    """Whether the label is the beginning of another word: パスワード付き, password-protected."""
    return (
        re.match(
            r"\s?(?:付|つき|保護|ロック|ポリシ|管理|認証|変更|リセット|再(?!送)|-?protect|-?reset|\smanager|\sless)",
            rest,
            re.I,
        )
        is not None
    )


def _sentence(text: str) -> str:
    """Up to the end of the sentence; a full stop between characters of a value ends none."""
    return re.split(r"。|(?<=[A-Za-z0-9)])\.\s(?=[A-Z])", text, maxsplit=1)[0]


def pass_notes(rest: str) -> str:
    """What stands behind the notes, numbers and closing brackets of a label."""
    closed = None
    for _ in range(3):
        start = rest
        if note := _NOTE.match(rest):
            rest = rest[note.end() :]
        # Behind the label's bracket such a letter is the value's.
        if (number := _NUMBER.match(rest)) and not (closed and closed[0] and _LETTER_OF_VALUE.match(rest)):
            rest = rest[number.end() :]
        closed = _CLOSED.match(rest)
        tail = rest[closed.end() :] if closed else rest
        # A bracket that closes is the label's; white space before a value is told by the readers below.
        rest = tail if closed and closed[0].strip() else rest
        if rest == start:
            break
    return rest


def _announced(behind: str) -> list[str]:
    between = re.match(r"[^:=「『【\"“。\n]{0,30}", behind)
    if mark := _MARK.match(behind, between.end() if between else 0):
        return marked_value(behind[mark.end() :])
    if (
        (token := TOKEN.match(behind.lstrip(" 、は")))
        and is_made_up(token[0])
        and _COPULA.match(behind.lstrip(" 、は"), token.end())
    ):
        return trimmings(token[0], prose=True)
    return quoted_values(behind, leading=False)


def _marked(behind: str, sentence: str, label: Label) -> list[str]:
    mark = _MARK.match(behind)
    if not mark and (between := _BETWEEN.match(behind)) and between[0]:
        if whole := _with_sign(behind, between[0], sentence):
            return whole
        if OTHERWISE.search(between[0]) or OTHER_FIELD.search(between[0]) or (label.latin and not _is_link(between[0])):
            return []
        mark = _MARK.match(behind, between.end())
    if not mark:
        soft = _SOFT_MARK.match(behind)
        value = behind[soft.end() :] if soft else ""
        token = TOKEN.match(value)
        return trimmings(token[0]) if token and is_made_up(token[0]) and is_plausible(token[0]) else []
    value = behind[mark.end() :]
    # The second of two marks may be the value's.
    doubled = TOKEN.match("=" + value) if mark[0].strip() == ":=" else None
    found = marked_value(value)
    return [*([doubled[0]] if doubled and is_made_up(doubled[0]) else []), *found, *_further(value, found)]


def _further(text: str, found: list[str]) -> list[str]:
    """The values of a row of them whose first is found: abc-1(ZIP用)、def-2."""
    at = text.find(found[0]) + len(found[0]) if found and found[0] in text else len(text)
    values: list[str] = []
    while len(values) < _MOST_IN_ROW and (comma := _IN_ROW.match(text, at)):
        token = token_at(text[comma.end() : comma.end() + 64])
        if not token or not is_made_up(token[0]) or not is_plausible(token[0]) or len(token[0]) < 3:
            break
        if not _ROW_GOES_ON.match(text, comma.end() + len(token[0])):
            break
        values.append(trimmings(token[0], prose=True)[0])
        at = comma.end() + len(token[0])
    return values


def _with_sign(behind: str, between: str, sentence: str) -> list[str]:
    """A value that has the sign of a mark in it (Dk5=xx9W), behind white space or a label's bracket; and what stands
    behind the sign."""
    token = TOKEN.match(behind.lstrip())
    name = between.lstrip()
    parted = name != between or _CLOSING_LABEL.match(sentence)
    if not token or not parted or not name.isascii() or not token[0].startswith(name) or token[0][len(name) :] in ":=":
        return []
    rest = token[0][len(name) + 1 :]
    if not is_made_up(name + rest) or not is_plausible(token[0]) or is_word(name) or OTHER_FIELD.search(name):
        return []
    return [*trimmings(token[0]), *([rest] if rest.strip(":=") else [])]


def _is_link(between: str) -> bool:
    """Whether Latin words between a label and its mark only say what the password is for."""
    return (
        re.match(r"\s?(?:for|to|of|is|as|used|needed|required|which|that|used|\(|[0-9]|の|は)", between, re.I)
        is not None
    )


def _after_topic(behind: str, sentence: str, label: Label) -> list[str]:
    topic = _LOCKED.match(behind) or _TOPIC.match(behind)
    if not topic:
        return []
    value = behind[topic.end() :]
    if other := _NO_LONGER.match(value):
        value, sentence = value[other.end() :], sentence.replace(other[0], "", 1)
    if manner := _MANNER.match(value):
        value, sentence = value[manner.end() :], sentence.replace(manner[0], "", 1)
    if mark := _MARK.match(value):
        return marked_value(value[mark.end() :])
    until = value.partition("。")[0] if "「" not in value and "『" not in value else value
    if quoted := _stated_quotes(until, sentence):
        return [form for one in quoted for form in as_noted(one, behind)]
    if ELSEWHERE.search(sentence):
        return []
    match = token_at(value)
    told = match and (METHODS.fullmatch(match[0]) or is_told(match[0], value[match.end() :]))
    if match and not told and not is_word(match[0]) and _COPULA.match(value, match.end()):
        tokens = [token for token in trimmings(match[0], prose=True) if is_plausible(token) and len(token) >= 3]
        plain = [form for token in tokens for form in as_noted(token, behind)]
        return plain if is_made_up(tokens[0] if tokens else "") or label.sure else []
    if announced := _ANNOUNCING.match(value):
        return marked_value(value[announced.end() :])
    if SPACED.fullmatch(row := TAIL.sub("", value).strip()):
        return ["".join(row.split()), row]
    return spelt(re.split(r"です|となります|。", value, maxsplit=1)[0])


def _stated_quotes(text: str, sentence: str) -> list[str]:
    """Quotations that are the password; of a sentence that names another way only one that is said to be it."""
    values = []
    plain = _NOTE_BEHIND.sub("", sentence)
    promised = ELSEWHERE.search(plain) or OTHERWISE.search(plain)
    for match in islice(QUOTED.finditer(text), MOST_QUOTES):
        value = next(filter(None, match.groups()), "")
        rest = text[match.end() :]
        remark = not value.isascii() and OTHERWISE.search(value)
        named = NAMED.match(rest) or (FILE_NAME.search(value) and not _COPULA.match(rest))
        if remark or named or not is_plausible(value, quoted=True):
            continue
        said = _COPULA.match(rest) or _MORE.match(rest)
        if promised and not (is_made_up(value) and _OPENED_BY.match(rest)):
            continue
        if said or is_made_up(value):
            values.append(value)
    joined = ["".join(values)] if len(values) > 1 and JOINT.search(text) else []
    return joined + [form for value in values for form in spelt(value) or [value]]


def _in_quotes(behind: str, sentence: str, label: Label) -> list[str]:
    """A quotation right behind the label: パスワード「abc」."""
    if not re.match(r"\s*(?:を\s*|に\s*)?[「『【“\"'‘<《〔\[]", behind):
        return []
    return [form for value in _stated_quotes(behind, sentence) for form in as_noted(value, behind)]


def _in_english(behind: str, sentence: str, label: Label) -> list[str]:
    match = _ENGLISH.match(behind) if label.latin or behind[:4].strip() in ("is", "are") else None
    if not match or OTHERWISE.search(match["between"]):
        return []
    value = _TYPED_AS.sub("", behind[match.end() :], count=1)
    if quoted := _stated_quotes_in_english(value):
        # A full stop in English quotation marks may be the sentence's.
        return [form for one in quoted for plain in trimmings(one) for form in as_noted(plain, behind)]
    token = TOKEN.match(value)
    if not token or is_word(token[0]) or not is_plausible(token[0]):
        return []
    rest = value[token.end() :].strip()
    hedged = match["renewed"] or match["short"] or match["dash"]
    if is_told(token[0], value[token.end() :]) or (
        hedged and not (is_made_up(token[0]) and _ENDED.match(token[0][-1] + rest))
    ):
        return []
    ended = not rest or token[0][-1] in ".,;!)" or re.match(r"[(,;.-]|and\b|to\b|for\b|in\b|\(", rest) is not None
    if not (is_made_up(token[0]) or (ended and not ELSEWHERE.search(sentence))):
        return []
    said = sentence[: len(sentence) - len(rest)]
    if (ELSEWHERE.search(said) or OTHERWISE.search(token[0])) and not is_made_up(token[0]):
        return []
    return [form for one in trimmings(token[0], prose=True) for form in as_noted(one, behind)]


def _stated_quotes_in_english(value: str) -> list[str]:
    match = QUOTED.match(value)
    inner = next(filter(None, match.groups()), "") if match else ""
    return _stated_quotes(value, "") if is_plausible(inner, quoted=True) else []


def _adjacent(behind: str, sentence: str, label: Label) -> list[str]:
    """A made-up word behind white space, or directly: パスワード abc123, PW1234."""
    if ELSEWHERE.search(sentence) and not is_made_up(behind.strip()[:1]):
        return []
    gap = behind[:1] in (" ", "\t", "\u3000")
    token = TOKEN.match(behind.lstrip())
    parted = gap or _CLOSING_LABEL.match(sentence) is not None
    if not token or (not parted and label.latin and not token[0][0].isdigit()):
        return []
    words = [
        word for word in trimmings(token[0], prose=True) if is_plausible(word) and not is_word(word) and len(word) >= 3
    ]
    made_up = [word for word in words if is_made_up(word)]
    # A label and a value alone make a row of a table.
    row = gap if not label.latin else not label.is_pass and _SQUARE_LABEL.match(sentence)
    alone = words if row and behind.strip() == token[0] else []
    if re.match(r"\s*(?:文字|桁|日|回|つ|個|か月|ヶ月|種)", behind.lstrip()[token.end() :]):
        return []
    return made_up or alone


def _before(text: str, sentence: str) -> list[str]:
    """A value that stands before the label: 「abc」がパスワードです, abc is the password."""
    link = _BEFORE_LINK.search(text[-80:])
    match = _BEFORE.search(text[-120:]) if link else None
    value = (match[1] or match[2] or "") if match else ""
    if not value or ELSEWHERE.search(sentence) or is_word(value) or not is_plausible(value, quoted=True):
        return []
    if FILE_NAME.search(value) or (not match[1] and not is_made_up(value.strip("()[]\"'"))):  # type: ignore[index]
        return []
    if re.match(r"\s*(?:付|保護|の|を)", sentence) and not text.rstrip().endswith(("という", "といった")):
        return []
    return trimmings(value, prose=True)
