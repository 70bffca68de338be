"""URLs in texts and links: as written, and as a client would resolve them, those among them that others wrap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from sekisho_inspection.hosts import Fact, host_facts
from sekisho_inspection.notes import MAX_URL, Notes
from sekisho_inspection.redirectors import unwrapped
from sekisho_inspection.spellings import layers, spellings

# At most so many words with URLs or hosts of one part are noted; more than this is a list, and the gap says so.
MAX_URLS = 4000
# Wrapped URLs that are looked at, of a URL and of one that is longer than servers take.
_MAX_WRAPPED, _MAX_IN_LONG = 40, 4
# Readings of a word's URLs beyond brackets and quotation marks.
_MAX_WIDER = 50
# Longer words are seldom met twice, and would fill the memory of a worker.
_CACHED = 400
_OUTSIDE = r"\s<>\"`\u3000-\u3003\u300c-\u3011\uff08\uff09\x00-\x1f"
_INSIDE = rf"[^{_OUTSIDE}'{{}}|\\^]"
# Two slashes alone begin a link of the page's own scheme, two backslashes a file on a server. User names may be longer
# than any URL that is noted.
_URL = re.compile(
    r"(?:https?:(?:[/\\]+|(?=[\w-]+\.\w))|(?:ftps?|sftp|wss?|smb|nfs|file|webdavs?):[/\\]+"
    rf"|(?<![\w/\\.-])(?<!\b\w:)(?:\\\\|//)(?=[\w[%-])){_INSIDE}{{1,65536}}",
    re.I,
)
_WIDER = re.compile(rf"[^{_OUTSIDE}]{{1,{MAX_URL}}}")
_HOST = re.compile(
    r"(?<![a-z0-9_@.%/=\\-])([a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,20}\.(?:[a-z]{2,24}|xn--[a-z0-9-]{2,59}))"
    rf"(?![a-z0-9_@-])((?::\d{{1,5}})?[/?]{_INSIDE}{{1,{MAX_URL}}})?",
    re.I | re.A,
)
_IPV4 = re.compile(
    r"(?<![\w./@=-])((?:\d{1,3}\.){3}\d{1,3})(?![\w.]*\w)"
    rf"((?::\d{{1,5}})?/{_INSIDE}{{0,64}}[a-z]{_INSIDE}{{0,{MAX_URL}}})?",
    re.I | re.A,
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_LINK = re.compile(r"(?:(https?|ftp):[/\\]*|([/\\]{2,}))", re.I)
_PARTS = re.compile(r"([a-z][a-z0-9+.-]*):[/\\]*([^/\\?#]*)(.*)", re.I | re.S)
# Where programs that know no backslash see the host behind a user name.
_BEHIND_USER = re.compile(r"[^:]+:[/\\]*[^/?#]*@([^/?#\\]+)")
_QUERY = re.compile(r"[?#]")
_TRAILING = ".,;:!?*_~'\""
_ASCII = re.compile(r"[!-~]*")


def note_urls(text: str, where: str, notes: Notes) -> None:
    """Note every URL of a text and its host, those that it wraps, and bare hosts and addresses."""
    count = 0
    for word in _words(text):
        facts = _cached_facts(word) if len(word) <= _CACHED else _word_facts(word)
        count += bool(facts)
        if count > MAX_URLS or len(facts) > MAX_URLS:
            notes.gap(where, "limit", f"more than {MAX_URLS} URLs")
            break
        for path, value in facts:
            notes.observe(path, value, where)


def note_url(url: str, where: str, notes: Notes) -> None:
    """Note one URL as written and as resolved, its host, and the URLs that it wraps."""
    for path, value in url_facts(url):
        notes.observe(path, value, where)


def url_facts(url: str) -> tuple[Fact, ...]:
    """STIX paths and values of a URL and of those that are wrapped in it, at most 40, the outer ones first."""
    return _cached_url_facts(url) if len(url) <= _CACHED else _url_facts(url)


def wrapped(url: str) -> list[str]:
    """The URLs that a redirector's URL carries, those inside of these last."""
    return list(_cached_wrapped(url) if len(url) <= _CACHED else _wrapped(url))


@lru_cache(maxsize=1024)
def _cached_wrapped(url: str) -> tuple[str, ...]:
    return _wrapped(url)


def _wrapped(url: str) -> tuple[str, ...]:
    found = [url]
    most = _MAX_WRAPPED if len(url) <= MAX_URL else _MAX_IN_LONG
    # The list grows while it is walked.
    for one in found:
        found += [inner for inner in unwrapped(one) if inner not in found][: most - len(found)]
    return tuple(found[1:])


def link_targets(link: str) -> list[str]:
    """The URLs with a host to which a link leads: as written, and as browsers read it (WHATWG URL section 4.4), who
    care for no control characters and for no kind or number of slashes. A link without scheme leads to both, and one
    of backslashes to a file besides; links inside of other schemes' (ms-word:ofe|u|http://…, javascript:) count."""
    plain = _CONTROLS.sub("", link).strip()
    found = _LINK.match(plain)
    if found is None:
        texts = [plain, *layers(plain)]
        words = [word for text in texts for word in _words(text)]
        inner = [url for word in words for match in _URL.finditer(word) for url in _readings(word, match)]
        return list(dict.fromkeys(([link] if "://" in link[:12] else []) + inner))
    written = [link] if "://" in link[:12] else []
    rest = plain[found.end() :]
    schemes = [found[1].lower()] if found[1] else ["http", "https", *(["file"] if found[2] == "\\\\" else [])]
    read = _slashes(rest)
    return list(dict.fromkeys([*written, *(f"{scheme}://{read}" for scheme in schemes)])) if read else written


