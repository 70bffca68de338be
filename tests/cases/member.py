"""One member's installation in a folder of its own, driven by its commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from sekisho_core.cli import root


class Member:
    """One installation in a folder of its own."""

    def __init__(self, home: Path, **feeds: object) -> None:
        home.mkdir(exist_ok=True)
        self.home = home
        self.config = home / "sekisho.toml"
        table = {"directory": str(home / "feeds"), "identity": "Example CSIRT", "observe_days": 0.0} | feeds
        lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        self.config.write_text(
            f'[database]\nurl = "sqlite:///{home}/x.sqlite"\n[rules]\nindex = "{home}/index"\npacks = []\n'
            f'[quarantine]\njournal = "{home}/journal"\nbodies = "{home}/bodies"\n[feeds]\n' + "\n".join(lines),
            encoding="utf-8",
        )

    def run(self, *arguments: str, status: int = 0) -> Result:
        """Run a command of `sekisho feeds`."""
        done = CliRunner().invoke(root, ["feeds", arguments[0], "--config", str(self.config), *arguments[1:]])
        assert done.exit_code == status, (done.output, done.exception)
        return done

    def json(self, *arguments: str, status: int = 0) -> Any:
        """The JSON that a command prints."""
        return json.loads(self.run(*arguments, "--json", status=status).stdout)

    def verdict(self, subject: str) -> dict[str, Any]:
        """What `sekisho scan` says of a mail with this subject."""
        mail = self.home / "a.eml"
        mail.write_text(f"From: a@example.net\nTo: b@example.jp\nSubject: {subject}\n\ntext\n", encoding="utf-8")
        done = CliRunner().invoke(root, ["scan", "--config", str(self.config), "--json", str(mail)])
        found: dict[str, Any] = json.loads(done.stdout)
        return found
