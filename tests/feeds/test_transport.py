"""The transport against servers on loopback that answer well and badly."""

from __future__ import annotations

import gzip
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import pytest
from loopback_web import Answer, Asked, Web, served
from sekisho_feeds.access import Access
from sekisho_feeds.harvest import FeedError
from sekisho_feeds.transport import AnswerError, Pace, Validators, fetch, post

FEED = b"198.51.100.7\n" * 5000


class Pauses(list[float]):
    """The pauses that were asked for; none is made."""

    def pace(self, **more: Any) -> Pace:
        return Pace(sleep=self.append, jitter=lambda: 1.0, **more)


@pytest.fixture
def pauses() -> Pauses:
    """No pause yet."""
    return Pauses()


@pytest.fixture
def web() -> Iterator[Web]:
    """A server that gives the feed; tests put another answer in."""
    with served(lambda asked: asked.reply(200, FEED)) as web:
        yield web


def replying(status: int, content: bytes = b"", **headers: str) -> Answer:
    """Always this answer."""
    return lambda asked: asked.reply(status, content, **headers)


def access(web: Web, path: str = "/feed", **more: Any) -> Access:
    """The server's feed, whose own host may be private."""
    return Access(web.url(path), **{"allow_private": True, "read_timeout": 5.0, "seconds": 20.0, **more})


def test_feed_is_fetched(web: Web) -> None:
    """The content comes whole, with what the server says of its version."""
    web.answer = lambda asked: asked.reply(200, FEED, ETag='"a"', Last_Modified="Mon, 02 Jul 2012 00:00:00 GMT")
    fetched = fetch(access(web))
    assert fetched.content == FEED
    assert fetched.validators == Validators('"a"', "Mon, 02 Jul 2012 00:00:00 GMT")
    assert web.asked[0].headers["Host"] == f"127.0.0.1:{web.port}"


def test_unchanged(web: Web) -> None:
    """A version that is still there is asked for conditionally and not sent again."""
    web.answer = lambda asked: asked.reply(304 if asked.headers["If-None-Match"] == '"a"' else 200, ETag='"a"')
    known = Validators('"a"', "Mon, 02 Jul 2012 00:00:00 GMT")
    fetched = fetch(access(web), known)
    assert (fetched.unchanged, fetched.content) == (True, b"")
    assert web.asked[0].headers["If-Modified-Since"] == known.last_modified
    with pytest.raises(AnswerError, match="304"):
        web.answer = lambda asked: asked.reply(304)
        fetch(access(web))


def test_validators_that_no_header_holds_are_dropped(web: Web) -> None:
    """A validator that could not be sent back is not remembered."""
    web.answer = lambda asked: asked.reply(200, b"x", ETag=f'"{"a" * 2000}"', Last_Modified="caf\xe9")
    assert fetch(access(web)).validators == Validators()


def test_private_address_needs_leave(web: Web) -> None:
    """A feed at a private address is refused unless that is allowed; nothing is asked there (C28)."""
    with pytest.raises(FeedError, match="a private address"):
        fetch(access(web, allow_private=False))
    assert web.asked == []


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.2:{port}/", "http://169.254.169.254/latest/meta-data/", "http://[::ffff:7f00:2]:{port}/",
     "http://0x7f000002:{port}/", "http://2130706434:{port}/", "http://0177.0.0.2:{port}/", "http://127.2:{port}/",
     "http://[64:ff9b::7f00:2]/", "//127.0.0.2:{port}/", "http://user@127.0.0.2:{port}/", "http://localhost:{port}/",
     "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:25/_x", "data:text/plain,x",
     "http://0.0.0.0:{port}/", "http://[::]:{port}/", "http://127.0.0.1:99999999999999999999/",
     "http://\\127.0.0.2:{port}/", "http://a b/"],
)  # fmt: skip
def test_redirects_to_private_addresses_and_other_schemes(web: Web, target: str) -> None:
    """A redirect to another private host is refused in every spelling, even where the feed's own host is private; so is
    one to another scheme (C28)."""
    place = target.format(port=web.port)
    web.answer = lambda asked: asked.reply(302, Location=place) if asked.path == "/feed" else asked.reply(200, b"got")
    with pytest.raises(FeedError):
        fetch(access(web, attempts=1))
    assert len(web.asked) == 1


