"""Acts of scripts: what of running, fetching, staying and hiding a script's own words and decoded layers speak of."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sekisho_core.vocabulary import FindingKind

from sekisho_inspection.notes import Item, Notes

_RUN = (
    r"wscript\.shell|shell\.application|shellexecute|\bstart-process\b|invoke-expression|\biex\b|win32_process|"
    r"\bcmd(?:\.exe)?[\s\"']{1,3}/[ckv]|\bpowershell(?:\.exe)?[\s\"']+[-/]|\bpwsh\b|\bmshta\b|\brundll32\b|\bregsvr32\b|"
    r"\bcscript\b|wscript\.exe|\bmsiexec\b|\bforfiles\b|\bconhost\b.{0,20}--headless|\bpcalua\b|"
    r"wmic\b.{0,100}\bcall\s+create|child_process|\bos\.system\s*\(|\bsubprocess\.\w|runtime\.getruntime|executeglobal|"
    r"\bxcopy\b.{1,200}\.exe|\bosascript\b|\|\s*(?:ba|z)?sh\b|do\s+shell\s+script|\[reflection\.assembly\]::load|"
    r"scrobj\.dll|(?:un)?registerocxs|runp(?:re|ost)setupcommands|virtualalloc|createthread|document\.createelement\(.object.\)"
)
_FETCH = (
    r"msxml2\.(?:server)?xmlhttp|microsoft\.xmlhttp|winhttp\.winhttprequest|winhttprequest\.5|download(?:file|string|data)\b|"
    r"invoke-webrequest|invoke-restmethod|\biwr\b|\birm\b|net\.webclient|start-bitstransfer|\bbitsadmin\b|"
    r"certutil(?:\.exe)?\b.{0,60}-urlcache|urldownloadtofile|urllib\.request|requests\.get\s*\(|\bcurl(?:\.exe)?\s+-?|"
    r"\bwget(?:\.exe)?\s+|adodb\.stream|\bscp\s+-|\bfinger(?:\.exe)?\s+\S+@|\bnet\s+use\b|\bpushd\s+\\\\|davclnt"
)
_STAY = (
    r"currentversion\\+run|\bschtasks\b|register-scheduledtask|schedule\.service|new-scheduledtask|\bsc(?:\.exe)?\s+create\b|"
    r"new-service\b|start menu\\+programs\\+startup|shell:startup|specialfolders\s*\(\s*.startup|\bcrontab\b|"
    r"launchagents|winlogon\\+(?:shell|userinit)|__eventfilter|commandlineeventconsumer|image file execution options|"
    r"\\+treatas\b|inprocserver32|userinitmprlogonscript"
)
_HIDE = (
    r"-w(?:in(?:dowstyle)?)?\s+(?:h(?:id(?:den)?)?|1)\b|createnowindow|showintaskbar\s*=\s*.?no|"
    r"windowstyle\s*=\s*(?:0|hidden|.hidden)|\bresizeto\s*\(\s*0|\bmoveto\s*\(\s*-\d|windowstate\s*=\s*.?minimi|"
    r"\.run\s*\(?[^\n]{1,300},\s*(?:0|vbhide)\b|\bstart\s+(?:\"\"\s+)?/(?:min|b)\b|sw_hide|\battrib\s+\+[hs]"
)
_TAMPER = (
    r"amsi(?:initfailed|utils|scanbuffer|context)|amsi\.dll|(?:set|add)-mppreference|disablerealtimemonitoring|"
    r"disableantispyware|netsh\s+(?:adv)?firewall|vssadmin\b.{0,40}delete|wevtutil\s+cl|etweventwrite|bcdedit\b|"
    r"wbadmin\s+delete|clear-eventlog|taskkill\b.{0,60}/im|executionpolicy\s+(?:bypass|unrestricted)|"
    r"-ex?p?\w*\s+bypass|ms-settings\\+shell|fodhelper|eventvwr\b|enablelua|vbawarnings|accessvbom|wdfilter|"
    r"smartscreenenabled|zone\.identifier|unblock-file"
)
_ACTS: dict[FindingKind, re.Pattern[str]] = {
    "script-autostart": re.compile(_STAY, re.I),
    "script-download": re.compile(_FETCH, re.I),
    "script-hidden-window": re.compile(_HIDE, re.I),
    "script-runs-program": re.compile(_RUN, re.I),
    "script-tampering": re.compile(_TAMPER, re.I),
}
# Characters that change nothing where commands are read: the marks of PowerShell and of batch files.
_NOTHING = re.compile(r"[`^](?=\w)")
_AROUND = 60
# Characters of a script, all layers together, that are looked through.
_MOST = 4_000_000


def note_acts(texts: Iterable[str], item: Item, notes: Notes) -> None:
    """Note each act once, with the line of the script itself or the layer in which it stands."""
    left, found = _MOST, set[FindingKind]()
    for level, text in enumerate(texts):
        plain = _NOTHING.sub("", text[:left])
        left -= len(plain)
        for kind, pattern in _ACTS.items():
            if kind not in found and (match := pattern.search(plain)):
                found.add(kind)
                notes.find(kind, item.where, f"{_place(plain, match.start(), level)}: {_excerpt(plain, match)}")
        if left <= 0:
            return


def _place(text: str, at: int, level: int) -> str:
    line = text.count("\n", 0, at) + 1
    return f"line {line}" if level == 0 else f"decoded text {level}, line {line}"


def _excerpt(text: str, match: re.Match[str]) -> str:
    start = max(text.rfind("\n", 0, match.start()) + 1, match.start() - _AROUND)
    end = text.find("\n", match.end())
    return " ".join(text[start : min(match.end() + _AROUND, end if end >= 0 else len(text))].split())
