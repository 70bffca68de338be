"""Access: where a feed is, how it is reached, what opens it, and how much of it is taken."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field

import httpx
from sekisho_core.display import visible
from sekisho_core.settings import masked_parameters

from sekisho_feeds.harvest import FeedError

# What a key in a URL looks like where no name tells: a long run without a dot, of digits and letters mixed. An
# identifier in the form of a UUID is one too, but for the places where TAXII and MISP put theirs.
_KEY = re.compile(r"(?=[A-Za-z_=~-]*+[0-9])(?=[0-9_=~-]*+[A-Za-z])[A-Za-z0-9_=~-]{16,}")
_WORDS = re.compile(r"(?:[A-Za-z]{2,}|[0-9]{1,8})(?:[-_](?:[A-Za-z]{2,}|[0-9]{1,8}))+")
_NAMED = re.compile(
    r"(?<=/)(?:collections|status|versions|events)/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?=/|$)", re.IGNORECASE
)
_PARTS = re.compile(r"((?:[^:/?#]*+:)?+//)?([^/?#\\]*+)([^?#]*+)(\?[^#]*+)?")
_VALUE = re.compile(r"(?<==)[^&=]+")
# RFC 9110, 5.1 and 5.5: names are tokens, values have neither control characters nor blanks at their ends.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_MOST_SHOWN = 300
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Access:
    """How one source is reached. Times are seconds, sizes bytes; secrets are the text itself and never shown.

    At most one of `user`+`password`, `token` and `header`+`header_value` is given; a user in the URL serves where none
    is. `ca_file` stands in the place of the system's authorities. `allow_private` lets the source's own host, and no
    other, be at a private, loopback or link-local address. `seconds` bounds a whole fetch with all its attempts,
    `longest_wait` one pause between two of them, `max_bytes` what is had after decompression.
    """

    url: str = field(repr=False)
    ca_file: str = ""
    proxy: str = field(default="", repr=False)
    client_certificate: str = ""
    client_key: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    header: str = ""
    header_value: str = field(default="", repr=False)
    allow_private: bool = False
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    seconds: float = 600.0
    longest_wait: float = 120.0
    max_bytes: int = 256 << 20
    max_redirects: int = 5
    attempts: int = 4

    def home(self) -> httpx.URL:
        """The source's URL. Raises FeedError where it is none that can be fetched, or would show a secret."""
        url = parsed(self.url)
        if url.scheme == "http" and (url.userinfo or self._secret()) and not self.allow_private:
            raise FeedError(f"{shown(self.url)}: a password or key would cross the network unencrypted; use https")
        return url

    def is_home(self, url: httpx.URL) -> bool:
        """Whether `url` is at the source's own host."""
        return _host(url) == _host(self.home())

    def may_know(self, url: httpx.URL) -> bool:
        """Whether the secrets may be sent to `url`: the same origin, or the same host over https on its usual port."""
        home = self.home()
        if _host(url) != _host(home):
            return False
        upgraded = (home.scheme, _port(home), url.scheme, _port(url)) == ("http", 80, "https", 443)
        return upgraded or (url.scheme, _port(url)) == (home.scheme, _port(home))

    def authorization(self) -> dict[str, str]:
        """The header that opens the source; nothing where none is needed. Raises FeedError for one that no header
        can hold."""
        url = self.home()
        user, password = (self.user, self.password) if self.user else (url.username, url.password)
        if self.token:
            headers = {"Authorization": f"Bearer {self.token}"}
        elif self.header:
            headers = {self.header: self.header_value}
        elif user or password:
            headers = {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
        else:
            return {}
        if not all(_TOKEN.fullmatch(name) and _FIELD.fullmatch(value) for name, value in headers.items()):
            raise FeedError(f"{shown(self.url)}: the header of the key has characters that no header may have")
        return headers

    def _secret(self) -> str:
        return self.password or self.token or self.header_value


def parsed(text: str) -> httpx.URL:
    """A URL that can be fetched: http or https, with a host. Raises FeedError."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise FeedError(f"{shown(text)}: not a URL") from error
    if url.scheme not in _DEFAULT_PORTS:
        raise FeedError(f"{shown(text)}: only http and https are fetched, not {visible(url.scheme or 'this', 20)}")
    if not url.host or not 0 < _port(url) < 65536:
        raise FeedError(f"{shown(text)}: names no {'port that there is' if url.host else 'host'}")
    return url


def shown(url: str) -> str:
    """A URL as errors and logs may have it: user, secret parameters and what looks like a key masked, no fragment."""
    scheme, place, path, query = _PARTS.match(url).groups("")  # type: ignore[union-attr]  # It matches any text.
    _, at, host = place.rpartition("@")
    user = "***@" if at else ""
    masked = f"{scheme}{user}{host}{_masked_path(path)}{_masked_values(masked_parameters(query))}"
    return visible(masked, _MOST_SHOWN)


def _masked_path(path: str) -> str:
    named = {found[0].rpartition("/")[2] for found in _NAMED.finditer(path)}
    return "/".join(part if part in named else _masked(part) for part in path.split("/"))


def _masked_values(query: str) -> str:
    return _VALUE.sub(lambda found: _masked(found[0]), query)


def _masked(part: str) -> str:
    return "***" if _KEY.fullmatch(part) and not _WORDS.fullmatch(part) else part


def _host(url: httpx.URL) -> str:
    return url.host.rstrip(".").lower()


def _port(url: httpx.URL) -> int:
    return _DEFAULT_PORTS.get(url.scheme, 0) if url.port is None else url.port
