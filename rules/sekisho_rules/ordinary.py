"""Ordinary values: what stands in countless mails besides its name. A pattern that one of them fulfils is about no
mail in particular."""

from __future__ import annotations

from sekisho_rules.values import SUBJECT, is_address, is_domain, is_network

# No name, no host and no file is called so; a pattern that fits it fits all of its kind.
_NOBODY = "qzv7x"
_ENDINGS = ("", "について", "の件", "に関して", "のお知らせ", "のご案内", "のお願い", "のご連絡", "のご報告", "様")
_SUBJECTS = tuple(f"{start}{_NOBODY}{end}" for start in ("", "Re: ", "【重要】") for end in _ENDINGS)
_TOPS = ("com", "net", "org", "jp", "co.jp", "go.jp", "lg.jp")
_HOSTS = tuple(f"{start}{_NOBODY}.{top}" for start in ("", "www.") for top in _TOPS)
_NAMES = tuple(f"{_NOBODY}.{end}" for end in ("pdf", "docx", "xlsx", "jpg", "png", "txt", "html"))
_TEXTS = (
    f"Dear {_NOBODY},\nplease see https://{_NOBODY}.com/\nBest regards",
    f"{_NOBODY}様\n\nお世話になっております。株式会社{_NOBODY}です。\n添付のとおりお送りします。ご確認ください。\n"
    "よろしくお願いいたします。",
    f"Hello {_NOBODY}, thank you for your message. I have attached the report of our meeting for your information; "
    "please let me know when you have any questions, and open the file with the password that we sent you. This email "
    "is confidential. If you do not wish to receive our newsletter, click here to unsubscribe.\nSent from my iPhone",
    f"{_NOBODY}さん\nこんにちは。先日はありがとうございました。資料をメールに添付して送付しますので、ご連絡ください。"
    "会議の日程についてご相談があります。ご不明な点はお問い合わせください。取り急ぎお知らせまで。以上",
)
_HASHES = ("0b9d6f1c" * 4, "0b9d6f1c" * 5, "0b9d6f1c" * 8)
_BY_PATH = {
    SUBJECT: _SUBJECTS,
    "url:value": tuple(f"{scheme}://{host}/{_NOBODY}.html" for scheme in ("http", "https") for host in _HOSTS),
    "file:name": _NAMES,
    "email-message:body_multipart.body_raw_ref.name": _NAMES,
    "email-message:body_multipart.content_disposition": (
        *("attachment", "inline"),
        *(f'{shown}; filename="{name}"' for shown in ("attachment", "inline") for name in _NAMES),
    ),
    "email-message:body": _TEXTS,
}


def ordinary_values(path: str) -> tuple[str, ...]:
    """Some ordinary values of an object path, of each common shape."""
    if path in _BY_PATH:
        return _BY_PATH[path]
    if is_address(path):
        return tuple(f"{_NOBODY}@{host}" for host in (*_HOSTS, "gmail.com", "yahoo.co.jp"))
    if is_domain(path):
        return _HOSTS
    if is_network(path):
        return ("203.0.113.7", "2001:db8::7")
    return _HASHES if ":hashes." in path else (_NOBODY,)
