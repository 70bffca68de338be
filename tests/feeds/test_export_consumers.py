"""Exports as the programs read them that they are for: BIND, Unbound, dnsdist and Squid, on loopback."""

from __future__ import annotations

import http.client
import http.server
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sekisho_feeds.export_directory import write_exports
from sekisho_feeds.export_items import Choice, Item, Options, items
from sekisho_feeds.export_values import KINDS
from sekisho_feeds.exporters import consumers_check, exporters
from sekisho_rules.indicator import Indicator

NOW = datetime(2026, 4, 1, tzinfo=UTC)
ORIGIN = "rpz.example"
NXDOMAIN = 3
ORDINARY = "192.0.2.99"
# Addresses that names have upstream; all others have the ordinary one.
UPSTREAM = {
    "at-bad.example": "198.51.100.7",
    "at-bad-network.example": "203.0.113.77",
    "at-six.example": "2001:db8::57",
}
HOSTILE = (
    "evil.example\nother.example",
    "evil.example\x00",
    'evil.example"',
    "evil.example'; local-data: x",
    "evil.example; comment",
    "evil.example|other",
    "$INCLUDE /etc/passwd",
    "evil example",
    "=cmd()",
    "-evil.example",
    "evil.example\\010other",
    "evil..example",
    "0.0.0.0.0.rpz-ip",
    "*",
    "@",
    f"{'a' * 64}.example",
    ".".join(["abcdefghi"] * 26),
    "http://evil.example/\nhttp://other.example/",
    'http://evil.example/"',
    "http://evil.example/\\",
    "http://evil.example/ -i .*",
)


def tool(name: str) -> str:
    """The path of a program that the test needs; the test is skipped where it is not installed."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def indicator(number: int, pattern: str) -> Indicator:
    """An indicator that may go to a community."""
    return Indicator(id=f"indicator--{number}", source="hub", pattern=pattern, tlp="green", name="=cmd|' /C calc'!A0")


def quoted(text: str) -> str:
    """A text as a constant of a pattern."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def patterns() -> Iterator[str]:
    """Two thousand patterns of every kind, some of which no consumer must ever see."""
    for number in range(400):
        yield f"[domain-name:value = 'c2-{number}.example']"
        yield f"[url:value = 'http://files.example/{number}/a.(b)+[c]?d={number}&e=%2f%0a%5c%e3%25$']"
        yield f"[ipv4-addr:value = '198.51.100.{number % 256}']"
        yield f"[network-traffic:dst_ref.value = '2001:db8:{number:x}::57']"
    for number in range(180):
        yield f"[file:hashes.'SHA-256' = '{number:064x}' OR domain-name:value = 'or-{number}.example']"
        yield f"[email-addr:value = 'sender{number}@mail.example']"
    yield "[url:value = 'http://[2001:db8::aaaa]/six']"
    yield "[url:value = 'http://192.0.2.200:8080/four']"
    yield "[ipv4-addr:value = '203.0.113.64/26']"
    yield "[ipv6-addr:value ISSUBSET '2001:db8:ffff::/48']"
    yield "[domain-name:value = '感染.example']"
    yield "[domain-name:value = 'sub.c2-1.example']"
    yield "[domain-name:value = 'a.b.c2-1.example']"
    yield "[domain-name:value = 'with_underscore.example']"
    yield from (f"[{kind} = '{quoted(text)}']" for text in HOSTILE for kind in ("domain-name:value", "url:value"))


@pytest.fixture(scope="module")
def hub() -> list[Item]:
    """The items of a hub that shares with a community."""
    indicators = [indicator(number, pattern) for number, pattern in enumerate(patterns())]
    return list(items(indicators, Choice(now=NOW, kinds=frozenset(KINDS)), lambda kind, value: False))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that services without privileges can read."""
    with tempfile.TemporaryDirectory(prefix="sekisho-test-") as path:
        Path(path).chmod(0o777)
        yield Path(path)


@pytest.mark.parametrize("name", ["rpz", "unbound"])
def test_consumers_tools_accept_much_and_nothing(name: str, hub: list[Item]) -> None:
    """The check that comes with an exporter passes the hub's export, and one without entries."""
    options = Options(now=NOW, origin=ORIGIN)
    tool(exporters[name].check[0])
    check = consumers_check(name, options)
    assert check is not None and [check(exporters[name].write(some, options).files) for some in (hub, [])] == ["", ""]


