"""P-code: the names and strings of a VBA module's compiled code, which is what runs whatever the source says."""

from __future__ import annotations

import io
import re
import warnings
from contextlib import redirect_stderr
from dataclasses import dataclass
from types import SimpleNamespace

from sekisho_inspection.vba import Module, Project

with warnings.catch_warnings():
    # oletools, which it imports, still calls pyparsing by names that pyparsing has deprecated.
    warnings.simplefilter("ignore")
    from pcodedmp import pcodedmp

_OPTIONS = SimpleNamespace(verbose=False, disasmOnly=True)
# Characters of listing for one module: some 20,000 instructions. Its lines may overlap, so the code's size is no bound.
_MAX_LISTING = 400_000
# Bytes of compiled code of one project that are listed.
_MAX_COMPILED = 2 << 20
_STRING = re.compile(r"^\tLitStr 0x[0-9A-F]{4} \"(.*)\"$", re.M)
_NAME = re.compile(
    r"^\t(?:ArgsCall|ArgsLd|ArgsMemCall|ArgsMemLd|St|Ld|MemLd|MemSt)\s+(?:\(Call\)\s+)?([^\W\d]\w*)"
    r"|\bSub ([^\W\d]\w*)\(",
    re.M,
)
_UNNAMED = re.compile(r"(?:id_|var_|func_|imp_)[0-9A-Fa-f]{4}")
_LEAST_NAMES = 3


@dataclass(frozen=True)
class Compiled:
    """What a module's compiled code names, and the strings in it, those of one line joined as well."""

    names: tuple[str, ...]
    strings: tuple[str, ...]
    joined: tuple[str, ...]


class _Listing(io.StringIO):
    """Takes so many characters and then ends the listing."""

    def write(self, text: str) -> int:
        if self.tell() > _MAX_LISTING:
            raise OverflowError
        return super().write(text)


def compiled(project: Project) -> dict[str, Compiled]:
    """The compiled code of each module that has some, by the path of its stream."""
    if not project.names:
        return {}
    left = _MAX_COMPILED
    with redirect_stderr(io.StringIO()):
        names = pcodedmp.getTheIdentifiers(project.names)
        found: dict[str, Compiled] = {}
        for module in project.modules:
            left -= len(module.compiled)
            if left >= 0 and module.compiled and (one := _listed(module, project, names)):
                found[module.path] = one
    return found


def is_stomped(module: Module, code: Compiled) -> bool:
    """Whether the source is not what was compiled: it has no statements, lacks a string, or lacks most names.

    Single names count for nothing, because the table of names has another layout in versions that are not known.
    """
    if not module.statements:
        return bool(code.names or code.strings)
    source = module.code.lower()
    if any(text.isascii() and text.lower().replace('"', '""') not in source for text in code.strings):
        return True
    missing = [name for name in code.names if name.lower() not in source]
    return not code.strings and len(missing) >= _LEAST_NAMES and 2 * len(missing) > len(code.names)


def _listed(module: Module, project: Project, names: list[str]) -> Compiled | None:
    listing = _Listing()
    try:
        pcodedmp.pcodeDump(module.compiled, project.names, b"", names, project.wide, _OPTIONS, output_file=listing)
    # It catches most of what hostile bytes make it raise, and not all.
    except Exception:
        return None
    text = listing.getvalue()
    called = dict.fromkeys(first or second for first, second in _NAME.findall(text))
    lines = [_STRING.findall(line) for line in re.split(r"^Line #\d+:\n", text, flags=re.M)]
    strings = dict.fromkeys(string for line in lines for string in line if len(string) > 1)
    joined = dict.fromkeys("".join(line) for line in lines if len(line) > 1)
    shown = tuple(name for name in called if not _UNNAMED.fullmatch(name))
    return Compiled(shown, tuple(strings), tuple(joined)) if shown or strings else None
