"""An explanation as a page: one file that needs no other, with no script and no link, in English and Japanese."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import starmap
from pathlib import Path
from typing import TypeVar

from sekisho_core.display import defanged, unlinked
from sekisho_core.vocabulary import Action, Link, Part, PartState, RecipientVerdict

from sekisho_rules.explanation import (
    BODY,
    SUBJECT_PLACE,
    Branch,
    Explanation,
    JudgedFinding,
    JudgedGap,
    JudgedMatch,
    Mark,
    ObservedPath,
    Seen,
    Sender,
    TriedDecoding,
    changes,
    field_of,
    flowing,
    gravest,
    is_linked,
    measured,
    part_of,
)
from sekisho_rules.markup import Child, Markup, document, element, joined, nested, untrusted

# No request leaves the page, whatever stands in it; styles are in the page itself.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = Path(__file__).with_name("explain.css").read_text(encoding="utf-8")
# Rows of one table and places of the tree; a mail may be made so that a browser could not show all of it.
_MOST = 1000
_ACTIONS = {
    Action.ACCEPT: "通過",
    Action.TAG: "表示",
    Action.TEMPFAIL: "一時拒否",
    Action.HOLD: "保留",
    Action.QUARANTINE: "隔離",
    Action.REJECT: "拒否",
}
_STATES = {
    PartState.READ: "読取済",
    PartState.OPENED: "パスワードで開封",
    PartState.LOCKED: "開封不可（暗号化）",
    PartState.UNREADABLE: "読取不可",
    PartState.SKIPPED: "省略",
}


Cells = Sequence[Child]
_T = TypeVar("_T")


def as_page(explanation: Explanation) -> str:
    """The page, for UTF-8. Of very long texts it has the beginning; the JSON has all."""
    gaps, findings = gravest(explanation.incomplete), gravest(explanation.findings)
    elsewhere = [one for one in explanation.decodings if part_of(one.where) is None and one.where != SUBJECT_PLACE]
    body = [
        _banner(explanation),
        _section("Reasons", "判定理由", len(explanation.reasons), _reasons(explanation.reasons)),
        _section("Not read", "未完了（読めなかった箇所）", len(gaps), _gaps(gaps)),
        _section("Findings", "所見", len(findings), _findings(findings)),
        _section("Subject", "件名", None, _subject(explanation)),
        _section("Sender", "差出人", None, _senders(explanation)),
        _section("Parts", "メールの構成", len(explanation.parts), _tree(explanation)),
        _section("Links", "リンク", len(explanation.links), _links(explanation.links)),
        _section("Decodings of fields", "ヘッダーの文字コード解釈", len(elsewhere), _decodings(elsewhere)),
        _section("Observables", "観測値", len(explanation.observables), _observables(explanation.observables)),
        _section("Header fields", "ヘッダー", len(explanation.headers), _headers(explanation)),
    ]
    page = document("sekisho: how a mail was read", _POLICY, _STYLE, element("main", *body))
    return str(page)


def _both(english: str, japanese: str) -> Markup:
    return joined([english, " ", element("span", japanese, lang="ja", class_="ja")])


def _section(english: str, japanese: str, count: int | None, content: Markup | None) -> Markup | None:
    """A section, or none where there is nothing to show."""
    if content is None or count == 0:
        return None
    number = None if count is None else element("span", str(count), class_="count")
    return element("section", element("h2", _both(english, japanese), number), content)


def _table(class_: str, heads: Sequence[tuple[str, str]], items: Sequence[_T], row: Callable[[_T], Cells]) -> Markup:
    head = element("tr", *(element("th", _both(*one), scope="col") for one in heads))
    body = (element("tr", *(element("td", cell) for cell in row(item))) for item in items[:_MOST])
    return joined([element("table", element("thead", head), element("tbody", *body), class_=class_), _more(items)])


def _more(items: Sequence[object]) -> Markup | None:
    rest = len(items) - _MOST
    return element("p", f"and {rest:,} more, which the JSON has", class_="small") if rest > 0 else None


def _facts(pairs: Iterable[tuple[Child, Child]], class_: str = "facts") -> Markup:
    rows = (element("div", element("dt", name), element("dd", value)) for name, value in pairs if value)
    return element("dl", *rows, class_=class_)


def _badge(action: Action) -> Markup:
    return element("span", _both(action.value, _ACTIONS[action]), class_=f"badge {action.value}")


def _link_text(value: str) -> Markup:
    return untrusted(defanged(value))


def _text(value: str) -> Markup:
    return untrusted(unlinked(value))


def _flowing(value: str) -> Markup:
    return _text(flowing(value))


def _lines(values: Iterable[Child]) -> Markup:
    return joined(element("div", value) for value in values if value)


def _banner(explanation: Explanation) -> Markup:
    action = explanation.verdict
    stages = ", ".join(f"{stage} {spent}" for stage, spent in explanation.timings.items())
    recipients = [_recipient(one) for one in explanation.recipients]
    facts = _facts([
        (_both("Mail", "メール"), untrusted(explanation.path)),
        (_both("Mode", "動作モード"), explanation.mode.value),
        (_both("Recipients", "宛先"), _lines(recipients)),
        (_both("Content", "内容"), _lines([f"{explanation.size:,} bytes", _hash("SHA-256", explanation.sha256)])),
        (_both("Index", "索引の番号"), str(explanation.serial)),
        (_both("Time", "所要時間"), f"{explanation.elapsed_ms} ms ({stages})"),
    ])  # fmt: skip
    product = element("p", "sekisho ", element("span", "関所", lang="ja"), ": how a mail was read", class_="product")
    title = element("h1", _both(action.value, _ACTIONS[action]))
    subject = element("p", _text(explanation.subject.decoded), class_="title")
    return element("header", product, title, subject, facts, class_=action.value)


def _recipient(one: RecipientVerdict) -> Markup:
    said = f"{one.policy}; {one.wait}" if one.wait else one.policy
    return joined([_link_text(one.recipient), " ", _badge(one.action), " ", _small("policy ", untrusted(said))])


def _small(*children: Child) -> Markup:
    return element("span", *children, class_="small")


def _hash(name: str, value: str) -> Markup:
    return joined([f"{name} ", element("code", untrusted(value))])


def _reasons(reasons: Sequence[JudgedMatch]) -> Markup:
    heads = [("Effect", "扱い"), ("Reason", "理由"), ("Place", "場所"), ("Explanation", "説明")]
    return _table("judged", heads, reasons, _reason)


def _reason(one: JudgedMatch) -> Cells:
    kind = joined([one.kind, ", ", one.severity])
    state = "without effect" if one.state == "observe" else None
    origin = [untrusted(one.rule), f", {one.match}, ", untrusted(one.source), ", TLP:", untrusted(one.tlp.upper())]
    said = [_text(one.explain), _small(*origin, f", confidence {one.confidence}")]
    return [_badge(one.action), _lines([kind, state]), untrusted(one.where), _lines(said)]


def _gaps(gaps: Sequence[JudgedGap]) -> Markup:
    heads = [("Effect", "扱い"), ("Reason", "理由"), ("Place", "場所"), ("Detail", "詳細")]
    return _table("judged", heads, gaps, _gap)


def _gap(one: JudgedGap) -> Cells:
    return [_badge(one.action), one.reason, untrusted(one.where), _text(one.detail)]


def _findings(findings: Sequence[JudgedFinding]) -> Markup:
    heads = [("Effect", "扱い"), ("Kind", "種類"), ("Place", "場所"), ("Detail", "詳細")]
    return _table("judged", heads, findings, _finding)


def _finding(one: JudgedFinding) -> Cells:
    kind = _lines([one.kind, _small(untrusted(one.rule)) if one.rule else None])
    return [_badge(one.action), kind, untrusted(one.where), _text(one.detail)]


def _subject(explanation: Explanation) -> Markup:
    subject = explanation.subject
    tried = [one for one in explanation.decodings if one.where == SUBJECT_PLACE]
    return _facts([
        (_both("As sent", "原文"), element("code", untrusted(subject.raw))),
        (_both("Decoded", "復号後"), _text(subject.decoded)),
        (_both("Read as", "文字コードの解釈"), _lines(map(_tried, tried))),
        (_both("With marks", "正規化の跡"), _marked(subject.marks)),
        (_both("Changes", "変更点"), _lines(starmap(_done, changes(subject.marks).items()))),
        (_both("Normalised", "正規化後"), element("strong", _text(subject.normalised))),
    ])  # fmt: skip


def _marked(marks: Sequence[Mark]) -> Markup:
    return joined(
        element("del" if not mark.form else "mark" if mark.kinds else "span", _text(mark.piece)) for mark in marks
    )


def _done(kinds: tuple[str, ...], pairs: Sequence[tuple[str, str]]) -> Markup:
    return joined([_small(", ".join(kinds)), *(_change(*pair) for pair in pairs[:_MOST])])


def _change(piece: str, form: str) -> Markup:
    becomes = joined([" → ", _text(form)]) if form else None
    return joined([" ", element("span", _text(piece), becomes, class_="change")])


def _senders(explanation: Explanation) -> Markup:
    envelope, auth = explanation.envelope, explanation.envelope.auth
    return _facts([
        *((element("code", one.field), _sender(one)) for one in explanation.senders),
        (_both("Mail from", "エンベロープ"), _link_text(envelope.mail_from) if envelope.mail_from else None),
        (_both("Client", "送信元"), _lines(map(_link_text, filter(None, (envelope.client_ip, envelope.client_name))))),
        ("HELO", _link_text(envelope.helo) if envelope.helo else None),
        (_both("Measured", "認証結果"), untrusted(measured(auth)) if auth else None),
    ])  # fmt: skip


def _sender(one: Sender) -> Markup:
    names = [joined([_small(_both("display name", "表示名")), " ", _text(name)]) for name in one.display_names]
    addresses = [joined([_small(_both("address", "アドレス")), " ", _link_text(value)]) for value in one.addresses]
    return _lines([*map(_text, one.values), *names, *addresses])


def _tree(explanation: Explanation) -> Markup:
    notes = _notes(explanation)
    cards = []
    for branch in explanation.tree[:_MOST]:
        part = None if branch.part is None else explanation.parts[branch.part]
        cards.append((branch.level, _card(branch, part, notes.get(branch.id, []))))
    return element("div", nested(cards), _more(explanation.tree), class_="tree")


def _card(branch: Branch, part: Part | None, notes: list[tuple[Child, Child]]) -> Markup:
    id = element("b", untrusted(branch.id), class_="id")
    if part is None:
        head = element("p", id, " ", _small(_both("container", "入れ物")))
        return element("div", head, _facts(notes, "small"), class_="card container")
    names = joined(joined([element("span", untrusted(name), class_="name"), " "]) for name in part.names)
    state = element("span", _both(part.state.value, _STATES[part.state]), class_=f"state {part.state.value}")
    head = element("p", id, " ", names, untrusted(part.type), f", {part.size:,} bytes ", state)
    return element("div", head, _facts([*_about(branch, part), *notes], "small"), class_="card")


def _about(branch: Branch, part: Part) -> Iterator[tuple[Child, Child]]:
    if part.declared.lower() not in ("", part.type.lower()):
        yield _both("Declared as", "宣言された型"), untrusted(part.declared)
    origin = part.origin
    around = joined(["part ", untrusted(origin.parent)]) if origin.parent else "the mail"
    found = [untrusted(origin.reading), " in ", around, f", byte {origin.offset:,}, {origin.length:,} long"]
    yield _both("Found by", "見つけた読み方"), joined(found)
    if branch.same:
        yield _both("Same content as", "同じ内容"), untrusted(branch.same)
    if part.sha256:
        yield "SHA-256", element("code", untrusted(part.sha256))


def _notes(explanation: Explanation) -> dict[str, list[tuple[Child, Child]]]:
    """What else is known of parts, by their id."""
    text, read_as = _both("Text", "本文"), _both("Read as", "文字コードの解釈")
    not_read, finding = _both("Not read", "未完了"), _both("Finding", "所見")
    said: list[tuple[str, Child, Child]] = []
    for one in explanation.texts:
        said.append((one.where, text, joined([f"{one.length:,} characters, ", untrusted(one.charset)])))
    said += [(one.where, read_as, _tried(one)) for one in explanation.decodings]
    said += [(gap.where, not_read, joined([gap.reason, " ", _badge(gap.action)])) for gap in explanation.incomplete]
    said += [(one.where, finding, joined([one.kind, " ", _badge(one.action)])) for one in explanation.findings]
    notes: dict[str, dict[tuple[Child, Child], None]] = {}
    for where, name, value in said:
        if (id := part_of(where)) is not None:
            notes.setdefault(id, {})[name, value] = None
    return {id: list(pairs) for id, pairs in notes.items()}


def _tried(one: TriedDecoding) -> Markup:
    field = joined([untrusted(field), ", "]) if (field := field_of(one.where)) else None
    return joined([_small(field, untrusted(one.charset), ", ", _label(one)), " ", _flowing(one.text)])


def _label(one: TriedDecoding) -> Markup:
    label = ["labelled ", untrusted(one.label)] if one.label else ["without label"]
    return joined([*label, ", ", _both("shown", "採用") if one.shown else _both("searched", "検索のみ")])


def _links(links: Sequence[Link]) -> Markup:
    heads = [("Place", "場所"), ("As shown", "表示"), ("As written", "記述"), ("As meant", "実際の接続先")]
    return _table("placed", heads, links, _link)


def _link(one: Link) -> Cells:
    meant = _lines(element("strong", _link_text(url)) for url in one.meant)
    return [untrusted(one.where), _text(one.shown), _link_text(one.written), meant]


def _decodings(decodings: Sequence[TriedDecoding]) -> Markup:
    heads = [("Place", "場所"), ("Read as", "解釈")]
    return _table("placed", heads, decodings, lambda one: [untrusted(one.where), _tried(one)])


def _observables(observables: Sequence[ObservedPath]) -> Markup:
    return joined(map(_observed, observables))


def _observed(one: ObservedPath) -> Markup:
    show = _link_text if is_linked(one.path) else _flowing if one.path == BODY else _text
    heads = [("Value", "値"), ("Places", "場所")]
    title = element("h3", untrusted(one.path), element("span", str(len(one.values)), class_="count"))
    return joined([title, _table("values", heads, one.values, lambda seen: [show(seen.value), _places(seen)])])


def _places(seen: Seen) -> Markup:
    return joined([_lines(map(untrusted, seen.where[:_MOST])), _more(seen.where)])


def _headers(explanation: Explanation) -> Markup:
    heads = [("Name", "名前"), ("Value", "値")]
    return _table("fields", heads, explanation.headers, lambda one: [untrusted(one.name), _text(one.value)])
