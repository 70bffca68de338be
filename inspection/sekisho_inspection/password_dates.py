"""Days as passwords: the day of a mail, or one that it names, in the digits and words that its text asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from itertools import islice

_MAIL_DAY = re.compile(
    r"本日|今日|当日|送信日|発信日|配信日|受信日|送付日|(?:メール|本状|文書"
    r"|レター)の?(?:送信)?(?:の)?(?:日付|年月日)|日付|(?:送信|発信|送付|配信)(?:年月日?|時[刻間])|(?:送信|お?送り|送付|発信|配信)(?:した|して?いる|いたしました|しました)日"
    r"|年月日|(?<![月火水木金土日])曜日|西暦|和暦|令和の"
    r"|today(?='s\s(?:date|day|month|year|weekday|digits|[0-9]|\()|\s?\(|\sin\s|\.?$)|(?:date|day)\sof\s(?:this|the\s(?:e-?mail|mail|message|sending|dispatch|week)|sending|dispatch)|(?:sent|sending|send|current|e-?mail|email's"
    r"|message|mail)\s(?:date|day)|date\s(?:it\swas\s)?sent"
    r"|this\s(?:e-?mail|message)'s\sdate|date\b|明日|翌日|昨日|前日|(?:tomorrow|yesterday)'s|[今当先来翌前]月|[今本来翌昨前去]年"
    r"|(?:this|next|last)\s(?:year|month)",
    re.I,
)
_OTHER_DAY = re.compile(
    r"開催日|会議(?:の)?日|会合日|打ち?合わ?せ(?:の)?日|実施日|締め?切り?日|納期|納品(?:予定)?日|面談日"
    r"|訪問日|誕生日|生年月日|設立(?:年月)?日|創立(?:記念)?(?:年月)?日"
    r"|発行日|作成日|試験日|出張日|請求日|支払日|契約日|期日|開始日|説明会|セミナー|研修日|記念日|予定日"
    r"|発注日|注文日|検査日|入社日|創業年?(?:月?日)?|(?:施行|締結|登録|出荷|受講|受付|申込|承認|決算|配布|公演|講演|開業)(?:年月)?日"
    r"|(?<!有効)期限|(?:meeting|event|delivery|due|invoice|birth|start|conference|contract|order|deadline"
    r"|workshop|seminar|interview)\s?(?:date|day)|date\sof\s(?:the|our|your|birth)",
    re.I,
)
_DATE = re.compile(
    r"(?P<y>(?:19|20)[0-9]{2})\s?[年/.-]\s?(?P<m>[0-9]{1,2})\s?[月/.-]\s?(?P<d>[0-9]{1,2})"
    r"|令和\s?(?P<r>[0-9]{1,2}|元)\s?年\s?(?P<rm>[0-9]{1,2})\s?月\s?(?P<rd>[0-9]{1,2})"
    r"|(?<![0-9])(?P<om>[0-9]{1,2})\s?[月/]\s?(?P<od>[0-9]{1,2})(?![0-9])"
    r"|(?P<ed>[0-9]{1,2})(?:st|nd|rd|th)?\s(?:of\s)?(?P<en>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov"
    r"|dec)[a-z]{0,6},?\s(?P<ey>(?:19|20)[0-9]{2})"
    r"|(?P<un>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?\s(?P<ud>[0-9]{1,2})(?:st|nd"
    r"|rd|th)?(?:,?\s(?P<uy>(?:19|20)[0-9]{2}))?",
    re.I,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PATTERN = re.compile(
    r"(?<![a-z])((?:yyyy|yy|mm|dd|hh|ddd|mmm)(?:[-/._ ]?(?:yyyy|yy|mmm|mm|dd|hh|ddd)){0,3})(?![a-z])", re.I
)
_PIECE = re.compile(r"yyyy|yy|mmm|mm|ddd|dd|hh|[-/._ ]", re.I)
_CODES = {"yyyy": "%Y", "yy": "%y", "mm": "%m", "dd": "%d", "mmm": "%b", "ddd": "%a", "hh": "%H"}
# A form of the day, which says that the day is the password and not the time at which one gets it.
_FORM = re.compile(
    r"日付(?!け|で(?:お|ご)?[送届出通知]|の(?:メール|文書|書類|資料|もの))|年月|月日|(?<![月火水木金土日])曜日|西暦|和暦|令和"
    r"|[年月]の?\(?(?:下|末尾)?の?[24二四]桁|日の?\(?[2二]桁|(?<![a-z])(?:yyyy|yymm|mmdd)",
    re.I,
)
# What stands behind a day's name without a form where the day is the password.
_AS_IT_IS = re.compile(
    r"\s?(?:の?\s?\(?(?:日にち|数字|半角|[0-9一二四六八]\s?(?:桁|けた|ケタ))|です|でござ|とな|にな|とし|[をが(」』】\"”)+]|と(?!同)|の\(|に[続「]"
    r"|、(?:半角|数字|[0-9])|$)"
)
# What is done on a day, or its hour.
_WHEN = re.compile(
    r"送(?!(?:付|信|り)?(?:した|して?いる|いたしました|しました)?(?:年月)?日|信時)|連絡|知らせ|通知|渡|配(?!信日)|伝え|届|記載|掲載|掲示|案内|発行|変更|共有|発表|公開|公表|説明し|申し上げ"
    r"|中(?:に|を?目|$)|午[前後]|[0-9]時|頃|ごろ|夕方|朝|昼|夜|付け?(?:の|で|に)|予定|次第|までに|以降|受付に|会場|手元"
    r"|書[いき]|貼|述べ|話し|見せ|^\W*(?:当日|明日|昨日|翌日|前日)\W*$"
)
_EXAMPLE = re.compile(r"(?:例(?![外年題会示文])|たとえば|e\.g\.|for\sexample|example|such\sas)(?s:.)*", re.I)
# The day in an example, or what is made of it there.
_SHOWN = re.compile(r"(?<![0-9A-Za-z])[0-9]{4,8}(?:(?P<sign>[/.-])[0-9]{1,2}){0,2}(?![0-9A-Za-z年月])")
_SHOWN_AS = {8: "%Y%m%d", 6: "%y%m%d", 4: "%m%d"}
# Parts of the day that are put together, or used alone.
_PART = re.compile(
    r"(?P<Y>(?:西暦|年)の?\(?[4四]桁)|(?P<y>(?:西暦|年)の?\(?(?:下|末尾)?の?[2二]桁)|(?P<md>(?<!年)月日)"
    r"|(?P<m>月の?\(?[2二]桁)|(?P<d>日の?\(?[2二]桁)"
)
_PARTS = {"Y": "%Y", "y": "%y", "md": "%m%d", "m": "%m", "d": "%d"}
# A day that is written out, in digits.
_IN_DIGITS = re.compile(r"[」』】)]?\s?(?:を|の)[^。\n]{0,16}?(?:数字|[4-8]\s?桁)")
_DEADLINE = re.compile(r"\b(?:by|before|after|since|until|(?<!based\s)on)\s(?:the|this|that)\s$", re.I)
_WEEKDAYS = "月火水木金土日"
# Days and months from the mail's own.
_SHIFTS = (
    (r"明日|翌日|tomorrow", 1, 0),
    (r"昨日|前日|yesterday", -1, 0),
    (r"[来翌]月|next\smonth", 0, 1),
    (r"[先前]月|last\smonth", 0, -1),
    (r"[来翌]年|next\syear", 0, 12),
    (r"[昨前去]年|last\syear", 0, -12),
)
_JAPAN = timezone(timedelta(hours=9))
_REIWA = 2018
# Characters of a line in which a day is looked for.
_LONGEST = 500


def day_forms(sentence: str, lines: list[str], today: datetime | None) -> Iterator[str]:
    """The forms of the day that a sentence describes: one of an event that the lines give, or the mail's own."""
    written = is_in_digits(sentence)
    if not (written or _FORM.search(sentence)) and _WHEN.search(sentence):
        return
    if event := _OTHER_DAY.search(sentence):
        if _DEADLINE.search(sentence[: event.start()]):
            return
        for day in _stated_days(sentence, lines, today):
            yield from _forms(day, sentence)
    elif today and (found := _MAIL_DAY.search(sentence)) and _is_described(sentence, found):
        for day in _dates([sentence], today) or [_moved(today, sentence)]:
            yield from _forms(day, sentence)
    elif written:
        for day in _dates([sentence], today):
            yield from _forms(day, sentence)


