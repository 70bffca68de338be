"""Helpers: scripts of a PDF document that only define what its fields call, as Acrobat writes them for forms.

They are told by what they may say and not by what they may not, because a dangerous name may be spelt in any way; what
is in doubt is no helper.
"""

from __future__ import annotations

import re

# Texts, comments and regular expressions, each as one; a regular expression stands where a value may stand.
_PIECES = re.compile(
    r"//[^\r\n\u2028\u2029]*+|/\*(?:[^*]|\*(?!/))*+\*/"
    r"|\"(?:[^\"\\\r\n]|\\[^\r\n])*+\"|'(?:[^'\\\r\n]|\\[^\r\n])*+'"
    r"|(?<=[(,=:!&|?{;])[ \t]*+"
    r"(?P<expression>/(?![*/])(?:[^/\\\[\r\n]|\\[^\r\n]|\[(?:[^\]\\\r\n]|\\[^\r\n])*+\])++/[gim]{0,3})"
)
_PLAIN = re.compile(r"[\w\s\"(){}\[\].,;:=+\-*/%<>!&|?$]*+")
_LONGEST = 100_000
# Names of the language, and of Acrobat's objects, that a helper of a form uses.
_MEMBERS = frozenset([
    "value", "valueAsString", "rc", "change", "changeEx", "willCommit", "target", "name", "display", "hidden",
    "visible",
    "readonly", "required", "textColor", "fillColor", "strokeColor", "textFont", "textSize", "length", "toString",
    "toFixed", "toUpperCase", "toLowerCase", "substring", "substr", "slice", "split", "join", "push", "pop", "sort",
    "indexOf", "lastIndexOf", "charAt", "charCodeAt", "replace", "match", "test", "exec", "search", "trim", "concat",
    "getField", "getNthFieldName", "numFields", "numPages", "pageNum", "calculateNow", "calculate", "resetForm",
    "setFocus", "checkThisBox", "isBoxChecked", "isDefaultChecked", "currentValueIndices", "getArray", "defaultValue",
    "alert", "beep", "printf", "printd", "scand", "printx", "source", "selStart", "selEnd", "commitKey", "type",
    "page",
    "getFullYear", "getMonth", "getDate", "getDay", "getHours", "getMinutes", "getSeconds", "getTime", "setDate",
    "setMonth", "setFullYear", "setHours", "setMinutes", "getYear", "floor", "round", "ceil", "abs", "pow", "min",
    "max",
    "sqrt", "random", "PI", "MAX_VALUE", "black", "white", "red", "green", "blue", "cyan", "magenta", "yellow", "gray",
    "ltGray", "dkGray", "transparent", "noView", "noPrint", "items", "numItems", "getItemAt", "clearItems", "setItems",
    "insertItemAt", "deleteItemAt", "borderStyle", "lineWidth", "alignment", "viewerVersion", "dirty", "rect",
])  # fmt: skip
_CALLED = frozenset([
    "if", "for", "while", "switch", "return", "typeof", "catch", "function", "Number", "String", "Boolean", "Date",
    "Array", "RegExp", "Object", "parseInt", "parseFloat", "isNaN", "isFinite", "Math", "and", "else", "in",
])  # fmt: skip
# What opens a way to names that do not stand there; an object by itself may be held under another name.
_NEVER = re.compile(
    r"\b(?:eval|Function|constructor|prototype|__\w+|with|import|unescape|arguments|global|console|identity|external"
    r"|new\s+(?!Date\b|Array\b|RegExp\b|Object\b|Number\b|String\b))\b|\b(?:app|util|event|this)\b(?!\s*\.)|\]\s*\("
)
# Methods of documents and of the application that reach outside, which are called by their bare names too.
_OUTSIDE = re.compile(
    r"\b(?:addScript|browseForDoc|createDataObject|exec\w+|export(?:As|Data|XFA)\w+|extractPages|getAnnots?|getURL"
    r"|getDataObject\w*|import(?:An|Data|Icon|Sound|Text|XFA)\w+|insertPages|launchURL|mail(?:Doc|Form|Msg|Get)\w*|newDoc"
    r"|newFDF|open(?:Doc|DataObject|FDF)|print|replacePages|saveAs|set(?:DataObjectContents|Action|PageAction|TimeOut"
    r"|Interval)|spawn\w+|submitForm|sync\w+|trusted\w+|Net|SOAP|Collab|ADBC|media|security|spell|hostContainer)\b"
)
_MEMBER = re.compile(r"\.\s*([A-Za-z_$][\w$]*)")
_CALL = re.compile(r"(?<![\w$.])([A-Za-z_$][\w$]*)\s*\(")
_DEFINED = re.compile(r"\bfunction\s+([A-Za-z_$][\w$]*)")
_FORMATS = re.compile(r"AF[A-Z]\w{1,40}")
_SET = re.compile(r"([A-Za-z_$][\w$]*)\s*=(?!=)")
# Escapes of names, and comments as pages have them.
_ODD = ("\\u", "\\x", "<!--", "-->")
_QUOTE = re.compile(r"[\"']")
_WIDTH = re.compile(r"%[-+ 0,#]*\d{3}")
_DECLARATION = re.compile(r"\s*(?:var\s+[\w$]+\s*(?:=[^;{}()]*+)?(?:,\s*[\w$]+\s*(?:=[^;,{}()]*+)?)*+(?:;|\n|$)|;)")
_FUNCTION = re.compile(r"\s*function\s+[\w$]+\s*\([\w$\s,]*+\)\s*(?=\{)")

