"""Passwords that a mail describes and does not write: a date, the end of a telephone number, a number named elsewhere
in the mail, the sender's address, the name of the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sekisho_inspection.password_dates import day_forms, is_in_digits, names_a_form

_NUMERALS = {
    **dict(zip("一二三四五六七八九", range(1, 10), strict=True)),
    **dict(zip(["one", "two", "three", "four", "five", "six", "seven", "eight"], range(1, 9), strict=True)),
}  # fmt: skip
_COUNT = r"(?P<n>[0-9]|[一二三四五六七八]|one|two|three|four|five|six|seven|eight)"
_END = re.compile(
    rf"(?:下|末尾|最後|末|後ろ|うしろ|後)の?\s?{_COUNT}\s?(?:桁|けた|ケタ|文字|つ)|(?:last|final|ending"
    rf"|trailing)\s{_COUNT.replace('?P<n>', '?P<m>')}|last-{_COUNT.replace('?P<n>', '?P<l>')}",
    re.I,
)
_BEGINNING = re.compile(
    rf"(?:上|頭|先頭|最初|冒頭|はじめ)の?\s?{_COUNT}\s?(?:桁|けた|ケタ|文字)"
    rf"|first\s{_COUNT.replace('?P<n>', '?P<m>')}",
    re.I,
)
_PHONE = re.compile(
    r"電話|代表番号|tel(?![a-z])|携帯|fax|ファックス|ファクス|内線|phone|mobile|extension|cell|直通|(?:office|direct|main|desk|switchboard)\s(?:line|number)",
    re.I,
)
_THEIRS = re.compile(r"貴社|御社|貴殿|貴方|貴部|貴校|あなた|お客様の|ご登録|ご自身|皆様の|ご担当者様の|your\s", re.I)
_DIGITS = r"[^0-9+\n]{0,10}(\+?[(0-9][0-9() .-]{2,22}[0-9])"
_NUMBERS = {
    "fax": re.compile(r"(?:fax|ファックス|ファクス|ファクシミリ|(?<![A-Za-z])F(?=[:.]))" + _DIGITS, re.I),
    "mobile": re.compile(r"(?:携帯|mobile|cell|mob)" + _DIGITS, re.I),
    "extension": re.compile(r"(?:内線|extension|ext\.?)[^0-9\n]{0,6}([0-9]{2,6})", re.I),
    "phone": re.compile(
        r"(?<!内線)(?:tel|電話(?:番号)?|℡|phone|☎|直通|代表|(?<![A-Za-z])(?:T|ph)(?=[:.]))" + _DIGITS, re.I
    ),
}
# A group of a number's digits that a sentence names.
_GROUP = re.compile(r"(?P<first>市外局番(?!から|を含|付|込)|area\scode)|市内局番|真ん?中|中央の", re.I)
_BARE_PHONE = re.compile(r"(?<![0-9])(0[0-9]{1,4}[-(][0-9]{1,4}[-)][0-9]{3,4})(?![0-9])")
_POSTAL = re.compile(
    r"(?:〒|郵便番号|postal\scode|zip\scode)[^0-9\n]{0,4}([0-9]{3})-?([0-9]{4})"
    r"|(?<![0-9-])([0-9]{3})-([0-9]{4})(?![0-9-])",
    re.I,
)
# A noun that stands for the password: 受付番号です, the invoice number.
_NOUN = re.compile(
    r"\s*(?:[はが、:=に])*+\s*+(?P<noun>[^。、:=()「『\n]{2,30}?)(?:の(?:下|末尾|最後の?|先頭の?|頭"
    r"|上|末|最初の?|数字|部分|英数字)[^。\n]{0,12})?"
    r"(?:\([^()]{0,40}\))?\s?(?:です|とな(?:り|って)|にな(?:り|って)|でござ|を(?:ご?入力|ご?使用|ご?利用"
    r"|お使い|半角)|に(?:設定|して)|と同じ|で(?:解凍|開|す)|とし|$)"
)
_AS_LABEL = re.compile(
    r"\b(?:use|enter)\s(?:the|your|our|my)\s([a-z][a-z0-9 ]{2,60}?)\sas\s(?:the\s|your\s|a\s)?$"
    r"|([^。、「」\s]{2,30})[をが](?:解凍|添付)?(?:用)?の?$",
    re.I,
)
_SET = re.compile(r"\s*(?:です|と(?:な|し)|にな|でござ|に設定|\W*$)")
_ENGLISH_NOUN = re.compile(
    r"\b(?:your|our|my|the|this)\s(?P<noun>[a-z][a-z ]{2,40}?)(?=[.,;()]|\s(?:below|above|in|on|from"
    r"|stated|shown|mentioned|of|\(|without|as)\b|$)",
    re.I,
)
_REFERENCE = (
    r"(?:[\s:=#は()「【\[]|番号|No\.?(?![A-Za-z])|number|code){0,6}"
    r"((?=[!-~]{0,30}[0-9])[0-9A-Za-z][0-9A-Za-z_/.-]{1,40})"
)
_SUBJECT = re.compile(r"件名|タイトル|題名|表題|subject", re.I)
_SENDER = re.compile(r"アドレス|ドメイン|@|アカウント名|address|domain|ローカル", re.I)
_NAMES = re.compile(r"姓|苗字|名字|氏名|名前|surname|(?:last|first|family|given)\sname", re.I)
_COMPANIES = re.compile(r"社名|団体名|company\sname|name\sof\s(?:our|the)\scompany", re.I)
_OF_SENDER = (_SENDER, _NAMES, _COMPANIES)
_FILE = re.compile(
    r"ファイル名|添付名|資料名|名前の(?:末尾|最後|数字)|file\s?-?name|name\sof\sthe\s(?:file|attachment|archive)", re.I
)
PLUS = re.compile(
    r"\s*(?:\+|に(?=[^。]{1,20}(?:続け|加え|足し|付け|つけ))|と(?=[^。]{1,30}(?:組み?合わせ|続け|並べ|連結|つなげ|繋げ"
    r"|つない))|プラス|に続けて|に続き|の(?:後|あと|次)に|followed\sby|plus|(?<=\s)&(?=\s))\s*"
)
_NO_CLUE = re.compile(
    r"期限[はが]|有効|変更|更新|期限切れ|まで(?:に|です)|以降に|へ(?:。|$)|問い?合わ?せ(?!番号|コード|No|ID)|照会(?!番号|コード)|質問|不明な?点|(?:使用し|使わ|利用し|設定し|にし)ない|避け|では(?:あり|な(?!く))|不可|忘れた[場時際ら]|お忘れ|内線\s?[0-9]{2,6}\)?(?:$|まで|へ|に)|\+\s?(?:characters|chars|letters|digits|文字|桁)|ご?相談|文字以上|桁以上|expire"
    r"|until|change|reset|at\sleast",
    re.I,
)
# A plus within what is typed may be a part of it, unless what stands beside it describes something.
_WITHIN = re.compile(r"[A-Za-z0-9][!-*,-~]{0,40}\+[A-Za-z0-9][!-~]{0,40}")
_NOTE = re.compile(r"\([^()]{0,60}\+[^()]{0,60}\)")
_QUOTED = re.compile(r"[「『【“\"‘']([!-~ぁ-んァ-ヶー一-龥]{1,40})[」』】”\"’']")
# A value behind its name at the end of a part: 部署コード1203.
_QUOTED_CLUE = re.compile(r"[「『【“\"]([^「『【“\"」』】”\n]{2,24})[」』】”\"]")
_NAMED = re.compile(r"[ぁ-んァ-ヶー一-龥]([!-~]{2,40})[」』】”]?\s?(?:です.{0,8})?$")
# A part of the day that the first part of a sum names.
_OF_THE_DAY = re.compile(r"\s?(?:(?:西暦|和暦)?(?:年|月|日|月日|年月)(?:の?\(?[0-9]桁|(?:を|です|\(|$))|曜日|西暦)")
_MOST = 12


@dataclass(frozen=True)
class Source:
    """What a mail's passwords may be made of: its lines, subject, sender's address, names of files and day."""

    lines: list[str]
    subject: str = ""
    sender: str = ""
    names: tuple[str, ...] = ()
    day: datetime | None = None


def named_before(text: str, rest: str) -> str:
    """The sentence that describes the password where the label ends it: use the contract code as the password."""
    match = _AS_LABEL.search(text[-120:]) if _SET.match(rest) else None
    return f"は{match[1] or match[2]}です" if match else ""


def is_about_else(sentence: str) -> bool:
    """Whether a sentence about a password speaks of its change or its end, or of whom to ask."""
    return _NO_CLUE.search(sentence) is not None


def described(sentence: str, source: Source) -> list[str]:
    """The passwords that a sentence behind a label describes, the likeliest first; several parts are put together."""
    if is_about_else(sentence):
        return []
    pieces = PLUS.split(_NOTE.sub(" ", sentence) if sentence.count("(") else sentence)
    if len(pieces) > 1:
        return list(islice(dict.fromkeys(_together(pieces[:4], sentence, source)), _MOST))
    return list(islice(dict.fromkeys(_of_clue(sentence, source)), _MOST))


def is_described(text: str) -> bool:
    """Whether what stands behind a label is not the value, though it is written out: a sum, or the digits of a day."""
    quoted = _QUOTED_CLUE.search(text)
    return PLUS.search(text) is not None or is_in_digits(text) or (quoted is not None and names_a_form(quoted[1]))


def _together(pieces: list[str], sentence: str, source: Source) -> Iterator[str]:
    found, typed = [""], _WITHIN.search(sentence)
    for number, piece in enumerate(pieces):
        piece = f"送信日の{piece}" if number and _OF_THE_DAY.match(piece) else piece
        quoted = [one for one in _QUOTED.findall(piece) if one.isascii() or not any(_of_clue(one, source))]
        tail = piece.strip() if number else re.sub(r"^\s*(?:[はが、:=]|is\s)+", "", piece).strip()
        plain = re.match(r"[!-~]{1,40}", tail)
        described_here = list(islice(_of_clue(piece, source), 3))
        named = _NAMED.search(piece) if number else None
        values = quoted[:1] or described_here or ([plain[0].rstrip(".,")] if plain else [named[1]] if named else [])
        if not values:
            return
        typed = None if quoted or described_here else typed
        found = [one + value for one in found[:4] for value in values]
    if typed:
        yield typed[0].rstrip(".,")
    yield from found


def _of_clue(sentence: str, source: Source) -> Iterator[str]:
    if _PHONE.search(sentence):
        yield from _phone_ends(sentence, source)
        return
    if re.search(r"郵便番号|〒|postal\scode|zip\scode", sentence, re.I):
        yield from _postal(sentence, source)
        return
    if _FILE.search(sentence):
        yield from _of_words([name.rpartition(".")[0] or name for name in source.names], sentence)
        return
    if _SUBJECT.search(sentence):
        yield from _of_words([source.subject], sentence)
        return
    if source.sender and not _THEIRS.search(sentence) and any(one.search(sentence) for one in _OF_SENDER):
        yield from _of_sender(sentence, source.sender)
        return
    yield from _named_elsewhere(sentence, source)
    yield from day_forms(sentence, [*source.lines, source.subject], source.day)


def _count(match: re.Match[str] | None) -> int:
    text = next((value for value in match.groupdict().values() if value), "") if match else ""
    return int(text) if text.isdigit() else _NUMERALS.get(text.lower(), 0)


def _cut(value: str, sentence: str) -> list[str]:
    """The value's end or beginning where the sentence says so, else all of it."""
    digits = re.sub(r"[^0-9A-Za-z]", "", value)
    if re.search(r"(?<!英)数字|numeric|\bdigits", sentence, re.I) and digits.strip("0123456789"):
        value = max(re.findall("[0-9]+", value), key=len, default=value)
        digits = re.sub(r"\D", "", digits)
    if count := _count(_END.search(sentence)):
        return [digits[-count:]] if len(digits) >= count else []
    if count := _count(_BEGINNING.search(sentence)):
        return [digits[:count]] if len(digits) >= count else []
    return list(dict.fromkeys((value, digits)))


