"""What the verbs over mail files share: their options, the stages of one run, and the way of one mail through them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click
from sekisho_core.cli_options import config_option
from sekisho_core.display import counted, visible
from sekisho_core.errors import SekishoError, SnapshotError
from sekisho_core.files import Spool
from sekisho_core.ids import new_id
from sekisho_core.passwords import NONE, Passwords
from sekisho_core.scan import Snapshot, Stages, discard, scan
from sekisho_core.settings import Organisation, Settings
from sekisho_core.unlock import Unlocking
from sekisho_core.vocabulary import Envelope, Mail, Passage
from sekisho_inspection.client import InspectionClient, listed_passwords, private_workers
from sekisho_inspection.settings import InspectionSettings

from sekisho_rules.compile import compile_snapshot
from sekisho_rules.guard import Protected
from sekisho_rules.indicator import Refusal
from sekisho_rules.indicator_files import read_indicators
from sekisho_rules.mail_files import MailFile
from sekisho_rules.packs import read_packs
from sekisho_rules.policy import Policy
from sekisho_rules.settings import RulesSettings
from sekisho_rules.snapshot import IndexSnapshot, SnapshotStore

ACCEPTED, NOT_ACCEPTED, ERROR = 0, 1, 2
_IN_MEMORY = 1 << 20
_MOST_TOLD = 20
_OPTIONS = (
    config_option,
    click.option(
        "--indicators",
        "indicator_files",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="STIX bundle or YARA file, used in place of the installed index; may be repeated.",
    ),
    click.option(
        "--envelope",
        "envelope_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="JSON envelope for all mails (default: NAME.envelope.json beside NAME.eml).",
    ),
)


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--config`, `--indicators` and `--envelope`: the settings, the index and the envelope of a run."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@contextmanager
def stages_of(
    settings: Settings, files: tuple[Path, ...], policy: Policy, workers: int, typed: Passwords = NONE
) -> Iterator[Stages]:
    """The stages of a run that keeps nothing, with workers and a snapshot of its own; `files` are its indicators, ()
    for the installed index; `typed` are a person's passwords. Raises SekishoError."""
    inspection = settings.of(InspectionSettings)
    with private_workers(inspection, workers) as client, _snapshot(settings, files, client) as snapshot:
        inspect = Unlocking(client.examine, [listed_passwords(inspection)], typed)
        yield Stages(lambda: snapshot, inspect, policy, discard)


def passage_of(found: MailFile, envelope: Envelope | None, stages: Stages) -> Passage:
    """The passage of one mail; without `envelope` by the one beside it. Raises SekishoError, without the path."""
    try:
        with Spool(Path(tempfile.gettempdir()), _IN_MEMORY) as spool:
            found.spool_into(spool)
            given = envelope or found.envelope_beside()
            return scan(Mail(new_id(), given, spool.content()), stages)
    except OSError as error:
        raise SekishoError(f"cannot be read: {error.strerror}") from error


@contextmanager
def _snapshot(settings: Settings, files: tuple[Path, ...], client: InspectionClient) -> Iterator[Snapshot]:
    """The snapshot of this run: of the files named, else the installed one, else, where nothing is set up at all, of
    the bundled packs."""
    rules = settings.of(RulesSettings)
    installed = None if files else _installed(settings, Path(rules.index))
    if installed is not None:
        with closing(installed):
            yield installed
        return
    refused: list[Refusal] = []
    given = read_indicators(files, refusals=refused) if files else read_packs(rules.packs)
    with tempfile.TemporaryDirectory(prefix="sekisho-index-") as directory:
        protected = Protected.of(settings.of(Organisation))
        report = compile_snapshot(given, Path(directory), client.compile_yara, 1, protected)
        _tell(refused + report.refused + report.without_effect)
        with closing(SnapshotStore(Path(directory)).current()) as snapshot:
            yield snapshot


def _tell(unused: list[Refusal]) -> None:
    for one in unused[:_MOST_TOLD]:
        print(visible(f"sekisho: not used: {one}", 1000), file=sys.stderr)
    if (rest := len(unused) - _MOST_TOLD) > 0:
        print(f"sekisho: not used: {counted(rest, 'more indicator')} (rules import --json names all)", file=sys.stderr)


def _installed(settings: Settings, index: Path) -> IndexSnapshot | None:
    """The installed snapshot; None where there is neither an index nor a settings file."""
    try:
        return SnapshotStore(index).current()
    except SnapshotError:
        if settings.path is None and not index.exists():
            return None
        raise
