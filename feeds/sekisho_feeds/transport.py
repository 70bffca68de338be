"""The transport: fetches and posts over HTTP with everything bounded, conditional, resumed, backed off and guarded."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx
import msgspec

from sekisho_feeds.access import Access, parsed, shown
from sekisho_feeds.body import Body
from sekisho_feeds.exchange import NotConnected, Passing, exchange
from sekisho_feeds.guarded_network import Resolver
from sekisho_feeds.harvest import FeedError

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_KEEPS_METHOD = frozenset((307, 308))
_PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))
# What a server says before it has done anything with a request.
_NOT_BEGUN = frozenset((425, 429, 503))
_FIRST_PAUSE = 1.0
_LONGEST_VALIDATOR = 1024


class Validators(msgspec.Struct, frozen=True):
    """What a server said of the version it sent, to ask later whether there is another; can be stored as JSON."""

    etag: str = ""
    last_modified: str = ""


class Fetched(msgspec.Struct, frozen=True):
    """What came: the content, decompressed, or that it is `unchanged` (then without content); names in `headers` are
    in lower case. `place` is whence it came after redirects, fit to be shown."""

    content: bytes
    unchanged: bool
    validators: Validators
    status: int
    headers: dict[str, str]
    place: str


class AnswerError(FeedError):
    """An answer that refuses; `status` is HTTP's, `retry_after` the seconds it asks us to stay away, if it does."""

    def __init__(self, message: str, status: int, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True)
