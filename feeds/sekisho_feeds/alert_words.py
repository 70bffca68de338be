"""The words of alerts: labels that stand before what a mail shows, and quotation marks around it."""

from __future__ import annotations

import re
from typing import NamedTuple

_GAP = r"[ \t　]*+"
_MAIL = r"(?:(?:不審|標的型|攻撃|当該|偽)?な?(?:電子)?メールの?|e-?mail ?|mail ?|message ?)?"
_BAD = r"(?:不正|悪性|悪意のある|攻撃|不審|malicious ?|phishing ?|callback ?)?な?(?:C2|C&C)?"
_WHERE = r"(?:接続|通信|遷移|誘導|送信|発信|リンク|ダウンロード|アクセス)"
_PLACE = rf"{_BAD}(?:{_WHERE}[先元]|サーバー?|サイト|リンク|source ?|server ?)?の?[ ]?"
_HASH = r"(?:MD5|SHA-?1|SHA-?256|SHA-?512)"
# What a line labels; in this order: "送信元IPアドレス" is no sender.
_LABELS = {
    "ip": (rf"{_PLACE}IPv?[46]?{_GAP}アドレス", rf"{_PLACE}IPv?[46]?(?: address(?:es)?|s)?"),
    "domain": (
        rf"{_PLACE}(?:ドメイン(?:名)?|ホスト(?:名)?)",
        rf"{_PLACE}(?:domains?(?: names?)?|host(?:name)?s?|FQDNs?)",
    ),
    "sender": (
        rf"{_MAIL}(?:差{_GAP}出{_GAP}し?人|差出元|送{_GAP}信{_GAP}[元者]|発信[元者])の?(?:電子)?(?:メール)?(?:アドレス)?",
        r"(?:header |envelope |spoofed )?from(?: address(?:es)?)?",
        rf"{_MAIL}senders?(?:'s)?(?: e-?mail)?(?: address(?:es)?)?",
    ),
    "subject": (
        rf"{_MAIL}(?:件{_GAP}名|標{_GAP}題|表{_GAP}題|題{_GAP}名|タイトル|サブジェクト)",
        rf"{_MAIL}subject(?:s|{_GAP}lines?)?|(?:e-?mail|mail) titles?",
    ),
    "filename": (
        rf"{_MAIL}添{_GAP}付{_GAP}(?:ファイル|文書|書類|資料)?の?(?:名称|名前|名)?|ファイル{_GAP}(?:名称|名)|検体名?",
        r"(?:malicious )?attach(?:ment|ed file)s?(?: file)?(?:[ _-]?names?)?|file[ _]?names?|samples?",
    ),
    "hash": (
        rf"(?:ファイルの?)?ハッシュ(?:値)?|{_HASH}(?:の?ハッシュ(?:値)?)?",
        rf"(?:file )?hash(?:es)?(?: values?)?|{_HASH} hash(?:es)?",
    ),
    "url": (
        rf"{_BAD}{_WHERE}先|{_BAD}(?:サーバー?|サイト)|{_PLACE}(?:URL|URI)s?",
        r"(?:C2|C&C)(?: ?servers?)?|(?:malicious )?links?",
    ),
    "quiet": (
        r"参考(?:情報|資料|URL|リンク|文献)?|参照先?|出典|関連(?:情報|リンク|URL|資料)|詳細(?:情報)?|発行[元者]",
        r"(?:本件に関する)?(?:お)?問い?合わ?せ(?:先|窓口)?|(?:ご)?連絡先|報告先|(?:ご)?相談(?:先|窓口)|通報先|配信[元停]止?",
        r"references?|see also|(?:further|more) (?:reading|information)|sources?|issued by",
        r"contacts?(?: us| information)?|reports?(?: incidents?)? to",
    ),
    "other": (
        r"(?:メール)?本文|送信日時|受信日時|日時|日付|宛先|概要|対象|対策|パスワード",
        r"date|to|cc|body|sent|received|password",
    ),
}
BULLET = (
    r"[ \t　>・･●○◯◎■□◆◇▼▽▶►▪•‣※★☆*＊+\-–—‐→⇒#]*+"
    r"(?:[(（\[]?(?:[0-9０-９]{1,2}|[①-⑳ア-コa-h])[)）\].．、][ \t　]*+|[①-⑳][ \t　]*+|[0-9０-９]{1,2}[ 　]++|o[ ]++)?"
)
_NOTE = (
    r"(?:[ ]?[0-9０-９①-⑳]{1,2}|の?例|の?一覧|等|など|の特徴|[ ]?(?:examples?|lists?)|[ ]?[（(][^（）()\n]{1,24}[）)])?"
)
_NAMED = "|".join(f"(?P<{type}>{'|'.join(words)})" for type, words in _LABELS.items())
LABEL = re.compile(rf"{_GAP}\**(?:{_NAMED}){_NOTE}\**{_GAP}", re.IGNORECASE)
_LABELLED = re.compile(
    rf"{BULLET}(?P<open>[【\[［<＜〔《(（]?){_GAP}\**(?:{_NAMED}){_NOTE}\**{_GAP}(?P<close>[】\]］>＞〕》)）]?)"
    rf"(?P<sep>{_GAP}(?:[:：=＝→⇒]|[-=]>|は[、:：]|(?<=[ 　])[-–—][ ]|\t|\|)\**{_GAP}|{_GAP}$"
    rf"|(?<=　)(?=\S)|(?<=[ ]{{2}})(?=\S)|(?={_GAP}[「『“\"]))?"
    r"(?P<rest>.*)",
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
_BEFORE = (
    r"(?:名|欄)?(?:[ 　:：、,]|lines?|[がはにもを]|として|には|では"
    r"|is|was|are|of|reads?|reading|such as|named|called|titled|like|the)*"
)
_BETWEEN = (
    r"(?:という|といった|との|と題した|と題する|と書かれた|と記載された|など|等)?"
    r"の?(?:名前|名称|内容)?の?(?:メールの)?"
)
PROSE = {
    "subject": re.compile(
        rf"(?:件名|標題|表題|題名|タイトル|サブジェクト|subjects?|titled|entitled){_BEFORE}({QUOTES})"
        r"(?![ ]?(?:[をがで](?:含|入|始)|から始|等?の文字|という文字))"
        rf"|({QUOTES}){_BETWEEN}(?:件名|標題|表題|題名|タイトル|を件名|as (?:the )?subject)",
        re.IGNORECASE,
    ),
    "filename": re.compile(
        rf"(?:添付(?:ファイル)?|ファイル|attachments?|attached(?: files?)?|files?){_BEFORE}({QUOTES})"
        rf"|({QUOTES}){_BETWEEN}(?:添付|ファイル|attach|file)|を添付",
        re.IGNORECASE,
    ),
}
NAME_BESIDE = r"添付(?:ファイル|文書|資料)?名?(?:[はが、]|として)[ 　]*"
QUIET = re.compile(
    r"問い?合わ?せ|連絡先|(?:まで|へ|に)(?:ご)?(?:連絡|報告|通報|相談)|詳細は|詳しくは|公開して(?:い|お)"
    r"|[をも](?:ご)?(?:参照|覧|確認(?:ください|下さい|してください|して下さい|願))"
    r"|contact us|for (?:more|further) (?:information|details)|please (?:report|contact)|report (?:it )?to"
    r"|published (?:at|on)|see also",
    re.IGNORECASE,
)
SENDER = re.compile(r"差し?出し?人|送信[元者]|発信[元者]|から(?:の|送|届)|\bfrom\b|\bsender|\bsent by\b", re.IGNORECASE)
VERSION = re.compile(r"バージョン|ビルド|\bver(?:sions?|\b)|\bbuild\b|\bv\d|Windows|Office", re.IGNORECASE)
TRAFFIC = re.compile(
    r"通信|接続|アクセス|誘導|遷移|ドメイン|domain|\bC2\b|C&C|connect|contact(?:s|ed|ing)\b", re.IGNORECASE
)
ATTACHED = re.compile(r"添付|ファイル|attach|\bfiles?\b", re.IGNORECASE)
HEADING = re.compile(r"[ \t　]*+(?:[■◆◇□▼●【\[［#]|[0-9０-９]{1,2}[.．)）][ 　]*+[^\d\s.])")
NOTHING = frozenset([
    "", "なし", "無し", "(なし)", "（なし）", "不明", "空欄", "同上", "多数", "-", "ー", "―", "none", "n/a", "unknown",
])  # fmt: skip


_ANNOUNCING = re.compile(
    r"以下|下記|次の(?:通|とお|件|添|送|差|フ|ド|U|I)|following|below|such as|include[sd]?:?$|[:：][ 　]*$",
    re.IGNORECASE,
)
# In this order: "接続先IPアドレス" are addresses, "添付ファイルのハッシュ値" hashes.
_ANNOUNCED = {
    "hash": re.compile(r"ハッシュ|hash|SHA-?\d|MD5", re.IGNORECASE),
    "ip": re.compile(r"IP ?アドレス|\bIPs?\b|IP address", re.IGNORECASE),
    "domain": re.compile(r"ドメイン|domain|ホスト名|hostname", re.IGNORECASE),
    "url": re.compile(r"URL|(?:通信|接続|誘導|遷移)先|C2|C&C", re.IGNORECASE),
    "subject": re.compile(r"件名|標題|表題|題名|タイトル|subject", re.IGNORECASE),
    "sender": re.compile(r"差し?出し?人|送信[元者]|発信[元者]|sender|sending address|from address", re.IGNORECASE),
    "filename": re.compile(r"添付|ファイル名|attach|file ?name", re.IGNORECASE),
}


class Labelled(NamedTuple):
    """A line that begins with a label: what it labels, and what follows."""

    type: str
    rest: str


def labelled(line: str) -> Labelled | None:
    """The label at the beginning of a line, however it is set apart; None for a line without."""
    found = _LABELLED.fullmatch(line)
    if not found or (found["sep"] is None and not (found["open"] and found["close"])):
        return None
    return Labelled(_type_of(found), found["rest"].strip())


def announced(line: str) -> str:
    """What a sentence says that the lines below it are, such as "以下の件名のメール" or "Subject lines seen:"; "" where
    it says nothing of the kind."""
    if not _ANNOUNCING.search(line) or ONE_QUOTE.search(line):
        return ""
    return next((type for type, words in _ANNOUNCED.items() if words.search(line)), "")


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
