"""`sekisho feeds add`, and the options that say what a feed is, which `feeds test` shares."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
from sekisho_core.cli_options import config_option
from sekisho_core.database import open_database
from sekisho_core.settings import Database, load
from sekisho_rules import table
from sekisho_rules.indicator import DEFAULT_CONFIDENCE
from sekisho_rules.settings import RulesSettings
from sekisho_rules.tlp import TLPS

from sekisho_feeds import feed_table
from sekisho_feeds.access import shown
from sekisho_feeds.feed import Feed, Keys, Via, require_sound
from sekisho_feeds.formats import format_names
from sekisho_feeds.harvest import FeedError
from sekisho_feeds.settings import FeedsSettings
from sekisho_feeds.wiring import require_options

Command = TypeVar("Command", bound=Callable[..., Any])

_PERCENT = click.IntRange(0, 100)
_ENDINGS = {
    "csv": "csv",
    "txt": "plain",
    "json": "stix",
    "stix": "stix",
    "stix2": "stix",
    "yar": "yara",
    "yara": "yara",
}
_OPTIONS = (
    click.option("--format", "format", default="", help="How it is read: " + "stix, misp, csv, plain, yara, alert …"),
    click.option("--via", type=click.Choice(get_args(Via)), help="How it is had (default: by its location)."),
    click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Of the format, or the fetch."),
    click.option("--tlp", type=click.Choice(TLPS), default="amber", show_default=True, help="Of what is unmarked."),
    click.option(
        "--confidence", type=_PERCENT, default=DEFAULT_CONFIDENCE, show_default=True, help="Where none is stated."
    ),
    click.option("--trust", type=_PERCENT, default=100, show_default=True, help="Scales its confidence."),
    click.option(
        "--decay", type=click.Choice(["", "phishing", "nids"]), default="", help="Let confidence fall with time."
    ),
    click.option("--ca-file", default="", help="Authorities that its certificate is checked against."),
    click.option("--proxy", default="", help="URL of a proxy."),
    click.option("--client-certificate", default="", help="PEM file of ours."),
    click.option("--client-key", default="", help="PEM file of its key."),
    click.option("--user", default="", help="For Basic authentication, with --password-file."),
    click.option("--password-file", default="", help="File with the password."),
    click.option("--token-file", default="", help="File with a token, sent as Bearer or in --header."),
    click.option("--header", default="", help="Name of the header that the token goes into."),
    click.option("--allow-private", is_flag=True, help="The server may stand at a private address."),
    click.option("--public-key", default="", help="Demand a minisign signature by this key (NAME.minisig)."),
    click.option("--keyring", default="", help="Demand an OpenPGP signature by a key in this file (NAME.sig)."),
)


def feed_options(command: Command) -> Command:
    """The options that say what a feed is."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def described(name: str, location: str, given: dict[str, Any]) -> Feed:
    """The feed of the options. Raises FeedError naming what cannot be."""
    via = given.pop("via") or _via(location, given["format"])
    place = str(Path(location.removeprefix("file://")).absolute()) if via == "file" else location
    if via == "file" and not Path(place).exists():
        raise FeedError(f"{place}: no such file or folder")
    keys = {key: given.pop(key) for key in Keys.__struct_fields__}
    options = dict(map(_pair, given.pop("options")))
    chosen = given.pop("format") or _format(via, location)
    made = Feed(
        name=name,
        location=place,
        format="stix" if chosen == "taxii" else chosen,
        via=via,
        added_at=datetime.now(UTC),
        keys=Keys(**keys),
        options=options,
        **given,
    )
    require_sound(made)
    require_options(made)
    return made


@click.command("add")
@config_option
@feed_options
@click.option("--interval", type=click.FloatRange(60), default=3600.0, show_default=True, help="Seconds between pulls.")
@click.option("--partial", is_flag=True, help="It lists only what is new: what it leaves out stays in force.")
@click.option("--observe-days", type=click.FloatRange(0), help="Observe only for so long (default: the setting).")
@click.option("--sightings", is_flag=True, help="Send sightings back.")
@click.argument("name")
@click.argument("location")
def add_command(
    config: Path | None,
    name: str,
    location: str,
    partial: bool,
    observe_days: float | None,
    **given: Any,
) -> None:
    """Add the feed NAME at LOCATION, a URL, a file or a folder; `pull` gets it, the first time and then by itself.

    What it brings is observed only at first, so that a mistake in it stops no mail.
    """
    settings = load(config)
    days = settings.of(FeedsSettings).observe_days if observe_days is None else observe_days
    until = datetime.now(UTC) + timedelta(days=days) if days else None
    complete = not partial and given["via"] not in ("taxii", "misp-rest") and given["format"] != "taxii"
    feed = described(name, location, given | {"complete": complete, "observe_until": until})
    engine = open_database(settings.of(Database))
    if name in settings.of(RulesSettings).packs or next(table.stored(engine, source=name), None):
        raise FeedError(f"feed {name}: indicators of that source are there already, and would become the feed's")
    feed_table.add(engine, feed)
    print(f"{name} is added: {feed.format} from {feed.via}; get it with: sekisho feeds pull {name}")


def _via(location: str, format: str) -> Via:
    if not location.startswith(("http://", "https://")):
        return "file"
    if format == "taxii":
        return "taxii"
    return "misp-feed" if format == "misp" and location.endswith(("/", "/manifest.json")) else "web"


def _format(via: str, location: str) -> str:
    """The format that a location's name tells. Raises FeedError where it tells none."""
    if via in ("taxii", "misp-feed", "misp-rest"):
        return "stix" if via == "taxii" else "misp"
    ending = location.partition("?")[0].rpartition(".")[2].lower()
    if ending not in _ENDINGS:
        raise FeedError(f"{shown(location)}: say --format, one of taxii, {', '.join(format_names())}")
    return _ENDINGS[ending]


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise FeedError(f"--option {text}: not NAME=VALUE")
    return name, value
