"""Fixtures with a real Postfix: skipped with a reason where there is none, except in CI, where that is a failure."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sekisho_milter.gateway import Gateway, Tables
from sekisho_milter.postfix import PostfixError, PrivatePostfix, require_postfix

PostfixFactory = Callable[..., PrivatePostfix]


@pytest.fixture(scope="session")
def needs_postfix() -> None:
    """Skip where no private Postfix can be started; fail in CI."""
    try:
        require_postfix()
    except PostfixError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must have a Postfix: {error}")
        pytest.skip(str(error))


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that Postfix's user may traverse, which pytest's own are not."""
    root = Path(tempfile.mkdtemp(prefix="sekisho-mta-"))
    root.chmod(0o755)
    yield root
    shutil.rmtree(root)


@pytest.fixture
def postfix_factory(needs_postfix: None, open_directory: Path) -> Iterator[PostfixFactory]:
    """Makes private Postfix instances (not started); whatever was made is stopped at the end of the test."""
    made: list[PrivatePostfix] = []

    def make(**options: Any) -> PrivatePostfix:
        made.append(PrivatePostfix(open_directory / f"postfix-{len(made)}", **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()
        one.give_back()


@pytest.fixture
def postfix(postfix_factory: PostfixFactory) -> PrivatePostfix:
    """A started private Postfix without a milter."""
    instance = postfix_factory(milter="")
    instance.start()
    return instance


@pytest.fixture
def gateway_factory(needs_postfix: None, open_directory: Path) -> Iterator[Callable[..., Gateway]]:
    """Makes whole gateways (not started); whatever was made is stopped at the end of the test."""
    made: list[Gateway] = []

    def make(tables: Tables | None = None, **options: Any) -> Gateway:
        root = open_directory / f"gateway-{len(made)}"
        root.mkdir()
        made.append(Gateway(root, tables, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def gateway(gateway_factory: Callable[..., Gateway]) -> Gateway:
    """A started gateway: Postfix, inspection, milter, quarantine on SQLite, the bundled packs."""
    made = gateway_factory()
    made.start()
    return made
