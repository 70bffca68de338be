"""The canonical indicator: one key for all patterns that mean the same, however they are written."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterable
from typing import NamedTuple

from sekisho_rules.hosts import network_of
from sekisho_rules.pattern import parse
from sekisho_rules.tree import (
    Comparison,
    Expression,
    Junction,
    Observation,
    PatternError,
    Tree,
    Window,
    comparisons,
)
from sekisho_rules.values import SUBJECT, folded, is_address, is_domain, is_network, stated_form

PATTERN = "pattern"
"""The type of what is more than one equality; its value is the pattern in one spelling."""
_NAMESPACE = uuid.UUID("f0b9e7f2-6c11-5e0b-9a59-0c5a3f2b7d84")
_PLACES = {
    SUBJECT: "subject",
    "email-message:body": "body",
    "email-message:message_id": "header",
    "email-message:received_lines": "header",
    "email-message:body_multipart.body_raw_ref.name": "attachment",
    "email-message:from_ref.display_name": "sender",
    "email-message:from_ref.value": "sender",
    "email-message:sender_ref.value": "sender",
    "email-message:to_refs.value": "recipient",
    "email-message:cc_refs.value": "recipient",
    "email-message:bcc_refs.value": "recipient",
    "email-addr:display_name": "address",
    "url:value": "url",
}
# Operators whose constants are compared as equalities are.
_EQUALITIES = frozenset({"=", "!=", "IN"})
# Of a STIX pattern, blanks and comments mean nothing outside strings; of YARA nor do they in hexadecimal strings.
_STIX_TOKEN = re.compile(r"\s++|/\*(?:[^*]|\*(?!/))*+\*/|//[^\n]*+|('(?:[^'\\]|\\.)*+'|[\w.:\-]++|.)", re.DOTALL)
_YARA_BLANK = re.compile(r"(?:\s|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)++")
_YARA_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*+"?')
_YARA_EXPRESSION = re.compile(r"/(?:[^/\\\n]|\\.)++/\w*+")
_YARA_WORD = re.compile(r"\$\w*+\*?|[#@!]?\w++")


class Canonical(NamedTuple):
    """What a pattern means: `type` is the object path of a single equality in our spelling, PATTERN for any other STIX
    pattern, else the pattern type; `value` its normal form, `raw_value` as written; `match_on` the parts of a mail that
    it looks at; `id` a UUID (version 5) of type and value."""

    id: str
    type: str
    value: str
    raw_value: str
    match_on: tuple[str, ...]


def canonical(pattern: str, pattern_type: str = "stix") -> Canonical:
    """The canonical form of a pattern. Never raises: what cannot be read, and what needs several events, is itself but
    for blanks. Of YARA and of other types the value is a SHA-256 of the source; YARA's blanks and comments are left
    out of it, its strings and regular expressions are not touched."""
    if pattern_type == "yara":
        return _made("yara", _digest(_yara(pattern)), pattern, ("content",))
    if pattern_type != "stix":
        return _made(pattern_type, _digest(pattern.strip()), pattern, ())
    try:
        read = parse(pattern)
    except PatternError:
        return _made(PATTERN, _without_blanks(pattern), pattern, ())
    places = tuple(sorted({_place(one.path) for one in comparisons(read.tree)}))
    # The tree of such a pattern has lost the order or the number that it asks for.
    if read.inert:
        return _made(PATTERN, _without_blanks(pattern), pattern, places)
    value, one = _tree(read.tree), comparisons(read.tree)[0]
    if _plain(one) and value == f"[{_comparison(one)}]":
        return _made(one.path, _constants(one)[0], one.values[0], places)
    return _made(PATTERN, value, pattern, places)


def _made(kind: str, value: str, raw: str, places: tuple[str, ...]) -> Canonical:
    # As JSON no type and value run into each other.
    return Canonical(str(uuid.uuid5(_NAMESPACE, json.dumps([kind, value]))), kind, value, raw, places)


def _plain(one: Comparison) -> bool:
    """Whether a comparison is an equality with one value."""
    equal = one.operator in ("=", "IN", "ISSUBSET") and not one.negated
    return (equal or (one.operator == "!=" and one.negated)) and len(_constants(one)) == 1


def _tree(tree: Tree) -> str:
    """Observations in one spelling. `[a OR b]` is `[a] OR [b]`, as some object fulfils either; of AND it is not so."""
    if isinstance(tree, Window):
        return f"({_tree(tree.operand)} START {tree.start!r} STOP {tree.stop!r})"
    if isinstance(tree, Observation):
        operands = _members(tree.expression, "or")
        return _joined("OR", (f"[{_expression(operand)}]" for operand in operands))
    if tree.operator == "and":
        return _joined("AND", (_tree(operand) for operand in _flat(tree, "and")))
    parts: list[str] = []
    for operand in _flat(tree, "or"):
        inner = _members(operand.expression, "or") if isinstance(operand, Observation) else [operand]
        parts += [_tree(Observation(one)) if isinstance(one, Comparison | Junction) else _tree(one) for one in inner]
    return _joined("OR", parts)


def _flat(tree: Tree, operator: str) -> list[Tree]:
    """The operands of a chain of one operator, whatever parentheses stand in it."""
    if isinstance(tree, Window | Observation) or tree.operator != operator:
        return [tree]
    return [one for operand in tree.operands for one in _flat(operand, operator)]


def _members(expression: Expression, operator: str) -> list[Expression]:
    """The same of a chain of comparisons; `IN` is an OR of equalities."""
    if isinstance(expression, Junction) and expression.operator == operator:
        return [one for operand in expression.operands for one in _members(operand, operator)]
    if operator == "or" and isinstance(expression, Comparison) and _is_set(expression):
        return [Comparison(expression.path, "=", (value,)) for value in expression.values]
    return [expression]


def _is_set(one: Comparison) -> bool:
    return one.operator == "IN" and not one.negated and len(one.values) > 1


def _expression(expression: Expression) -> str:
    if isinstance(expression, Comparison):
        return _comparison(expression) if not _is_set(expression) else _any(expression)
    if expression.operator == "or":
        return _any(expression)
    return _joined("AND", map(_expression, _members(expression, "and")))


def _any(expression: Expression) -> str:
    return _joined("OR", map(_expression, _members(expression, "or")))


def _joined(operator: str, parts: Iterable[str]) -> str:
    known = sorted(set(parts))
    return known[0] if len(known) == 1 else f"({f' {operator} '.join(known)})"


def _comparison(one: Comparison) -> str:
    if one.operator == "EXISTS":
        return f"EXISTS {one.path}"
    values = _constants(one)
    operator, negated = one.operator, one.negated
    if operator == "!=":
        operator, negated = "=", not negated
    elif operator in ("IN", "ISSUBSET") and len(values) == 1:
        operator = "="
    stated = _quoted(values[0]) if len(values) == 1 else f"({', '.join(map(_quoted, values))})"
    return f"{one.path}{' NOT' if negated else ''} {operator} {stated}"


def _constants(one: Comparison) -> list[str]:
    """The constants in normal form, sorted; of a form that holds nothing as they are written."""
    if one.operator in _EQUALITIES or one.operator == "ISSUBSET":
        return sorted({stated_form(one.path, value) or value for value in one.values})
    if one.operator == "ISSUPERSET":
        return [str(network_of(value) or value) for value in one.values]
    return [folded(one.path, value) if one.operator == "LIKE" else value for value in one.values]


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _place(path: str) -> str:
    if path in _PLACES:
        return _PLACES[path]
    if path.startswith("email-message:"):
        return "header"
    if is_address(path):
        return "address"
    return "host" if is_domain(path) or is_network(path) else "attachment"


def _without_blanks(pattern: str) -> str:
    return " ".join(found[1] for found in _STIX_TOKEN.finditer(pattern) if found[1])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _yara(source: str) -> str:
    """The tokens of a YARA source, apart by one blank."""
    tokens: list[str] = []
    at = 0
    while at < len(source):
        if blank := _YARA_BLANK.match(source, at):
            at = blank.end()
            continue
        token = _yara_token(source, at, tokens[-1] if tokens else "")
        tokens.append(token)
        at += len(token)
    return " ".join(tokens)


def _yara_token(source: str, at: int, before: str) -> str:
    if source[at] == '"':
        found = _YARA_STRING.match(source, at)
    elif source[at] == "/" and not _ends_operand(before):
        found = _YARA_EXPRESSION.match(source, at)
    else:
        found = _YARA_WORD.match(source, at)
    return found[0] if found else source[at]


def _ends_operand(token: str) -> bool:
    """Whether what stands before a slash makes it a division: a name, a number or a closing bracket."""
    return token[-1:] in (")", "]") or (token != "matches" and _YARA_WORD.fullmatch(token) is not None)