def is_in_digits(sentence: str) -> bool:
    """Whether a sentence gives a day and says that its digits are the password: 「2026年4月1日」の数字8桁."""
    found = _DATE.search(sentence[:_LONGEST])
    return (
        found is not None
        and _IN_DIGITS.match(sentence, found.end() + sentence.startswith("日", found.end())) is not None
    )


def names_a_form(text: str) -> bool:
    """Whether a text, as of quotes, is the name of a day and its form and no value: 送信日8桁."""
    formed = "桁" in text or _FORM.search(text) is not None
    return formed and not text.isascii() and _MAIL_DAY.match(text) is not None


def local_day(date: str) -> datetime | None:
    """The time in Japan, where the senders of such mail are, of a Date header or an ISO date; None for other texts."""
    stamp: datetime | None
    try:
        stamp = parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        stamp = _iso(date)
    try:
        return stamp.astimezone(_JAPAN) if stamp and stamp.tzinfo else stamp
    except OverflowError:
        return None


def _is_described(sentence: str, found: re.Match[str]) -> bool:
    """Whether a sentence with a day's name describes a password by it: it gives a form, or ends with it."""
    rest = sentence[found.end() : found.end() + 60]
    bare = not found[0].isascii() and not _FORM.search(sentence)
    if _DEADLINE.search(sentence[: found.start()]) or (bare and not _AS_IT_IS.match(rest)):
        return False
    hint = re.search(
        r"[0-9一二三四五六七八]\s?(?:桁|けた|文字)|digits|和暦|西暦|令和|(?<![月火水木金土日])曜日|英語|半角|数字|区切|スラッシュ|ハイフン|weekday"
        r"|day\sof\sthe\sweek|format",
        sentence,
        re.I,
    )
    said = re.match(
        r"[^。\n]{0,20}?(?:です|とな|にな|でござ|を(?:ご?入力|ご?使用)|\(|とし|で解凍|で開)"
        r"|(?:の?(?:日付|年月日|月日|曜日|日))?\s?(?:\([^()]{0,40}\))?\s?[」』】]?\s?$",
        rest,
    )
    english = re.search(r"\b(?:is|are|use|enter)\b", sentence[: found.start()] or " is ", re.I) and found[0].isascii()
    return bool(hint or _PATTERN.search(sentence) or said or english)


