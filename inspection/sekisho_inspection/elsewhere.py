"""Content that lies elsewhere: fragments of a message (RFC 2046 section 5.2.2), external bodies (5.2.3, RFC 2017)."""

from __future__ import annotations

import re

from sekisho_inspection import charset
from sekisho_inspection.mime import Entity
from sekisho_inspection.notes import MAX_URL, Item, Notes
from sekisho_inspection.urls import link_targets, note_url

PARTIAL, EXTERNAL = "message/partial", "message/external-body"
# Access types by which a program fetches from a host.
_SITES = {"ftp": "ftp", "anon-ftp": "ftp", "tftp": "tftp"}
_LINK = re.compile(r"(?:ftp|https?)://", re.I)


def note_elsewhere(entity: Entity, notes: Notes) -> None:
    """Note where the rest of the content lies; it is a gap unless an indicator can name the place.

    What a mail server is asked to send comes as a mail of its own, and is looked at then.
    """
    item, types = entity.item, entity.stated.types
    if PARTIAL not in types and EXTERNAL not in types:
        return
    stated: dict[str, list[str]] = {}
    for name, value in entity.stated.pairs:
        stated.setdefault(name, []).append(charset.decode(value)[0].strip())
    if PARTIAL in types and not stated.get("number", ["1"]) == stated.get("total") == ["1"]:
        notes.gap(item.gap, "unreadable", "a fragment of a message")
    if EXTERNAL in types and not _note_place(stated, item, notes):
        notes.gap(item.gap, "unreadable", "content that lies elsewhere")


def _note_place(stated: dict[str, list[str]], item: Item, notes: Notes) -> bool:
    """Note every place that the parameters name; whether they leave no doubt of where it is."""
    access = stated.get("access-type", [""])[0].lower()
    # Long URLs are cut by spaces, which are no part of them (RFC 2017 section 3.1).
    links = [target for url in stated.get("url", ()) for target in link_targets("".join(url.split()))]
    path = "/".join(piece.strip("/") for key in ("directory", "name") for piece in stated.get(key, ())[:1])
    sites = [f"{_SITES.get(access, 'ftp')}://{site}/{path}" for site in stated.get("site", ())]
    links, sites = ([link for link in found if len(link) <= MAX_URL] for found in (links, sites))
    for link in (*links, *sites):
        note_url(link, item.where, notes)
    for server in stated.get("server", ()):
        notes.observe("email-addr:value", server.lower(), item.where)
    for name in stated.get("name", ()):
        notes.name_facts(item.id, (name, name.rpartition("/")[2]))
    # A parameter in sections (RFC 2231) or stated twice is read in more ways than one.
    if any("*" in name or len(values) > 1 for name, values in stated.items()):
        return False
    if access == "mail-server":
        return "@" in stated.get("server", [""])[0]
    return bool(sites) if access in _SITES else access == "url" and any(_LINK.match(link) for link in links)
