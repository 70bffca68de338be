"""`sekisho rules test`: the tool of a rule's author. Rules against samples, with what each must hit and may cost."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import click
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.errors import SekishoError
from sekisho_core.files import Spool
from sekisho_core.ids import new_id
from sekisho_core.scan import Stages, discard, scan
from sekisho_core.settings import Organisation, Settings, load
from sekisho_core.vocabulary import Action, Incomplete, Mail, Match, Reading, Verdict
from sekisho_inspection.client import InspectionClient, private_workers
from sekisho_inspection.settings import InspectionSettings

from sekisho_rules.compile import compile_snapshot, entry_of
from sekisho_rules.evaluate import Facts, evaluate, objects
from sekisho_rules.guard import Protected
from sekisho_rules.indicator import Indicator, Refusal, refusal_of
from sekisho_rules.indicator_files import read_indicators
from sekisho_rules.match import in_force, mail_facts
from sekisho_rules.pattern import parse
from sekisho_rules.progress import Bar
from sekisho_rules.rule_matrix import Matrix, Outcome, Rule, as_lines, as_object
from sekisho_rules.samples import Sample, find_samples, meets_any, patterns_of
from sekisho_rules.snapshot import SnapshotStore
from sekisho_rules.tree import PatternError

_IN_MEMORY = 1 << 20
# Mails that the cost of a pattern is measured on.
_MEASURED = 20
# Seconds for the costs of YARA rules: enough for a thousand or more.
_MEASURING = 60.0


@dataclass(frozen=True)
class _Found:
    """What a sample gave: every match and gap, and the facts that patterns are held against."""

    matches: tuple[Match, ...]
    incomplete: tuple[Incomplete, ...]
    facts: Facts


@click.command("test")
@config_option
@click.option(
    "--rules", "rule_paths", multiple=True, required=True, type=click.Path(path_type=Path), metavar="FILE",
    help="STIX bundle, YARA file, or a folder of them; may be repeated.",
)  # fmt: skip
@click.option(
    "--at", type=click.DateTime(), default=None, help="The time at which the rules are to hold (default: now)."
)
@json_option
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SAMPLE...")
def test_command(
    config: Path | None, rule_paths: tuple[Path, ...], at: datetime | None, as_json: bool, paths: tuple[Path, ...]
) -> None:
    """Hold rules against samples and compare with what is expected of them.

    A SAMPLE is a mail (.eml), any other file (it is attached to a mail), or a folder of them; `expected.toml` in a
    folder says which rules must hit which file. Exit status: 0 all as expected, 1 misses or false hits, 2 an error.
    """
    settings = load(config)
    # A file that two paths lead to is one sample.
    samples = list({sample.file.resolve(): sample for path in paths for sample in find_samples(path)}.values())
    if not samples:
        raise SekishoError(f"no samples in {', '.join(map(str, paths))}")
    refusals: list[Refusal] = []
    indicators = read_indicators(rule_paths, refusals=refusals)
    if not indicators and not refusals:
        raise SekishoError(f"no rules in {', '.join(map(str, rule_paths))}")
    moment = (at or datetime.now(UTC)).replace(tzinfo=UTC)
    bar = Bar(len(samples))
    matrix = _tested(settings, indicators, refusals, samples, moment, bar)
    bar.clear()
    if as_json:
        print(json.dumps(as_object(matrix), indent=1))
    else:
        print("\n".join(as_lines(matrix)))
    raise click.exceptions.Exit(matrix.status)


def _tested(
    settings: Settings, indicators: list[Indicator], refusals: list[Refusal], samples: list[Sample], moment: datetime,
    bar: Bar,
) -> Matrix:  # fmt: skip
    inspection = settings.of(InspectionSettings)
    count = max(1, min(inspection.workers or len(os.sched_getaffinity(0)), len(samples)))
    with private_workers(inspection, count) as client:
        with _stages(settings, indicators, refusals, client, moment) as stages, ThreadPoolExecutor(count) as pool:
            found = list(_stepping(pool.map(lambda sample: _scanned(sample, stages), samples), bar))
        facts = [one.facts for one in found if isinstance(one, _Found)][:_MEASURED]
        refused = {(one.id, one.source) for one in refusals}
        used = [one for one in indicators if (one.id, one.source) not in refused]
        rules, unmeasured = _rules(used, client, facts, moment)
    outcomes, failed = _outcomes(samples, found, rules)
    return Matrix(rules, outcomes, [*map(str, refusals + unmeasured), *failed, *_unknown(samples, rules)])


@contextmanager
def _stages(
    settings: Settings, indicators: list[Indicator], refusals: list[Refusal], client: InspectionClient, moment: datetime
) -> Iterator[Stages]:
    """The way of a mail, with an index of these indicators; nothing is judged, and every match is kept."""
    with tempfile.TemporaryDirectory(prefix="sekisho-test-") as directory:
        protected = Protected.of(settings.of(Organisation))
        report = compile_snapshot(indicators, Path(directory), client.compile_yara, 1, protected)
        refusals += report.refused + report.without_effect
        with closing(SnapshotStore(Path(directory), lambda: moment).current()) as snapshot:
            yield Stages(lambda: snapshot, client, _everything, discard)


def _everything(
    mail: Mail, reading: Reading, matches: tuple[Match, ...], incomplete: tuple[Incomplete, ...]
) -> Verdict:
    return Verdict(Action.ACCEPT, reasons=matches, incomplete=incomplete)


def _stepping(found: Iterable[_Found | str], bar: Bar) -> Iterator[_Found | str]:
    for one in found:
        bar.step()
        yield one


def _scanned(sample: Sample, stages: Stages) -> _Found | str:
    """What a sample gave, or why it could not be scanned."""
    try:
        with Spool(Path(tempfile.gettempdir()), _IN_MEMORY) as spool:
            spool.write(sample.mail())
            envelope = sample.envelope()
            passage = scan(Mail(new_id(), envelope, spool.content()), stages)
    except OSError as error:
        return f"{sample.path}: cannot be read: {error.strerror}"
    except SekishoError as error:
        return str(error)
    facts = objects(mail_facts(envelope, passage.reading))
    return _Found(passage.verdict.reasons, passage.verdict.incomplete, facts)


def _rules(
    indicators: Iterable[Indicator], client: InspectionClient, facts: list[Facts], moment: datetime
) -> tuple[list[Rule], list[Refusal]]:
    """The rules in the order of their files, each with its cost; a YARA file has as many as are not private. And the
    files whose rules could not be measured, with the reason."""
    used = [one for one in indicators if not one.revoked]
    sources = {str(number): one.pattern for number, one in enumerate(used) if one.pattern_type == "yara"}
    costs, problems = client.yara_costs(sources, _MEASURING)
    rules: list[Rule] = []
    for number, one in enumerate(used):
        holds = in_force(entry_of(one, None), moment.timestamp())
        if one.pattern_type == "yara":
            for name, cost in costs.get(str(number), {}).items():
                rules.append(Rule(name, (name,), "yara", one.id, one.source, one.file, holds, cost, "times"))
        else:
            names = tuple(filter(None, (one.name, one.id)))
            spent = _spent(one, facts, moment)
            rules.append(Rule(names[0], names, "stix", one.id, one.source, one.file, holds, spent, "us"))
    failed = [refusal_of(used[int(number)], f"costs not measured: {told}") for number, told in problems.items()]
    return _told_apart(rules), failed


def _told_apart(rules: list[Rule]) -> list[Rule]:
    """Rules of one label bear their source, file or id besides."""
    for mark in ("source", "file", "id"):
        counts = Counter(rule.label for rule in rules)
        rules = [_marked(rule, str(getattr(rule, mark))) if counts[rule.label] > 1 else rule for rule in rules]
    return rules


def _marked(rule: Rule, mark: str) -> Rule:
    label = f"{mark}:{rule.label}"
    return replace(rule, label=label, names=(*rule.names, label))


def _spent(indicator: Indicator, facts: list[Facts], moment: datetime) -> float:
    """Microseconds that it takes to hold a pattern against a mail, over some of the samples; in a filter the index
    spares most mails this."""
    try:
        tree = parse(indicator.pattern).tree
    except PatternError:
        return 0.0
    begun = time.perf_counter()
    for mail in facts:
        evaluate(tree, mail, moment.timestamp())
    return (time.perf_counter() - begun) * 1e6 / max(1, len(facts))


def _outcomes(
    samples: list[Sample], found: Iterable[_Found | str], rules: list[Rule]
) -> tuple[list[Outcome], list[str]]:
    outcomes: list[Outcome] = []
    failed: list[str] = []
    for sample, one in zip(samples, found, strict=True):
        if isinstance(one, str):
            failed.append(one)
        else:
            hits = _by_rule(one.matches, rules)
            unmet = sample.expected.unmet(rule.names for rule in rules if rule.label in hits)
            outcomes.append(Outcome(sample, hits, one.incomplete, unmet))
            # Rules that were not asked hit nothing: that would look like a pass.
            failed += [f"{sample.path}: {gap.reason}: {gap.detail}" for gap in one.incomplete if "YARA" in gap.detail]
    return outcomes, failed


def _by_rule(matches: Iterable[Match], rules: list[Rule]) -> dict[str, list[Match]]:
    labels = {(rule.source, rule.id, rule.names[0] if rule.kind == "yara" else ""): rule.label for rule in rules}
    hits: dict[str, list[Match]] = {}
    for match in matches:
        if label := labels.get((match.source, match.rule, match.stated if match.kind == "yara" else "")):
            hits.setdefault(label, []).append(match)
    return hits


def _unknown(samples: list[Sample], rules: list[Rule]) -> list[str]:
    """Expectations of rules that there are not: a slip of the pen would else look like a pass."""
    known = sorted(
        pattern for pattern in patterns_of(samples) if not any(meets_any(rule.names, pattern) for rule in rules)
    )
    return [f"no rule is called {pattern}" for pattern in known]
