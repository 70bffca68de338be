"""Values of passwords that brackets, arrows or ornaments set off: パスワード[ abc1 ], password >> abc1 <<, ★abc1★."""

from __future__ import annotations

import re

from sekisho_inspection.password_labels import ELSEWHERE, FILE_NAME, is_made_up, is_plausible, is_word

_ROOMY = re.compile(
    r"([「『【《〔“\[(<])\s{1,8}+([^「『【《〔“\[(<>)\]”〕》】』」\n]{1,64}?)\s{1,8}([」』】》〕”\])>])"
)
_PAIRS = frozenset(["「」", "『』", "【】", "《》", "〔〕", "“”", "[]", "()", "<>"])
# An arrow towards the value and one back, doubled brackets, or a row of the same mark on both sides; one of the plainer
# marks is a value's own.
_ADORNED = re.compile(
    r"(?:\s|[:=]|[はが]|is\s){0,6}+"
    r"(?:(?:[-=~]{0,8}>{1,8}|[→⇒➡▶►▷])\s*+(?P<pointed>[^\s<>←⇐◀◄◁](?:[^<>←⇐◀◄◁\n]{0,62}?[^\s<>←⇐◀◄◁])??)"
    r"\s*(?:<{1,8}+[-=~]{0,8}+|[←⇐⬅◀◄◁])"
    r"|(?:\(\(|\[\[|<<|\{{1,2}+)\s*+(?P<held>[^\s()\[\]<>{}](?:[^()\[\]<>{}\n]{0,62}?[^\s()\[\]<>{}])??)"
    r"\s*+(?:\)\)|\]\]|>>|\}{1,2}+)"
    r"|(?:(?P<sign>[★☆◆◇■□●○◎♪♦♢▲▼※])(?P=sign){0,30}+|(?P<plain>[*=~#_+|-])(?P=plain){1,30}+)\s*+"
    r"(?P<between>[!-~ぁ-ヿ一-龥](?:[^\n★☆◆◇■□●○◎♪♦♢▲▼※]{0,62}?[!-~ぁ-ヿ一-龥])??)"
    r"\s*(?:(?P=sign)++|(?P=plain){2,}+))",
    re.I,
)
_IN_PARENTHESES = re.compile(
    r"(?:を?(?:設定|かけ|掛け|あり|有り?)[^。()\n]{0,12})?\s?\((?=[^)]{0,63}[0-9])([!-'*-~]{3,64})\)\s?"
    r"(?=で|に|を|です|とな|と(?:ご?入力|し|いた)|。|、|$)"
)
_QUOTED_IN_PARENTHESES = re.compile(r"\s?\([「『“\"]([^「」『』“”\"\n]{1,64})[」』”\"]\)\s?(?=で[す開解展復]|を|。|$)")
# Methods and versions, which look made up.
METHODS = re.compile(r"(?:AES|ZIP|RSA|SHA|TLS|Office|Win(?:dows)?|v(?:er)?\.?)[ _-]?[0-9.]{1,6}", re.I)


def close_up(line: str) -> str:
    """The line without the room inside its brackets."""
    return _ROOMY.sub(lambda match: match[1] + match[2] + match[3] if match[1] + match[3] in _PAIRS else match[0], line)


def unadorned(text: str) -> str:
    """The value at the beginning of a text that ornaments set off; "" where none does."""
    match = _ADORNED.match(text)
    value = str(match["pointed"] or match["held"] or match["between"]) if match else ""
    if not is_plausible(value, quoted=True) or is_word(value) or ELSEWHERE.search(value) or FILE_NAME.search(value):
        return ""
    return value if is_made_up(value) or (value.isascii() and " " not in value) else ""


def set_off(rest: str) -> list[str]:
    """What stands set off right behind a label, and as it is typed where the ornaments may be the value's."""
    if value := unadorned(rest):
        typed = rest.strip(" :=はが").partition(" ")[0]
        return [value, typed] if typed != value and value in typed and typed.isascii() and "<" not in typed else [value]
    if quoted := _QUOTED_IN_PARENTHESES.match(rest):
        return [] if ELSEWHERE.search(quoted[1]) or not is_plausible(quoted[1], quoted=True) else [quoted[1]]
    match = _IN_PARENTHESES.match(rest)
    if not match or METHODS.fullmatch(match[1]):
        return []
    # Digits alone may be a length or a year.
    opens = len(match[1]) > 3 and rest.startswith(("で開", "で解", "で展", "で復"), match.end())
    return [match[1]] if opens or any(map(str.isalpha, match[1])) else []
