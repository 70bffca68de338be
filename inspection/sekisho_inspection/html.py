"""HTML: the text that a reader sees, the text that is there, the links behind it, its programs and its forms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin

from lxml import etree

from sekisho_inspection.css import Sheet, generated
from sekisho_inspection.hosts import UNSEEN
from sekisho_inspection.visibility import TELLING, State

_BLOCKS = frozenset([
    "p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "pre", "dd", "dt",
    "blockquote", "hr", "title", "section", "article", "center", "form", "fieldset", "option", "textarea", "xmp",
    "plaintext", "listing", "header", "footer", "main", "nav", "aside", "figure", "figcaption", "caption", "body",
])  # fmt: skip
_UNSEEN = frozenset(["template", "rt", "rp", "datalist", "desc", "dialog", "noembed", "noframes"])
_KEPT = frozenset(["pre", "textarea", "xmp", "plaintext", "listing"])
_LINKS = frozenset([
    "href", "src", "action", "formaction", "background", "data", "xlink:href", "poster", "cite", "longdesc", "codebase",
    "dynsrc", "lowsrc", "manifest", "profile", "o:href", "icon",
])  # fmt: skip
_LISTS = frozenset(["srcset", "imagesrcset", "ping", "archive"])
_ASIDES = frozenset(["alt", "title", "placeholder", "aria-label", "label", "summary", "content"])
_REFRESH = re.compile(r"(?:^\s*[\d.]*\s*[;,]|url\s*=)\s*(?:url\s*=\s*)?['\"]?\s*([^'\">]+)", re.I)
# The attributes of one tag, without their quoted values. The parser compares every name with all before it: 300,000 of
# them took a minute, and no page's tag has a thousand.
_TAG = re.compile(r"<[a-z][^\s<>]*+((?:[^<>\"']|\"[^\"]*+\"|'[^']*+')*+)", re.I)
_VALUE = re.compile(r"\"[^\"]*+\"|'[^']*+'")
_MAX_TAG = 20_000
_STYLE_URL = re.compile(r"url\(\s*['\"]?([^'\")]{1,65536})", re.I)
_SCHEMED = re.compile(r"[a-z][a-z0-9+.-]{0,30}:", re.I)
_CONTROLS = re.compile(r"[\t\r\n]")
_EAST = "\u3000-\u30ff\u3400-\u9fff\uff00-\uff60"
_FOLD = re.compile(f"(?<=[{_EAST}])[ \\t]*\\r?\\n\\s*(?=[{_EAST}])")
_SPACE = re.compile(r"[ \t\r\n\f]+")
_TURNED = re.compile("[\u202e\u2067]([^\u202c\u2069\n]{0,2000})[\u202c\u2069]?")
# Between the cells of a table's row.
_CELL = "\x1f"
_MAX_SHOWN = 300
_LONG_WORD, _MANY_PIECES = 40, 8
_PIECE = re.compile(r"[A-Za-z0-9+/_=-]{8,40}")
_WORD = re.compile(rf"[A-Za-z0-9+/_=-]{{{_LONG_WORD},}}+(?:\s+[A-Za-z0-9+/_=-]{{{_LONG_WORD},}}+)*+")
_MAX_TURNED = 2000
# Pages in pages: srcdoc and what Outlook alone reads.
_MAX_PAGES = 3


@dataclass(frozen=True)
class PageLink:
    """A link as it is written, the text that a person clicks ("" for what is no anchor), and its file's name."""

    written: str
    shown: str = ""
    name: str = ""
    anchor: bool = False


@dataclass
class Page:
    """What was read in a page. `full` is the text with what nobody sees in its place, `asides` the texts of attributes
    and comments, `code` what else may hold URLs, `scripts` programs and what they may read,
    `stores` texts of elements that hold data for programs, `drawn` what is seen with its
    spaces. `hidden` counts characters, `inside` how often they split a word."""

    text: str = ""
    full: str = ""
    asides: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    stores: list[str] = field(default_factory=list)
    links: list[PageLink] = field(default_factory=list)
    base: str = ""
    forms: list[str] = field(default_factory=list)
    password_fields: int = 0
    drawn: str = ""
    hidden: int = 0
    inside: int = 0
    complete: bool = True


def read_page(source: str, depth: int = 0) -> Page:
    """Read HTML without fetching anything; broken markup is read as far as it goes and `complete` says whether."""
    parser = etree.HTMLParser(recover=True, no_network=True, huge_tree=False, encoding="utf-8", remove_pis=True)
    if is_crowded(source):
        return Page(source, source, code=[source], complete=False)
    try:
        root = etree.fromstring(source.replace("\0", "").encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError, AssertionError):
        root = None
    if root is None:
        # Conditional comments often close what others opened, and hold nothing else.
        return Page(code=[source], complete=depth > 0 or not source.strip())
    page = Page()
    if ">" not in (tail := source[source.rfind("<") :]):
        # A tag that never ends.
        page.code.append(tail)
    _Walk(root, page, depth).run()
    page.complete = page.complete and not any(
        entry.type_name == "ERR_INTERNAL_ERROR" or "depth" in entry.message.lower() for entry in parser.error_log
    )
    if not page.complete:
        page.code.append(source)
    return page


