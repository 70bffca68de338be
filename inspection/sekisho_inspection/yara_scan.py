"""YARA: rules compiled with their reach bounded, and the scan of one file with them."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yara

# Modules that only compute over the scanned bytes. `console` prints, `time` makes a verdict depend on the clock.
MODULES = frozenset(["pe", "elf", "math", "hash", "string", "dotnet"])
_EXTERNALS = {"filename": "", "type": ""}
_IMPORT = re.compile(r'^\s*import\s+"([^"]*)"', re.M)
_MAX_SOURCE = 10 << 20
_MAX_HITS = 200


@dataclass(frozen=True)
class Hit:
    """One rule that a file meets: its namespace, name, and a line for people."""

    namespace: str
    rule: str
    detail: str


class CompiledYara:
    """Compiled rules, ready to scan."""

    def __init__(self, rules: Any) -> None:
        self._rules = rules

    def scan(self, content: bytes, filename: str, kind: str, timeout: float) -> list[Hit]:
        """The rules that `content` meets, in the order of rules. Raises TimeoutError, or ValueError for other failures.

        yara counts whole seconds, so the bound is `timeout` rounded up.
        """
        externals = {"filename": filename.replace("\0", ""), "type": kind}
        try:
            matches = self._rules.match(data=content, externals=externals, timeout=max(1, round(timeout + 0.5)))
        except yara.TimeoutError as error:
            raise TimeoutError(str(error)) from error
        except yara.Error as error:
            raise ValueError(str(error)) from error
        return [Hit(match.namespace, match.rule, _detail(match)) for match in matches[:_MAX_HITS]]


def compile_rules(sources: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """Compile YARA source by namespace: the compiled rules of all good sources (b"" for none), and errors by namespace.

    `include`, and modules that are not in MODULES, are refused. One bad source leaves the others in.
    """
    errors = {namespace: problem for namespace, source in sources.items() if (problem := _problem(namespace, source))}
    good = {namespace: source for namespace, source in sources.items() if namespace not in errors}
    if not good:
        return b"", errors
    file = io.BytesIO()
    try:
        _compile(good).save(file=file)
    except yara.Error as error:
        return b"", {**errors, **dict.fromkeys(good, str(error))}
    return file.getvalue(), errors


def load_rules(data: bytes) -> CompiledYara:
    """Rules from what `compile_rules` gave. Raises ValueError for anything else."""
    try:
        return CompiledYara(yara.load(file=io.BytesIO(data)))
    except yara.Error as error:
        raise ValueError(f"not compiled YARA rules: {error}") from error


def _problem(namespace: str, source: str) -> str:
    if len(source) > _MAX_SOURCE:
        return f"more than {_MAX_SOURCE} characters"
    if "\0" in source:
        return "a NUL character, behind which YARA would read nothing"
    for module in _IMPORT.findall(source):
        if module not in MODULES:
            return f'module "{module}" is not allowed'
    try:
        _compile({namespace: source})
    except (yara.Error, UnicodeError, ValueError) as error:
        return str(error)
    return ""


def _compile(sources: Mapping[str, str]) -> Any:
    return yara.compile(sources=dict(sources), includes=False, externals=_EXTERNALS, error_on_warning=False)


def _detail(match: Any) -> str:
    """The rule's description, and where its first strings stand."""
    meta = match.meta.get("description", "")
    places = [f"{item.identifier} at {item.instances[0].offset}" for item in match.strings[:3] if item.instances]
    return "; ".join(filter(None, [str(meta), ", ".join(places)]))
