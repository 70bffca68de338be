"""Mail in Postfix's own hold queue: lets it go on by `postsuper -H`. Nothing is sent, so nothing can be doubled."""

from __future__ import annotations

import re
import shutil
import subprocess

from sekisho_quarantine.smtp import Reply
from sekisho_quarantine.tables import ReleaseState

# postsuper(1) takes the word ALL for every mail of the queue; no queue id is that short.
_QUEUE_ID = re.compile(r"[0-9A-Za-z]{5,40}")
_SECONDS = 60


def release_held(queue_id: str, postfix_config: str) -> Reply:
    """Move one mail from hold to the active queue. `postfix_config` is a configuration directory, "" the machine's.

    The answer is PENDING where postsuper could not work (no rights, no Postfix) and FAILED where the mail is not held.
    """
    if _QUEUE_ID.fullmatch(queue_id) is None:
        return Reply(ReleaseState.FAILED, f"{queue_id or 'nothing'} is no queue id of Postfix")
    program = shutil.which("postsuper", path="/usr/sbin:/usr/local/sbin:/sbin:/usr/bin")
    if program is None:
        return Reply(ReleaseState.PENDING, "postsuper is not installed here; run this on the MTA's machine")
    options = ["-c", postfix_config] if postfix_config else []
    try:
        run = subprocess.run(
            [program, *options, "-H", queue_id], capture_output=True, text=True, errors="replace", timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Reply(ReleaseState.PENDING, f"postsuper: {error}")
    return _judged(queue_id, run)


def _judged(queue_id: str, run: subprocess.CompletedProcess[str]) -> Reply:
    said = " ".join(run.stderr.split())[:500]
    if run.returncode != 0:
        return Reply(ReleaseState.PENDING, f"postsuper -H {queue_id} failed: {said}")
    # postsuper also succeeds when there was nothing to do; only this line says that a mail was moved.
    if "Released from hold: 1 message" in said:
        return Reply(ReleaseState.SENT, said)
    advice = "released or deleted by hand? --again sends our copy"
    return Reply(ReleaseState.FAILED, f"{queue_id} is not in the MTA's hold queue; {advice}")
