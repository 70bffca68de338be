"""Values of passwords away from a label: on the lines below it, alone, in rows of files or a table's column; and in an
instruction that tells to enter one."""

from __future__ import annotations

import re

from sekisho_inspection.password_labels import (
    ELSEWHERE,
    FILE_NAME,
    NAMED,
    OTHER_FIELD,
    OTHERWISE,
    REACH,
    RULER,
    TITLED,
    Label,
    is_made_up,
    is_plausible,
    is_word,
)
from sekisho_inspection.password_ornaments import unadorned
from sekisho_inspection.password_sentences import is_compound, pass_notes
from sekisho_inspection.password_spelling import as_noted, spelt
from sekisho_inspection.password_values import QUOTED, SPACED, TAIL, TOKEN, native, phrase, trimmings

_BULLET = re.compile(r"^(?:[・●○■□◆◇▼▽※*>→⇒►▶•\-–—:=]|[0-9]{1,2}[.)]|\([0-9]{1,2}\))\s*")
_ROW = re.compile(
    r"(?P<name>[^:=→\n]{1,80}?)(?:\s*+(?:[:=】|]|→|⇒|->|=>)\s*+|\t\s*+|\s-\s++|\s{2,}+)(?P<value>[!-~]{1,64}+"
    r"|[「『【][^\n]{1,40}[」』】])\s*+(?P<note>.{0,60})"
)
_PART_NAME = re.compile(
    r"ファイル|資料|[書表図票簿版分編状]$|その[0-9]|[0-9](?:つ|通)目|第[0-9]|添付|[①-⑨]|^[0-9A-Za-z]{1,2}$|file"
    r"|attach|archive|document|part|half|前半|後半|解凍|開封|閲覧|編集|読取|書込"
)
_DATED = re.compile(
    r"(?:[0-9]{2,4}|令和\s?[0-9元]{1,2})\s?[年/.-]\s?[0-9]{1,2}\s?[月/.-]\s?[0-9]{1,2}日?(?:\s.*)?"
    r"|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?|[0-9]{1,2}/[0-9]{1,2}"
)
_INPUT = re.compile(
    r"[「『【“\"]([^「」『』【】“”\"\n]{1,64})[」』】”\"]\s*(?:と|を)(?:半角で|そのまま)?(?:ご|キー)?(?:入力|使用|利用|打|タイプ|入れ)"
    r"|[「『【“\"]([!-~]{3,64})[」』】”\"]\s*が必要"
    r"|(?<![!-~])([!-~]{3,64})\s*(?:と|を)(?:半角で|そのまま)?(?:ご|キー)?(?:入力|打|タイプ|入れて|使って)"
    r"|(?<![!-~])([!-~]{3,64})\s*で(?:外れ|解除|解け)"
    r"|\b(?:use|enter|type|input|key\sin|type\sin|with|using|by)\s(?:(?:the\s)?(?:code|word|key|pin|string|phrase"
    r"|characters)\s)?[\"“'‘]?([!#-&(-~]{3,64})[\"”'’]?\s(?:to|when|as|if|for|and|in\sorder)\b"
    r"|\b(?:open(?:s|ed)?|unlock(?:s|ed)?|unzip|extract(?:ed)?|decrypt(?:ed)?|protected|encrypted"
    r"|locked)\s(?:it\s|them\s|the\s\w{1,12}\s)?(?:with|using|by)\s?:?\s"
    r"(?:(?:the\s)?(?:code|word|key|pin|string|phrase)\s)?[\"“'‘]?([!#-&(-~]{3,64})"
    r"|[「『【“\"]([!-~]{3,64})[」』】”\"]\s*で(?:開(?:き|け|く)|解凍|展開|復号)"
    r"|\bopens?\swith\s([!#-&(-~]{3,64})",
    re.I,
)
_ORDERED = re.compile(
    r"\b(?:once|when|after|if)\syou\s(?:have\s)?(?:typed?|enter(?:ed)?|key(?:ed)?)\s(?:in\s)?"
    r"[\"“'‘]?([!#-&(-~]{3,64})"
    r"|\b(?:to\s(?:open|unlock|extract|unzip|decrypt)|asked|prompted)\b[^.\n]{0,40}?,?\s(?:please\s)?(?:use|enter|type)(?:\sin)?:?\s"
    r"(?:(?:the\s)?(?:code|word|key|pin|string|phrase)\s)?[\"“'‘]?([!#-&(-~]{3,64})",
    re.I,
)
_QUOTED_ORDER = re.compile(
    r"\b(?P<verb>use|enter|entering|type|typing|input|with|using|by)\s(?:(?:in|the|code|word|words|key|pin|string"
    r"|phrase|characters|exactly)\s){0,3}(?:\"(?P<a>[^\"\n]{3,64})\"|“(?P<b>[^“”\n]{3,64})”|‘(?P<c>[^‘’\n]{3,64})’"
    r"|'(?P<d>[^'\n]{3,64})'(?![a-z]))",
    re.I,
)
_PROGRAM = re.compile(
    r"adobe|acrobat|\breader|microsoft|word\s20|excel|powerpoint|zip\b|winrar|explorer|lhaplus|windows|office|chrome"
    r"|\bedge\b|version|\b(?:ctrl|alt|shift|enter)\b",
    re.I,
)
_OPENS = re.compile(
    r"解凍|展開|復号|開封|開(?:く|け|い|き|封)|暗号|ロック|閲覧|unzip|extract|open|unlock|decrypt|encrypt"
    r"|locked|protected|archive|zip",
    re.I,
)
_POINTS_ON = re.compile(r"(?:[:=]|below|follows|following|here|next\sline|pass\s?\w{0,8})\W*$", re.I)
_POINTS_BACK = re.compile(
    r"(?:上記|いずれも|以上)(?:が|は|解凍|[^。\n]{0,6}パスワード|の文字|の英数|の数字)|above\sis|is\sabove|are\sabove",
    re.I,
)
_MAX_BELOW, _LONGEST_ALONE = 14, 200