class Pace:
    """The clock and the pauses, so that tests need not wait; `now` is the time of day in Unix seconds."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    resolve: Resolver | None = None


PACE = Pace()


@dataclass(frozen=True)
class _Call:
    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes = b""
    repeatable: bool = True
    remembered: Validators = field(default_factory=Validators)


def fetch(
    access: Access, remembered: Validators | None = None, *, url: str = "", headers: Mapping[str, str] | None = None,
    repeatable: bool = True, until: float | None = None, pace: Pace = PACE,
) -> Fetched:  # fmt: skip
    """GET the source, or `url` with the source's access; conditional where `remembered` is given.

    `until` (time.monotonic) ends it earlier than the access's `seconds`. A broken download is resumed by Range and
    If-Range (RFC 9110, 14.2, 13.1.5) where the server lets it; what is not `repeatable`, since the server counts what
    it has sent, is asked again only where it was not begun. Raises FeedError that names the place without secrets:
    AnswerError where the server refuses.
    """
    known = remembered or Validators()
    call = _Call("GET", _start(access, url), headers or {}, repeatable=repeatable, remembered=known)
    return _Run(access, call, until, pace).run()


def post(
    access: Access, content: bytes, *, url: str = "", headers: Mapping[str, str] | None = None,
    repeatable: bool = False, until: float | None = None, pace: Pace = PACE,
) -> Fetched:  # fmt: skip
    """POST `content`; any 2xx is an answer. Where it may be done twice without harm, `repeatable` lets it be attempted
    again after an answer that did not arrive. Redirects are followed only at the same origin, with 307 and 308. Raises
    as `fetch`."""
    call = _Call("POST", _start(access, url), headers or {}, content, repeatable)
    return _Run(access, call, until, pace).run()


def _start(access: Access, url: str) -> httpx.URL:
    home = access.home()
    return parsed(url) if url else home


class _Again(Exception):
    """Another attempt may succeed: why this one did not, and after how many seconds the server wants it."""

    def __init__(self, error: FeedError, pause: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.pause = pause


class _Run:
    """One call with all its attempts; keeps what came of a body that broke off."""

    def __init__(self, access: Access, call: _Call, until: float | None, pace: Pace) -> None:
        self._access, self._call, self._pace = access, call, pace
        own = time.monotonic() + access.seconds
        self._until = own if until is None else min(own, until)
        self._body: Body | None = None
        self._body_of = ""

    def run(self) -> Fetched:
        for attempt in range(self._access.attempts):
            try:
                return self._walk()
            except _Again as again:
                if attempt + 1 == self._access.attempts:
                    raise again.error from None
                self._wait(again, attempt)
        raise FeedError(f"{shown(self._access.url)}: no attempt is allowed")

    def _wait(self, again: _Again, attempt: int) -> None:
        # Equal jitter: half of the doubled pause is certain, so that a busy server is let alone.
        own = min(_FIRST_PAUSE * 2**attempt, self._access.longest_wait) * (0.5 + self._pace.jitter() / 2)
        pause = own if again.pause is None else again.pause
        left = self._until - time.monotonic()
        if pause > self._access.longest_wait or pause >= left:
            raise again.error from None
        self._pace.sleep(pause)

    def _walk(self) -> Fetched:
        """One attempt, redirects and all."""
        url = self._call.url
        for _ in range(self._access.max_redirects + 1):
            answer = self._step(url)
            if isinstance(answer, Fetched):
                return answer
            url = answer
        raise FeedError(f"{shown(str(self._call.url))}: redirects more than {self._access.max_redirects} times")

    def _step(self, url: httpx.URL) -> Fetched | httpx.URL:
        call = self._call
        try:
            with exchange(
                self._access, call.method, url, self._headers(url), call.content, self._until, self._pace.resolve
            ) as response:
                if response.status_code in _REDIRECTS:
                    return self._target(url, response)
                return self._taken(url, response)
        except Passing as passing:
            if call.repeatable or isinstance(passing, NotConnected):
                raise _Again(passing) from None
            raise

    def _headers(self, url: httpx.URL) -> dict[str, str]:
        call = self._call
        headers = {"Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": "sekisho", **call.headers}
        for name, value in (
            ("If-None-Match", call.remembered.etag), ("If-Modified-Since", call.remembered.last_modified)
        ):  # fmt: skip
            if value:
                headers[name] = value
        if self._body is not None and self._body_of == _resource(url):
            headers |= {"Range": f"bytes={self._body.received}-", "If-Range": self._body.condition}
        if self._access.may_know(url):
            headers |= self._access.authorization()
        return headers

    def _target(self, url: httpx.URL, response: httpx.Response) -> httpx.URL:
        place, location = shown(str(url)), response.headers.get("location", "")
        try:
            joined = str(url.join(location)) if location else ""
        except (httpx.InvalidURL, ValueError):
            joined = ""
        if not joined:
            raise FeedError(f"{place}: redirects to nothing that is a URL")
        try:
            target = parsed(joined)
        except FeedError as error:
            raise FeedError(f"{place}: redirects to what may not be fetched: {error}") from None
        if url.scheme == "https" and target.scheme != "https":
            raise FeedError(f"{place}: redirects from https to {shown(joined)}, which is not encrypted")
        if self._call.method != "GET" and not (
            response.status_code in _KEEPS_METHOD and self._access.may_know(url) and self._access.may_know(target)
        ):
            raise FeedError(f"{place}: redirects what is posted to {shown(joined)}; give that address itself")
        return target

    def _taken(self, url: httpx.URL, response: httpx.Response) -> Fetched:
        place, status = shown(str(url)), response.status_code
        if status == 304 and self._call.remembered != Validators():
            return self._answer(place, response, b"", unchanged=True)
        if status == 416 and self._body is not None:
            self._body = None
            raise _Again(FeedError(f"{place}: does not let a broken download go on"), 0.0)
        begun = self._body is not None and self._body_of == _resource(url)
        resumed = status == 206 and begun and self._body is not None and self._body.goes_on(response)
        if not (resumed or (200 <= status < 300 and status != 206)):
            raise self._refusal(url, response)
        if not resumed:
            self._body, self._body_of = Body(response, place, self._access.max_bytes), _resource(url)
        return self._answer(place, response, self._read(response), unchanged=False)

    def _read(self, response: httpx.Response) -> bytes:
        body = self._body
        assert body is not None
        try:
            for piece in response.iter_raw():
                body.take(piece)
            if time.monotonic() >= self._until:
                # The connection was shut down, which looks like the end of a body without a length.
                raise httpx.ReadTimeout("the time allowed is over")
        except httpx.TransportError:
            if not body.condition:
                self._body = None
            raise
        return body.whole()

    def _refusal(self, url: httpx.URL, response: httpx.Response) -> Exception:
        place, status = shown(str(url)), response.status_code
        pause = _retry_after(response, self._pace.now())
        error = AnswerError(
            f"{place}: {_meaning(status, self._access.may_know(url))}{_pause_text(pause)}", status, pause
        )
        again = status in (_PASSING if self._call.repeatable else _NOT_BEGUN)
        if status == 206:
            self._body = None
            return _Again(FeedError(f"{place}: goes on with another part than was asked for"))
        return _Again(error, pause) if again else error

    def _answer(self, place: str, response: httpx.Response, content: bytes, *, unchanged: bool) -> Fetched:
        headers = {name.lower(): value for name, value in response.headers.items()}
        new = Validators(_kept(headers.get("etag", "")), _kept(headers.get("last-modified", "")))
        validators = self._call.remembered if unchanged and new == Validators() else new
        return Fetched(content, unchanged, validators, response.status_code, headers, place)


def _kept(value: str) -> str:
    """A validator that can be sent back; none where a server gives what no header should hold."""
    return value if len(value) <= _LONGEST_VALIDATOR and value.isascii() and value.isprintable() else ""


def _retry_after(response: httpx.Response, now: float) -> float | None:
    """Seconds until a server wants to be asked again (RFC 9110, 10.2.3), where it says it in a form that is one."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        moment = parsedate_to_datetime(text)
        return max((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now, 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _resource(url: httpx.URL) -> str:
    """What a validator is of: the URL without its query, in which a signature changes with each redirect."""
    return str(url.copy_with(query=None, fragment=None))


def _meaning(status: int, known: bool) -> str:
    if status in (401, 403) and not known:
        return f"refuses us ({status}): the key is for the feed's own origin alone, and this is another; name it itself"
    if status in (401, 403):
        return f"refuses us ({status}): the user, key or certificate is missing, wrong or not allowed this"
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "an unknown status"
    return f"answers {status} ({phrase})"


def _pause_text(pause: float | None) -> str:
    return "" if pause is None else f"; wants to be asked again in {pause:.0f} s"
