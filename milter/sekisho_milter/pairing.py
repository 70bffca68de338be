"""Pairing in the filter: what a mail states is remembered, and what others state is tried on one that stays locked.

Neither may keep a mail: where the memory fails, the mail is judged by what it brings itself.
"""

from __future__ import annotations

from sekisho_core.errors import SekishoError
from sekisho_core.events import Events
from sekisho_core.passwords import Passwords
from sekisho_core.vocabulary import Mail, Reading
from sekisho_quarantine.password_memory import PasswordMemory


class Pairing:
    """The memory as `core.unlock` uses it: it raises nothing, and faults go to the operator's log."""

    def __init__(self, memory: PasswordMemory, events: Events) -> None:
        self._memory = memory
        self._events = events

    def hear(self, mail: Mail, reading: Reading, stated: Passwords) -> None:
        """Remember what a mail states."""
        try:
            self._memory.remember(mail, reading, stated)
        except SekishoError as error:
            self._events.error("password-not-remembered", passage=mail.id, reason=error)

    def akin(self, mail: Mail, reading: Reading) -> list[str]:
        """What mails akin to a locked one state."""
        try:
            return self._memory.akin(mail, reading)
        except SekishoError as error:
            self._events.error("passwords-not-looked-up", passage=mail.id, reason=error)
            return []
