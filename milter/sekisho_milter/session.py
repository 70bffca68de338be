"""One connection of the MTA: collects each mail's envelope and raw bytes, hands them on, interprets nothing.

Exactly one reply is given for each callback. Phases before the end of the message are answered by no reply where the
MTA can do without; what fails in them is kept and answered at the end, always with a temporary failure, so that every
mail ends in one place and in one line of the log.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path

import Milter
from sekisho_core.vocabulary import Direction, Envelope

from sekisho_milter.letter import Letter
from sekisho_milter.replies import Mta
from sekisho_milter.settings import MilterSettings
from sekisho_milter.undecodable import printable, raw

ACTIONS = Milter.ADDHDRS | Milter.CHGHDRS | Milter.DELRCPT | Milter.QUARANTINE
_ENVELOPE = Milter.P_NR_CONN | Milter.P_NR_HELO | Milter.P_NR_MAIL | Milter.P_NR_RCPT
_SILENT = _ENVELOPE | Milter.P_NR_HDR | Milter.P_NR_EOH | Milter.P_NR_BODY
_WANTED = _SILENT | Milter.P_NODATA | Milter.P_NOUNKNOWN | Milter.P_HDR_LEADSPC

Examine = Callable[[Mta, Letter, Envelope], int]
"""What happens at the end of a message: returns the final milter reply, never raises, closes the letter."""


class Session:
    """State of one connection, and of at most one mail in it."""

    def __init__(self, settings: MilterSettings, examine: Examine) -> None:
        self._settings = settings
        self._examine = examine
        self._networks = [ipaddress.ip_network(network) for network in settings.own_networks]
        self._client_ip = self._client_name = self._helo = ""
        self._space = False
        self._letter: Letter | None = None
        self._fault: Exception | None = None

    def negotiate(self, options: list[int]) -> int:
        """Choose from what the MTA offers (actions, protocol steps). An MTA that lacks an action we need is refused."""
        if options[0] & ACTIONS != ACTIONS:
            raise LookupError("the MTA does not offer all actions: add, change and delete, quarantine")
        options[0] = ACTIONS
        options[1] &= _WANTED
        options[2] = options[3] = 0
        self._space = bool(options[1] & Milter.P_HDR_LEADSPC)
        return int(Milter.CONTINUE)

    def connect(self, name: str, address: object) -> None:
        """The client's name and its address as pymilter gives it: a tuple for IP, a path for a local socket, None."""
        self._client_name = printable(raw(name))
        self._client_ip = str(address[0]) if isinstance(address, tuple) else ""

    def helo(self, name: str) -> None:
        """The client's HELO or EHLO name; may come again."""
        self._helo = printable(raw(name))

    def envfrom(self, sender: bytes) -> None:
        """MAIL FROM: whatever was collected before is another mail's."""
        self.reset()
        settings = self._settings
        self._letter = Letter(sender, Path(settings.spool), settings.spool_memory, settings.header_prefix, self._space)

    def envrcpt(self, recipient: bytes) -> None:
        """A recipient that the MTA accepted; refused ones are not offered, since we do not ask for them."""
        self._current().add_recipient(recipient)

    def header(self, name: str, value: bytes) -> None:
        """A header field."""
        self._current().add_header(raw(name), value)

    def eoh(self) -> None:
        """The end of the header."""
        self._current().end_headers()

    def body(self, chunk: bytes) -> None:
        """A piece of the body."""
        self._current().add_body(chunk)

    def eom(self, mta: Mta) -> int:
        """The end of the message: what becomes of the mail."""
        letter = self._current()
        try:
            letter.end_headers()
            letter.failure = letter.failure or self._fault
            envelope = self._envelope(mta, letter)
            # From here on the letter is closed by whoever examines it.
            self._letter = None
            return self._examine(mta, letter, envelope)
        finally:
            self.reset()

    def spoil(self, error: Exception) -> bool:
        """A phase failed that has no answer of its own: the mail gets a temporary failure at its end. Returns whether
        this is the first fault in this mail."""
        first, self._fault = self._fault is None, self._fault or error
        return first

    def unfinished(self) -> dict[str, int]:
        """Recipients and bytes of a mail whose content was begun and whose end was not heard; empty for none."""
        letter = self._letter
        return {"recipients": len(letter.recipients), "size": letter.size} if letter and letter.size else {}

    def reset(self) -> None:
        """RSET, a new mail or the end: nothing of the mail stays."""
        letter, self._letter, self._fault = self._letter, None, None
        if letter is not None:
            letter.close()

    def _current(self) -> Letter:
        if self._letter is None:
            raise self._fault or LookupError("the MTA sent a part of a mail before its sender")
        return self._letter

    def _envelope(self, mta: Mta, letter: Letter) -> Envelope:
        user = macro(mta, "{auth_authen}")
        return Envelope(
            client_ip=self._client_ip,
            client_name=self._client_name,
            helo=self._helo,
            mail_from=letter.mail_from,
            rcpt_to=tuple(text for text, _ in letter.recipients),
            queue_id=macro(mta, "i"),
            auth_user=user,
            tls=" ".join(filter(None, (macro(mta, "{tls_version}"), macro(mta, "{cipher}")))),
            direction=Direction.OUTBOUND if user or self._is_own() else Direction.INBOUND,
        )

    def _is_own(self) -> bool:
        try:
            address = ipaddress.ip_address(self._client_ip)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def macro(mta: Mta, name: str) -> str:
    """A macro of the MTA as printable text, "" where it sent none."""
    try:
        return mta.getsymval(name) or ""
    except UnicodeDecodeError as error:
        return printable(error.object)