def publish(name: str, hub: list[Item], folder: Path) -> Path:
    """Publish one export of the hub; the folder where it is."""
    at = folder / name
    export = exporters[name].write(hub, Options(now=NOW, origin=ORIGIN, directory=str(at)))
    assert write_exports(at, export).refused == ""
    at.chmod(0o755)
    return at


def free_port() -> int:
    """A port of loopback that nobody uses for TCP or UDP."""
    with closing(socket.socket()) as stream, closing(socket.socket(type=socket.SOCK_DGRAM)) as datagrams:
        stream.bind(("127.0.0.1", 0))
        port = int(stream.getsockname()[1])
        datagrams.bind(("127.0.0.1", port))
        return port


def question(name: str, kind: int) -> bytes:
    """A query of RFC 1035 section 4.1 that asks for recursion."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", 4711, 0x0100, 1, 0, 0, 0) + labels + b"\x00" + struct.pack(">2H", kind, 1)


def asked(port: int, name: str, kind: int = 1) -> tuple[int, bytes]:
    """The response code and the whole answer of the resolver at `port`."""
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as client:
        client.settimeout(5)
        # Connected, the client hears at once that nobody listens yet.
        client.connect(("127.0.0.1", port))
        client.send(question(name, kind))
        answer = client.recv(4096)
    return answer[3] & 15, answer


def denies(port: int) -> None:
    """Raise OSError while the resolver does not deny a listed name: it answers before its policy is loaded."""
    if asked(port, "c2-399.example")[0] != NXDOMAIN:
        raise OSError("no policy yet")


@contextmanager
def upstream() -> Iterator[int]:
    """A name server that knows every name; its port."""
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.2)
        stop = threading.Event()
        thread = threading.Thread(target=answer_all, args=(server, stop))
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            stop.set()
            thread.join()


def answer_all(server: socket.socket, stop: threading.Event) -> None:
    """Answer address queries until `stop`."""
    while not stop.is_set():
        try:
            query, client = server.recvfrom(4096)
        except TimeoutError:
            continue
        end = query.index(b"\x00", 12) + 5
        address = UPSTREAM.get(name_in(query[12 : end - 5]), ORDINARY)
        six, kind = ":" in address, struct.unpack(">H", query[end - 4 : end - 2])[0]
        data = socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, address)
        count = int(kind == (28 if six else 1))
        head = query[:2] + struct.pack(">5H", 0x8180, 1, count, 0, 0) + query[12:end]
        record = b"\xc0\x0c" + struct.pack(">2HIH", kind, 1, 60, len(data)) + data
        server.sendto(head + record * count, client)


def name_in(labels: bytes) -> str:
    """The name that these labels spell, in lower case."""
    read, place = [], 0
    while place < len(labels):
        read.append(labels[place + 1 : place + 1 + labels[place]].decode("latin-1").lower())
        place += 1 + labels[place]
    return ".".join(read)


@contextmanager
def running(command: list[str], ready: Callable[[], object], cwd: Path) -> Iterator[None]:
    """A service in the foreground, from when `ready` does not raise until the block ends."""
    with (cwd / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        wait_for(ready, process, cwd)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(ready: Callable[[], object], process: subprocess.Popen[bytes], cwd: Path) -> None:
    """Return when the service answers; fail with what it said when it ended or is silent."""
    for _ in range(150):
        try:
            ready()
        except OSError:
            assert process.poll() is None, (cwd / "output").read_text(errors="replace")[-2000:]
            time.sleep(0.1)
        else:
            return
    raise AssertionError((cwd / "output").read_text(errors="replace")[-2000:])


def run(*command: str) -> str:
    """What a checking tool says; it must be content."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def assert_blocks(port: int) -> None:
    """Listed names and all below them do not exist; what stands beside and above them does."""
    gone = (
        "c2-7.example",
        "www.c2-7.example",
        "x.b.c2-1.example",
        "or-3.example",
        "感染.example".encode("idna").decode(),
    )
    codes = {name: asked(port, name)[0] for name in (*gone, "with_underscore.example")}
    assert set(codes.values()) == {NXDOMAIN}, codes
    there = ("files.example", "c2-7x.example", "www.example", "mail.example", "evil.example", "other.example")
    codes = {name: asked(port, name)[0] for name in there}
    assert set(codes.values()) == {0}, codes
    assert socket.inet_aton(ORDINARY) in asked(port, "files.example")[1]


