"""HTML: the text that a reader sees, the links behind it, and the forms in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

from lxml import etree

_BLOCKS = frozenset([
    "p", "div", "br", "tr", "li", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "pre",
    "blockquote", "hr", "title", "section", "article",
])  # fmt: skip
_UNSEEN = frozenset(["script", "style", "template", "noscript"])
_LINKS = ("href", "src", "action", "formaction", "background", "data", "xlink:href", "poster", "cite")
_REFRESH = re.compile(r"url\s*=\s*['\"]?([^'\"\s>]+)", re.I)
# The attributes of one tag, without their quoted values. The parser compares every name with all before it: 300,000 of
# them took a minute, and no page's tag has a thousand.
_TAG = re.compile(r"<[a-z][^\s<>]*+((?:[^<>\"']|\"[^\"]*+\"|'[^']*+')*+)", re.I)
_VALUE = re.compile(r"\"[^\"]*+\"|'[^']*+'")
_MAX_TAG = 20_000
_URL_IN_CODE = re.compile(r"(?:https?|ftp)://[^\s<>\"'`\\)]{1,2048}", re.I)


@dataclass
class Page:
    """What was read in a page."""

    text: str
    links: list[str]
    forms: list[str]
    password_fields: int
    complete: bool


def read_page(source: str) -> Page:
    """Read HTML without fetching anything; broken markup is read as far as it goes and `complete` says whether.

    Scripts and styles are no text, but their URLs are links.
    """
    parser = etree.HTMLParser(
        recover=True, no_network=True, huge_tree=False, encoding="utf-8", remove_comments=True, remove_pis=True
    )
    page = Page("", [], [], 0, True)
    if any(len(match[1]) > _MAX_TAG and len(_VALUE.sub("", match[1])) > _MAX_TAG for match in _TAG.finditer(source)):
        return Page(source, _URL_IN_CODE.findall(source), [], 0, False)
    try:
        root = etree.fromstring(source.replace("\0", "").encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError, AssertionError):
        root = None
    if root is None:
        page.complete = not source.strip()
        return page
    out: list[str] = []
    _visit(root, out, page)
    if "<!--" in source:
        # Outlook shows what its conditional comments hold.
        page.links += _URL_IN_CODE.findall(source)
    page.text = _tidy("".join(out))
    page.complete = not any(
        entry.type_name == "ERR_INTERNAL_ERROR" or "depth" in entry.message.lower() for entry in parser.error_log
    )
    return page


def _visit(root: etree._Element, out: list[str], page: Page) -> None:
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag if isinstance(element.tag, str) else ""
        if event == "start":
            _enter(element, tag, out, page)
        else:
            if tag in _BLOCKS:
                out.append("\n")
            if element.tail:
                out.append(element.tail)


def _enter(element: etree._Element, tag: str, out: list[str], page: Page) -> None:
    if tag in _UNSEEN:
        page.links += _URL_IN_CODE.findall(element.text or "")
    else:
        if tag in _BLOCKS:
            out.append("\n")
        if element.text:
            out.append(element.text)
    if element.attrib:
        _attributes(element, tag, page)


def _attributes(element: etree._Element, tag: str, page: Page) -> None:
    for name, value in element.attrib.items():
        key, text = str(name), str(value)
        if key in _LINKS:
            page.links.append(text.strip())
        elif key == "srcdoc":
            page.links += _URL_IN_CODE.findall(unescape(text))
        elif "://" in text:
            page.links += _URL_IN_CODE.findall(text)
        elif key == "content" and tag == "meta" and (found := _REFRESH.search(text)):
            page.links.append(found[1])
    if tag == "form":
        page.forms.append(str(element.get("action") or ""))
    elif tag == "input" and str(element.get("type") or "").lower() == "password":
        page.password_fields += 1


def _tidy(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
