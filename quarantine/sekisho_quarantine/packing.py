"""Packing: the vocabulary's types as the documents that the database holds."""

from __future__ import annotations

from typing import Any

import msgspec


def packed(document: msgspec.Struct) -> bytes:
    """A vocabulary type as msgpack. Lone surrogates, which UTF-8 has no bytes for, become backslash escapes."""
    try:
        return msgspec.msgpack.encode(document)
    except UnicodeEncodeError:
        return msgspec.msgpack.encode(_without_surrogates(msgspec.to_builtins(document, builtin_types=(bytes,))))


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {key: _without_surrogates(inner) for key, inner in value.items()}
    return [_without_surrogates(inner) for inner in value] if isinstance(value, list | tuple) else value