def test_redirect_on_the_same_host(web: Web) -> None:
    """A redirect on the feed's own host is followed, relative or absolute, and bears the key on the same origin."""

    def answer(asked: Asked) -> None:
        moves = {"/feed": "b", "/b": web.url("/c")}
        if asked.path in moves:
            asked.reply(307, Location=moves[asked.path])
        else:
            asked.reply(200, FEED)

    web.answer = answer
    fetched = fetch(access(web, token="secret"))
    assert (fetched.content, fetched.place) == (FEED, web.url("/c"))
    assert {asked.headers["Authorization"] for asked in web.asked} == {"Bearer secret"}


def test_key_stays_with_its_origin(web: Web) -> None:
    """The key never follows a redirect to another origin, be it on the same host."""
    with served(lambda asked: asked.reply(200, b"got")) as other:
        web.answer = lambda asked: asked.reply(302, Location=other.url())
        for opened in ({"user": "u", "password": "p"}, {"token": "t"}, {"header": "X-Key", "header_value": "v"}):
            assert fetch(access(web, **opened)).content == b"got"
        assert {asked.headers[name] for asked in other.asked for name in ("Authorization", "X-Key")} == {None}
        assert {name for asked in web.asked for name in ("Authorization", "X-Key") if asked.headers[name]} == {
            "Authorization", "X-Key",
        }  # fmt: skip


def test_key_that_is_asked_for_elsewhere(web: Web) -> None:
    """Where another origin wants the key, the error says why it did not get it."""
    with served(lambda asked: asked.reply(401)) as other:
        web.answer = lambda asked: asked.reply(302, Location=other.url())
        with pytest.raises(AnswerError, match="for the feed's own origin alone"):
            fetch(access(web, token="t"))


def test_redirects_end(web: Web) -> None:
    """Redirects in a circle end at the bound."""
    web.answer = lambda asked: asked.reply(302, Location=f"{asked.path}x")
    with pytest.raises(FeedError, match="redirects more than 5 times"):
        fetch(access(web))
    assert len(web.asked) == 6


