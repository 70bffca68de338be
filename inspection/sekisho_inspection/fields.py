"""The mail's fields as observables: subject, mailboxes, message id and the path that the mail says it took."""

from __future__ import annotations

from collections.abc import Sequence

from sekisho_inspection import headers
from sekisho_inspection.addresses import addresses
from sekisho_inspection.headers import Field
from sekisho_inspection.hosts import note_host
from sekisho_inspection.notes import Notes

# Mailboxes of one field; a longer list is noted up to here (and the gap says so).
_MAX_MAILBOXES = 2000
# Fields of one name that are read; further ones stay in Reading.headers.
_MAX_SAME = 100
_MAILBOXES = {
    "from": "email-message:from_ref",
    "sender": "email-message:sender_ref",
    "to": "email-message:to_refs[*]",
    "cc": "email-message:cc_refs[*]",
    "reply-to": "email-message:reply_to",
}
_PLAIN = {
    "message-id": "email-message:message_id",
    "x-mailer": "email-message:x_mailer",
    "received": "email-message:received_lines",
}
_SENDERS = frozenset(["from", "sender", "reply-to"])


def note_fields(fields: Sequence[Field], where: str, notes: Notes) -> None:
    """Note the observables of a message's header fields; `where` is "" for the mail itself, else the part's."""
    seen: dict[str, int] = {}
    for field in fields:
        key = field.key
        if key not in _MAILBOXES and key not in _PLAIN and key not in ("subject", "date"):
            continue
        seen[key] = seen.get(key, 0) + 1
        if seen[key] > _MAX_SAME:
            notes.gap(where or f"header:{key}", "limit", f"more than {_MAX_SAME} {key} fields")
            continue
        _note(key, field, where or f"header:{key}", notes)


def _note(key: str, field: Field, where: str, notes: Notes) -> None:
    if key in _MAILBOXES:
        _note_mailboxes(key, field, where, notes)
    elif key in _PLAIN:
        notes.observe(_PLAIN[key], headers.decode_value(field.raw), where)
    elif key == "date":
        notes.date = notes.date or headers.decode_value(field.raw)
    else:
        _note_subject(field, where, notes)


def _note_subject(field: Field, where: str, notes: Notes) -> None:
    found = headers.value_readings(field.raw)
    label = ", ".join(headers.charset_labels(field.raw)) if b"=?" in field.raw else ""
    notes.subjects += [text for text, _ in found[:1]]
    for text, charset in found:
        notes.observe("email-message:subject", text, where)
        notes.decoding(f"{where}:subject" if where.startswith("part:") else where, label, charset, text)
    if len(found) > 1 and headers.is_ambiguous(field.raw):
        notes.find("ambiguous-charset", where, "the subject reads as writing in more than one charset")


def _note_mailboxes(key: str, field: Field, where: str, notes: Notes) -> None:
    path = _MAILBOXES[key]
    found = addresses(field.raw)
    if len(found) > _MAX_MAILBOXES:
        notes.gap(where, "limit", f"more than {_MAX_MAILBOXES} mailboxes")
    for address in found[:_MAX_MAILBOXES]:
        if key == "reply-to":
            notes.observe(path, address.value, where)
            notes.observe("email-message:additional_header_fields.'Reply-To'", address.value, where)
        else:
            notes.observe(f"{path}.value", address.value, where)
        if key == "from":
            notes.sender = notes.sender or address.value
            notes.observe(f"{path}.display_name", address.display_name, where)
        notes.observe("email-addr:value", address.value, where)
        notes.observe("email-addr:display_name", address.display_name, where)
        if key in _SENDERS and "@" in address.value:
            note_host(address.value.rpartition("@")[2], where, notes)
