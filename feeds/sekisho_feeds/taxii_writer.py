"""The TAXII writer: adds objects to a collection and follows what becomes of them (TAXII 2.1, 5.5 and 4.3)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from sekisho_core.display import visible

from sekisho_feeds.access import Access, shown
from sekisho_feeds.harvest import FeedError
from sekisho_feeds.taxii_client import MEDIA_TYPE, Collection, decoded, get, moment_of
from sekisho_feeds.transport import PACE, AnswerError, Pace, post

_MOST_AT_ONCE = 100
_LARGEST_POST = 4 << 20
_ENVELOPE = len(b'{"objects":[]}')
_MOST_POLLS = 60
_LONGEST_POLL = 30.0
_SECONDS = 600.0


class Failure(msgspec.Struct, frozen=True):
    """An object that the server did not take, and what it says of it."""

    id: str
    message: str


class Added(msgspec.Struct, frozen=True):
    """How many objects are in the collection now, and which are not; an object that was there before is in it."""

    done: int
    failures: list[Failure]


class _Detail(msgspec.Struct):
    id: str = ""
    version: str = ""
    message: str = ""


class _Status(msgspec.Struct):
    id: str = ""
    status: str = ""
    failures: list[_Detail] = []


class _Versions(msgspec.Struct):
    versions: list[str] = []


def add_objects(
    access: Access, collection: Collection, objects: Sequence[Mapping[str, Any]], *, until: float | None = None,
    pace: Pace = PACE,
) -> Added:  # fmt: skip
    """Add STIX objects, in as many posts as the server's greatest content length needs, and wait until it is done.

    To add the same version again does no harm. Raises FeedError where the server refuses, or is not done in time
    (`until`, time.monotonic): what of it was taken is not known then, and all is to be added again.
    """
    if not collection.can_write:
        raise FeedError(f"{shown(collection.url)}: the collection may not be written to with this user or key")
    end = time.monotonic() + _SECONDS if until is None else until
    failures: list[Failure] = []
    versions = {str(one.get("id", "")): str(one.get("modified") or one.get("created") or "") for one in objects}
    for batch in _batches(collection, objects, failures):
        status = _posted(access, collection, batch, end, pace)
        for detail in status.failures[: len(batch)]:
            if not _is_there(access, collection, detail, versions, end, pace):
                failures.append(Failure(visible(detail.id, 120), visible(detail.message) or "no reason is given"))
    return Added(len(objects) - len(failures), failures)


def _batches(
    collection: Collection, objects: Sequence[Mapping[str, Any]], failures: list[Failure]
) -> Iterator[list[bytes]]:
    most = min(collection.max_content_length or _LARGEST_POST, _LARGEST_POST)
    batch: list[bytes] = []
    size = _ENVELOPE
    for one in objects:
        written = msgspec.json.encode(one)
        if _ENVELOPE + len(written) > most:
            failures.append(Failure(visible(str(one.get("id", "")), 120), f"is larger than the {most} bytes allowed"))
            continue
        if len(batch) == _MOST_AT_ONCE or size + len(written) + 1 > most:
            yield batch
            batch, size = [], _ENVELOPE
        batch.append(written)
        size += len(written) + 1
    if batch:
        yield batch


def _posted(access: Access, collection: Collection, batch: list[bytes], until: float, pace: Pace) -> _Status:
    content = b'{"objects":[' + b",".join(batch) + b"]}"
    headers = {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
    answered = post(
        access, content, url=f"{collection.url}objects/", headers=headers, repeatable=True, until=until, pace=pace
    )
    status = decoded(answered, _Status)
    url = f"{collection.root}status/{quote(status.id, safe='')}/"
    for poll in range(_MOST_POLLS):
        if status.status == "complete":
            return status
        if not status.id or time.monotonic() >= until:
            break
        pace.sleep(min(2.0**poll, _LONGEST_POLL))
        status = get(access, url, _Status, until, pace)
    raise FeedError(f"{shown(collection.url)}: the server is not done with what was added to it")


def _is_there(
    access: Access, collection: Collection, detail: _Detail, versions: Mapping[str, str], until: float, pace: Pace
) -> bool:
    """Whether a failure only means that the version was there before, which a server may call so (5.5)."""
    version = moment_of(detail.version) or moment_of(versions.get(detail.id, ""))
    if detail.id not in versions:
        return False
    try:
        url = f"{collection.url}objects/{quote(detail.id, safe='')}/versions/"
        there = get(access, url, _Versions, until, pace).versions
    except AnswerError:
        # Who may only write cannot look; what the server says has to do.
        return "already" in detail.message.lower() or "exists" in detail.message.lower()
    return bool(there) if version is None else version in map(moment_of, there)
