"""Markup: HTML whose elements are ours alone. What is no `Markup` is a text of somebody's, and becomes visible text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from sekisho_core.display import pieces

_LONGEST = 2000
# The source can be read and compared.
_OWN_LINES = frozenset(["header", "section", "h1", "h2", "h3", "p", "div", "dl", "thead", "tr", "table"])
_JAPANESE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


class Markup(str):
    """HTML that is finished. Nothing but this module makes it."""

    __slots__ = ()


Child = str | None
"""A `Markup` as it is, a text of ours escaped, None as nothing."""


def element(tag: str, *children: Child, **attributes: str) -> Markup:
    """An element. Tag and attributes are words of ours, never of a mail; "" is no attribute, and `class_` is class."""
    stated = "".join(f' {name.rstrip("_")}="{escape(value)}"' for name, value in attributes.items() if value)
    end = "\n" if tag in _OWN_LINES else ""
    return Markup(f"<{tag}{stated}>{joined(children)}</{tag}>{end}")


def joined(children: Iterable[Child]) -> Markup:
    """The children one after the other."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in children if child))


def untrusted(text: str, limit: int = _LONGEST) -> Markup:
    """A text of a mail: cut, isolated from the reading direction around it, invisible characters as marks."""
    marked = (element("span", piece, class_="char") if hidden else piece for piece, hidden in pieces(text, limit))
    language = "" if text.isascii() else "ja" if _JAPANESE.search(text) else "und"
    return element("bdi", *marked, lang=language)


def nested(items: Iterable[tuple[int, Markup]]) -> Markup:
    """A list of lists from items with their levels, each at most one deeper than the one before it. Not recursive."""
    written, level = [], -1
    for own, content in items:
        written.append("<ul>" if own > level else "</li>" + "</ul></li>" * (level - own))
        written.append(f"<li>{content}")
        level = own
    return Markup("".join(written) + "</li></ul>" * (level + 1))


def document(title: str, policy: str, style: str, *body: Child) -> Markup:
    """A page that stands alone: `policy` is its Content-Security-Policy, `style` its CSS; both are ours."""
    head = joined([
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="referrer" content="no-referrer">'),
        element("title", title),
        Markup(f"<style>{style}</style>"),
    ])  # fmt: skip
    page = element("html", element("head", head), element("body", *body), lang="en")
    return Markup(f"<!DOCTYPE html>\n{page}\n")
