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
from sekisho_inspection.password_ornaments import METHODS, unadorned
from sekisho_inspection.password_sentences import is_compound, pass_notes
from sekisho_inspection.password_spelling import are_joined, as_noted, spelt, with_named_signs
from sekisho_inspection.password_values import QUOTED, SPACED, TOKEN, trimmings
from sekisho_inspection.password_words import TAIL, native, phrase

_BULLET = re.compile(r"^(?:[・●○■□◆◇▼▽※*>→⇒►▶•┗└├┣\-–—:=]|[0-9]{1,2}[.)]|\([0-9]{1,2}\))\s*")
_ITEM = re.compile(r"(?:[・●○■□◆◇▼▽※*•–—-]|[0-9]{1,2}[.)]|\([0-9]{1,2}\))\s*")
# A line that says how the value below it is typed.
_HOW_TYPED = re.compile(
    r"(?:半角|全角|英数字?|英字|数字|記号|大文字|小文字|アルファベット|[0-9]{1,2}(?:文字|桁|ケタ)|混在|混じり|区別|を?含[むみ]"
    r"|あり|です|[の、,・/()※*。と\s-])++"
)
_ROW = re.compile(
    r"(?P<name>[^:=→\n]{1,80}?)(?:\s*+(?:[:=】|]|→|⇒|->|=>|\.{3,8}+)\s*+|\t\s*+|\s-\s++|\s{2,}+"
    r"|(?<=[ぁ-んァ-ヶー一-龥])\s(?=[!-~]{0,64}[0-9A-Z]))(?P<value>[!-~]{1,64}+"
    r"|[「『【][^\n]{1,40}[」』】])\s*+(?P<note>.{0,60})"
)
_PART_NAME = re.compile(
    r"ファイル|資料|[書表図票簿版分編状案]$|図面$|その[0-9]|[0-9](?:つ|通)目|第[0-9]|行目|添付|[①-⑨]|^[0-9A-Za-z]{1,2}$|file"
    r"|attach|archive|document|part|half|前半|後半|解凍|開封|閲覧|編集|読取|書込",
    re.I,
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
    r"|(?:添付|ファイル|zip|資料|書庫)[^。「『\n]{0,12}は、?\s?[「『](?P<key>[!-~]{3,64})[」』]\s?で(?:開(?:き|け|く)|解凍|展開|復号)"
    r"|^\s*[「『](?P<lock>[!-~]{3,64})[」』]\s?でロックを?(?:し|かけ|掛け|設定)"
    r"|(?<![!-~ァ-ヶ一-龥])(?=[!-~]{0,63}[0-9#$%&@!?_+=])([!-~]{4,64})\s?(?:で|にて)(?:ご?開(?:き|け|く|い|封)|ご?解凍|展開|復号|ロック[をし])"
    r"|(?:解除|解凍|開封|復号|展開)は、?\s?[「『“\"]?([!-~]{4,64}?)[」』”\"]?\s?で(?:す|お願い|。|$)"
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
    r"adobe|acrobat|\breader|microsoft|word\s?(?:20|365)|excel|powerpoint|zip\b|7-?zip|winrar|explorer|autocad|\bcad|docuworks|drive|dropbox|sharepoint|teams|webex|zoom|lhaplus|lhaca|lhaz|explzh|bandizip|cubeice|noah|\bi(?:os|phone|pad)|android|\bmac(?:os)?\b|windows|office|chrome"
    r"|\bedge\b|version|\b(?:ctrl|alt|shift|enter)\b",
    re.I,
)
_OPENS = re.compile(
    r"解凍|展開|復号|開封|開(?:く|け|い|き|封)|暗号|ロック|閲覧|unzip|extract|open|unlock|decrypt|encrypt"
    r"|locked|protected|archive|zip",
    re.I,
)
_MISTAKEN = re.compile(r"誤|訂正|間違|変更|修正|wrong|incorrect|mistake|correct", re.I)
_RIGHT = (
    r"(?:正(?:しく|しい(?:もの|方|値|パスワード))?|新(?:しい(?:もの|方|値|パスワード)|パスワード)?"
    r"|(?:訂正|変更|修正)後|new|correct|right)"
)
_CORRECT = re.compile(
    rf"[・●○■◆※*\s]{{0,3}}(?:[【\[(]{_RIGHT}[】\])]\s?[:=は]?|{_RIGHT}\s?(?:[:=は]|→|->))\s*+(?=[「『\"!-~])", re.I
)
_ANSWER = re.compile(r"^(?:it(?:'s|\sis)|はい|こちら(?:は|が)?)[\s、,:]\s?", re.I)
_TIME = re.compile(r"[0-9]{1,4}(?:[:/][0-9]{1,2}){1,2}")
_POINTS_ON = re.compile(r"(?:[:=]|below|follows|following|here|next\sline|pass\s?\w{0,8})\W*$", re.I)
_POINTS_BACK = re.compile(
    r"^\s*↑|(?:上記|いずれも|以上|(?:「」|『』|【】|かっこ|カッコ|括弧)[の内]内?)(?:が|は|解凍|[^。\n]{0,6}パスワード|の文字|の英数|の数字)|\bthese\sare\s|above\sis|is\sabove|are\sabove",
    re.I,
)
# A file, not its password, came by another mail.
_SENT_BEFORE = re.compile(
    r"(?:別の?メール|別途|別便|別送|先日|先ほど|先程|前回|後続)[^。\n]{0,12}?(?:送付|お?送り|送信|送)(?:いた)?"
    r"(?:し(?:まし)?た|済みの?|の)[^。\n]{0,8}?(?:ファイル|資料|書類|zip|添付|圧縮|データ|メール|pdf|excel)"
    r"(?![^。\n]{0,6}に(?!設定|かけ|掛け|かか|付け|つけ))"
    r"|(?:別送|別便)の(?:ファイル|資料|書類|zip|添付)"
    r"|(?:お問い?合わせ|ご照会|ご依頼)の(?:件|資料|書類|ファイル|データ)"
    r"|^as\s(?:promised|announced|mentioned)\sin\s(?:a|my|the|our)\s(?:separate|previous|earlier|other|last|first)\s"
    r"(?:e-?mail|message|mail)\b",
    re.I,
)
_FILE_SENT_BEFORE = re.compile(
    r"(?:files?|attachments?|documents?|archive|zip|pdf|spreadsheet)\s(?:(?:that|which)\s)?(?:i\s|we\s)?(?:just\s)?"
    r"(?:sent|mailed|forwarded|shared)\s(?:earlier\s|today\s)?(?:in|by|with)\s(?:a|an|my|the|our)\s"
    r"(?:separate|previous|earlier|other|last|first)\s(?:e-?mail|message|mail)\b",
    re.I,
)
# What a mail forgot, it now brings.
_FORGOTTEN = re.compile(r"(?:送|記載|連絡|知らせ|通知|添付|書き?)[^。\n]{0,8}?(?:忘れ|漏れ|もれ|間違)")
# Such a sentence has no value below it.
_NOT_BELOW = re.compile(
    r"場合|必要|大切|大事|保管|桁数|増や|減ら|共通|存じ|ご?入力|取り?扱|定期|紛失|なし|ログイン|サインイン|明日|来週|予定"
    r"|まもなく|間もなく|教え|(?:知らせ|連絡|送付|返信|回答|確認)(?:して)?(?:くだ|下)さ|ますか|でしょうか|[?]"
    r"|控え|(?<!ござい)ません|log\s?-?in|sign\s?-?in|your\s|enter|tomorrow|later|soon|(?<![a-z])ids?(?![a-z])"
    r"|\b(?:will|shall|would|not|never|if|please)\b|n't",
    re.I,
)
# Telephone numbers, sizes, versions, years and fields.
_MEASURED = re.compile(
    r"[+(]?[0-9]{1,5}[-() ]{1,2}[0-9]{1,5}[- )]{1,2}[0-9]{3,5}|[0-9][0-9.,]{0,12}\s?(?:[kmg]i?b|bytes?)"
    r"|v(?:er)?\.?\s?[0-9]{1,4}(?:\.[!-~]{1,30})?|(?:19|20)[0-9]{2}|(?:id|no|ref)\.?:.{1,64}",
    re.I,
)
_MAX_BELOW, _LONGEST_ALONE = 14, 200