_END, _BRACKET = re.compile(r"\s*\Z"), re.compile(r"[{}]")


def is_helper(code: str) -> bool:
    """Whether a script of the document level does nothing but define functions and constants that reach for nothing
    outside of the form. A script that is too long to say is none."""
    if len(code) > _LONGEST or _WIDTH.search(code) or any(mark in code for mark in _ODD):
        return False
    if any(_QUOTE.search(piece["expression"] or "") for piece in _PIECES.finditer(code)):
        return False
    plain = _PIECES.sub(_without, code)
    return _is_plain(plain) and _knows(plain) and _only_defines(plain)


def _without(piece: re.Match[str]) -> str:
    """What stands for a text, a comment or a regular expression."""
    return '""' if piece[0][0] in "\"'" else " "


def _is_plain(plain: str) -> bool:
    """Whether code without its texts has nothing that could be read in two ways: a stroke beside a text may begin a
    regular expression with a quotation mark in it."""
    if not _PLAIN.fullmatch(plain) or _NEVER.search(plain) or _OUTSIDE.search(plain):
        return False
    return not any("/" in line and '"' in line for line in plain.splitlines())


def _knows(plain: str) -> bool:
    """Whether all members and functions are known or the script's own, and these are not replaced by others."""
    own = set(_DEFINED.findall(plain))
    if any(name not in _MEMBERS for name in _MEMBER.findall(plain)) or not own.isdisjoint(_SET.findall(plain)):
        return False
    called = set(_CALL.findall(plain)) - own - _CALLED
    return all(_FORMATS.fullmatch(name) for name in called)


def _only_defines(plain: str) -> bool:
    """Whether the outermost level is functions and variables alone."""
    at = 0
    while not _END.match(plain, at):
        if function := _FUNCTION.match(plain, at):
            at = _behind_body(plain, function.end())
        elif declared := _DECLARATION.match(plain, at):
            at = declared.end()
        else:
            return False
    return True


def _behind_body(plain: str, at: int) -> int:
    """The place behind the bracket that closes the one at `at`; the end where none does."""
    depth = 0
    for bracket in _BRACKET.finditer(plain, at):
        depth += 1 if bracket[0] == "{" else -1
        if depth == 0:
            return bracket.end()
    return len(plain)
