"""Acts of scripts: what of running, fetching, staying and hiding a script's own words and decoded layers speak of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sekisho_core.finding_kinds import FindingKind

from sekisho_inspection.notes import Item, Notes

# Words in lower case, each enough by itself.
_WORDS: dict[FindingKind, tuple[str, ...]] = {
    "script-autostart": (
        "currentversion\\run", "currentversion\\\\run", "schtasks", "register-scheduledtask", "schedule.service",
        "new-scheduledtask", "new-service", "programs\\startup", "programs\\\\startup", "shell:startup", "launchagents",
        "winlogon\\shell", "winlogon\\userinit", "__eventfilter", "commandlineeventconsumer",
        "image file execution options", "inprocserver32", "userinitmprlogonscript",
    ),
    "script-download": (
        "microsoft.xmlhttp", "msxml2.xmlhttp", "msxml2.serverxmlhttp", "winhttp.winhttprequest", "downloadfile",
        "downloadstring", "downloaddata", "invoke-webrequest", "invoke-restmethod", "net.webclient",
        "start-bitstransfer", "bitsadmin", "urldownloadtofile", "urllib.request", "requests.get(", "adodb.stream",
        "davclnt", "pushd \\\\",
    ),
    "script-hidden-window": (
        "createnowindow", "sw_hide", "attrib +h", "attrib +s", "moveto(-", "resizeto(0", "windowstyle=0",
        "windowstyle = 0",
    ),
    "script-runs-program": (
        "wscript.shell", "shell.application", "shellexecute", "start-process", "invoke-expression", "win32_process",
        "executeglobal", "child_process", "os.system(", "runtime.getruntime", "reflection.assembly]::load",
        "scrobj.dll",
        "registerocxs", "runpresetupcommands", "runpostsetupcommands", "virtualalloc", "createthread",
        "do shell script", "mshta", "rundll32", "regsvr32", "osascript", "pcalua", "forfiles", "wscript.exe",
    ),
    "script-tampering": (
        "amsiinitfailed", "amsiutils", "amsiscanbuffer", "amsicontext", "amsi.dll", "set-mppreference",
        "add-mppreference", "disablerealtimemonitoring", "disableantispyware", "etweventwrite", "bcdedit",
        "wbadmin delete", "clear-eventlog", "wevtutil cl", "ms-settings\\shell", "fodhelper", "vbawarnings",
        "accessvbom", "enablelua", "smartscreenenabled", "zone.identifier", "unblock-file", "netsh advfirewall",
        "netsh firewall",
    ),
}  # fmt: skip
# Words that tell nothing by themselves, each with what must stand around it.
_PATTERNS: tuple[tuple[FindingKind, str, str], ...] = (
    ("script-autostart", "sc", r"\bsc(?:\.exe)?\s{1,9}create\b"),
    ("script-autostart", "crontab", r"\bcrontab\b"),
    ("script-autostart", "specialfolders", r"specialfolders\s{0,9}\(\s{0,9}.startup"),
    ("script-download", "iwr", r"\biwr\b"),
    ("script-download", "irm", r"\birm\b"),
    ("script-download", "certutil", r"certutil(?:\.exe)?\b[^\n]{0,60}-urlcache"),
    ("script-download", "curl", r"\bcurl(?:\.exe)?\s{1,9}(?:-|https?:|[\"'$%!])"),
    ("script-download", "wget", r"\bwget(?:\.exe)?\s{1,9}(?:-|https?:|[\"'$%!])"),
    ("script-download", "finger", r"\bfinger(?:\.exe)?\s{1,9}[^\s@]{0,60}@"),
    ("script-download", "net use", r"\bnet use\b"),
    ("script-hidden-window", "-w", r"-w(?:in(?:dowstyle)?)?\s{1,9}(?:h(?:id(?:den)?)?|1)\b"),
    ("script-hidden-window", "showintaskbar", r"showintaskbar\s{0,9}=\s{0,9}.?no"),
    ("script-hidden-window", "windowstate", r"windowstate\s{0,9}=\s{0,9}.?minimi"),
    ("script-hidden-window", ".run", r"\.run\s{0,9}\(?[^\n]{1,120},\s{0,9}(?:0|vbhide)\b"),
    ("script-hidden-window", "start", r"\bstart\s{1,9}(?:\"\"\s{1,9})?/(?:min|b)\b"),
    ("script-runs-program", "cscript", r"(?<![%\w])cscript\b"),
    ("script-runs-program", "iex", r"\biex\b"),
    ("script-runs-program", "cmd", r"\bcmd(?:\.exe)?[\s\"']{1,3}/[ckv]"),
    ("script-runs-program", "powershell", r"\bpowershell(?:\.exe)?[\s\"']{1,3}[-/]"),
    ("script-runs-program", "pwsh", r"\bpwsh\b"),
    ("script-runs-program", "conhost", r"\bconhost\b[^\n]{0,20}--headless"),
    ("script-runs-program", "msiexec", r"\bmsiexec(?:\.exe)?[\s\"']{1,3}/"),
    ("script-runs-program", "wmic", r"\bwmic\b[^\n]{0,100}\bcreate\b"),
    ("script-runs-program", "subprocess", r"\bsubprocess\.\w"),
    ("script-runs-program", "sh", r"\|\s{0,9}(?:ba|z)?sh\b"),
    ("script-tampering", "vssadmin", r"\bvssadmin\b[^\n]{0,40}delete"),
    ("script-tampering", "taskkill", r"\btaskkill\b[^\n]{0,60}/im"),
    ("script-tampering", "bypass", r"-ex?[a-z]{0,16}\s{1,9}bypass\b"),
)
_COMPILED = tuple((kind, word, re.compile(pattern)) for kind, word, pattern in _PATTERNS)
# Characters that change nothing where commands are read: the marks of PowerShell and of batch files.
_NOTHING = re.compile(r"[`^](?=\w)")
_AROUND = 60
# Characters of a script, all layers together, that are looked through.
_MOST = 4_000_000


def note_acts(texts: Iterable[str], item: Item, notes: Notes) -> None:
    """Note each act once, with the line of the script itself or the layer in which it stands."""
    left, found = _MOST, set[FindingKind]()
    for level, text in enumerate(texts):
        plain = text[:left]
        if "`" in plain or "^" in plain:
            plain = _NOTHING.sub("", plain)
        left -= len(plain)
        for kind, at in _acts(plain.lower()):
            if kind not in found:
                found.add(kind)
                notes.find(kind, item.where, f"{_place(plain, at, level)}: {_excerpt(plain, at)}")
        if left <= 0:
            return


def _acts(text: str) -> Iterator[tuple[FindingKind, int]]:
    """Kinds of acts and where they are spoken of, in the order of the tables."""
    for kind, words in _WORDS.items():
        at = next((found for word in words if (found := text.find(word)) >= 0), -1)
        if at >= 0:
            yield kind, at
    for kind, word, pattern in _COMPILED:
        if word in text and (match := pattern.search(text)):
            yield kind, match.start()


def _place(text: str, at: int, level: int) -> str:
    line = text.count("\n", 0, at) + 1
    return f"line {line}" if level == 0 else f"decoded text {level}, line {line}"


def _excerpt(text: str, at: int) -> str:
    start, end = max(text.rfind("\n", 0, at) + 1, at - _AROUND), text.find("\n", at)
    return " ".join(text[start : min(at + 2 * _AROUND, end if end >= 0 else len(text))].split())
