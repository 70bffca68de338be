"""Options that the analysts' commands share: times, who does something, and why."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from sekisho_core.display import visible

from sekisho_quarantine.desk import person

_AGO = re.compile(r"(\d{1,6})([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


class Moment(click.ParamType[datetime]):
    """An ISO date or time, or so long ago: "2026-11-22", "2026-11-22T09:30", "7d", "12h", "30m"."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            if ago := _AGO.fullmatch(value):
                return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{visible(value)}: neither an ISO time nor one such as 7d, 12h, 30m", param, ctx)


def _said(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("must say something", context, parameter)
    return value


by_option = click.option("--by", "who", default=person, metavar="NAME", help="Who does this (default: you).")
reason_option = click.option(
    "--reason", "why", required=True, metavar="TEXT", callback=_said, help="Why; goes into the audit."
)
