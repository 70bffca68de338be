"""The format "alert": alerts that people write and send by mail, read as proposals for an analyst."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterable, Iterator, Mapping
from email.errors import MessageError
from email.message import Message
from email.utils import parseaddr

import msgspec
from sekisho_rules.indicator import Indicator, Refusal, newest
from sekisho_rules.indicator_files import Provenance

from sekisho_feeds.alert_picks import Proposal, proposals
from sekisho_feeds.harvest import Document, FeedError, Harvest
from sekisho_feeds.listed import ENCODINGS, text_of
from sekisho_feeds.observable_pattern import indicator_id, pattern_of
from sekisho_feeds.options import chosen, one_of, whole

OPTIONS = {"own_domains": "", "encoding": "auto", "largest_document": str(10 << 20)}
LABEL = "proposal"
_LARGEST = 1 << 28
_MOST_PARTS = 200
# Charsets by the name that mail gives them, where Python's codec of that name knows fewer characters.
_CODECS = {"iso-2022-jp": "iso2022_jp_ext", "shift_jis": "cp932", "x-sjis": "cp932", "euc-jp": "euc_jis_2004"}


class _Alert(msgspec.Struct, frozen=True):
    """The text of an alert, and the domain of whoever sent it ("" where no mail was)."""

    text: str
    domain: str = ""


def alert(documents: Iterable[Document], provenance: Provenance, options: Mapping[str, str]) -> Harvest:
    """What alerts in text or mail name, as indicators in state "observe" with the label "proposal"; the description
    says the line. The mail must be of a sender who is trusted: its text alone is read. Raises FeedError as `Format`
    says."""
    given = chosen(OPTIONS, options)
    own = given["own_domains"].replace(",", " ").split()
    largest = whole(given, "largest_document", _LARGEST)
    encoding = one_of(given, "encoding", ENCODINGS)
    found: list[Indicator] = []
    refused: list[Refusal] = []
    for document in documents:
        if len(document.content) > largest:
            raise FeedError(f"{provenance.source}: {document.name}: larger than {largest} bytes")
        read = _read(document, encoding, provenance.source)
        picks = proposals(read.text, [*own, read.domain] if read.domain else own)
        found += (_indicator(pick, document.name, provenance) for pick in picks)
        if not picks:
            refused.append(Refusal(document.name, provenance.source, "names nothing that mail shows", document.name))
    return Harvest(newest(found), refused)


def _indicator(pick: Proposal, file: str, provenance: Provenance) -> Indicator:
    pattern = pattern_of(pick.type, pick.value)
    return Indicator(
        id=indicator_id(provenance.source, pattern),
        source=provenance.source,
        pattern=pattern,
        name=pick.value,
        description=f"line {pick.line}: {pick.excerpt}",
        tlp=provenance.tlp,
        confidence=provenance.confidence,
        state="observe",
        labels=(LABEL,),
        file=file,
        document=pick.excerpt,
    )


def _read(document: Document, encoding: str, source: str) -> _Alert:
    if not document.name.lower().endswith(".eml"):
        return _Alert(text_of(document, encoding, source))
    try:
        message = email.message_from_bytes(document.content, policy=email.policy.compat32)
        texts = list(_texts(message))
        domain = parseaddr(str(message.get("From", "")))[1].rpartition("@")[2].lower()
    except (MessageError, ValueError, LookupError, RecursionError) as error:
        raise FeedError(f"{source}: {document.name}: a mail that cannot be read: {error}") from error
    if not texts:
        raise FeedError(f"{source}: {document.name}: a mail without plain text")
    return _Alert("\n\n".join(texts), domain)


def _texts(message: Message) -> Iterator[str]:
    """The plain texts of a mail that are no attachments."""
    for number, part in enumerate(message.walk()):
        if number >= _MOST_PARTS:
            raise ValueError(f"more than {_MOST_PARTS} parts")
        if part.get_content_type() != "text/plain" or part.get_content_disposition() == "attachment":
            continue
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            yield _decoded(content, (part.get_content_charset() or "utf-8").lower())


def _decoded(content: bytes, charset: str) -> str:
    for name in (_CODECS.get(charset, charset), charset, "cp932"):
        try:
            return content.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("utf-8", errors="replace")
