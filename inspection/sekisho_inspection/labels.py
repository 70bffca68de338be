"""Labels of charsets: the names that senders write to the names that this room decodes by."""

from __future__ import annotations

import codecs
import encodings
import importlib
import pkgutil
import re
from encodings import aliases
from functools import lru_cache

# Codecs that are no charsets, or whose time grows with the square of the input (punycode, idna).
_NO_CHARSET = frozenset(
    ["idna", "punycode", "unicodeescape", "rawunicodeescape", "undefined", "charmap", "mbcs", "oem"]
)
_SEPARATORS = re.compile(r"[\s;,=\"'<>()]+")
_NOT_NAME = re.compile(r"[^a-z0-9]+")
_MOST = 80
# By letters and digits alone: senders set hyphens and underscores as they like. Shift_JIS is always cp932 (～, ①, 髙).
_OURS = {
    "iso-2022-jp": """iso2022jp csiso2022jp jis iso2022jp1 iso2022jp2 csiso2022jp2 iso2022jp3 iso2022jp2004 iso2022jpext
        iso2022jpms xiso2022jp xiso2022jpms cp50220 cp50221 cp50222 xwindowsiso2022jp windows50220
        windows50221 windows50222 xwindows50220 xwindows50221 xjis jis7 jis8""",
    "iso-2022-kr": "iso2022kr csiso2022kr xiso2022kr cp50225 windows50225",
    "iso-2022-cn": "iso2022cn iso2022cngb iso2022cncns iso2022cnext csiso2022cn xiso2022cn cp50227",
    "cp932": """shiftjis sjis xsjis xshiftjis mskanji csshiftjis windows31j cswindows31j cp932 ms932 xms932 xmscp932
        xcp932 ibm943 cp943 xibm943 cp942 shiftjis2004 shiftjisx0213 shiftjisms sjiswin sjisms xmacjapanese
        macjapanese windows932""",
    "euc-jp": """eucjp xeucjp xeuc euc ujis eucjpms eucjpwin eucjis2004 eucjisx0213 cp51932 windows51932 cp20932
        cseucpkdfmtjapanese extendedunixcodepackedformatforjapanese""",
    "cp1252": """usascii ascii ansix341968 ansix34 iso646us iso88591 latin1 88591 l1 windows1252 xansi ansi 7bit
        unknown8bit""",
    "utf-8": """utf8 utf8mb3 utf8mb4 utf8n utf8sig xutf8 unicode11utf8 unicode20utf8 utf8mac cesu8 65001 cp65001 utf
        """,
    "utf-7": """utf7 unicode11utf7 unicode20utf7 xunicode20utf7 xunicode11utf7 csunicode11utf7 cp65000 65000
        imap4utf7""",
    "utf-16": "utf16 unicode ucs2 iso10646ucs2 csunicode iso10646 unicode11",
    "utf-16-le": "utf16le ucs2le cp1200 unicodelittle unicodefeff",
    "utf-16-be": "utf16be ucs2be cp1201 unicodebig unicodefffe",
    "hz": "hz hzgb2312 hzgb",
    "gb18030": """gb18030 gb2312 gb231280 csgb2312 csiso58gb231280 gbk xgbk cp936 ms936 windows936 euccn xeuccn gb
        csgbk gb2312gbk chinese""",
    "big5": "big5 xbig5 csbig5 cnbig5 big5eten xxbig5",
    "cp949": """ksc56011987 ksc5601 ksc56011989 euckr xeuckr cseuckr korean cp949 ms949 uhc windows949 xwindows949
        cp51949""",
    "iso8859-8": "iso88598i iso88598e",
    "iso8859-6": "iso88596i iso88596e",
    "cp874": "tis620 windows874 iso885911",
}  # fmt: skip
_ALIASES = {alias: name for name, group in _OURS.items() for alias in group.split()}


@lru_cache(maxsize=256)
def canonical(label: str) -> str:
    """Our name for the charset that `label` names; "" for an unknown one.

    The label may be in any case and spelling, bear a language (RFC 2231 section 5) and rubbish around it.
    """
    plain = label[:_MOST].lower().partition("*")[0]
    return next(filter(None, map(_known, [plain, *_SEPARATORS.split(plain)])), "")


def preload() -> None:
    """Import every codec of the standard library, so that a process without files can use them."""
    for module in pkgutil.iter_modules(encodings.__path__):
        if module.name not in ("mbcs", "oem"):
            importlib.import_module(f"encodings.{module.name}")
    _codecs()


def _known(name: str) -> str:
    compact = _NOT_NAME.sub("", name)
    if compact in _ALIASES:
        return _ALIASES[compact]
    # Unknown names are not looked up: each would be searched for among the files, and remembered for good.
    if compact in _NO_CHARSET or compact not in _codecs():
        return ""
    try:
        found = codecs.lookup(_codecs()[compact]).name
        # What encodes no text (base64, zip) raises; so does what works on another system only.
        "".encode(found)
    except (LookupError, ValueError, ImportError, TypeError, OSError):
        return ""
    return found


@lru_cache(maxsize=1)
def _codecs() -> dict[str, str]:
    """Every name by which Python knows a codec, by letters and digits alone, to its module."""
    modules = {module.name for module in pkgutil.iter_modules(encodings.__path__)}
    return {name.replace("_", ""): name for name in sorted(modules | set(aliases.aliases))}
