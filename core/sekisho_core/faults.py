"""Where a settings value departs from its type: the full name of the key, what is wrong, the nearest valid name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec
from msgspec import inspect

_SECRET_WORDS = ("password", "token", "secret", "key")
_LEAVES: dict[type[inspect.Type], tuple[type, str]] = {
    inspect.StrType: (str, "a text"),
    inspect.IntType: (int, "a whole number"),
    inspect.FloatType: (float, "a number"),
    inspect.BoolType: (bool, "true or false"),
    inspect.DateType: (date, "a date such as 2012-06-30"),
}


def fault(value: Any, kind: type, key: str) -> str | None:
    """One line that names the first key below `key` whose value is not what `kind`, a settings type, asks for; None
    when all is well."""
    return _fault(value, inspect.type_info(kind), key)


def is_secret(key: str) -> bool:
    """Whether the value of a key of this name is shown to nobody."""
    return any(word in key.lower() for word in _SECRET_WORDS)


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest valid one, else all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; known here: {', '.join(names)}"


def _fault(value: Any, kind: inspect.Type, key: str) -> str | None:
    if isinstance(kind, inspect.StructType):
        return _struct_fault(value, kind, key)
    if isinstance(kind, inspect.DictType):
        return _table_fault(value, kind, key)
    if isinstance(kind, inspect.VarTupleType):
        return _list_fault(value, kind, key)
    if isinstance(kind, inspect.UnionType):
        return _fault(value, next(one for one in kind.types if not isinstance(one, inspect.NoneType)), key)
    if isinstance(kind, inspect.EnumType | inspect.LiteralType):
        return _choice_fault(value, _choices(kind), key)
    return _leaf_fault(value, kind, key)


def _struct_fault(value: Any, kind: inspect.StructType, key: str) -> str | None:
    if not isinstance(value, dict):
        return f"{key}: must be a table{_given(value, key)}"
    fields = {field.encode_name: field for field in kind.fields}
    for name in value:
        if name not in fields:
            return f"unknown key {key}.{name}{nearest(name, fields)}"
    for name, field in fields.items():
        if name not in value and field.required:
            return f"{key}: the key {name} is missing"
        found = _fault(value[name], field.type, f"{key}.{name}") if name in value else None
        if found:
            return found
    return _own_fault(value, kind.cls, key)


def _own_fault(value: Any, cls: type, key: str) -> str | None:
    """What the type itself refuses (`require` in `__post_init__`)."""
    try:
        msgspec.convert(value, cls)
    except msgspec.ValidationError as error:
        return f"{key}.{str(error).partition(' - at `$')[0]}"
    return None


def _table_fault(value: Any, kind: inspect.DictType, key: str) -> str | None:
    if not isinstance(value, dict):
        return f"{key}: must be a table{_given(value, key)}"
    for name, inner in value.items():
        if isinstance(kind.key_type, inspect.LiteralType) and name not in kind.key_type.values:
            return f"unknown key {key}.{name}{nearest(name, _choices(kind.key_type))}"
        found = _fault(inner, kind.value_type, f"{key}.{name}")
        if found:
            return found
    return None


def _list_fault(value: Any, kind: inspect.VarTupleType, key: str) -> str | None:
    if not isinstance(value, list):
        return f"{key}: must be a list{_given(value, key)}"
    faults = (_fault(inner, kind.item_type, f"{key}[{index}]") for index, inner in enumerate(value))
    return next(filter(None, faults), None)


def _choice_fault(value: Any, choices: list[str], key: str) -> str | None:
    if value in choices:
        return None
    near = nearest(value, choices) if isinstance(value, str) else ""
    return f"{key}: must be one of {', '.join(choices)}{_given(value, key)}{near if 'did you' in near else ''}"


def _choices(kind: inspect.EnumType | inspect.LiteralType) -> list[str]:
    values = [one.value for one in kind.cls] if isinstance(kind, inspect.EnumType) else kind.values
    return [str(value) for value in values]


def _leaf_fault(value: Any, kind: inspect.Type, key: str) -> str | None:
    python, wanted = _LEAVES[type(kind)]
    try:
        msgspec.convert(value, python)
    except msgspec.ValidationError:
        return f"{key}: must be {wanted}{_given(value, key)}"
    return None


def _given(value: Any, key: str) -> str:
    if is_secret(key):
        return ""
    return f", not {str(value)[:80]!r}" if isinstance(value, str) else f", not {str(value)[:80]}"
