"""The format "plain": one value a line, and lines of hosts files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from sekisho_rules.indicator import Refusal
from sekisho_rules.indicator_files import Provenance

from sekisho_feeds.harvest import Document, Harvest
from sekisho_feeds.listed import ENCODINGS, Entry, excluder, harvested, lines_of, text_of, type_option
from sekisho_feeds.options import chosen, flag, one_of

OPTIONS = {
    "type": "auto",
    "comment": "# ; //",
    "inline_comments": "yes",
    "hosts": "yes",
    "exclude": "",
    "encoding": "auto",
    "most_entries": "1000000",
}
_HOSTS_LINE = re.compile(r"(?:0\.0\.0\.0|127\.0\.0\.1|::1?|0)[ \t]++(\S[^\r\n]*+)")
# What every hosts file names besides what it blocks.
_OF_THE_MACHINE = frozenset([
    "localhost", "localhost.localdomain", "local", "broadcasthost", "ip6-localhost", "ip6-loopback", "0.0.0.0",
])  # fmt: skip


def plain(documents: Iterable[Document], provenance: Provenance, options: Mapping[str, str]) -> Harvest:
    """An indicator for each line's value, for each name of a hosts file's line. Raises FeedError as `Format` says."""
    given = chosen(OPTIONS, options)
    encoding = one_of(given, "encoding", ENCODINGS)
    lines = _Lines(given)
    texts = ((document, text_of(document, encoding, provenance.source)) for document in documents)
    refused: list[Refusal] = []
    entries = (entry for document, text in texts for entry in lines.entries(text, document.name))
    return harvested(entries, provenance, refused, given)


class _Lines:
    def __init__(self, options: Mapping[str, str]) -> None:
        self._type = type_option(options)
        self._marks = tuple(options["comment"].split())
        # Subjects and file names hold such signs themselves.
        inline = flag(options, "inline_comments") and self._type not in ("subject", "filename")
        marks = "|".join(map(re.escape, self._marks))
        self._inline = re.compile(rf"\s(?:{marks}).*+") if inline and marks else None
        self._hosts = flag(options, "hosts") and self._type in ("auto", "domain")
        self._excluded: Callable[[str], bool] = excluder(options)

    def entries(self, text: str, file: str) -> Iterator[tuple[str, str, Entry]]:
        for number, line in enumerate(lines_of(text), 1):
            for type, value in self._values(line.strip()):
                if not self._excluded(value):
                    yield type, value, Entry(f"line {number}", file, line.strip())

    def _values(self, line: str) -> Iterator[tuple[str, str]]:
        if not line or (self._marks and line.startswith(self._marks)):
            return
        bare = self._inline.sub("", line).strip() if self._inline else line
        if self._hosts and (found := _HOSTS_LINE.fullmatch(bare)):
            yield from (("domain", name) for name in found[1].split() if name.lower() not in _OF_THE_MACHINE)
        elif bare:
            yield self._type, bare