def test_rebinding(web: Web) -> None:
    """The connection goes to the address that was checked: a name that changes its address in between gains nothing
    (C28)."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    source = replace(access(web), url=web.url(host="feed.example"))
    assert fetch(source, pace=Pace(resolve=lambda host, port: next(answers))).content == FEED
    assert web.asked[0].headers["Host"] == f"feed.example:{web.port}"
    with pytest.raises(FeedError, match="a private address"):
        fetch(replace(source, allow_private=False), pace=Pace(resolve=lambda host, port: next(answers)))


def test_next_address_is_tried(web: Web) -> None:
    """Where one address of a name does not answer, the next is tried."""
    source = replace(access(web), url=web.url(host="feed.example"))
    assert fetch(source, pace=Pace(resolve=lambda host, port: ["127.0.0.9", "127.0.0.1"])).content == FEED


def test_gzip(web: Web) -> None:
    """A compressed answer is had decompressed, also in several members."""
    packed = gzip.compress(FEED[:100]) + gzip.compress(FEED[100:])
    web.answer = lambda asked: asked.reply(200, packed, Content_Encoding="gzip")
    assert fetch(access(web)).content == FEED


def test_bombs(web: Web, pauses: Pauses) -> None:
    """What is larger than allowed is refused: named so, unnamed, and after decompression (C27)."""
    bomb = gzip.compress(bytes(64 << 20))
    source = access(web, max_bytes=1 << 20)
    web.answer = lambda asked: asked.reply(200, bomb, Content_Encoding="gzip")
    with pytest.raises(FeedError, match="larger than the 1048576 bytes"):
        fetch(source, pace=pauses.pace())
    web.answer = lambda asked: asked.reply(200, bytes(2 << 20))
    with pytest.raises(FeedError, match="larger"):
        fetch(source, pace=pauses.pace())
    web.answer = lambda asked: asked.reply(200, bytes(2 << 20), Content_Length="")
    with pytest.raises(FeedError, match="larger"):
        fetch(source, pace=pauses.pace())
    assert pauses == []


def test_encodings(web: Web) -> None:
    """Damaged and unfinished compression and encodings not asked for are refused."""
    packed = gzip.compress(FEED)
    for content, encoding, fault in (
        (packed[:-9], "gzip", "cut off"), (b"no gzip at all", "gzip", "damaged"), (FEED, "br", "not asked for"),
        (gzip.compress(packed), "gzip, gzip", "not asked for"),
    ):  # fmt: skip
        web.answer = replying(200, content, Content_Encoding=encoding)
        with pytest.raises(FeedError, match=fault):
            fetch(access(web))


def test_truncated(web: Web, pauses: Pauses) -> None:
    """A body shorter than its Content-Length is never taken (C29)."""
    web.answer = lambda asked: asked.reply(200, FEED, Content_Length=str(len(FEED) + 1))
    with pytest.raises(FeedError, match="cut off"):
        fetch(access(web, attempts=3), pace=pauses.pace())
    assert len(web.asked) == 3


def _in_parts(etag: str) -> Any:
    def answer(asked: Asked) -> None:
        begin = 0
        if asked.headers["If-Range"] == etag and etag:
            begin = int(asked.headers["Range"].removeprefix("bytes=").rstrip("-"))
        end = min(begin + 30000, len(FEED))
        more = {"Content_Range": f"bytes {begin}-{len(FEED) - 1}/{len(FEED)}"} if begin else {}
        asked.reply(206 if begin else 200, FEED[begin:end], Content_Length=str(len(FEED) - begin), ETag=etag, **more)

    return answer


def test_broken_download_is_resumed(web: Web, pauses: Pauses) -> None:
    """A download that breaks off goes on where it broke, if it is still the same version."""
    web.answer = _in_parts('"v1"')
    assert fetch(access(web), pace=pauses.pace()).content == FEED
    assert [asked.headers["Range"] for asked in web.asked] == [None, "bytes=30000-", "bytes=60000-"]
    assert pauses == [1.0, 2.0]


def test_no_resumption_without_a_strong_validator(web: Web, pauses: Pauses) -> None:
    """Parts are not put together where a weak tag or none says that they belong together."""
    web.answer = _in_parts('W/"v1"')
    with pytest.raises(FeedError, match="cut off"):
        fetch(access(web), pace=pauses.pace())
    assert {asked.headers["Range"] for asked in web.asked} == {None}


def test_another_version_instead_of_the_rest(web: Web, pauses: Pauses) -> None:
    """Where the feed changed meanwhile, the new version is taken whole; a part that does not fit is not taken."""

    def answer(asked: Asked) -> None:
        if len(web.asked) == 1:
            asked.reply(200, FEED[:100], Content_Length=str(len(FEED)), ETag='"v1"')
        else:
            asked.reply(200, b"new", ETag='"v2"')

    web.answer = answer
    assert fetch(access(web), pace=pauses.pace()).content == b"new"

    def misfit(asked: Asked) -> None:
        part = asked.headers["Range"] is not None
        more = {"Content_Range": f"bytes 0-99/{len(FEED)}"} if part else {}
        asked.reply(206 if part else 200, FEED[:100], Content_Length="100" if part else "65000", ETag='"v1"', **more)

    web.answer = misfit
    with pytest.raises(FeedError):
        fetch(access(web), pace=pauses.pace())


def test_parts_of_two_mirrors_are_not_put_together(web: Web, pauses: Pauses) -> None:
    """A tag is of one resource: where the next attempt is redirected elsewhere, the download begins anew there."""

    def answer(asked: Asked) -> None:
        if asked.path == "/feed":
            asked.reply(302, Location=f"/mirror{len(web.asked)}?signature={len(web.asked)}")
        elif asked.path.startswith("/mirror1"):
            asked.reply(200, FEED[:100], Content_Length=str(len(FEED)), ETag='"v1"')
        else:
            assert asked.headers["Range"] is None
            asked.reply(200, b"other", ETag='"v1"')

    web.answer = answer
    assert fetch(access(web), pace=pauses.pace()).content == b"other"


@pytest.mark.parametrize(
    ("given", "paused"),
    [("7", 7.0), ("", 1.0), ("soon", 1.0), ("-5", 1.0), (formatdate(1000.0 + 9, usegmt=True), 9.0),
     (formatdate(900.0, usegmt=True), 0.0)],
)  # fmt: skip
def test_retry_after(web: Web, pauses: Pauses, given: str, paused: float) -> None:
    """A busy server is asked again when it wants it, in seconds or as a date; else after a pause of our own."""

    def answer(asked: Asked) -> None:
        asked.reply(503, Retry_After=given) if len(web.asked) == 1 else asked.reply(200, FEED)

    web.answer = answer
    assert fetch(access(web), pace=pauses.pace(now=lambda: 1000.0)).content == FEED
    assert pauses == [paused]


@pytest.mark.parametrize("given", ["86400", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_retry_after_is_bounded(web: Web, pauses: Pauses, given: str) -> None:
    """Nobody waits for longer than allowed: the error says when the server wants to be asked."""
    web.answer = lambda asked: asked.reply(429, Retry_After=given)
    with pytest.raises(AnswerError, match=r"429.*again in") as raised:
        fetch(access(web), pace=pauses.pace())
    assert (pauses, len(web.asked), raised.value.status) == ([], 1, 429)
    assert raised.value.retry_after is not None and raised.value.retry_after >= 86400


def test_pauses_grow(web: Web, pauses: Pauses) -> None:
    """A server that stays ill is asked a bounded number of times, ever more rarely."""
    web.answer = lambda asked: asked.reply(500)
    with pytest.raises(AnswerError, match="500"):
        fetch(access(web, attempts=4), pace=pauses.pace())
    assert pauses == [1.0, 2.0, 4.0]
    pauses.clear()
    with pytest.raises(AnswerError, match="500"):
        fetch(access(web, attempts=5, longest_wait=3.0), pace=pauses.pace())
    assert pauses == [1.0, 2.0, 3.0, 3.0]


def test_refusals_are_final(web: Web, pauses: Pauses) -> None:
    """What would not change is asked once, and said."""
    for status, said in ((401, "refuses us"), (403, "refuses us"), (404, "404 .Not Found"), (799, "unknown status")):
        web.answer = replying(status)
        with pytest.raises(AnswerError, match=said):
            fetch(access(web), pace=pauses.pace())
    assert pauses == []


def _drip(first: bytes) -> Any:
    def answer(asked: Asked) -> None:
        asked.wfile.write(first)
        while not asked.wfile.closed:
            asked.wfile.write(b"a")
            asked.wfile.flush()
            time.sleep(0.05)

    return answer


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"",
    ],
    ids=["body", "header", "without length", "nothing"],
)
def test_drip(web: Web, pauses: Pauses, first: bytes) -> None:
    """A server that drips a byte now and then is left when the time for the whole fetch is over."""
    web.answer = _drip(first)
    with pytest.raises(FeedError, match="within the time allowed"):
        fetch(access(web, seconds=0.5), pace=pauses.pace())
    assert len(web.asked) == 1


def test_silence(pauses: Pauses) -> None:
    """A server that accepts and says nothing, one that is not there and one that hangs up: each is told and bounded."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(FeedError, match="no answer in time"):
            fetch(Access(url, allow_private=True, read_timeout=0.1, attempts=2), pace=pauses.pace())
        assert pauses == [1.0]

        def hang_up() -> None:
            connection, _ = silent.accept()
            connection.recv(1000)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        for _ in range(2):
            silent.accept()[0].close()
        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(FeedError, match="breaks off"):
            fetch(Access(url, allow_private=True, attempts=1), pace=pauses.pace())
        thread.join()
    with pytest.raises(FeedError, match="no connection"):
        fetch(Access(url, allow_private=True, attempts=1), pace=pauses.pace())


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nA: " + b"a" * 300000, os.urandom(500)])
def test_no_http(web: Web, pauses: Pauses, answer: bytes) -> None:
    """Whatever a port says, the error is a FeedError."""

    def say(asked: Asked) -> None:
        asked.wfile.write(answer)
        asked.close_connection = True

    web.answer = say
    with pytest.raises(FeedError):
        fetch(access(web, attempts=1, seconds=2.0), pace=pauses.pace())


