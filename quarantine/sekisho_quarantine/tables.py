"""The quarantine's tables: passages, their recipients, releases, waits, judgements, remembered passwords, the audit.

Times are UTC. Texts hold neither NUL nor lone surrogates, which PostgreSQL cannot store; `storable` marks them.
"""

from __future__ import annotations

from enum import StrEnum

from sekisho_core.database import METADATA, Utc
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)


class State(StrEnum):
    """What became of a mail, or of the copy for one recipient.

    `kept`: taken from the MTA, only here. `held`: in the MTA's hold queue. `refused`: the MTA was told to reject.
    `delivered`: it went on (accepted, tagged, or observed only). `not-effective`: the MTA did not act on our answer.
    """

    KEPT = "kept"
    HELD = "held"
    REFUSED = "refused"
    DELIVERED = "delivered"
    NOT_EFFECTIVE = "not-effective"
    RELEASED = "released"
    DELETED = "deleted"


class ReleaseState(StrEnum):
    """How far the release for one recipient is.

    `failed` was refused for good by the MTA. `uncertain` was handed over without an answer: it may have been delivered.
    """

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNCERTAIN = "uncertain"


class WaitState(StrEnum):
    """How the wait of a locked mail's copy for one recipient stands or ended.

    `released`: opened and found good. `released-locked`: let go unopened, by policy. `quarantined`: opened and found
    bad. `expired`: no password came. `delivered`: the MTA brought it once more, and it could be opened by then.
    `taken-over`: a person opened, released or deleted it, or retention took it away.
    """

    WAITING = "waiting"
    RELEASED = "released"
    RELEASED_LOCKED = "released-locked"
    QUARANTINED = "quarantined"
    EXPIRED = "expired"
    DELIVERED = "delivered"
    TAKEN_OVER = "taken-over"


def storable(text: str) -> str:
    """`text` without what a database cannot hold: NUL becomes U+2400, lone surrogates backslash escapes."""
    return text.replace("\0", "\u2400").encode("utf-8", "backslashreplace").decode("utf-8")


passages = Table(
    "passages",
    METADATA,
    Column("id", String(26), primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("received_at", Utc, nullable=False),
    Column("last_at", Utc, nullable=False),
    Column("queue_id", Text, nullable=False),
    Column("client_ip", Text, nullable=False),
    Column("mail_from", Text, nullable=False),
    Column("header_from", Text, nullable=False),
    Column("direction", String(16), nullable=False),
    Column("action", String(16), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("subject_raw", Text, nullable=False),
    Column("subject_decoded", Text, nullable=False),
    Column("subject_normalised", Text, nullable=False),
    # msgpack documents of the vocabulary's types: what SQL does not ask for.
    Column("envelope", LargeBinary, nullable=False),
    Column("reading", LargeBinary, nullable=False),
    Column("verdict", LargeBinary, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("serial", BigInteger, nullable=False),
    Column("retries", Integer, nullable=False),
    Column("body_gone_at", Utc),
    Index("passages_received_at", "received_at"),
    Index("passages_sha256", "sha256"),
)

recipients = Table(
    "recipients",
    METADATA,
    Column("passage_id", ForeignKey("passages.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("address", Text, nullable=False),
    Column("action", String(16), nullable=False),
    Column("policy", Text, nullable=False),
    Column("state", String(16), nullable=False),
)

releases = Table(
    "releases",
    METADATA,
    Column("passage_id", ForeignKey("passages.id", ondelete="CASCADE"), primary_key=True),
    Column("address", Text, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("claim", String(26), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("requested_at", Utc, nullable=False),
    Column("at", Utc, nullable=False),
    Column("reply", Text, nullable=False),
    Index("releases_state", "state"),
)

waits = Table(
    "waits",
    METADATA,
    Column("passage_id", ForeignKey("passages.id", ondelete="CASCADE"), primary_key=True),
    Column("address", Text, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("until", Utc, nullable=False),
    Column("otherwise", String(16), nullable=False),
    Column("ended_at", Utc),
    Index("waits_state", "state"),
)

judgements = Table(
    "judgements",
    METADATA,
    Column("passage_id", ForeignKey("passages.id", ondelete="CASCADE"), primary_key=True),
    Column("verdict", String(16), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", Utc, nullable=False),
)

# Nothing of these stands in clear: ids, origins and marks are keyed hashes, the passwords are sealed.
passwords = Table(
    "passwords",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("origin", String(32), nullable=False),
    Column("at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("passwords_at", "at"),
    Index("passwords_origin", "origin"),
)

password_links = Table(
    "password_links",
    METADATA,
    Column("password_id", ForeignKey("passwords.id", ondelete="CASCADE"), primary_key=True),
    Column("mark", String(32), primary_key=True),
    Index("password_links_mark", "mark"),
)

audit = Table(
    "audit",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Utc, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("audit_subject", "subject"),
)
