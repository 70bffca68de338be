"""The words of a mail's inspection: what arrives, what was read in it, what matched, what is to be done.

Every type here is frozen. They are msgspec structs, so the same definition is the type in memory, the answer of the
sandboxed worker (checked field by field when it is decoded) and the record in the store.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import msgspec

from sekisho_core.finding_kinds import FindingKind
from sekisho_core.rule_hit import RuleHit


class Action(StrEnum):
    """What is done with a mail, from the mildest to the gravest; `graver` compares by this order.

    A temporary failure stands below the stopping actions: what is known to be bad is taken and kept, not asked for
    again. `hold` is the MTA's hold queue, except for a copy with a `Wait`, which waits in our quarantine.
    """

    ACCEPT = "accept"
    TAG = "tag"
    TEMPFAIL = "tempfail"
    HOLD = "hold"
    QUARANTINE = "quarantine"
    REJECT = "reject"

    @property
    def gravity(self) -> int:
        return _GRAVITY[self]


_GRAVITY = {action: rank for rank, action in enumerate(Action)}


UNRECORDED = frozenset({Action.ACCEPT, Action.TEMPFAIL})
"""Actions that leave the mail with the MTA as it came: nothing of it is kept."""


def graver(*actions: Action) -> Action:
    """The gravest of the given actions; `accept` when none is given."""
    return max(actions, key=lambda action: action.gravity, default=Action.ACCEPT)


class Direction(StrEnum):
    """Whether a mail comes from outside or was submitted by our own users."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Mode(StrEnum):
    """`enforce` acts on verdicts; `observe` records them and lets every mail pass."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


class PartState(StrEnum):
    """How far a part could be read; `opened` was locked and a password opened it."""

    READ = "read"
    OPENED = "opened"
    LOCKED = "locked"
    UNREADABLE = "unreadable"
    SKIPPED = "skipped"


MatchKind = Literal["indicator", "yara", "sender", "reuse", "attachment", "flood", "policy"]
Reason = Literal[
    "ambiguous", "busy", "crashed", "limit", "locked", "malformed", "poison", "timeout", "unavailable", "unreadable",
]  # fmt: skip
Severity = Literal["targeted", "malicious", "suspicious", "spoof", "info"]


class DkimResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One DKIM signature's signing domain and result (RFC 8601 section 2.7.1)."""

    d: str
    result: str


class Authentication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Authentication results as measured by the receiving server (RFC 8601 result words)."""

    spf: str | None = None
    dkim: tuple[DkimResult, ...] = ()
    dmarc: str | None = None
    dmarc_policy: str | None = None
    arc: str | None = None
    arc_sealer: str | None = None


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the SMTP session said of a mail. Addresses are without angle brackets; "" is the null sender.

    Bytes that are not UTF-8 appear as backslash escapes, so every field is printable text for JSON and SQL.
    """

    client_ip: str = ""
    client_name: str = ""
    helo: str = ""
    mail_from: str = ""
    rcpt_to: tuple[str, ...] = ()
    auth: Authentication | None = None
    queue_id: str = ""
    auth_user: str = ""
    tls: str = ""
    direction: Direction = Direction.INBOUND


@dataclass(frozen=True)
class Content:
    """A mail's bytes behind an open, seekable descriptor, as the MTA sent them (CRLF line ends).

    The descriptor may be a memfd or a spool file; whoever made it closes it. Readers use positions, never the offset,
    so that several processes can read at once.
    """

    fd: int
    size: int
    sha256: str

    def read(self) -> bytes:
        """All bytes."""
        return b"".join(self.chunks())

    def chunks(self, step: int = 1 << 20) -> Iterator[bytes]:
        """The bytes in order, at most `step` at a time."""
        for offset in range(0, self.size, step):
            yield os.pread(self.fd, min(step, self.size - offset), offset)