def _moved(day: datetime, sentence: str) -> datetime:
    """The day, month or year that the sentence names beside the mail's own."""
    days, months = next((shift for names, *shift in _SHIFTS if re.search(names, sentence, re.I)), (0, 0))
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    try:
        return day.replace(year=year, month=month + 1, day=min(day.day, 28) if months else day.day) + timedelta(
            days=days
        )
    except (OverflowError, ValueError):
        return day


def _forms(day: datetime, hint: str) -> Iterator[str]:
    """The day in digits or words, those forms first that the hint names."""
    for match in islice(_PATTERN.finditer(hint), 3):
        if len(match[1]) > 2:
            made = "".join(
                day.strftime(_CODES[piece.lower()]) if piece.lower() in _CODES else piece
                for piece in _PIECE.findall(match[1])
            )
            yield from dict.fromkeys((made, made.lower(), made.upper()))
    if parts := "".join(_PARTS[part.lastgroup or "Y"] for part in islice(_PART.finditer(hint), 5)):
        yield day.strftime(parts)
    if re.search(r"時刻|送信時間", hint):
        yield from (day.strftime("%H%M"), day.strftime("%H:%M"))
    elif re.search(r"(?<![月火水木金土日])曜日|day\sof\sthe\sweek|weekday", hint, re.I):
        yield from _weekdays(day, hint)
    elif re.search(r"和暦|令和|元号|(?<![A-Za-z])R\s?\+?\s?[0-9和元]", hint) and day.year > _REIWA:
        yield from _in_era(day, hint)
    else:
        yield from (day.strftime(form) for form in _digits(hint))


def _weekdays(day: datetime, hint: str) -> Iterator[str]:
    kanji = _WEEKDAYS[day.weekday()]
    if re.search(r"漢字|日本語", hint):
        yield from (f"{kanji}曜日", f"{kanji}曜", kanji)
    for name in (day.strftime("%A"), day.strftime("%a")):
        lower = re.search("小文字|lower", hint)
        yield from (name.lower(), name.upper(), name) if lower else (name, name.lower(), name.upper())
    yield from (f"{kanji}曜日", f"{kanji}曜")


