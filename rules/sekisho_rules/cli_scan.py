"""The verb `scan`: judges mails in files by the way that the daemon takes, and keeps nothing."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.display import visible
from sekisho_core.errors import SekishoError, SnapshotError
from sekisho_core.files import Spool
from sekisho_core.ids import new_id
from sekisho_core.scan import Snapshot, Stages, discard, scan
from sekisho_core.settings import Organisation, Settings, load
from sekisho_core.vocabulary import Action, Envelope, Mail, Passage
from sekisho_inspection.client import InspectionClient, private_workers
from sekisho_inspection.settings import InspectionSettings

from sekisho_rules.compile import compile_snapshot
from sekisho_rules.guard import Protected
from sekisho_rules.indicator import Indicator, Refusal
from sekisho_rules.indicator_files import indicator_files, read_indicator_file
from sekisho_rules.mail_files import Fault, MailFile, mail_files, read_envelope
from sekisho_rules.packs import read_packs
from sekisho_rules.policy import Policy
from sekisho_rules.progress import Bar
from sekisho_rules.report import as_json_line, as_text
from sekisho_rules.settings import PolicySettings, RulesSettings
from sekisho_rules.snapshot import IndexSnapshot, SnapshotStore

_IN_MEMORY = 1 << 20
_ALL_ACCEPTED, _SOME_NOT, _ERROR = 0, 1, 2


@click.command("scan")
@config_option
@click.option(
    "--indicators",
    "indicator_files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="STIX bundle or YARA file, used in place of the installed index; may be repeated.",
)
@click.option(
    "--envelope",
    "envelope_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON envelope for all mails (default: NAME.envelope.json beside NAME.eml).",
)
@json_option
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
def scan_command(
    config: Path | None, indicator_files: tuple[Path, ...], envelope_file: Path | None, as_json: bool,
    paths: tuple[Path, ...],
) -> None:  # fmt: skip
    """Judge the mails at each PATH: a mail file, a folder, an mbox or a Maildir.

    Nothing is delivered, kept or changed. Exit status: 0 all mails are accepted, 1 some mail is not, 2 an error.
    """
    settings = load(config)
    envelope = read_envelope(envelope_file) if envelope_file else None
    found = [one for path in paths for one in mail_files(path)]
    inspection = settings.of(InspectionSettings)
    count = max(1, min(inspection.workers or len(os.sched_getaffinity(0)), len(found)))
    with private_workers(inspection, count) as client, _snapshot(settings, indicator_files, client) as snapshot:
        policy = Policy(settings.of(PolicySettings), lambda: datetime.now(UTC))
        stages = Stages(lambda: snapshot, client, policy, discard)
        results = _ordered(lambda one: _judged(one, envelope, stages), found, count)
        status = _print(results, as_json_line if as_json else as_text, Bar(len(found)))
    raise click.exceptions.Exit(status)


def _print(results: Iterable[tuple[str, Passage | str]], form: Callable[[str, Passage], str], bar: Bar) -> int:
    """Print each result as it comes; the exit status is the gravest."""
    status = _ALL_ACCEPTED
    for path, result in results:
        if isinstance(result, str):
            bar.print(f"sekisho: {visible(path, 1000)}: {visible(result, 1000)}", error=True)
            status = _ERROR
        else:
            bar.print(form(path, result))
            accepted = result.verdict.action is Action.ACCEPT
            status = status if accepted else max(status, _SOME_NOT)
        bar.step()
    bar.clear()
    return status


def _judged(found: MailFile | Fault, envelope: Envelope | None, stages: Stages) -> tuple[str, Passage | str]:
    """The passage of one mail, or why there is none."""
    if isinstance(found, Fault):
        return found.path, found.reason
    try:
        with Spool(Path(tempfile.gettempdir()), _IN_MEMORY) as spool:
            found.spool_into(spool)
            given = envelope or found.envelope_beside()
            return found.path, scan(Mail(new_id(), given, spool.content()), stages)
    except OSError as error:
        return found.path, f"cannot be read: {error.strerror}"
    except SekishoError as error:
        return found.path, str(error)


def _ordered(
    work: Callable[[MailFile | Fault], tuple[str, Passage | str]], items: Sequence[MailFile | Fault], workers: int
) -> Iterator[tuple[str, Passage | str]]:
    """Results in the order of `items`, with a few mails in the works and no more in memory."""
    with ThreadPoolExecutor(workers) as pool:
        pending: deque[Future[tuple[str, Passage | str]]] = deque()
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) >= 2 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


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
    given = _read(files, refused) if files else read_packs(rules.packs)
    with tempfile.TemporaryDirectory(prefix="sekisho-index-") as directory:
        protected = Protected.of(settings.of(Organisation))
        report = compile_snapshot(given, Path(directory), client.compile_yara, 1, protected)
        for one in refused + report.refusals:
            print(visible(f"sekisho: {one.source}: {one.id}: not used: {one.reason}", 1000), file=sys.stderr)
        with closing(SnapshotStore(Path(directory)).current()) as snapshot:
            yield snapshot


def _read(paths: Iterable[Path], refused: list[Refusal]) -> list[Indicator]:
    files = [file for path in paths for file in indicator_files(path)]
    return [one for file in files for one in read_indicator_file(file, refusals=refused)]


def _installed(settings: Settings, index: Path) -> IndexSnapshot | None:
    """The installed snapshot; None where there is neither an index nor a settings file."""
    try:
        return SnapshotStore(index).current()
    except SnapshotError:
        if settings.path is None and not index.exists():
            return None
        raise