def _phone_ends(sentence: str, source: Source) -> Iterator[str]:
    if _THEIRS.search(sentence):
        return
    lowered = sentence.lower()
    kind = (
        "fax"
        if re.search("fax|ファックス|ファクス", lowered)
        else "mobile"
        if re.search("携帯|mobile|cell", lowered)
        else "phone"
    )
    kind = "extension" if re.search("内線|extension", lowered) else kind
    kinds = {"phone": ("phone", "mobile"), "mobile": ("mobile",), "fax": ("fax",), "extension": ("extension",)}[kind]
    numbers = [number for name in kinds for number in _numbers(_NUMBERS[name], source.lines)]
    if not numbers and kind != "extension":
        numbers = _numbers(_BARE_PHONE, source.lines)
    plain = not (_END.search(sentence) or _BEGINNING.search(sentence))
    if group := _GROUP.search(sentence):
        groups = (re.split(r"[-() ]+", number.lstrip("( ")) for number in numbers)
        yield from (parts[0 if group["first"] else len(parts) // 2] for parts in groups)
        return
    for number in numbers:
        digits = re.sub(r"\D", "", number)
        yield from (digits, number) if plain else _cut(digits, sentence)


def _numbers(pattern: re.Pattern[str], lines: Iterable[str]) -> list[str]:
    return list(islice((match[1].strip() for line in lines for match in pattern.finditer(line)), 4))


def _postal(sentence: str, source: Source) -> Iterator[str]:
    if _THEIRS.search(sentence):
        return
    found = (match for line in source.lines for match in _POSTAL.finditer(line))
    for match in islice(found, 3):
        first, second = match[1] or match[3], match[2] or match[4]
        plain = not (_END.search(sentence) or _BEGINNING.search(sentence))
        yield from (first + second, f"{first}-{second}") if plain else _cut(first + second, sentence)


def _of_words(texts: Iterable[str], sentence: str) -> Iterator[str]:
    """Parts of a subject or a file name: its end, its numbers, words with digits, the whole."""
    cut = _END.search(sentence) or _BEGINNING.search(sentence)
    for text in islice(texts, 5):
        if cut:
            yield from _cut(text, sentence)
        quoted = re.findall(r"[「『【\[(]([!-~]{2,40})[」』】\])]", text)
        tokens = [word.strip("-_.") for word in re.findall(r"[0-9A-Za-z][0-9A-Za-z_.-]{2,40}", text)]
        numbers = re.findall(r"[0-9]{3,20}", text)
        first, second = (tokens, numbers) if re.search("英数|番号|コード|code|記号", sentence) else (numbers, tokens)
        yield from [*quoted, *first, *(word for word in second if any(char.isdigit() for char in word))]
        if text.strip() and not re.search("数字|digit|number", sentence, re.I):
            yield text.strip()


def _of_sender(sentence: str, sender: str) -> Iterator[str]:
    """Parts of the sender's address: of people's names and companies' their spelling in it."""
    local, _, domain = sender.rpartition("<")[2].rstrip("> ").partition("@")
    whole = [f"{local}@{domain}", local]
    if _NAMES.search(sentence) or _COMPANIES.search(sentence):
        company = [label for label in domain.split(".") if len(label) > 3][:1] if _COMPANIES.search(sentence) else []
        words = company or re.split(r"[._-]", local)
        whole = [form for word in words for form in (word, word.capitalize(), word.upper())]
    elif re.search(r"ドメイン|domain|後|より右|以降|after", sentence, re.I):
        whole = [domain, domain.partition(".")[0]]
    elif re.search(r"前|より左|ローカル|アカウント|before|local|user", sentence, re.I):
        whole.reverse()
    for value in whole:
        yield from _cut(value, sentence) if _END.search(sentence) or _BEGINNING.search(sentence) else (value,)


def _named_elsewhere(sentence: str, source: Source) -> Iterator[str]:
    """A number that another line of the mail gives under the name that the sentence uses."""
    for noun in _nouns(sentence):
        reference = re.compile(re.escape(noun) + _REFERENCE, re.I)
        for line in [*source.lines, source.subject]:
            if noun.lower() in line.lower() and (match := reference.search(line)):
                yield from _cut(match[1].rstrip(".-"), sentence)


def _nouns(sentence: str) -> list[str]:
    """The names, the longest first, under which a sentence may refer to a number."""
    found: list[str] = []
    if match := _NOUN.match(sentence):
        noun = re.sub(
            r"^(?:弊社|当社|貴社|御社|本件|下記|上記|以下|本メール|ご?連絡|お客様|添付)の?", "", match["noun"].strip()
        )
        noun = re.sub(r"の?[0-9一-八]{1,2}\s?(?:桁|文字).*$", "", noun)
        found += [noun, noun.rpartition("の")[2]]
    found += [match["noun"].strip() for match in _ENGLISH_NOUN.finditer(sentence)]
    found += [
        short for noun in found if len(short := re.sub(r"(?:番号|コード|\s(?:number|no|code|id))$", "", noun)) >= 3
    ]
    return [noun for noun in dict.fromkeys(found) if len(noun) >= 2 and not re.fullmatch(r"[!-~]+[0-9][!-~]*", noun)][
        :4
    ]