def _words(text: str) -> list[str]:
    """The words of all spellings of a text, each once, that can hold a URL or host."""
    words = dict.fromkeys(word for spelling in spellings(text) for word in spelling.split())
    return [
        word
        for word in words
        if ("." in word or ":" in word or "%" in word or "\\" in word) and not word.rstrip(".,:").isalpha()
    ]


@lru_cache(maxsize=4096)
def _cached_facts(word: str) -> tuple[Fact, ...]:
    return _word_facts(word)


def _word_facts(word: str) -> tuple[Fact, ...]:
    """What a word states, and what the part of it before its first URL states under percent escapes."""
    # Slashes in the strings of programs.
    word = word.replace("\\/", "/") if "\\/" in word else word
    facts: dict[Fact, None] = dict.fromkeys(_stated(word))
    first = _URL.search(word) if _may_be_url(word) else None
    if first is None and "%" not in word:
        return tuple(facts)
    for layer in layers(word[: first.start()] + first[0] if first and first.start() else "" if first else word):
        facts.update(dict.fromkeys(fact for inner in layer.split() for fact in _stated(inner)))
    return tuple(facts)


def _may_be_url(word: str) -> bool:
    """Whether it has what every URL has: to look for that costs a tenth of looking for a URL."""
    return ":" in word or "//" in word or "\\" in word


def _stated(word: str) -> Iterator[Fact]:
    for count, match in enumerate(_URL.finditer(word) if _may_be_url(word) else ()):
        if count > MAX_URLS:
            return
        for url in _readings(word, match, count < _MAX_WIDER):
            yield from url_facts(url)
    if "." not in word:
        return
    for pattern in (_HOST, _IPV4) if word.count(".") > 2 else (_HOST,):
        for count, match in enumerate(pattern.finditer(word)):
            if count > MAX_URLS:
                return
            yield from host_facts(match[1])
            if match[2] or match[1][:4].lower() == "www.":
                place = match[1] + (match[2] or "/")
                for url in _cuts(place):
                    yield from (fact for scheme in ("http", "https") for fact in url_facts(f"{scheme}://{url}"))


@lru_cache(maxsize=1024)
def _cached_url_facts(url: str) -> tuple[Fact, ...]:
    return _url_facts(url)


def _url_facts(url: str) -> tuple[Fact, ...]:
    return tuple(dict.fromkeys(fact for one in (url, *wrapped(url)) for fact in _own_facts(one)))


def _own_facts(url: str) -> Iterator[Fact]:
    """One URL as written and as resolved: scheme and host in lower case, the host at its plainest, no user name."""
    found = _PARTS.match(url)
    if found is None:
        yield "url:value", url[:MAX_URL]
        return
    authority, scheme = found[2], found[1].lower()
    host, port = _split(authority)
    hosts = host_facts(host)
    if len(url) <= MAX_URL:
        yield "url:value", url
    name = hosts[-1][1] if hosts else host.lower()
    name = f"[{name}]" if ":" in name else name
    yield "url:value", f"{scheme}://{name}{port}{_slashes(found[3])}"[:MAX_URL]
    yield from hosts
    if scheme in ("file", "smb") and "@" in authority:
        # A server over WebDAV: \\host@SSL@443\share.
        yield from host_facts(authority.partition("@")[0])
    if "\\" in url and (behind := _BEHIND_USER.match(url)):
        yield "url:value", f"{scheme}://{_slashes(url[behind.start(1) :])}"[:MAX_URL]
        yield from host_facts(_split(behind[1])[0])


def _split(authority: str) -> tuple[str, str]:
    """Host and port, the latter with its colon."""
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        inner, _, port = host[1:].partition("]")
        return inner, port
    host, colon, port = host.partition(":")
    return host, colon + port if port else ""


def _slashes(rest: str) -> str:
    path = _QUERY.search(rest)
    end = path.start() if path else len(rest)
    return rest[:end].replace("\\", "/") + rest[end:]


def _readings(word: str, match: re.Match[str], wide: bool = True) -> list[str]:
    """The URL as cut by programs that end it at a bracket, a quotation mark or a backslash, at the last character of
    ASCII, and at white space."""
    found = _cuts(match[0])
    if (
        wide
        and word[match.end() : match.end() + 1] in tuple("'{}|\\^")
        and (wider := _WIDER.match(word, match.start()))
    ):
        found.append(_trimmed(wider[0]))
    if match[0].startswith(("//", "\\\\")):
        found = [target for url in found if _hosted(url) for target in link_targets(url)]
    return [url for url in dict.fromkeys(found) if len(url.rpartition(":")[2].lstrip("/\\")) > 1]


def _cuts(url: str) -> list[str]:
    """Up to its end, and up to its last ASCII character, without punctuation of the sentence around."""
    whole = _trimmed(url)
    return [whole] if whole.isascii() else [whole, _trimmed(_ASCII.match(whole)[0])]  # type: ignore[index]


def _hosted(link: str) -> bool:
    found = _PARTS.match(f"x:{link}")
    return found is not None and bool(host_facts(_split(found[2])[0]) or host_facts(found[2].partition("@")[0]))


def _trimmed(url: str) -> str:
    """Without the punctuation that belongs to the sentence around; closing brackets stay as far as they were opened."""
    surplus = {close: url.count(close) - url.count(opening) for close, opening in (")(", "][")}
    end = len(url)
    while end and (url[end - 1] in _TRAILING or surplus.get(url[end - 1], 0) > 0):
        end -= 1
        if url[end] in surplus:
            surplus[url[end]] -= 1
    return url[:end]