def is_crowded(source: str) -> bool:
    """Whether some tag has more attributes than the parser of pages and XML can take in time."""
    return any(len(match[1]) > _MAX_TAG and len(_VALUE.sub("", match[1])) > _MAX_TAG for match in _TAG.finditer(source))


def resolved(base: str, link: str) -> str:
    """A link as browsers join it to the page's base; as it is where it needs none or the base is no address."""
    plain = _CONTROLS.sub("", link).strip()
    if not base or not plain or plain.startswith("#"):
        return link
    base = f"http:{base}" if base.startswith(("//", "\\\\")) else base
    same = re.match(r"(https?):(?![/\\])", plain, re.I)
    if same and base.lower().startswith(f"{same[1].lower()}:"):
        plain = plain[same.end() :]
    elif _SCHEMED.match(plain):
        return link
    try:
        return urljoin(base.replace("\\", "/"), plain.replace("\\", "/"))
    except ValueError:
        return link


class _Walk:
    """One way through a page, which collects what is seen and what is there."""

    def __init__(self, root: etree._Element, page: Page, depth: int) -> None:
        self._root = root
        self._page = page
        self._depth = depth
        self._sheet = Sheet([element.text or "" for element in root.iter("style")])
        self._seen: list[str] = []
        self._full: list[str] = []
        self._states = [State()]
        self._starts: list[int] = []
        self._kept = 0
        self._hidden_inside = False

    def run(self) -> None:
        """Visit all elements and comments, and put the texts together."""
        for event, element in etree.iterwalk(self._root, events=("start", "end", "comment")):
            if event == "start":
                self._enter(element)
            elif event == "end":
                self._leave(element)
            else:
                self._comment(str(element.text or ""))
                self._text(element.tail)
        if self._page.scripts:
            self._page.stores += _stores(self._root)
        seen = "".join(self._seen)
        self._page.text = _TURNED.sub(lambda match: match[1][::-1], _tidy(UNSEEN.sub(_unseen, seen)))
        self._page.drawn = seen
        self._page.full = _tidy("".join(self._full))

    def _enter(self, element: etree._Element) -> None:
        tag = str(element.tag)
        state, attributes = self._states[-1], element.attrib
        inline = (attributes.get("style") or "") if attributes else ""
        styles = self._sheet.of(element, inline) if inline or self._sheet.rules else {"": {}}
        telling = styles[""] or state.inline is not None or state.reversed
        if telling or (attributes and not TELLING.isdisjoint(attributes.keys())):
            state = state.child(styles[""], dict(attributes), tag)
        if tag in _UNSEEN and not (tag == "dialog" and "open" in attributes):
            state = state.without()
        self._states.append(state)
        self._starts.append(len(self._seen))
        self._break(tag, state)
        self._kept += tag in _KEPT
        self._generated(styles, "before", element)
        if tag in ("script", "style"):
            (self._page.code if tag == "style" else self._page.scripts).append(element.text or "")
        else:
            self._text(element.text)
        if attributes:
            self._attributes(element, tag)

    def _leave(self, element: etree._Element) -> None:
        tag = str(element.tag)
        styles = self._sheet.of(element, "") if self._sheet.generates else {}
        self._generated(styles, "after", element)
        start, state = self._starts.pop(), self._states.pop()
        if tag in ("a", "area") and element.get("href") is not None:
            shown = _tidy("".join(self._seen[start : start + _MAX_SHOWN]))[:_MAX_SHOWN]
            self._page.links.append(PageLink(str(element.get("href")), shown, str(element.get("download") or ""), True))
        if (state.reversed or (tag == "bdo" and (element.get("dir") or "").lower() == "rtl")) and not any(
            other.reversed for other in self._states
        ):
            self._turn(start)
        self._kept -= tag in _KEPT
        self._break(tag, state)
        self._text(element.tail)

    def _turn(self, start: int) -> None:
        """What is written from right to left is read from its end."""
        turned = "".join(self._seen[start:])
        if len(turned) <= _MAX_TURNED:
            self._seen[start:] = [turned[::-1]]

    def _break(self, tag: str, state: State) -> None:
        sign = _CELL if tag in ("td", "th") else "\n" if tag in _BLOCKS else ""
        if state.inline is not None and tag != "br":
            sign = "" if state.inline else "\n"
        if sign:
            self._full.append("\n" if sign == _CELL else sign)
            if not state.gone:
                self._seen.append(sign)

    def _generated(self, styles: dict[str, dict[str, str]], part: str, element: etree._Element) -> None:
        declared = styles.get(part)
        if declared and "content" in declared:
            self._text(generated(declared["content"], element))

    def _text(self, text: str | None) -> None:
        if not text:
            return
        self._full.append(text)
        if self._states[-1].seen:
            plain = text if self._kept else _SPACE.sub(" ", _FOLD.sub("", text) if not text.isascii() else text)
            self._page.inside += self._hidden_inside and not plain[0].isspace()
            self._hidden_inside = False
            self._seen.append(plain)
        elif not text.isspace():
            self._page.hidden += len(text) - text.count(" ")
            self._hidden_inside = self._hidden_inside or bool(self._seen and not self._seen[-1][-1].isspace())

    def _comment(self, text: str) -> None:
        """A comment: Outlook shows what its conditional ones hold, and nobody what is in the others."""
        if text.startswith("[if") and self._depth < _MAX_PAGES:
            self._inner(text.partition(">")[2].removesuffix("<![endif]"))
        else:
            self._page.asides.append(text)
            self._page.code.append(text)

    def _inner(self, source: str) -> None:
        inner = read_page(source, self._depth + 1)
        page = self._page
        page.asides += [inner.full, *inner.asides]
        page.code += inner.code
        page.scripts += inner.scripts
        page.stores += inner.stores
        page.links += inner.links
        page.forms += inner.forms
        page.password_fields += inner.password_fields
        page.complete = page.complete and inner.complete

    def _attributes(self, element: etree._Element, tag: str) -> None:
        page = self._page
        for name, value in element.attrib.items():
            key, text = str(name), str(value)
            page.links += (PageLink(link) for link in _links(key, text, tag))
            if key == "srcdoc" and self._depth < _MAX_PAGES:
                self._inner(text)
            elif key.startswith("on") or (key.startswith("data-") and len(text) > _MAX_SHOWN):
                page.scripts.append(text)
            elif key != "style" and ("://" in text or "%3" in text):
                page.code.append(text)
            if key in _ASIDES and text and tag != "meta":
                page.asides.append(text)
        if tag == "base" and not page.base:
            page.base = str(element.get("href") or "").strip()
        elif tag == "form":
            page.forms.append(str(element.get("action") or ""))
        elif tag == "input":
            self._input(element)

    def _input(self, element: etree._Element) -> None:
        kind = str(element.get("type") or "").lower()
        self._page.password_fields += kind == "password"
        if value := str(element.get("value") or ""):
            if kind in ("hidden", "password"):
                self._page.asides.append(value)
            else:
                self._text(f" {value} ")


