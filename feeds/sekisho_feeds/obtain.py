"""Obtaining: a feed's documents by whatever way, and what to remember so that only news comes the next time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sekisho_core.files import write_durably

from sekisho_feeds import misp_feed, misp_rest
from sekisho_feeds.access import Access
from sekisho_feeds.feed import Feed, Via
from sekisho_feeds.harvest import Document, FeedError
from sekisho_feeds.local_files import read_local
from sekisho_feeds.pull import Obtained
from sekisho_feeds.settings import FeedsSettings
from sekisho_feeds.signed import require_signed, signature_suffix
from sekisho_feeds.taxii_client import find_collection
from sekisho_feeds.taxii_reader import Cursor, Limits, read_collection
from sekisho_feeds.transport import Validators, fetch, post

COLLECTION = "collection"
"""The option that names a TAXII collection by id, alias or title."""
SIGHTINGS = "sightings-collection"
"""The option that names the one which takes sightings."""
# By these a fetcher knows that nothing is new.
_VERSIONS = ("sha256", "validators")
_MOST_FILES = 100_000
_LONGEST_SECRET = 1 << 16
# Servers note times in whole seconds and clocks differ: what lies in the overlap comes twice, and is the same.
_OVERLAP = timedelta(minutes=10)


def obtain(feed: Feed, remembered: dict[str, Any], anew: bool, settings: FeedsSettings) -> Obtained:
    """The documents of a feed; of one that lists all it holds also without news, where they are to be read `anew`.

    Raises FeedError, and then what was remembered still holds.
    """
    known = {name: value for name, value in remembered.items() if name not in _VERSIONS} if anew else remembered
    obtained = _WAYS[feed.via](feed, known, settings)
    return Obtained(_cached(feed, remembered, settings), remembered) if _is_old_news(feed, obtained, anew) else obtained


def _is_old_news(feed: Feed, obtained: Obtained, anew: bool) -> bool:
    return anew and obtained.documents is None and feed.via == "misp-feed"


def _cached(feed: Feed, events: dict[str, Any], settings: FeedsSettings) -> list[Document]:
    """The events of a MISP feed as they were fetched last."""
    cache = _cache(feed, settings)
    return [Document(name, (cache / name).read_bytes()) for name in sorted(map(misp_feed.event_file, events))]


def _cache(feed: Feed, settings: FeedsSettings) -> Path:
    return Path(settings.directory) / "cache" / feed.name


def access_of(feed: Feed, settings: FeedsSettings) -> Access:
    """How the feed's server is reached, its secrets read from their files. Raises FeedError naming a file."""
    keys = feed.keys
    token = _secret(keys.token_file)
    return Access(
        url=feed.location,
        ca_file=keys.ca_file,
        proxy=keys.proxy,
        client_certificate=keys.client_certificate,
        client_key=keys.client_key,
        user=keys.user,
        password=_secret(keys.password_file),
        token="" if keys.header else token,
        header=keys.header,
        header_value=token if keys.header else "",
        allow_private=keys.allow_private,
        seconds=settings.timeout,
        max_bytes=settings.max_bytes,
    )


def _secret(file: str) -> str:
    if not file:
        return ""
    try:
        with Path(file).open("rb") as opened:
            return opened.read(_LONGEST_SECRET).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise FeedError(f"{file}: cannot read the secret: {reason}") from None


def _of_files(feed: Feed, remembered: dict[str, Any], settings: FeedsSettings) -> Obtained:
    documents = read_local(Path(feed.location), settings.max_bytes, _MOST_FILES)
    digest = hashlib.sha256()
    for one in documents:
        digest.update(f"{one.name}\0{len(one.content)}\0".encode() + one.content)
    if remembered.get("sha256") == digest.hexdigest():
        return Obtained(None, remembered)
    beside = {one.name: one.content for one in documents}
    if suffix := signature_suffix(feed.keys):
        documents = [one for one in documents if not one.name.endswith(suffix)]
    signed = require_signed(feed, documents, lambda name: _companion(feed, beside, name), remembered)
    return Obtained(documents, {"sha256": digest.hexdigest(), "signed": signed})


