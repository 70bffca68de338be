"""Scripts in pages: the texts and files that they put together, read without running them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sekisho_inspection.script_layers import layers

_SAVES = re.compile(
    r"createObjectURL|msSaveOrOpenBlob|msSaveBlob|navigator\.msSave|\bdownload\b\s*[=,\"')\]]|\bsaveAs\s*\("
)
_FILES = re.compile(r"\bBlob\b|\bFile\s*\(|\bdata:[\w/+.-]{1,100};base64|octet-?stream", re.I)
_NAME = re.compile(
    r"\bdownload[\"']?\]?\s*[=,]\s*[\"'`]([^\"'`\n]{1,255})[\"'`]"
    r"|[,(=]\s*[\"'`]([^\"'`\n/,]{1,200}\.[a-z0-9]{1,5})[\"'`]\s*[,);]",
    re.I,
)
_CALLED = re.compile(r"[^\s\"'/\\<>:;,(){}]{1,100}\.[A-Za-z0-9]{1,5}")
# What may change bytes before they are saved, outside of texts: arithmetic, a table, a function that undoes something.
# Bytes of no type are not the file then.
_ALTERS = re.compile(
    r"[\^~%*]|<<|>>|crypt|xor|reverse|sort|flate|gzip|unzip|pako|compress|fromCharCode|replace|slice|splice|TextDecoder"
    r"|[\w$)\]]\s{0,9}(?:-(?!-)|\+(?![+=])|&(?!&)|\|(?!\|)|/)|[-+&|]=|\[[^\]\n]{0,80}\(",
    re.I,
)
# Calls of functions by a plain name, and the names that a script gives to functions and values of its own. One that is
# of neither the script nor these, which leave bytes as they are, may do anything.
_CALL = re.compile(r"(?<![\w$.])([A-Za-z_$][\w$]{0,60})\s{0,9}\(")
_OWN = re.compile(r"\bfunction\s{1,9}([\w$]{1,60})|(?<![\w$])([\w$]{1,60})\s{0,9}[=:](?!=)")
_KEEPING = frozenset([
    "Array", "ArrayBuffer", "Blob", "Date", "Event", "File", "MouseEvent", "Number", "Promise", "String", "URL",
    "Uint8Array", "addEventListener", "alert", "atob", "catch", "clearInterval", "clearTimeout", "confirm",
    "decodeURIComponent", "escape", "eval", "fetch", "for", "function", "if", "parseInt", "requestAnimationFrame",
    "return", "saveAs", "setInterval", "setTimeout", "switch", "unescape", "while",
])  # fmt: skip
_TEXT = re.compile(r"\"[^\"\n]*+\"|'[^'\n]*+'|`[^`]*+`")
_STORED = re.compile(r"[A-Za-z0-9+/_=-]{40,}+|(?:[0-9a-f]{2}[\s,]?){40,}+", re.I)
# From these numbers of bytes on, data that nothing could be made of is a file that was not read, and a text is one.
_MUCH_DATA, _MUCH_TEXT = 512, 64


@dataclass
class Built:
    """What scripts put together: texts, the bytes of files, their name ("" for none), whether one is saved, and whether
    what is saved could not be put together here."""

    texts: list[str] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    name: str = ""
    saves: bool = False
    unread: bool = False


def built(code: str, stores: Sequence[str] = ()) -> Built:
    """What the code of a page makes, with `stores`, the texts of elements that hold data for it, alone and joined."""
    data = [store for store in stores if _STORED.search(store)]
    whole = "\n".join([code, *data, *(["".join("".join(store.split()) for store in data)] if len(data) > 1 else [])])
    found = layers(whole)
    saves = _SAVES.search(code) is not None and _FILES.search(code) is not None
    whole_files = [file for file in found.files if not any(_begins(file, other) for other in found.files)]
    out = Built(found.texts, whole_files, _named(code, found.texts), saves)
    if saves and not out.files:
        out.files += [text.encode("utf-8", "replace") for text in found.packed_texts if len(text) >= _MUCH_TEXT]
        out.unread = not out.files and (found.limited or any(len(blob) >= _MUCH_DATA for blob in found.unknown))
        alone = _alone(found.unknown, 1 if out.name else _MUCH_DATA) if not out.files else []
        out.files += alone
        out.unread = out.unread and not (alone and not found.limited and not _alters(_TEXT.sub("", code)))
    return out


def _alters(code: str) -> bool:
    """Whether code without its texts may change bytes before it saves them, by itself or by a function of others."""
    own = {name or value for name, value in _OWN.findall(code)} | _KEEPING
    return _ALTERS.search(code) is not None or any(name not in own for name in _CALL.findall(code))


def _alone(blobs: Sequence[bytes], least: int) -> list[bytes]:
    """The one file that bytes of no type are; none where more than one is so large that it may be that file."""
    longest = max(blobs, key=len, default=b"")
    others = [blob for blob in blobs if blob not in longest and len(blob) >= _MUCH_DATA]
    return [longest] if len(longest) >= least and not others else []


def _begins(file: bytes, other: bytes) -> bool:
    """Whether a file is the first piece of another, as pieces decode by themselves as well."""
    return len(file) < len(other) and other.startswith(file)


def _named(code: str, texts: Sequence[str]) -> str:
    named = _NAME.search(code)
    if named:
        return named[1] or named[2]
    return next((text for text in texts if len(text) < 100 and _CALLED.fullmatch(text)), "")