def _stores(root: etree._Element) -> Iterator[str]:
    """Long words of attributes, texts, comments and style sheets, in which programs keep data, and the short ones of
    elements of one kind, joined."""
    pieces: dict[tuple[str, str], list[str]] = {}
    for element in root.iter():
        tag = str(element.tag)
        texts = [(str(name), str(value)) for name, value in element.attrib.items()]
        texts += [("", element.text or "" if tag != "script" else ""), ("", element.tail or "")]
        for name, text in texts:
            if len(text) >= _LONG_WORD:
                yield from _WORD.findall(text)
            elif _PIECE.fullmatch(text):
                pieces.setdefault((tag, name), []).append(text)
    yield from ("".join(words) for words in pieces.values() if len(words) >= _MANY_PIECES)


def _links(key: str, text: str, tag: str) -> Iterator[str]:
    if key in _LINKS and not (key == "href" and tag in ("a", "area", "base")):
        yield text.strip()
    elif key in _LISTS:
        yield from (piece.strip(",") for piece in text.split()[:200] if len(piece) > 3)
    elif key == "content" and tag == "meta" and (found := _REFRESH.search(text)):
        yield found[1].strip()
    elif (
        (tag in ("animate", "set") and key in ("to", "from", "values", "by"))
        or text.startswith("//")
        or (key == "value" and tag == "param" and "/" in text)
    ):
        yield text.strip()
    elif key == "style" and "url(" in text.lower():
        yield from (match[1].strip() for match in _STYLE_URL.finditer(text))


def _unseen(match: re.Match[str]) -> str:
    """Nothing, but for what turns the direction, which is read afterwards."""
    return "".join(character for character in match[0] if character in "\u202e\u2067\u202c\u2069")


def _tidy(text: str) -> str:
    lines = (_line(line) if _CELL in line else " ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _line(line: str) -> str:
    """A row of a table; cells of a letter each are a word."""
    cells = [" ".join(cell.split()) for cell in line.split(_CELL)]
    cells = [cell for cell in cells if cell]
    letters = len(cells) > 2 and all(len(cell) == 1 for cell in cells)
    return ("" if letters else " ").join(cells)