def expects_below(line: str, label: Label) -> bool:
    """Whether the value of a label without one stands on the lines below it."""
    rest = line[label.end : label.end + REACH]
    said = _said_with(line, label)
    if ELSEWHERE.search(said) or is_compound(rest):
        return False
    if label.announces:
        return True
    if TITLED.search(said):
        return not OTHERWISE.search(rest.partition("。")[0])
    closed = pass_notes(rest).strip(" :=→⇒>-*_~.・↓⇩▼―─━")
    if label.latin and re.fullmatch(r"(?:for|to|of)\s[^.:]{1,40}", closed):
        return True
    if closed in ("", "is", "are", "です", "です。", "は", "は、", "のみ", "です!"):
        return True
    return (
        not OTHERWISE.search(rest)
        and re.fullmatch(
            r"(?:です|となります|になります|でございます|を?(?:お送り|送付|再送|連絡|通知|お知らせ|送信|送り|お届け|共有|記載|転記"
            r"|記|お送りさせて|送付させて)(?:いただき|いた|致)?(?:し)?ます|をどうぞ)[。!]?",
            closed,
        )
        is not None
    )


def may_stand_below(line: str, label: Label) -> bool:
    """Whether a label that states nothing leaves it to the next line, where only a made-up word is then a value."""
    rest = line[label.end : label.end + REACH]
    said = _said_with(line, label)
    refused = ELSEWHERE.search(said) or OTHERWISE.search(_FORGOTTEN.sub(" ", said)) or _NOT_BELOW.search(said)
    return label.sure and not label.is_pass and not refused and not is_compound(rest)


