"""Lets pymilter hand over HELO names, client names and header names that are not UTF-8.

pymilter 1.0.5 decodes them strictly in C before any Python code runs, and on failure answers for us: a temporary
failure, and for a header, which we promised not to answer, no answer at all, so that the MTA waits for its timeout.
Python looks up the strict error handler of such a decoding in the codec registry. The one installed here turns the
bytes into surrogate escapes where it was called by C code with no Python frame beneath, which is only so in a thread of
libmilter's, and is strict as ever everywhere else.
"""

from __future__ import annotations

import codecs
import sys

_strict = codecs.lookup_error("strict")
_escape = codecs.lookup_error("surrogateescape")


def install() -> None:
    """Install the handler in this process; once is enough."""
    codecs.register_error("strict", _lenient_below_python)


def raw(text: str) -> bytes:
    """The bytes that pymilter made `text` of."""
    return text.encode("utf-8", "surrogateescape")


def printable(data: bytes) -> str:
    """Bytes as text; what is not UTF-8 as backslash escapes (the form that `Envelope` asks for)."""
    return data.decode("utf-8", "backslashreplace")


def _lenient_below_python(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeDecodeError) and not _called_from_python():
        return _escape(error)
    return _strict(error)


def _called_from_python() -> bool:
    try:
        # This function, the handler, and then whoever decodes.
        sys._getframe(2)
    except ValueError:
        return False
    return True
