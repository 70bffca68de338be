"""Feeds that must be signed: which signature is wanted beside a document, and what the last ones said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sekisho_feeds.feed import Feed, Keys
from sekisho_feeds.harvest import Document, FeedError
from sekisho_feeds.signature import Signed, verify, verify_pgp


def signature_suffix(keys: Keys) -> str:
    """What the name of a signature adds to its document's; "" where none is wanted."""
    return ".minisig" if keys.public_key else ".sig" if keys.keyring else ""


def require_signed(
    feed: Feed, documents: Sequence[Document], beside: Callable[[str], bytes], remembered: dict[str, Any]
) -> dict[str, Any]:
    """What the signatures of the documents say, by name, to be remembered; {} where none is wanted.

    `beside` gets the signature of a name. Raises FeedError for a document without a good one, and for one that is older
    than the one remembered (catalogue C29).
    """
    suffix = signature_suffix(feed.keys)
    if not suffix:
        return {}
    known = msgspec.convert(remembered.get("signed", {}), dict[str, Signed])
    return {one.name: msgspec.to_builtins(_checked(feed, one, beside(one.name + suffix), known)) for one in documents}


def _checked(feed: Feed, document: Document, signature: bytes, known: dict[str, Signed]) -> Signed:
    last = known.get(document.name)
    try:
        if feed.keys.public_key:
            return verify(document.content, signature, feed.keys.public_key, last)
        return verify_pgp(document.content, signature, Path(feed.keys.keyring), last)
    except FeedError as error:
        raise FeedError(f"{document.name}: {error}") from error