def _said_with(line: str, label: Label) -> str:
    """What the label's sentence and those behind it say, without what describes a file that was sent before."""
    start = line.rfind("。", 0, label.start) + 1
    before = _SENT_BEFORE.sub(" ", line[start : label.start])
    return _FILE_SENT_BEFORE.sub(" ", before + line[label.start : label.end + REACH])


def corrected(lines: list[str], index: int) -> list[str]:
    """The value that the lines below one which speaks of a mistake or a change give as the right one."""
    if not _MISTAKEN.search(lines[index]):
        return []
    below_it = (_unframed(line.strip()) for line in lines[index + 1 : index + 1 + _MAX_BELOW])
    stated = (line[match.end() :] for line in below_it if (match := _CORRECT.match(line)))
    # A word alone may be a program's or a place's name.
    found = (alone(line) for line in stated if line[0] in '「『"' or not line.isalpha())
    return next((values for values in found if values and values[0].isascii()), [])


def above(lines: list[str], index: int) -> list[str]:
    """Values in the rows, or alone on the line, before one that points at them."""
    if not _POINTS_BACK.search(lines[index]) or ELSEWHERE.search(lines[index]):
        return []
    found: list[str] = []
    for line in reversed(lines[max(0, index - _MAX_BELOW) : index]):
        plain = _unframed(line.strip())
        if not plain or RULER.fullmatch(plain):
            continue
        values = _row(plain) or alone(plain, strict=True)
        if not values:
            break
        found = values + found
    return found


def by_chance(lines: list[str], index: int, label: Label) -> list[str]:
    """Values on the next lines where nothing announces them but a label without one: made up, and nothing else."""
    if not may_stand_below(lines[index], label):
        return []
    found = below(lines, index, label, strict=True)
    odd = [value for value in found if len(value) > 3 and is_made_up(value) and not METHODS.fullmatch(value)]
    return [value for value in odd if not _MEASURED.fullmatch(value) and not FILE_NAME.search(value)]