def _companion(feed: Feed, files: dict[str, bytes], name: str) -> bytes:
    """The file beside: of a folder it was read with the others, of a file that is named alone it was not."""
    if name in files:
        return files[name]
    beside = Path(feed.location).with_name(Path(name).name)
    return read_local(beside, _LONGEST_SECRET, 1)[0].content


def _of_web(feed: Feed, remembered: dict[str, Any], settings: FeedsSettings) -> Obtained:
    access = access_of(feed, settings)
    found = fetch(access, msgspec.convert(remembered.get("validators", {}), Validators))
    if found.unchanged:
        return Obtained(None, remembered)
    path, question, query = feed.location.partition("?")
    documents = [Document(path.rpartition("/")[2] or "feed", found.content)]
    suffix = signature_suffix(feed.keys)
    signed = require_signed(
        feed, documents, lambda _: fetch(access, url=f"{path}{suffix}{question}{query}").content, remembered
    )
    return Obtained(documents, {"validators": msgspec.to_builtins(found.validators), "signed": signed})


def _of_taxii(feed: Feed, remembered: dict[str, Any], settings: FeedsSettings) -> Obtained:
    access = access_of(feed, settings)
    collection = find_collection(access, feed.options.get(COLLECTION, ""))
    cursor = msgspec.convert(remembered, Cursor)
    limits = Limits(objects=settings.max_objects, total_bytes=settings.max_bytes)
    reading = read_collection(access, collection, cursor, limits=limits)
    return Obtained([reading.document] if reading.count else None, msgspec.to_builtins(reading.cursor))


def _of_misp_feed(feed: Feed, remembered: dict[str, Any], settings: FeedsSettings) -> Obtained:
    """All events of a MISP feed: those that changed are fetched, the others stand in our directory from before."""
    access = access_of(feed, settings)
    home = feed.location.removesuffix(misp_feed.MANIFEST).rstrip("/") + "/"
    listed = misp_feed.read_manifest(fetch(access, url=home + misp_feed.MANIFEST).content, feed.name)
    cache = _cache(feed, settings)
    known = {uuid: time for uuid, time in remembered.items() if (cache / misp_feed.event_file(uuid)).is_file()}
    changes = misp_feed.changes(listed.events, known)
    vanished = set(remembered) - set(listed.events)
    if not changes.changed and not vanished and not changes.older:
        return Obtained(None, remembered)
    cache.mkdir(parents=True, exist_ok=True)
    for uuid in (*changes.changed, *changes.older):
        name = misp_feed.event_file(uuid)
        write_durably(cache / name, [fetch(access, url=home + name).content])
    # Those that vanish now stay until this pull is done: killed, it is to find them once more.
    kept = set(map(misp_feed.event_file, {*listed.events, *remembered}))
    for path in cache.iterdir():
        if path.name not in kept:
            path.unlink()
    return Obtained(_cached(feed, dict(listed.events), settings), dict(listed.events))


def _of_misp_rest(feed: Feed, remembered: dict[str, Any], settings: FeedsSettings) -> Obtained:
    begun = datetime.now(UTC)
    since = remembered.get("since")
    search = misp_rest.Search(
        types=tuple(filter(None, feed.options.get("types", "").split(","))),
        since=None if since is None else datetime.fromisoformat(since) - _OVERLAP,
    )
    found = list(misp_rest.pages(misp_post(feed, settings), search, feed.name))
    return Obtained(found, {"since": begun.isoformat()})


def misp_post(feed: Feed, settings: FeedsSettings) -> Callable[[str, dict[str, Any]], bytes]:
    """A POST of JSON to a MISP server: path and body to the answer."""
    access = access_of(feed, settings)
    headers = {"Accept": "application/json", "Content-Type": "application/json"}

    def ask(path: str, body: dict[str, Any]) -> bytes:
        url = f"{feed.location.rstrip('/')}/{path}"
        return post(access, msgspec.json.encode(body), url=url, headers=headers, repeatable=True).content

    return ask


_WAYS: dict[Via, Callable[[Feed, dict[str, Any], FeedsSettings], Obtained]] = {
    "file": _of_files,
    "web": _of_web,
    "misp-feed": _of_misp_feed,
    "misp-rest": _of_misp_rest,
    "taxii": _of_taxii,
}