def assert_blocks_addresses(port: int) -> None:
    """Names whose answers hold a listed address do not exist."""
    asks = (("at-bad.example", 1), ("at-bad-network.example", 1), ("at-six.example", 28))
    codes = {name: asked(port, name, kind)[0] for name, kind in asks}
    assert set(codes.values()) == {NXDOMAIN}, codes


def test_bind_checks_the_zone(hub: list[Item], folder: Path) -> None:
    """named-checkzone accepts the zone without one remark, hostile values or not (C30)."""
    at = publish("rpz", hub, folder)
    said = run(tool("named-checkzone"), ORIGIN, str(at / "sekisho.rpz"))
    assert "ignored" not in said and "warning" not in said and said.rstrip().endswith("OK")


def test_bind_answers_by_the_zone(hub: list[Item], folder: Path) -> None:
    """A BIND with the zone as its policy denies what is listed, by name and by address, and skips no trigger."""
    at, port = publish("rpz", hub, folder), free_port()
    with upstream() as above:
        (folder / "named.conf").write_text(
            f'options {{ directory "{folder}"; pid-file none; listen-on port {port} {{ 127.0.0.1; }};\n'
            "listen-on-v6 { none; }; recursion yes; dnssec-validation no; forward only; session-keyfile none;\n"
            f"forwarders {{ 127.0.0.1 port {above}; }}; empty-zones-enable no;\n"
            f'response-policy {{ zone "{ORIGIN}"; }} qname-wait-recurse no; }};\ncontrols {{ }};\n'
            f'zone "{ORIGIN}" {{ type primary; file "{at}/sekisho.rpz"; }};\n'
        )
        named = [tool("named"), "-g", "-c", str(folder / "named.conf")]
        with running(named, lambda: denies(port), folder):
            assert_blocks(port)
            assert_blocks_addresses(port)
    remarks = [line for line in (folder / "output").read_text().splitlines() if "invalid" in line or "warn" in line]
    assert [line for line in remarks if "rpz" in line] == []


def test_unbound_answers_by_the_zone(hub: list[Item], folder: Path) -> None:
    """An Unbound with the zone as its policy denies the same."""
    at, port = publish("rpz", hub, folder), free_port()
    policy = f'rpz:\n name: "{ORIGIN}"\n zonefile: "{at}/sekisho.rpz"\n'
    with unbound(folder, port, 'module-config: "respip iterator"', policy):
        assert_blocks(port)
        assert_blocks_addresses(port)


def test_unbound_answers_by_local_zones(hub: list[Item], folder: Path) -> None:
    """An Unbound that includes the local zones denies the names."""
    at, port = publish("unbound", hub, folder), free_port()
    with unbound(folder, port, 'module-config: "iterator"', f'include: "{at}/unbound.conf"\n'):
        assert_blocks(port)


@contextmanager
def unbound(folder: Path, port: int, server: str, after: str) -> Iterator[None]:
    """An Unbound with these lines, checked by its own tool before it runs."""
    checker, program = tool("unbound-checkconf"), tool("unbound")
    with upstream() as above:
        conf = folder / "unbound.conf"
        conf.write_text(
            f'server:\n interface: 127.0.0.1@{port}\n username: ""\n chroot: ""\n pidfile: ""\n use-syslog: no\n'
            f' logfile: ""\n directory: "{folder}"\n do-not-query-localhost: no\n {server}\n'
            f"remote-control:\n control-enable: no\n{after}"
            f'forward-zone:\n name: "."\n forward-addr: 127.0.0.1@{above}\n'
        )
        run(checker, str(conf))
        with running([program, "-d", "-c", str(conf)], lambda: denies(port), folder):
            yield