def below(lines: list[str], index: int, label: Label | None = None, strict: bool = False) -> list[str]:
    """Values on the next lines, past blank ones and rulers: one alone, the items of a list, or rows of files with one
    each. Without a label five lines of other text are passed; `strict` wants values made up."""
    seen, found = 0, []
    # An English sentence that does not point at the next line has a value there by chance.
    strict = strict or label is None or (label.latin and not _POINTS_ON.search(lines[index]))
    joined = label is not None and are_joined(lines[index])
    for line in lines[index + 1 : index + 1 + _MAX_BELOW]:
        plain = _unframed(line.strip())
        if plain in ("--", "以上", "---- "):
            break
        if not plain or RULER.fullmatch(plain) or (len(plain) < 60 and _HOW_TYPED.fullmatch(plain)):
            continue
        if values := _row(plain):
            found += values
            continue
        item = _ITEM.match(plain)
        if found and not item:
            break
        last = _ANSWER.sub("", plain.rstrip("。").rpartition("。")[2]) if label is None else plain
        if values := alone(last, strict or bool(found)) or _part(plain, joined):
            found += values
            if item:
                continue
            break
        seen += 1
        if found or seen >= _patience(plain, label):
            break
    return found


def _part(plain: str, joined: bool) -> list[str]:
    """An item of a list whose items are joined may be short."""
    item = _ITEM.match(plain) if joined else None
    part = plain[item.end() :] if item else ""
    return [part] if TOKEN.fullmatch(part) and is_plausible(part) else []


def _unframed(plain: str) -> str:
    """What a frame's sides are around."""
    return plain.strip("| ") if len(plain) > 2 and plain[0] == plain[-1] == "|" else plain


def _patience(plain: str, label: Label | None) -> int:
    """The lines of other text, this one among them, behind which no value is looked for."""
    if label is None:
        return 6
    return 2 if FILE_NAME.search(plain) or plain.startswith("(") or "※" in plain[:2] else 1


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
    plain = with_named_signs(plain)
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
    other = FILE_NAME.search(bare) or re.search(r"[年月日時分円]", bare)
    if not strict and not other and any(char.isdigit() for char in bare) and (found := native(bare)):
        return found
    refused = strict or ELSEWHERE.search(plain) or OTHER_FIELD.match(bare)
    return phrase(bare) if is_made_up(bare) and not refused else []


def _can_stand_alone(token: str, strict: bool) -> bool:
    if not is_plausible(token) or len(token) < 3 or _DATED.fullmatch(token) or FILE_NAME.search(token):
        return False
    if re.search(r"@[\w-]+\.[a-z]|\.(?:jp|com|net|org|example)\b", token) or is_word(token):
        return False
    return not strict or (is_made_up(token) and not _MEASURED.fullmatch(token))


def column(lines: list[str], index: int, label: Label) -> list[str]:
    """Values of the rows below a table's header whose last column the label is."""
    before, behind = lines[index][: label.start].rstrip(' |\t"'), lines[index][label.end :].strip(' |\t"')
    if behind or not before.strip(' |\t"'):
        return []
    found = []
    for line in lines[index + 1 : index + 1 + _MAX_BELOW]:
        cells = _cells(line, before.endswith(","))
        if RULER.fullmatch(line):
            continue
        if len(cells) < 2 or len(cells) > 8 or not (FILE_NAME.search(line) or is_made_up(cells[-1])):
            break
        if is_plausible(cells[-1]) and not is_word(cells[-1]) and not FILE_NAME.search(cells[-1]):
            found.append(cells[-1])
    return found


def _cells(line: str, commas: bool) -> list[str]:
    return [cell.strip(' "') for cell in line.split(",")] if commas else line.strip(" |\t").replace("|", " ").split()


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
        odd = is_made_up(plain) or (match.re is _INPUT and (match["key"] or match["lock"]))
        other = FILE_NAME.search(plain) or _PROGRAM.search(plain) or _TIME.fullmatch(plain)
        if is_plausible(plain, quoted) and not offered and (quoted or (odd and not other)):
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