@dataclass(frozen=True)
class Mail:
    """One mail to be judged: our id for it, its envelope and its bytes."""

    id: str
    envelope: Envelope
    content: Content


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The subject as sent, as a reader sees it, and as lures are compared."""

    raw: str = ""
    decoded: str = ""
    normalised: str = ""


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One header field: its name, its value as a reader sees it, its bytes as sent without name and colon."""

    name: str
    value: str
    raw: bytes


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A readable text of the mail: where it stands, the charset that was used, the text itself."""

    where: str
    charset: str
    text: str


class Decoding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One plausible reading of bytes as text: where they stand, the charset they were labelled with ("" for none), the
    charset that was tried, the text. Of one place the first is the one shown; every one is searched."""

    where: str
    label: str
    charset: str
    text: str


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A link of a page: the text that a person sees, the target as it is written, and the URLs that it means, those
    that redirectors wrap last."""

    where: str
    shown: str
    written: str
    meant: tuple[str, ...]


class Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a part comes from: the id of the part around it ("" for the mail), offset and length in bytes in that
    part's content, and the name of the reading that found it."""

    parent: str = ""
    offset: int = 0
    length: int = 0
    reading: str = "mime"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A leaf or container of the mail, listed flat; `id` is dotted ("2.1") and names its ancestors.

    `names` holds every file name that the part bears, in the order found. `declared` is the type the sender stated,
    `type` what the content is. The hashes are of the decoded content, lower-case hexadecimal.
    """

    id: str
    names: tuple[str, ...]
    type: str
    declared: str
    size: int
    md5: str
    sha1: str
    sha256: str
    state: PartState
    origin: Origin = Origin()


class Observable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value that an indicator can ask for: a STIX 2.1 object path (part 9.6), its value, and where it stands.

    Observables of one object share `where`: name and hashes of one file have the same part there. The paths in use
    are listed in docs/observables.md.
    """

    path: str
    value: str
    where: str


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fact about the content that is no observable: an action in a PDF, a macro, a YARA hit.

    docs/findings.md says what each kind means; `detail` is for people. For kind "yara", `rule` is "namespace:rule" and
    the namespace is the id of the indicator that brought it; `hit` is what the rule found.
    """

    kind: FindingKind
    where: str
    detail: str = ""
    rule: str = ""
    hit: RuleHit | None = None


class Incomplete(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that could not be read, and why (docs/findings.md says what each reason means)."""

    where: str
    reason: Reason
    detail: str = ""

    def __str__(self) -> str:
        """The gap on one line; its words are the sender's."""
        return f"{self.reason} at {self.where}" + (f": {self.detail}" if self.detail else "")


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that was read in a mail. What could not be read stands in `incomplete`, never nowhere."""

    subject: Subject = Subject()
    headers: tuple[Header, ...] = ()
    texts: tuple[Text, ...] = ()
    parts: tuple[Part, ...] = ()
    observables: tuple[Observable, ...] = ()
    findings: tuple[Finding, ...] = ()
    incomplete: tuple[Incomplete, ...] = ()
    decodings: tuple[Decoding, ...] = ()
    links: tuple[Link, ...] = ()


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reason against a mail; the fields up to `explain` are the `reasons` of the JSON contract.

    `match` is "exact" or "normalised". `stated` is what the rule says, `seen` what the mail says. `state` is "enforce",
    or "observe" for a rule that is recorded without effect. `cap` is the gravest action that it may lead to, None where
    policy alone says.
    """

    kind: MatchKind
    rule: str
    source: str
    tlp: str
    confidence: int
    severity: Severity
    match: Literal["exact", "normalised"]
    where: str
    explain: str
    stated: str = ""
    seen: str = ""
    state: Literal["enforce", "observe"] = "enforce"
    cap: Action | None = None


class Wait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A hold that ends by itself: the seconds that a locked mail waits for its password, and what becomes of it when
    none came."""

    seconds: float
    otherwise: Action

    def __str__(self) -> str:
        return f"kept here {self.seconds:g} s for its password, then {self.otherwise.value}"


class RecipientVerdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is to become of the copy for one recipient, and the policy that said so. `wait` is given where it is held
    for nothing but a lock: such a copy waits with us, not at the MTA."""

    recipient: str
    action: Action
    policy: str
    wait: Wait | None = None

    @property
    def at_mta(self) -> Action:
        """The action as the MTA is told: a copy that waits is taken from it like a quarantined one."""
        return Action.QUARANTINE if self.wait else self.action


class Verdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The judgement: the gravest action over the recipients, the action for each, and every reason.

    `reasons` includes matches that are excluded, with state "observe". In mode `observe` the actions say what
    would have been done.
    """

    action: Action
    recipients: tuple[RecipientVerdict, ...] = ()
    reasons: tuple[Match, ...] = ()
    incomplete: tuple[Incomplete, ...] = ()
    mode: Mode = Mode.ENFORCE


@dataclass(frozen=True)
class Passage:
    """One mail's way through the checkpoint; built by `scan` alone.

    `key` is the same for every retry of the same delivery: a hash of envelope and content. `serial` is that of the
    index it was matched against. `timings` are milliseconds by stage.
    """

    id: str
    key: str
    mail: Mail
    reading: Reading
    verdict: Verdict
    serial: int
    timings: dict[str, float]