def test_dnsdist_answers_by_the_suffixes(hub: list[Item], folder: Path) -> None:
    """A dnsdist accepts the lines for its configuration and denies the names."""
    at, port, program = publish("dnsdist", hub, folder), free_port(), tool("dnsdist")
    with upstream() as above:
        conf = folder / "dnsdist.conf"
        lines = (at / "dnsdist.conf").read_text()
        back = f'newServer({{address="127.0.0.1:{above}", healthCheckMode="up"}})'
        conf.write_text(f'setLocal("127.0.0.1:{port}")\n{back}\n{lines}')
        run(program, "--check-config", "-C", str(conf))
        with running([program, "--supervised", "-C", str(conf)], lambda: denies(port), folder):
            assert_blocks(port)


class Origin(http.server.BaseHTTPRequestHandler):
    """A web server that has everything."""

    def do_GET(self) -> None:
        """Answer with nothing, well."""
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def web() -> Iterator[int]:
    """The web server's port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def fetched(port: int, url: str) -> int:
    """The status that the proxy at `port` answers for a URL."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as proxy:
        proxy.request("GET", url)
        return proxy.getresponse().status


def test_squid_denies_what_is_listed(hub: list[Item], folder: Path) -> None:
    """A Squid parses the lists without a remark and denies hosts, addresses and just the URLs that are listed."""
    at, port, program = publish("squid", hub, folder), free_port(), tool("squid")
    with web() as origin:
        conf, names = folder / "squid.conf", folder / "names"
        allowed = ("files.example", "www.example", "evil.example")
        names.write_text("".join(f"192.0.2.1 {name}\n" for name in allowed))
        conf.write_text(
            f"http_port 127.0.0.1:{port}\npid_filename none\ncache_log /dev/stderr\naccess_log none\n"
            f"cache_store_log none\ncache deny all\nhosts_file {names}\ncoredump_dir {folder}\n"
            f'include "{at}/squid.conf"\nhttp_access allow all\nnever_direct allow all\nshutdown_lifetime 0 seconds\n'
            f"cache_peer 127.0.0.1 parent {origin} 0 no-query no-digest originserver default\n"
            "dns_nameservers 127.0.0.1\nvisible_hostname proxy.example\npinger_enable off\n"
        )
        said = run(program, "-k", "parse", "-f", str(conf))
        # Many expressions are the point; Squid says so of more than a hundred.
        remarks = [line for line in said.splitlines() if "WARNING" in line or "FATAL" in line or "ERROR" in line]
        assert len(remarks) == 1 and "more than 100 regular expressions" in remarks[0]
        with running([program, "-N", "-f", str(conf)], lambda: fetched(port, "http://www.example/"), folder):
            denied = ("c2-7.example", "www.c2-7.example:8080", "198.51.100.7", "203.0.113.99", "[2001:db8:3::57]")
            assert {host: fetched(port, f"http://{host}/x") for host in denied} == dict.fromkeys(denied, 403)
            listed = "http://files.example/7/a.(b)+[c]?d=7&e=%2F%0A%5C%E3%25$"
            urls = (listed, "http://[2001:db8::aaaa]/six", "http://192.0.2.200:8080/four")
            assert {url: fetched(port, url) for url in urls} == dict.fromkeys(urls, 403)
            beside = ("http://files.example/", f"{listed}x", listed.replace("a.", "ab"), "http://192.0.2.200:8080/")
            assert {url: fetched(port, url) for url in beside} == dict.fromkeys(beside, 204)


def test_a_zone_that_bind_refuses_is_not_published(folder: Path) -> None:
    """What the consumer's own tool refuses leaves the last good zone in place (A28)."""
    evil = Item(kind="domain", value="evil.example", rests_on=(("hub", "1"),), tlp="clear")
    good = exporters["rpz"].write([evil], Options(now=NOW, origin=ORIGIN))
    tool("named-checkzone")
    check = consumers_check("rpz", Options(now=NOW, origin=ORIGIN))
    assert check is not None and write_exports(folder, good, check=check).written
    bad = type(good)({"sekisho.rpz": b"$TTL 300\n@ SOA broken\n"}, 5)
    assert "named-checkzone" in write_exports(folder, bad, check=check).refused
    assert (folder / "sekisho.rpz").read_bytes() == good.files["sekisho.rpz"]
