"""Whether our own side can work: settings, database, index, directories, sandbox, Python."""

from __future__ import annotations

import ipaddress
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sekisho_core.database import probe, shown_url
from sekisho_core.errors import SekishoError
from sekisho_core.settings import Database, Settings
from sekisho_core.vocabulary import Action, Mode
from sekisho_inspection.client import InspectionClient
from sekisho_inspection.settings import InspectionSettings
from sekisho_quarantine.settings import QuarantineSettings
from sekisho_rules.policy import Policy, Rulebook
from sekisho_rules.settings import PolicySettings, RulesSettings
from sekisho_rules.snapshot import SnapshotStore

from sekisho_milter.check_socket import group_name
from sekisho_milter.doctor import Check, Level, judged
from sekisho_milter.settings import MilterSettings
from sekisho_milter.wiring import directories, is_writable

# The first releases of each line without the zipfile and tarfile flaws (CVE-2025-8291, CVE-2026-82049).
PYTHON_FLOORS = {(3, 11): 17, (3, 12): 15, (3, 13): 16, (3, 14): 4}
# Root's, and those of the accounts that systemd/sekisho.sysusers.conf makes.
_OUR_GROUPS = ("root", "sekisho", "sekisho-inspection")


def check_own(settings: Settings) -> list[Check]:
    """Every check of our own side, by the account that runs this command."""
    found = [*_check_file(settings), _check_database(settings.of(Database))]
    found += [_check_index(Path(settings.of(RulesSettings).index)), *_check_directories(settings)]
    found += _check_seal(settings.of(QuarantineSettings))
    found += _check_inspection(settings.of(InspectionSettings))
    rulebooks = Policy.of(settings).rulebooks()
    found += _check_policy(rulebooks, settings.of(PolicySettings), settings.of(MilterSettings))
    found += _check_wait(rulebooks, settings.of(QuarantineSettings))
    return [*found, check_python(sys.version_info[:3])]


def _check_file(settings: Settings) -> Iterator[Check]:
    inspection, url = settings.of(InspectionSettings), settings.of(Database).url
    if settings.path is None or not (inspection.passwords or inspection.partner_passwords or shown_url(url) != url):
        return
    status = settings.path.stat()
    private = not status.st_mode & 0o007 and (not status.st_mode & 0o070 or group_name(status.st_gid) in _OUR_GROUPS)
    shown = f"{stat.filemode(status.st_mode)} {group_name(status.st_gid)}"
    remedy = "others may use it, and it has passwords in it: chown root:sekisho-inspection and chmod 640"
    yield judged(private, "settings-file", str(settings.path), shown, remedy, Level.WARN)


def _check_database(database: Database) -> Check:
    shown = shown_url(database.url)
    try:
        probe(database)
    except SekishoError as error:
        return Check("database", Level.REFUSE, "database.url", shown, str(error))
    return Check("database", Level.OK, "database.url", shown)


def _check_index(index: Path) -> Check:
    try:
        serial = SnapshotStore(index).current().serial
    except SekishoError as error:
        return Check("index", Level.REFUSE, "rules.index", str(index), str(error))
    return Check("index", Level.OK, "rules.index", f"{index} serial {serial}")


def _check_directories(settings: Settings) -> Iterator[Check]:
    for key, place in directories(settings).items():
        yield judged(is_writable(place), "directory", key, place, "create it, writable for the milter's account")


def _check_seal(quarantine: QuarantineSettings) -> Iterator[Check]:
    if not quarantine.password_minutes:
        return
    key, file = "quarantine.seal_file", quarantine.seal_file
    if not file:
        remedy = "passwords that mails state are forgotten when the milter ends: name a file"
        yield Check("seal", Level.WARN, key, '""', remedy)
        return
    path = Path(file)
    if not path.exists():
        good = is_writable(str(path.parent))
        yield judged(good, "seal", key, file, "the milter cannot make it: create its directory, writable for it")
        return
    private = path.stat().st_mode & 0o077 == 0
    yield judged(private, "seal", key, file, "others may read it: chmod 600", Level.WARN)


def _check_inspection(inspection: InspectionSettings) -> Iterator[Check]:
    if not inspection.socket:
        remedy = "set it to the socket of the inspection service: the milter does not start without"
        yield Check("inspection", Level.REFUSE, "inspection.socket", '""', remedy)
        return
    try:
        status = InspectionClient(inspection.socket, inspection).status()
    except SekishoError as error:
        remedy = f"{error}; start it (systemctl start sekisho-inspection)"
        yield Check("inspection", Level.REFUSE, "inspection.socket", inspection.socket, remedy)
        return
    yield Check("inspection", Level.OK, "inspection.socket", f"{inspection.socket} {status.workers} workers")
    for name, reason in status.missing:
        yield Check("sandbox", Level.WARN, name, "not in force", reason)


def _check_wait(rulebooks: Sequence[Rulebook], quarantine: QuarantineSettings) -> Iterator[Check]:
    if any(rulebook.lets_wait() for rulebook in rulebooks):
        key, minutes = "quarantine.password_minutes", quarantine.password_minutes
        remedy = "locked mail waits for a password that nobody would remember: give some minutes, or do not hold it"
        yield judged(minutes > 0, "wait-in-vain", key, str(minutes), remedy, Level.WARN)


def _check_policy(rulebooks: Sequence[Rulebook], policy: PolicySettings, milter: MilterSettings) -> Iterator[Check]:
    good = policy.mode is Mode.ENFORCE
    yield judged(good, "observe", "policy.mode", policy.mode, "nothing is stopped until it is enforce", Level.WARN)
    general, *overrides = rulebooks
    yield _check_gaps("policy.incomplete", _shown(general.passing_gaps().items()))
    own = [(rulebook.name, rulebook.passing_gaps().items() - general.passing_gaps().items()) for rulebook in overrides]
    yield _check_gaps("policy.overrides", "; ".join(f"{name}: {_shown(gaps)}" for name, gaps in own if gaps))
    wide = [text for text in milter.own_networks if _is_wide(text)]
    remedy = f"mail from there counts as our own users', and policy.outbound_mode ({policy.outbound_mode}) holds for it"
    yield judged(not wide, "own-networks", "milter.own_networks", ", ".join(wide), remedy, Level.WARN)


def _check_gaps(key: str, lax: str) -> Check:
    remedy = "mail that could not be read is delivered: choose tempfail, hold or quarantine"
    return judged(not lax, "incomplete-passes", key, lax, remedy, Level.WARN)


def _shown(gaps: Iterable[tuple[str, Action]]) -> str:
    return ", ".join(sorted(f"{reason}={action}" for reason, action in gaps))


def _is_wide(text: str) -> bool:
    network = ipaddress.ip_network(text)
    # More than any one organisation has.
    return not network.is_private and network.prefixlen < (8 if network.version == 4 else 24)


def check_python(version: tuple[int, int, int]) -> Check:
    """Whether a Python release has the fixes that parsing hostile archives needs."""
    floor = PYTHON_FLOORS.get(version[:2], 0)
    text = ".".join(map(str, version))
    remedy = (
        f"{version[0]}.{version[1]}.{floor} or the distribution's fixed package: older ones misread hostile ZIP and tar"
    )
    return judged(version[2] >= floor, "python", "python", text, remedy, Level.WARN)
