"""The verb `scan`: judges mails in files by the way that the daemon takes, and keeps nothing."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import click
from sekisho_core.cli_options import json_option, password_option, read_passwords
from sekisho_core.display import visible
from sekisho_core.errors import SekishoError
from sekisho_core.scan import Stages
from sekisho_core.settings import load
from sekisho_core.vocabulary import Action, Envelope, Passage
from sekisho_inspection.settings import InspectionSettings

from sekisho_rules.cli_run import ACCEPTED, ERROR, NOT_ACCEPTED, passage_of, run_options, stages_of
from sekisho_rules.mail_files import Fault, MailFile, mail_files, read_envelope
from sekisho_rules.policy import Policy
from sekisho_rules.progress import Bar
from sekisho_rules.report import as_json_line, as_text


@click.command("scan")
@run_options
@password_option()
@json_option
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
def scan_command(
    config: Path | None, indicator_files: tuple[Path, ...], envelope_file: Path | None, password_file: str | None,
    as_json: bool, paths: tuple[Path, ...],
) -> None:  # fmt: skip
    """Judge the mails at each PATH: a mail file, a folder, an mbox or a Maildir.

    Nothing is delivered, kept or changed. Exit status: 0 all mails are accepted, 1 some mail is not, 2 an error.
    """
    settings = load(config)
    envelope = read_envelope(envelope_file) if envelope_file else None
    found = [one for path in paths for one in mail_files(path)]
    typed = read_passwords(password_file)
    workers = settings.of(InspectionSettings).workers
    count = max(1, min(workers or len(os.sched_getaffinity(0)), len(found)))
    with stages_of(settings, indicator_files, Policy.of(settings), count, typed) as stages:
        results = _ordered(lambda one: _judged(one, envelope, stages), found, count)
        status = _print(results, as_json_line if as_json else as_text, Bar(len(found)))
    raise click.exceptions.Exit(status)


def _print(results: Iterable[tuple[str, Passage | str]], form: Callable[[str, Passage], str], bar: Bar) -> int:
    """Print each result as it comes; the exit status is the gravest."""
    status = ACCEPTED
    for path, result in results:
        if isinstance(result, str):
            bar.print(f"sekisho: {visible(path, 1000)}: {visible(result, 1000)}", error=True)
            status = ERROR
        else:
            bar.print(form(path, result))
            accepted = result.verdict.action is Action.ACCEPT
            status = status if accepted else max(status, NOT_ACCEPTED)
        bar.step()
    bar.clear()
    return status


def _judged(found: MailFile | Fault, envelope: Envelope | None, stages: Stages) -> tuple[str, Passage | str]:
    """The passage of one mail, or why there is none."""
    if isinstance(found, Fault):
        return found.path, found.reason
    try:
        return found.path, passage_of(found, envelope, stages)
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
