"""Words that can be the value of a password, several or in Japanese, and those that tell how and when one comes.

All patterns are for text in its compatibility form (NFKC). They are bounded, because their text is the sender's.
"""

from __future__ import annotations

import re

from sekisho_inspection.password_labels import ELSEWHERE, OTHERWISE, TITLED, is_made_up, is_plausible, is_word

# Words of a promise or remark where a value might stand.
_REMARK = re.compile(
    r"[ごお][一-龥]|共通|同[じ一様]|ます|ませ|くだ|下さ|送|通知|連絡|確認|あり|有り?$|なし|無|不|未|要|済"
    r"|省|略|参照|共有"
    r"|担当|社内|電話|メール|予定|設定|場合|必要|桁|文字|番号|日付|曜日|今日|本日|当日|末尾|記載|項目|欄"
    r"|^(?:明日|明後日|昨日|翌日|[来先今翌][週月]|近日|近々|いずれ|すぐ|今から)(?:$|[のにはでまか午朝昼夜夕中以])|まもなく|間もなく|折り?返し|追伸|表示|No\.?$|中$"
    r"|手書き|手渡し|同封|封[書筒]|別[ルの途紙件]|変わ|馴染|毎回|例年|従前|現行|既存|内緒|秘密|ひみつ|伏せ|保留|検討|準備|調整"
    r"|第?[0-9一二三][通便]|内線|^有効|^(?:半角|全角|英数字?|英字|数字|記号|大文字|小文字)+$"
    r"|の[裏表右左上下中内]$|投函|郵便|^午[前後]|^[0-9]{1,2}時|今まで|もの$|やつ$|^(?:あれ|それ|これ)$|空[白欄]"
    r"|^\D*(?:で|に|から|より|へ|まで|ついて|続いて|おって)$"
)
# Tokens and what stands behind them where a sentence tells how or when a password comes: numbers and what is counted,
# days, telephones to call, methods of encryption, other mails, and those whose password is the same.
_TOLD = tuple(
    (re.compile(token, re.I), re.compile(rest, re.I))
    for token, rest in (
        (
            r"[0-9]{1,4}(?:[/.:~-][0-9]{1,4}){0,2}",
            r"\s?(?:文字|桁|けた|ケタ|日|回|個|か月|ヶ月|分|種|時(?!計)|月|年[0-9度前後内]|通|件|名|人|円|週|階|章|頁|ページ"
            r"|枚|行|社|番目|つ目)",
        ),
        (
            r"[0-9]{1,4}(?:-[0-9]{1,4})?\+?",
            r"\s?-?(?:characters?|chars|digits?|letters?|days?|months?|hours?|minutes?|years?|times|[ap]\.?m)\b",
        ),
        (
            r"\(?(?:[0-9]{4}/)?[0-9]{1,2}/[0-9]{1,2}\)?",
            r"\s?(?:\([月火水木金土日]\))?\s?(?=[ぁ-んァ-ヶ一-龥])(?!です|でござ|とな|にな|で(?:お願い|開|解凍)|を|と(?:入力|し))",
        ),
        (
            r"\+?[0-9]{2,5}-[0-9]{1,4}-[0-9]{3,4}|0[0-9]{9,10}",
            r"\s?(?:\([^()]{0,20}\))?\s?(?:へ|に|まで|宛|の(?:番号|担当))",
        ),
        (r"(?:AES|RSA|SHA|TLS|SSL|ZIP|PDF|Office|Win(?:dows)?|v(?:er)?\.?)[ _-]?[0-9.]{1,6}", r"[でをには]"),
        (r"[!-~]{1,64}", r"\s?(?:番目|通目|つ目)?(?:の(?:電子)?(?:メール|便|件名)|[^。、]{0,8}と同[じ様一]|済)"),
    )
)
_WAY = re.compile(
    r"\s?(?:で|に|にて|から|より|へ|経由|宛て?|を(?:見|参照|ご))"
    r"(?=[。、]|$|別|後|お?送|ご?連絡|お?知らせ|ご?共有|ご?通知|お?伝え|お?渡|受|て?ご?確認)"
)
_ADDRESS = re.compile(r"@[\w-]{1,60}\.[a-z]", re.I)
_LATIN = re.compile("(?=[À-ɏ])[!-~À-ɏ]{1,64}")
TAIL = re.compile(
    r"\s*(?:\([^()]{0,80}\)|\[[^\[\]]{0,40}\]|※.{0,80}|←.{0,40}|です。?|となります。?|になります。?"
    r"|でございます。?|。)++$"
)


def is_told(token: str, rest: str) -> bool:
    """Whether a token is a number, a day, a telephone or a way in a sentence that goes on with `rest`."""
    if any(kind.fullmatch(token) and behind.match(rest) for kind, behind in _TOLD):
        return True
    return not is_made_up(token) and _WAY.match(rest) is not None


def glued(token: str, text: str) -> list[str]:
    """A value in both scripts (taro太郎2024), or with letters of other languages than English (Str4ße-9)."""
    rest = text.lstrip()[len(token) :]
    if wide := _LATIN.match(rest):
        return [token + wide[0]]
    native = re.match(r"[ぁ-んァ-ヶー一-龥]{1,12}[0-9!-/]{0,8}$", rest.strip())
    return (
        [token + native[0]]
        if native
        and token.isalnum()
        and rest[:1] != " "
        and not re.search(r"です|ます|まで|より|から|を|で$|と$", rest)
        else []
    )


def phrase(plain: str, long: bool = False) -> list[str]:
    """Several words that are one password; where it begins as a sentence would, a `long` one or one with digits."""
    words = plain.split()
    odd = _ADDRESS.search(plain) or re.search(r"[(:;]|\.$", plain)
    if odd or not 2 <= len(words) <= 8 or not plain.isascii() or len(plain) > 64:
        return []
    common = sum(map(is_word, words))
    if long:
        return [plain] if len(words) >= 4 and common <= 1 else []
    return [plain] if common <= len(words) // 2 else []


def is_remark(text: str) -> bool:
    """Whether a text tells about a password and is none."""
    return any(pattern.search(text) is not None for pattern in (ELSEWHERE, OTHERWISE, _REMARK))


def native(plain: str) -> list[str]:
    """A value in Japanese without quotes: short, and no promise or remark."""
    bare = re.sub(r"(?:です|となります|になります)?[。]?$", "", TAIL.sub("", plain))
    if not 2 <= len(bare) <= 20 or re.search(r"[\s。、()「」『』【】:]|^[ー―—–-]", bare):
        return []
    if is_remark(bare) or TITLED.search(bare):
        return []
    return [bare] if is_plausible(bare, quoted=True) else []
