"""Labels of passwords: the words that announce one in a mail, those that say that it comes otherwise, and what can be
a password at all.

All patterns are for text in its compatibility form (NFKC). They are bounded, because their text is the sender's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPENING = (
    r"復号|解凍|展開|暗号(?:化|解除)?|開封|解除|解読|閲覧|解錠|開錠|ロック解除|読み?取り?"
    r"|ファイル(?:を開く)?|ZIP|添付(?:ファイル)?"
)
# The purpose that stands for the word: 開くための文字列, 解凍時の英数字, 解除文字.
_TO_OPEN = (
    r"(?:(?:復号|解凍|展開|開封|解除|解読|解錠|開錠|閲覧|暗号解除|ロック解除)(?:を?する)?|開[くけ]る?|ひらく|伸長|解く)"
    r"(?:(?:の|ため|際|時|とき|場合)に?(?:の|ご?(?:使う|使用する|入力する|必要な|必要となる|用いる)))?"
    r"(?:に(?:必要な|必要となる|使う|使用する|用いる|要する)|用の?)?"
)
_SURE = (
    r"パ\s?ス\s?ワ\s?[ー―—−‐-]?\s?[ドト]|ぱすわーど|パスフレーズ|パス(?:コード|キー)|パスワ(?![ァ-ヶー])"
    r"|暗証(?:番号|コード|キー|文字)|合い?言葉|合い?ことば"
    rf"|(?:{_OPENING})(?:用)?(?:の)?(?:キーワード|キー|鍵|カギ|コード|文字列|番号)"
    rf"|{_TO_OPEN}(?:キーワード|キー|鍵|カギ|コード|文字列?|英数字|数字|番号|ワード|フレーズ|合図|呪文|ことば|(?:合い?)?言葉)"
    r"|(?<![ァ-ヶー])パス(?![ァ-ヶー])"
    r"|(?<![a-z=])(?:pass\s?-?(?:words?|codes?|phrases?|keys?|wd|wort)?|passwards?|pasword|p\.?\s?/?w\.?d?"
    r"|pswd|psw|pswrd|pword)(?![a-z])"
    r"|(?<![a-z])(?:de-?cryption|decrypt|unlock(?:ing)?|unzip(?:ping)?|archive|extract(?:ion)?|opening|decompression)\s"
    r"(?:key|code|pin|string|word)(?![a-z])|(?<![a-z])file\s(?:key|pin)(?![a-z])"
    r"|(?<![a-z])(?:key|code|pin|phrase|string|word|characters|combination)\s(?:(?:required|needed|necessary"
    r"|(?:that\s)?(?:you|we)(?:'ll|\swill)?\s(?:need|require|must\suse|should\suse))\s)?"
    r"(?:to|for)\s(?:open|unlock|extract|decrypt|unzip|decompress|view)(?:ing|ting|ion|ping)?(?![a-z])"
    r"|密码|密碼|비밀번호"
)
# Words that are labels of many other things: a mark must follow them, and the text must speak of a file.
_UNSURE = (
    r"(?:認証|アクセス|セキュリティ|セキュリティー|秘密)(?:の)?(?:コード|キー|番号|ワード)|キーワード"
    r"|(?:解凍|復号|開封)(?:用|時)(?=\s?[:=])"
    r"|(?<![ァ-ヶー])(?:キー|カギ|コード)(?![ァ-ヶー])|(?<![一-龥])鍵|(?<![A-Za-z])PIN(?:\s?コード"
    r"|\s?番号|\s?code)?(?![A-Za-z])"
    r"|(?<![a-z])(?<!zip\s)(?<!postal\s)(?<!dress\s)(?<!qr\s)(?<!bar\s)(?<!area\s)(?<!source\s)(?<!error\s)"
    r"(?:(?:access|security|secret)\s)?(?:key|code|keyword)(?![a-z])"
)
# Such a word with its value in a sentence about files.
_TOLD = (
    r"(?<![a-z])(?:the|your|our|its|this|file|attachment|document)\s(?:(?:access|security|secret|file|magic)\s)?"
    r"(?:key|code|pin|keyword|word|string|phrase)(?=\sis\s?:?\s?(?:[\"“‘']|(?=[!-~]{4})[!-~]{0,30}[0-9]))"
    r"|(?<![a-z])(?:key|code|pin)\s(?:to|for|of)\s(?:the|this|your|our|both)\s(?:(?:attached|locked|encrypted)\s)?"
    r"(?:zip|file|archive|attachment|document|pdf|spreadsheet|workbook)s?(?:\sfile)?"
    r"(?=\sis\s?:?\s?(?:[\"“‘']|(?=[!-~]{4})[!-~]{0,30}[0-9]))"
    r"|(?:(?<![一-龥ァ-ヶー])(?:鍵|カギ|キー|キーワード)|その(?:文字列|値|番号|コード|キー))"
    r"(?=は、?\s?(?:[「『“\"]|(?=[!-~]{4})[!-~]{0,30}[0-9]))"
)
# First what a label begins with, in Latin at a word's beginning (but ZIP): most places cost no more than this.
_LABELS = re.compile(
    r"(?=[acdefikopstuwyzそぱひアカキコセパフロ伸合密展復暗添秘解認読鍵開閲비])(?:(?=[^a-y])|(?<![a-z]))"
    rf"(?:(?P<sure>{_SURE})|(?P<told>{_TOLD})|(?P<unsure>{_UNSURE}))",
    re.I,
)
# What every label has in it: one of these characters, or of these words in small letters.
_CHARACTERS = re.compile("[パぱ証葉ば合キ鍵ギド字号ズ図文値密비用時pP]")
_LATIN = ("key", "code", "word", "string", "character", "combination")
# Before the word for one that opens no file.
_ONCE = re.compile(r"(?:ワンタイム|使い捨て|one[-\s]time\s?|二段階認証|2段階認証|認証用)(?:の)?$", re.I)
# Networks and meetings have passwords that open no file; of those their names are told on the line before.
_NO_FILE = re.compile(
    r"(?:(?:wi-?fi|無線\s?LAN|(?<![a-z])ssid)[^。\n]{0,40}"
    r"|(?:(?<![a-z])vpn|zoom|webex|google\s?meet|ミーティング|ウェビナー|会議|meeting|webinar|dial-?in)"
    r"(?:\s?(?:参加|接続|用|の|ID|room|access|[:/・\])】])){0,4}\s?)$",
    re.I,
)
_FOR_NO_FILE = re.compile(
    r"\s(?:for|to|of)\s(?:(?:the|our|this|today's)\s)?(?:(?:guest|zoom|teams|webex|online|video)\s)?"
    r"(?:wi-?fi|network|meeting|call|conference|webinar|zoom)(?![a-z]|\s(?:minutes|notes|agenda|material|slides|paper))",
    re.I,
)
_ITS_NAME = re.compile(
    r"\W{0,6}(?:ssid|ネットワーク名?|アクセスポイント|(?:zoom\s?)?(?:ミーティング|会議|meeting|webinar|ウェビナー)\s?(?:ID|番号|URL))\s?[:=は)\]】]",
    re.I,
)
# What stands for the word before a value, and the ways in which a mail tells to open a file with one.
_ANNOUNCED = re.compile(
    r"(?=[deinotuvこロ下以展復暗次正解開閲])(?:正しくは|正しい(?:パスワード|もの|方|値)は|(?:次|以下|下記|こちら|これ)の?(?:文字列|英数字|数字|文字|キー|コード|番号|ワード|もの|内容"
    r"|[0-9]{1,2}桁(?:の数字)?)"
    r"|(?:解凍|展開|復号|開封|開く|閲覧|暗号解除|ロック解除)[^。\n]{0,30}?(?:際|時|とき|場合|には|ため)[^。\n]{0,12}?"
    r"(?:次|以下|下記|こちら)(?:を|の|で)"
    r"|(?:次|以下|下記)を(?:ご?入力|ご?利用|ご?使用)[^。\n]{0,12}?(?:解凍|展開|復号|開封|開[くいけき]|閲覧)"
    r"|(?:次|以下|下記|こちら|これ)で(?:解凍|展開|復号|開封|開(?:く|い|け|き)|閲覧)"
    r"|(?:open|unlock|extract|unzip|decrypt|view)\s[^.\n]{0,60}\bthe\sfollowing\s(?:code|key|pin|word|string|phrase"
    r"|characters)[^.\n:]{0,40}(?=[:.]|$)"
    r"|(?:enter|use|type|input)\s(?:the\sfollowing|this|below)\b"
    r"(?=[^.\n]{0,60}(?:open|unlock|extract|unzip|decrypt|view|password|code))[^.\n:]{0,60}(?=[:.]|$)"
    r"|need\sthis\sto\s(?:open|unlock|extract|unzip|decrypt|view)\b[^.\n:]{0,40}(?=:|$))",
    re.I,
)
_FILES = re.compile(
    r"添付|ファイル|解凍|展開|zip|圧縮|暗号|復号|資料|書類|attach|archive|file|document|encrypt|decrypt"
    r"|unlock|extract|pdf|excel|open",
    re.I,
)
_ACCOUNT = re.compile(
    r"ログイン|ログオン|サインイン|ワンタイム|[二2]段階|[二2]要素|多要素|アカウント|本人確認|会員登録"
    r"|log\s?-?in|sign\s?-?in|account|verif|one-time"
    r"|two-factor|otp|2fa",
    re.I,
)
# It is given by other ways, or known already.
ELSEWHERE = re.compile(
    r"(?=[abcdeflnopstuvwあいおごすにのシチ事以例先共別前取口同後従所改既次直社窓続規追通連郵電])(?:別の?メール|別途|別送|別便|別経路|別紙|別信|別報|別に(?:お|ご)?(?:送|知|連)|次の(?:電子)?メール"
    r"|次便|後続の|後送|追って|後ほど|のちほど|後程|後日|後から|あとから|改めて|続けて(?:お|ご)?送"
    r"|続いて(?:お|ご)?送"
    r"|電話(?:にて|で|口)|お電話|口頭|郵送|FAX(?:にて|で)|SMS|ショートメッセージ|チャット"
    r"|(?-i:(?<![A-Za-z-])(?:Teams|Slack|LINE)(?![A-Za-z0-9-]))|直接お|窓口"
    r"|従来|いつもの|いつも通|いつもどお|いつもと|前回(?:と|の|同)|前と同|以前(?:に|お|と|の)|先日(?:お"
    r"|ご|の)|事前に|既に|すでに|ご存[じ知]|共有済|通知済|連絡済|お渡し済|お伝え(?:済|した|し[てま])"
    r"|取り?決め|規定の|既定の|所定の|社内共通|共通の(?:もの|パス)|例の|同上|お問い?合わせ(?!番号)|お尋ね|ご照会(?!番号)"
    r"|に(?:ご)?確認(?:ください|願)"
    r"|separate|by\s(?:tele)?phone|over\sthe\sphone|via\s(?:phone|sms|text|chat|teams|slack|whatsapp"
    r"|signal)|by\s(?:sms|text|fax|post)|as\s(?:usual|before|always|agreed|last)"
    r"|same\s(?:as|one|password)|usual|follow(?:s|ing)?\s(?:shortly|later|separately|in\s(?:a|another"
    r"|the\snext))|will\s(?:be\s)?(?:follow|sent|send|provided|text|call|share|given|communicat)|(?:next"
    r"|another|second|other|different|previous|earlier|last)\s(?:e-?mail|message|mail)"
    r"|already\s(?:have|know|sent|been|shared|given)|shared\searlier|agreed|contact\s(?:us|me|your|the)"
    r"|call\s(?:me|us)|ask\s(?:me|us|your)|on\srequest|upon\srequest)",
    re.I,
)  # fmt: skip
# What a sentence about passwords says that does not state one.
OTHERWISE = re.compile(
    r"(?=[acdefhilmnprsuwおなヒポマリロ不付使保再初変廃強忘推文更有期桁求流漏無生盗禁管総要解設誤間])(?:有効期限|期限切れ|期限が|変更|再設定|再発行|更新|初期化|リセット|お?忘れ|ポリシー|管理|使い回し"
    r"|推測|強度|文字以上|桁以上|文字数|設定して(?:いま|おりま|い|お)せん|付き|付の|付Z|なし(?!で)|無し"
    r"|不要"
    r"|禁止|廃止|保護|漏|流出|盗|要求され|求められ|間違|誤|ロックされ|生成|ヒント|マネージャ|総当|解析"
    r"|reset|expir|chang|forg[eo]t|policy|policies|manager|strength|minimum|at\sleast|requirement|hint"
    r"|protect|updat|recover|never\sshare|do\snot\sshare|incorrect|wrong|compromis|leak|hygiene"
    r"|log\s?-?in|sign\s?-?in|account)",
    re.I,
)  # fmt: skip
# Fields about a password that do not hold it.
_FIELD = re.compile(
    r"の?(?:長さ|桁数|文字数|送[付信](?:日時?|先|方法|者)|通知(?:日時?|先|方法|者)|連絡(?:日時?|先|方法)|問い?合わ?せ先?|担当者?"
    r"|(?:発行|管理|設定|作成)(?:日時?|者|元|手数料|費用)|手数料|種[類別]|状[態況]|有無|要否|強度|履歴|試行|期間|変更[日者]|更新日|(?:提出|登録|設定|有効)?期限)"
    r"\s?(?:\([^()]{0,20}\))?\s?[:=は]"
    r"|\s(?:length|history|age|status|owner|type|hint|strength|rules?|field|box|count|attempts|(?:set|sent|issued|changed|updated)\s"
    r"(?:by|to|on|at|from))\s?[:=]",
    re.I,
)
# What one enters to change a password is none, and the day of it neither.
_RESET = re.compile(
    r"パスワード[のを]?(?:ご?変更|再設定|再発行|リセット|初期化)(?:に(?!つ)|手続|用|するに|す?る?(?:際|時|とき|場合|ため))"
    r"|\b(?:change|reset|recover|renew|update)\s(?:your|the|our|my)\s(?:\w{1,12}\s)?password",
    re.I,
)
# Words that send a reader to the next lines, endings of files, and names of other fields of a mail.
TITLED = re.compile(
    r"以下|下記|次の|下の|こちら|below|following|follows|next\sline|次の?行|通り|とおり|お知らせ|ご?連絡"
    r"|ご?通知|ご?案内|お伝え|here",
    re.I,
)
FILE_NAME = re.compile(r"\.(?:zip|pdf|docx?|xlsx?|xlsm|pptx?|rar|7z|lzh|exe|ex_|csv|txt|jtd|dwg|cab|zi_|z_p)\b", re.I)
OTHER_FIELD = re.compile(
    r"tel|fax|電話|mail|メール|アドレス|url|http|件名|日時|日付|期限|宛|from|to$|cc|date|subject|差出"
    r"|担当|住所|〒|会社|部署|氏名|ファイル名|file\s?name|id$|ユーザ|user|アカウント|ログイン|送信|受信"
    r"|サイズ|size|形式|期間|時間|番号|no\.?$|価格|金額|hash|sha|md5",
    re.I,
)
# Behind a quotation that names something else than a password.
NAMED = re.compile(
    r"\s*(?:等|など|を含|という|ボタン|画面|タブ|メニュー|欄|リンク|メール|ファイル|アイコン|フォルダ"
    r"|の件|サイト|ページ|キー|から|へ|まで|参照|を参照|サービス|機能|ポリシー|規程|規定|について|button|link|menu"
    r"|screen|page|field|box|file|folder|mail|tab|policy)",
    re.I,
)
# Words of sentences, which stand where a value may stand.
_WORDS = frozenset([
    "as", "the", "a", "an", "be", "below", "following", "not", "in", "on", "by", "to", "for", "of", "and", "or",
    "is", "it", "its", "your", "my", "our", "same", "sent", "send", "will", "case", "attached", "provided",
    "protected", "required", "needed", "available", "given", "different", "case-sensitive", "here", "this", "that",
    "zip", "pdf", "exe", "excel", "word", "file", "files", "attachment", "e-mail", "email", "mail", "reset",
    "expired", "expiring", "incorrect", "wrong", "correct", "password", "passwords", "about", "none", "n/a", "na",
    "yes", "no", "nil", "via", "from", "with", "at", "if", "when", "please", "above", "tba", "tbc", "tbd", "null",
    "unknown", "unchanged", "usual", "see", "secret", "hidden", "pass", "passcode", "pw", "pwd", "must", "should",
    "can", "may", "has", "have", "was", "were", "which", "separately", "separate", "upon", "you", "we", "i", "they",
    "he", "she", "all", "any", "only", "also", "use", "enter", "using", "used", "open", "ask", "call", "contact",
    "and/or", "tel", "fax", "url", "id", "re", "fw", "fwd", "subject", "date", "to:", "from:", "set", "under",
    "known", "simple", "easy", "blank", "empty", "optional", "key", "code", "pin", "text", "both", "are", "now",
    "sms", "phone", "excluded", "confidential", "windows", "office", "microsoft", "unique", "still", "too", "very",
    "never", "always", "already", "later", "soon", "like", "just", "shared", "stored", "long", "short", "strong",
    "weak", "valid", "invalid", "temporary", "next", "last", "first", "encrypted", "locked", "rar", "7z", "docx",
    "xlsx", "acrobat", "adobe", "www", "today's", "todays", "today", "ok", "ext", "n.a", "off", "ng", "wip",
    "tomorrow", "tonight", "yesterday", "asap", "eod", "voicemail", "whatsapp", "minimum",
    "maximum", "active", "inactive", "due", "written", "printed", "one-time", "1st", "2nd", "3rd", "reception",
])  # fmt: skip
# The password under which people who study malware send it.
_CUSTOMARY = "infected"
_CONTRACTION = re.compile(
    r"(?:i|you|he|she|it|we|they|that|this|there|what|here|who|let|don|doesn|didn|can|won|isn|aren|wasn|hasn|haven)"
    r"['’](?:s|ll|re|ve|d|m|t)"
)
_ENDINGS = ("ed", "ing", "ly", "able", "ible", "ful", "sensitive")
# Those of words that tell alone how a password comes; other words with such an ending (Spring, United) may be one.
_TELLING = re.compile(
    r"(?:re|un|dis)?(?:pend|miss|forthcom|incom|follow|com|wait|await|work|chang|updat|expir|mask|redact|remov|delet|hidd?"
    r"|obscur|omitt|includ|attach|enclos|e?mail|messag|text|fax|phon|post|print|writt|stat|describ|mention|indicat|agre"
    r"|discuss|announc|issu|assign|generat|stor|sav|supply|suppli|deliver|communicat|transmitt|forward|distribut|confirm"
    r"|disclos|notifi|inform|requir|request|receiv|publish|specifi|defin|configur|enabl|abl|protect|select|provid|shar)"
    r"(?:ed|ing|able)"
    r"|[a-z]{2,20}(?:al|at|et|nt|us|rt|ct|iv|re|tr|ri|ie|ur|pl|if|ul)e?ly|(?:un)?(?:available|applicable|accessible)|verbally"
)
_PLACEHOLDER = re.compile(
    r"[\[<{(%$#]{1,3}(?:pass\s?word|pass|pw|pwd|your[_ -]?password|password[_ -]?here)[\]>})%$#]{0,3}"
    r"|[\[<{(]?(?:yyyy|yy)[-/]?mm(?:[-/]?dd)?[\])}>]?|[\[<{(]?mmdd[\])}>]?"
    r"|[\[<{(%$#]{0,3}(?:パスワード|your[_ -]?password|password[_ -]?here)[\]>})%$#]{0,3}",
    re.I,
)
RULER = re.compile(r"[\s\-=_*~#+.・─━―＿■□◆◇※<>|↓⇩▼▽↑\u2500-\u257f]*")


# Characters behind a label in which its value stands, or what describes it.
REACH = 400
# Quotations in them; nobody names more passwords in one sentence.
MOST_QUOTES = 12


@dataclass(frozen=True)
class Label:
    """A label in a line: where it stands, and whether it is only an announcement of a line of its own."""

    start: int
    end: int
    announces: bool = False
    latin: bool = False
    is_pass: bool = False
    sure: bool = True


def labels(line: str, about_files: bool) -> Iterator[Label]:
    """The labels of a line in order; those that may be of other things where the text is `about_files`."""
    for match in _LABELS.finditer(line) if _may_have_one(line) else ():
        once = _ONCE.search(line, max(0, match.start() - 12), match.start()) and not _FILES.search(line)
        if (match["sure"] or about_files) and not once:
            sure = match["unsure"] is None
            yield Label(match.start(), match.end(), False, match[0].isascii(), match[0].lower() == "pass", sure)
    for match in _ANNOUNCED.finditer(line):
        yield Label(match.start(), match.end(), announces=True)


def _may_have_one(text: str) -> bool:
    if _CHARACTERS.search(text):
        return True
    small = text.casefold()
    return any(word in small for word in _LATIN)


def has_label(text: str) -> bool:
    """Whether a line speaks of a password."""
    found = _LABELS.search(text) if _may_have_one(text) else None
    return found is not None and found["sure"] is not None


def is_about_files(text: str) -> bool:
    """Whether a text speaks of files and not of accounts, so that a code in it opens a file."""
    return _FILES.search(text) is not None and _ACCOUNT.search(text) is None


def opens_no_file(line: str, label: Label, before: str) -> bool:
    """Whether a label is of a network or a meeting, by the words about it or the line `before`, or the name of a field
    about a password (パスワード送付日)."""
    if _ITS_NAME.match(before) or _FIELD.match(line, label.end):
        return True
    named = _NO_FILE.search(line, max(0, label.start - 60), label.start) or _FOR_NO_FILE.match(line, label.end)
    return named is not None and _FILES.search(line) is None


def is_reset(line: str) -> bool:
    """Whether a line tells how to change a password."""
    return _RESET.search(line) is not None


def is_word(token: str, alone: bool = False) -> bool:
    """Whether a token in a sentence is a word of the sentence; one that stands `alone` behind a mark only where such
    words tell how a password comes."""
    plain = token.lower().strip(".,;:!?()[]\"'")
    if plain == _CUSTOMARY:
        return False
    if plain.strip("<>{}*") in _WORDS or not plain or _CONTRACTION.fullmatch(plain):
        return True
    if alone:
        return _TELLING.fullmatch(plain) is not None
    return plain.isalpha() and plain.endswith(_ENDINGS) and len(plain) > 4


def is_plausible(value: str, quoted: bool = False) -> bool:
    """Whether a string can be a password: not masked, no ruler, no address; in quotes any script, else ASCII."""
    plain = value.strip()
    if not plain or (len(set(plain)) == 1 and not (plain[0].isascii() and plain[0].isalnum() and plain[0] not in "xX")):
        return False
    if (
        RULER.fullmatch(plain)
        or "://" in plain
        or plain.startswith(("\\\\", "www.", "</"))
        or _PLACEHOLDER.fullmatch(plain)
    ):
        return False
    # Masked in part: ab****.
    if re.search(r"[*●○•＊xX]{4}", plain) or re.fullmatch(r"[a-zA-Z]:\\.*", plain):
        return False
    return quoted or plain.isascii()


def is_made_up(token: str) -> bool:
    """Whether a bare word looks made up: a digit, a sign inside, or capitals within."""
    inner = token[1:].rstrip(".,;:!?")
    if any(char.isdigit() for char in token):
        return True
    return (not token.isupper() and any(char.isupper() for char in inner)) or any(
        not char.isalnum() for char in inner if char not in "-'/"
    )
