"""One SMTP dialogue that hands kept bytes to the MTA unchanged, and says for each recipient how sure it is.

Bytes never pass through a mail library. DATA (RFC 5321 section 4.1.1.4) carries every content whose line ends are all
CRLF. What has a bare CR or LF goes by BDAT (RFC 3030), which carries any bytes, or is not sent where the server does
not offer it. Without BDAT a missing last line end is added. A server may still change what SMTP does not promise to
keep: Postfix 3.7 ends a line at a bare LF and delivers a bare CR as a space (tried).
"""

from __future__ import annotations

import re
import smtplib
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from sekisho_quarantine.tables import ReleaseState

_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_UNSAFE = re.compile(r"[\x00-\x20<>\x7f]")
_CHUNK = 1 << 20
_OK = range(200, 300)


@dataclass(frozen=True)
class Reply:
    """What became of one recipient, and what the MTA or the connection said.

    `PENDING`: certainly not delivered, worth another try. `FAILED`: refused for good. `UNCERTAIN`: handed over whole,
    but no answer came.
    """

    state: ReleaseState
    text: str


def deliver(
    server: tuple[str, int], timeout: float, sender: str, to: Sequence[str], content: bytes
) -> dict[str, Reply]:
    """Send `content` once to all of `to`; returns a reply for every one of them and raises nothing for a bad server.

    `timeout` is seconds for each step. Addresses are without brackets; "" is the null sender.
    """
    dialogue = _Dialogue(sender, to, content)
    try:
        with smtplib.SMTP(*server, local_hostname=socket.gethostname(), timeout=timeout) as smtp:
            dialogue.run(smtp)
    except smtplib.SMTPResponseException as error:
        dialogue.broke(f"{error.smtp_code} {_text(error.smtp_error)}")
    except (OSError, ValueError) as error:
        dialogue.broke(str(error) or type(error).__name__)
    except BaseException:
        # The caller's process is being ended; it must still learn whether the mail was handed over.
        dialogue.broke("interrupted")
    return dialogue.replies


class _Dialogue:
    """The state of one dialogue: who was answered for, and whether the end of the content was begun."""

    def __init__(self, sender: str, to: Sequence[str], content: bytes) -> None:
        self._sender = sender
        self._to = to
        self._content = content
        self._handed_over = False
        self.replies: dict[str, Reply] = {}

    def run(self, smtp: smtplib.SMTP) -> None:
        _expect(smtp.ehlo())
        self._mail(smtp)
        accepted = [address for address in self._to if self._rcpt(smtp, address)]
        if not accepted:
            return
        if smtp.has_extn("chunking") and not _fits_data(self._content):
            code, text = self._bdat(smtp)
        else:
            code, text = self._data(smtp)
        self._settle(accepted, _final(code, text))

    def broke(self, why: str) -> None:
        """The dialogue ended here: whoever has no answer yet is uncertain if the content's end was begun."""
        state = ReleaseState.UNCERTAIN if self._handed_over else ReleaseState.PENDING
        self._settle([address for address in self._to if address not in self.replies], Reply(state, why))

    def _mail(self, smtp: smtplib.SMTP) -> None:
        options = ""
        if not self._content.isascii():
            options += _needed(smtp, "8bitmime", " BODY=8BITMIME", "the content has 8-bit bytes")
        if not "".join([self._sender, *self._to]).isascii():
            options += _needed(smtp, "smtputf8", " SMTPUTF8", "an address is not ASCII")
            smtp.command_encoding = "utf-8"
        if _BARE.search(self._content):
            _needed(smtp, "chunking", "", "the content has line breaks other than CRLF")
        if _UNSAFE.search(self._sender):
            raise ValueError("the sender's address cannot stand in an SMTP command")
        _expect(smtp.docmd("MAIL", f"FROM:<{self._sender}>{options}"))

    def _rcpt(self, smtp: smtplib.SMTP, address: str) -> bool:
        if _UNSAFE.search(address):
            self.replies[address] = Reply(ReleaseState.FAILED, "the address cannot stand in an SMTP command")
            return False
        code, text = smtp.docmd("RCPT", f"TO:<{address}>")
        if code in _OK:
            return True
        state = ReleaseState.FAILED if 500 <= code < 600 else ReleaseState.PENDING
        self.replies[address] = Reply(state, f"{code} {_text(text)}")
        return False

    def _data(self, smtp: smtplib.SMTP) -> tuple[int, bytes]:
        _expect(smtp.docmd("DATA"), range(300, 400))
        stuffed = re.sub(rb"(?m)^\.", b"..", self._content)
        smtp.send(stuffed if stuffed.endswith(b"\r\n") or not stuffed else stuffed + b"\r\n")
        self._handed_over = True
        smtp.send(b".\r\n")
        return smtp.getreply()

    def _bdat(self, smtp: smtplib.SMTP) -> tuple[int, bytes]:
        for start in range(0, len(self._content), _CHUNK):
            chunk = self._content[start : start + _CHUNK]
            smtp.send(b"BDAT %d\r\n" % len(chunk) + chunk)
            _expect(smtp.getreply())
        self._handed_over = True
        return smtp.docmd("BDAT", "0 LAST")

    def _settle(self, addresses: list[str], reply: Reply) -> None:
        self.replies |= dict.fromkeys(addresses, reply)


def _fits_data(content: bytes) -> bool:
    return content.endswith(b"\r\n") and _BARE.search(content) is None


def _needed(smtp: smtplib.SMTP, extension: str, option: str, why: str) -> str:
    if not smtp.has_extn(extension):
        raise ValueError(f"{why} and the server does not offer {extension.upper()}")
    return option


def _expect(answer: tuple[int, bytes], codes: range = _OK) -> None:
    if answer[0] not in codes:
        raise smtplib.SMTPResponseException(*answer)


def _final(code: int, text: bytes) -> Reply:
    """The answer to the end of the content: only a refusal is certain not to have been delivered."""
    said = f"{code} {_text(text)}"
    if code in _OK:
        return Reply(ReleaseState.SENT, said)
    return Reply(ReleaseState.PENDING if 400 <= code < 600 else ReleaseState.UNCERTAIN, said)


def _text(text: bytes | str) -> str:
    decoded = text if isinstance(text, str) else text.decode("utf-8", "backslashreplace")
    return " ".join(decoded.split())[:500]
