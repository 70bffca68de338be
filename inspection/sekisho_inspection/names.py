"""Member names of archives: the bytes as they stand in the directory, to every name that a program would show."""

from __future__ import annotations

from sekisho_inspection import charset


def member_names(raw: bytes, utf8: bool = False) -> tuple[str, ...]:
    """The member's full name and, where it has folders, its last component; `utf8` is what the archive states.

    Backslashes separate folders for some programs, but only after decoding: ソ and 表 contain that byte in CP932.
    """
    readings = charset.decodings(raw, "utf-8" if utf8 else "cp932" if not raw.isascii() else "")
    names: list[str] = []
    for name in readings[:3]:
        names.append(name)
        names.append(name.replace("\\", "/").rstrip("/").rpartition("/")[2])
    return tuple(dict.fromkeys(name for name in names if name))