def expects_below(line: str, label: Label) -> bool:
    """Whether the value of a label without one stands on the lines below it."""
    rest = line[label.end : label.end + REACH]
    if ELSEWHERE.search(line) or is_compound(rest):
        return False
    if label.announces:
        return True
    if TITLED.search(line):
        return not OTHERWISE.search(rest.partition("。")[0])
    closed = pass_notes(rest).strip(" :=→⇒>-*_~.・↓⇩▼―─━")
    if label.latin and re.fullmatch(r"(?:for|to|of)\s[^.:]{1,40}", closed):
        return True
    if closed in ("", "is", "are", "です", "です。", "は", "は、", "のみ", "です!"):
        return True
    return (
        not OTHERWISE.search(rest)
        and re.fullmatch(
            r"(?:です|となります|になります|でございます|を?(?:お送り|送付|再送|連絡|通知|お知らせ)(?:いた|致)?します)。?",
            closed,
        )
        is not None
    )


def above(lines: list[str], index: int) -> list[str]:
    """Values in the rows, or alone on the line, before one that points at them."""
    if not _POINTS_BACK.search(lines[index]) or ELSEWHERE.search(lines[index]):
        return []
    found: list[str] = []
    for line in reversed(lines[max(0, index - _MAX_BELOW) : index]):
        plain = line.strip()
        if not plain or RULER.fullmatch(plain):
            continue
        values = _row(plain) or alone(plain, strict=True)
        if not values:
            break
        found = values + found
    return found


def below(lines: list[str], index: int, label: Label | None = None) -> list[str]:
    """Values on the next lines, past blank ones and rulers: one alone, or rows of files with one each. Without a label
    five lines of other text are passed."""
    seen, found = 0, []
    # An English sentence that does not point at the next line has a value there by chance.
    strict = label is None or (label.latin and not _POINTS_ON.search(lines[index]))
    for line in lines[index + 1 : index + 1 + _MAX_BELOW]:
        plain = line.strip()
        if plain in ("--", "以上", "---- "):
            break
        if not plain or RULER.fullmatch(plain):
            continue
        if values := _row(plain):
            found += values
            continue
        if found:
            break
        seen += 1
        if values := alone(plain, strict):
            return values
        if seen >= (
            6 if label is None else 2 if FILE_NAME.search(plain) or plain.startswith("(") or "※" in plain[:2] else 1
        ):
            break
    return found


def _row(plain: str) -> list[str]:
    """The value of a row that names a file or a part."""
    match = _ROW.fullmatch(_BULLET.sub("", plain, count=1)) if len(plain) <= _LONGEST_ALONE else None
    if not match or OTHER_FIELD.search(match["name"].strip()):
        return []
    name = match["name"].strip()
    # A word with a colon in it may be a value by itself.
    if TOKEN.fullmatch(plain) and not FILE_NAME.search(name):
        return []
    if not (FILE_NAME.search(name) or _PART_NAME.search(name)) or ELSEWHERE.search(plain):
        return []
    value = match["value"]
    if quoted := QUOTED.fullmatch(value):
        return [next(filter(None, quoted.groups()))]
    return [] if is_word(value) or not is_plausible(value) or FILE_NAME.search(value) else trimmings(value)


