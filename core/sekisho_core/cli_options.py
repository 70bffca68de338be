"""Options that commands of several rooms share."""

from __future__ import annotations

from pathlib import Path

import click

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="SEKISHO_CONFIG",
    help="Settings file (default: /etc/sekisho/sekisho.toml if it exists, else the built-in defaults).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