def test_post(web: Web, pauses: Pauses) -> None:
    """A post bears its content and key; it is repeated where the server did not begin with it."""

    def answer(asked: Asked) -> None:
        asked.reply(503, Retry_After="1") if len(web.asked) == 1 else asked.reply(202, b"{}")

    web.answer = answer
    answered = post(access(web, header="Authorization", header_value="k"), b"[1]", pace=pauses.pace())
    assert (answered.status, answered.content, pauses) == (202, b"{}", [1.0])
    assert [(asked.command, asked.body, asked.headers["Authorization"]) for asked in web.asked] == [
        ("POST", b"[1]", "k")
    ] * 2


def test_post_that_may_have_arrived(web: Web, pauses: Pauses) -> None:
    """A post whose answer was lost is repeated only where that does no harm."""
    web.answer = lambda asked: asked.reply(200, b"", Content_Length="5")
    with pytest.raises(FeedError, match="cut off"):
        post(access(web), b"1", pace=pauses.pace())
    assert len(web.asked) == 1
    with pytest.raises(FeedError, match="cut off"):
        post(access(web, attempts=2), b"1", repeatable=True, pace=pauses.pace())
    assert len(web.asked) == 3


def test_post_is_not_carried_elsewhere(web: Web) -> None:
    """What is posted does not follow a redirect to another origin, nor one that would make a GET of it."""
    with served(lambda asked: asked.reply(200)) as other:
        for status, target in ((307, other.url()), (302, "/b"), (303, "/b")):
            web.answer = replying(status, Location=target)
            with pytest.raises(FeedError, match="redirects what is posted"):
                post(access(web), b"1")
        assert other.asked == []
    web.answer = lambda asked: (
        asked.reply(308, Location="/b") if asked.path == "/feed" else asked.reply(200, asked.body)
    )
    assert post(access(web), b"1").content == b"1"


def test_proxy() -> None:
    """Through a proxy, plain and refusing; addresses written out are checked here, names by the proxy's rules."""
    with served(lambda asked: asked.reply(200, asked.path.encode())) as proxy:
        source = Access("http://feed.example/x", proxy=proxy.url(""), attempts=1)
        assert fetch(source).content == b"http://feed.example/x"
        with pytest.raises(FeedError, match="a private address"):
            fetch(replace(source, url="http://0x7f.1/x"))
        proxy.answer = lambda asked: asked.reply(302, Location="http://10.0.0.1/")
        with pytest.raises(FeedError, match="a private address"):
            fetch(source)
    with served(lambda asked: asked.reply(200)) as proxy, pytest.raises(FeedError, match=r"proxy http://\*\*\*@127"):
        fetch(replace(source, url="https://feed.example/", proxy=proxy.url("", "us:pass@127.0.0.1")))