def alone(plain: str, strict: bool = False) -> list[str]:
    """A value that is a line by itself, with a bullet, a copula or a note at most; `strict` wants it made up."""
    if len(plain) > _LONGEST_ALONE:
        return []
    if SPACED.fullmatch(plain):
        return ["".join(re.split(r"[\s・,]+", plain)), plain]
    if (value := unadorned(plain)) and TOKEN.fullmatch(value) and _can_stand_alone(value, strict):
        return [value]
    tail = TAIL.search(plain)
    bare = plain[: tail.start()] if tail and tail.start() else plain
    forms = [bare, _BULLET.sub("", bare, count=1)]
    for form in dict.fromkeys(forms if not _BULLET.match(bare) or bare[0] in "-*:=>" else forms[::-1]):
        form = form.strip()
        if (match := QUOTED.fullmatch(form)) and is_plausible(value := next(filter(None, match.groups())), quoted=True):
            promise = not is_made_up(value) and (ELSEWHERE.search(value) or OTHERWISE.search(value))
            return [] if promise else as_noted(value, plain)
        if TOKEN.fullmatch(form) and _can_stand_alone(form, strict):
            return [
                value for one in dict.fromkeys([form, *forms]) if TOKEN.fullmatch(one) for value in as_noted(one, plain)
            ]
    if words := spelt(bare):
        return words
    if not strict and any(char.isdigit() for char in bare) and not re.search(r"[年月日時分円]", bare):
        return native(bare)
    return phrase(bare) if not strict and is_made_up(bare) and not ELSEWHERE.search(plain) else []


def _can_stand_alone(token: str, strict: bool) -> bool:
    if not is_plausible(token) or len(token) < 3 or _DATED.fullmatch(token) or FILE_NAME.search(token):
        return False
    if re.search(r"@[\w-]+\.[a-z]|\.(?:jp|com|net|org|example)\b", token) or is_word(token):
        return False
    return is_made_up(token) if strict else True


def column(lines: list[str], index: int, label: Label) -> list[str]:
    """Values of the rows below a table's header whose last column the label is."""
    if lines[index][label.end :].strip(" |\t") or not lines[index][: label.start].strip(" |\t"):
        return []
    found = []
    for line in lines[index + 1 : index + 1 + _MAX_BELOW]:
        cells = line.strip(" |\t").replace("|", " ").split()
        if RULER.fullmatch(line):
            continue
        if len(cells) < 2 or len(cells) > 8 or not (FILE_NAME.search(line) or is_made_up(cells[-1])):
            break
        if is_plausible(cells[-1]) and not is_word(cells[-1]) and not FILE_NAME.search(cells[-1]):
            found.append(cells[-1])
    return found


def told_to_enter(line: str, labelled: bool) -> list[str]:
    """Values that a line tells to enter to open something, or that a label without its value is of."""
    if not (labelled or _OPENS.search(line)):
        return []
    found = []
    for match in [*_INPUT.finditer(line), *_ORDERED.finditer(line)]:
        value = next(filter(None, match.groups()), "")
        quoted = match.re is _INPUT and match[1] is not None
        plain = value.rstrip(".,;:")
        offered = quoted and not is_made_up(plain) and "入力" not in match[0]
        if (
            is_plausible(plain, quoted)
            and not offered
            and (quoted or (is_made_up(plain) and not FILE_NAME.search(plain) and not _PROGRAM.search(plain)))
        ):
            found.append(plain if not quoted else value)
    return [value for value in [*found, *_quoted_orders(line)] if not is_word(value)]


def _quoted_orders(line: str) -> list[str]:
    """Quotations, also of several words, that a line tells to enter; what else one opens with is made up, or a
    program."""
    found = []
    for match in _QUOTED_ORDER.finditer(line):
        value = match["a"] or match["b"] or match["c"] or match["d"]
        typed = match["verb"].lower().startswith(("enter", "typ"))
        odd = any(map(str.isdigit, value)) if " " in value else is_made_up(value)
        named = NAMED.match(line, match.end()) or _PROGRAM.search(value)
        if not named and is_plausible(value, quoted=True) and (typed or odd) and not FILE_NAME.search(value):
            found.append(value.strip().rstrip(","))
    return found