def _in_era(day: datetime, hint: str) -> Iterator[str]:
    year = day.year - _REIWA
    digits = f"{year:02}{day.month:02}{day.day:02}"
    if re.search(r"年\s?(?:の)?2\s?桁|年だけ|年のみ", hint):
        yield f"{year:02}"
    lettered = re.search(r"[7７]\s?桁|Rから|R\s?\+?\s?\d|英字", hint)
    yield from (f"R{digits}", digits) if lettered else (digits, f"R{digits}")
    yield f"R{year}.{day.month}.{day.day}"
    yield f"令和{year}年{day.month}月{day.day}日"
    yield f"R{year}{day.month:02}{day.day:02}"


def _digits(hint: str) -> list[str]:
    """The forms of a day in digits, the ones first that the hint names or an example has."""
    forms = ["%Y%m%d", "%m%d", "%y%m%d", "%d%m%Y", "%d%m"]
    if re.search(r"年月(?!日)", hint):
        forms = ["%Y%m", "%y%m"]
    elif re.search(r"[今当先来翌前]月|(?:this|next|last)\smonth|英語の月", hint, re.I):
        forms = ["%m", "%Y%m", "%B", "%b"]
    elif re.search(r"[今本来翌昨前去]年|(?:this|next|last)\syear|西暦(?:4|四)桁", hint, re.I):
        forms = ["%Y", *forms]
    elif re.search(r"(?:4|四|four)[\s-]?(?:桁|けた|ケタ|digit|文字)|(?<!年)月日", hint, re.I):
        forms = ["%m%d", "%d%m", "%Y%m%d", "%y%m%d"]
    elif re.search(r"(?:6|六|six)[\s-]?(?:桁|けた|ケタ|digit|文字)", hint, re.I):
        forms = ["%y%m%d", "%d%m%y", "%Y%m%d", "%Y%m"]
    if re.search(r"スラッシュ|slash|/区切|「/」", hint, re.I):
        forms = ["%Y/%m/%d", "%m/%d", *forms]
    elif re.search(r"ハイフン|hyphen|-区切", hint, re.I):
        forms = ["%Y-%m-%d", *forms]
    shown = _shown(hint)
    return [shown, *forms] if shown else forms


def _shown(hint: str) -> str:
    """The form that an example of the day has, the last one of it; "" without an example of digits."""
    example = _EXAMPLE.search(hint)
    days = list(islice(_SHOWN.finditer(example[0]), 4)) if example else []
    if not days:
        return ""
    sign = days[-1]["sign"]
    return f"%Y{sign}%m{sign}%d" if sign else _SHOWN_AS.get(len(days[-1][0]), "")


def _stated_days(sentence: str, lines: list[str], today: datetime | None) -> Iterator[datetime]:
    """Days that the sentence or the line of the event gives; then any in the mail."""
    named = _OTHER_DAY.search(sentence)
    stem = re.sub(r"の?(?:年月)?日$|\s?date$", "", named[0], flags=re.I)[:8] if named else ""
    # Where nothing names the event, a date of the mail is likely its.
    near = [sentence, *(line for line in lines if stem and stem.lower() in line.lower()), *lines]
    yield from _dates(near[:2000], today)


def _dates(lines: list[str], today: datetime | None) -> list[datetime]:
    """The first three days that the lines give."""
    # An example shows the form and is another day.
    own = (_EXAMPLE.sub("", line[:_LONGEST]) for line in lines)
    found = (_date(match, today) for line in own for match in _DATE.finditer(line))
    return list(islice(dict.fromkeys(day for day in found if day), 3))


def _date(match: re.Match[str], today: datetime | None) -> datetime | None:
    year, month, day = match["y"] or match["ey"] or match["uy"] or "", "", ""
    month = match["m"] or match["rm"] or match["om"] or ""
    if name := (match["en"] or match["un"] or "").lower()[:3]:
        month = str(_MONTHS.index(name) + 1)
    day = match["d"] or match["rd"] or match["od"] or match["ed"] or match["ud"] or ""
    if match["r"]:
        year = str(_REIWA + (1 if match["r"] == "元" else int(match["r"])))
    try:
        return datetime(int(year or (today.year if today else 2000)), int(month), int(day))
    except ValueError:
        return None


def _iso(date: str) -> datetime | None:
    try:
        return datetime.fromisoformat(date)
    except ValueError:
        return None
