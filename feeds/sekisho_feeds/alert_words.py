"""The words of alerts: labels that stand before what a mail shows, and quotation marks around it."""

from __future__ import annotations

import re
from typing import NamedTuple

_GAP = r"[ \t　]*+"
_MAIL = r"(?:(?:不審|標的型|攻撃|当該|偽)?(?:な)?(?:電子)?メールの?|e-?mail ?|mail ?|message ?)?"
_BAD = r"(?:不正|悪性|悪意|攻撃|不審|接続|通信|遷移|誘導|送信|発信|リンク|ダウンロード|C2|C&C|malicious|callback|phishing)?"
_OF = r"(?:のある|な|先|元|サーバー?|server|サイト)?(?:の)?[ ]?"
# In this order: "送信元IPアドレス" is no sender.
_LABELS = {
    "ip": rf"{_BAD}{_OF}IPv?[46]?{_GAP}アドレス|{_BAD}{_OF}(?:source )?IPv?[46]?(?: address(?:es)?|s)?",
    "domain": rf"{_BAD}{_OF}(?:ドメイン(?:名)?|ホスト(?:名)?|FQDN)|{_BAD} ?(?:domains?(?: names?)?|host(?:name)?s?|FQDNs?)",
    "sender": rf"{_MAIL}(?:差{_GAP}出{_GAP}し?人|差出元|送{_GAP}信{_GAP}(?:元|者)|発信(?:元|者))(?:の)?(?:電子)?(?:メール)?(?:アドレス)?"
    rf"|(?:header |envelope |spoofed )?from(?: address(?:es)?)?|{_MAIL}senders?(?:'s)?(?: e-?mail)?(?: address(?:es)?)?",
    "subject": rf"{_MAIL}(?:件{_GAP}名|標{_GAP}題|表{_GAP}題|題{_GAP}名|タイトル|サブジェクト)"
    rf"|{_MAIL}subject(?:s|{_GAP}lines?)?|(?:e-?mail|mail) titles?",
    "filename": rf"{_MAIL}添{_GAP}付{_GAP}(?:ファイル|文書|書類|資料)?(?:の)?(?:名称|名前|名)?|ファイル{_GAP}(?:名称|名)"
    r"|(?:malicious )?attach(?:ment|ed file)s?(?: file)?(?:[ -]?names?)?|file ?names?",
    "hash": r"(?:ファイル(?:の)?)?ハッシュ(?:値)?|(?:file )?hash(?:es)?(?: values?)?|(?:MD5|SHA-?1|SHA-?256|SHA-?512)(?:ハッシュ(?:値)?| hash(?:es)?)?",
    "url": rf"{_BAD}{_OF}(?:URL|URI|リンク)s?|{_BAD}(?:先)|C2|C&C|(?:C2|C&C) ?(?:サーバー?|servers?)|(?:malicious )?links?",
    "quiet": r"参考(?:情報|資料|URL|リンク|文献)?|参照(?:先)?|出典|関連(?:情報|リンク|URL|資料)|詳細(?:情報)?|(?:本件に関する)?(?:お)?問(?:い)?合(?:わ)?せ(?:先|窓口)?"
    r"|(?:ご)?連絡先|報告先|(?:ご)?相談(?:先|窓口)|通報先|発行(?:元|者)|配信(?:元|停止)"
    r"|references?|see also|(?:further|more) (?:reading|information)|contacts?(?: us| information)?|reports?(?: incidents?)? to|sources?|issued by",
    "other": r"(?:メール)?本文|送信日時|受信日時|日時|日付|宛先|date|to|cc|body|sent|received|概要|対象|対策|パスワード|password",
}  # fmt: skip
BULLET = (
    r"[ \t　>・･●○◯■□◆◇▼▽▶►▪•‣※★☆*＊+\-–—‐→⇒#]*+"
    r"(?:[(（\[]?(?:[0-9０-９]{1,2}|[①-⑳ア-コa-h])[)）\].．、][ \t　]*+|[①-⑳][ \t　]*+)?"
)
_NOTE = (
    r"(?:[ ]?[0-9０-９①-⑳]{1,2}|の?例|の?一覧|等|など|の特徴|[ ]?(?:examples?|lists?)|[ ]?[（(][^（）()\n]{1,24}[）)])?"
)
_NAMED = "|".join(f"(?P<{type}>{words})" for type, words in _LABELS.items())
LABEL = re.compile(rf"{_GAP}\**(?:{_NAMED}){_NOTE}\**{_GAP}", re.IGNORECASE)
_LABELLED = re.compile(
    rf"{BULLET}(?P<open>[【\[［<＜〔《(（]?){_GAP}\**(?:{_NAMED}){_NOTE}\**{_GAP}(?P<close>[】\]］>＞〕》)）]?)"
    rf"(?P<sep>{_GAP}(?:[:：=＝]|は[、:：]|\t|\|)\**{_GAP}|{_GAP}$|　+|[ ]{{2,}}|(?={_GAP}[「『“\"]))?(?P<rest>.*)",
    re.IGNORECASE,
)
_PAIRS = {"「": "」", "『": "』", "“": "”", '"': '"', "〝": "〟", "＂": "＂", "`": "`", "‘": "’"}
_INNER = {"「": "「[^「」]{0,200}」|", "『": "『[^『』]{0,200}』|"}
QUOTED = "(?:" + "|".join(
    f"{open}(?:{_INNER.get(open, '')}[^{open}{close}\n]){{1,300}}{close}" for open, close in _PAIRS.items()
) + ")"  # fmt: skip
_JOIN = r"(?:[ \t　、,，/／・;；|]|と|や|及び|および|又は|または|もしくは|and|or)*"
QUOTES = rf"{QUOTED}(?:{_JOIN}{QUOTED}){{0,30}}"
ONE_QUOTE = re.compile(QUOTED)
LEADING_QUOTES = re.compile(rf"({QUOTES})(?P<after>.*)")
_BEFORE = r"(?:名|line|lines|欄)?(?:[ 　:：、,]|[がはにもを]|として|には|では|is|was|are|of|reads?|reading|such as|named|called|titled|like|the)*"
_BETWEEN = r"(?:という|といった|との|と題した|と題する|と書かれた|と記載された|など|等)?(?:の)?(?:名前|名称|内容)?(?:の)?(?:メールの)?"
PROSE = {
    "subject": re.compile(
        rf"(?:件名|標題|表題|題名|タイトル|サブジェクト|subjects?|titled|entitled){_BEFORE}({QUOTES})"
        rf"|({QUOTES}){_BETWEEN}(?:件名|標題|表題|題名|タイトル|を件名|as (?:the )?subject)",
        re.IGNORECASE,
    ),
    "filename": re.compile(
        rf"(?:添付(?:ファイル)?|ファイル|attachments?|attached(?: files?)?|files?){_BEFORE}({QUOTES})"
        rf"|({QUOTES}){_BETWEEN}(?:添付|ファイル|attach|file)|を添付",
        re.IGNORECASE,
    ),
}
QUIET = re.compile(
    r"問(?:い)?合(?:わ)?せ|連絡先|(?:まで|へ|に)(?:ご)?(?:連絡|報告|通報|相談)|詳細は|詳しくは|(?:を|も)(?:ご)?(?:参照|確認|覧)|公開して(?:い|お)"
    r"|contact us|for (?:more|further) (?:information|details)|please (?:report|contact)|report (?:it )?to|published (?:at|on)|see also",
    re.IGNORECASE,
)  # fmt: skip
SENDER = re.compile(
    r"差出人|差し出し人|送信元|送信者|発信元|発信者|から(?:の|送|届)|\bfrom\b|\bsender|\bsent by\b", re.IGNORECASE
)
ATTACHED = re.compile(r"添付|ファイル|attach|\bfiles?\b", re.IGNORECASE)
HEADING = re.compile(r"[ \t　]*+(?:[■◆◇□▼●【\[［#]|[0-9０-９]{1,2}[.．)）][ 　]*+[^\d\s.])")
NOTHING = frozenset(
    [
        "",
        "なし",
        "無し",
        "(なし)",
        "（なし）",
        "不明",
        "空欄",
        "none",
        "n/a",
        "-",
        "―",
        "unknown",
        "ー",
        "同上",
        "多数",
        "様々",
    ]
)


class Labelled(NamedTuple):
    """A line that begins with a label: what it labels, and what follows."""

    type: str
    rest: str


def labelled(line: str) -> Labelled | None:
    """The label at the beginning of a line, however it is set apart; None for a line without."""
    found = _LABELLED.fullmatch(line)
    if not found or (found["sep"] is None and not (found["open"] and found["close"])):
        return None
    return Labelled(found.lastgroup if found.lastgroup in _LABELS else _type_of(found), found["rest"].strip())


def label_type(cell: str) -> str:
    """What a table's cell labels, "" where it is no label."""
    found = LABEL.fullmatch(cell)
    return _type_of(found) if found else ""


def _type_of(found: re.Match[str]) -> str:
    return next(type for type in _LABELS if found[type] is not None)


def unquoted(text: str) -> str:
    """A value without the quotation marks or emphasis around it."""
    text = text.strip().strip("*").strip()
    if len(text) > 1 and _PAIRS.get(text[0]) == text[-1] and text[-1] not in text[1:-1]:
        return text[1:-1].strip()
    return text
