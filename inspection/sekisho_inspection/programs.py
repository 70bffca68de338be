"""Programs: what a PE, ELF or Mach-O file says of itself, for people and as values that indicators share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pefile
from sekisho_core.vocabulary import PartState

from sekisho_inspection import charset
from sekisho_inspection.notes import Item, Notes

ELF, MACH, JAVA = "application/x-elf", "application/x-mach-binary", "application/java-vm"
# The directories that are read; the others are long and tell nothing here.
_DIRECTORIES = [
    pefile.DIRECTORY_ENTRY[f"IMAGE_DIRECTORY_ENTRY_{name}"] for name in ("IMPORT", "RESOURCE", "DEBUG", "SECURITY")
]
_NET, _SECURITY = 14, 4
_NATIVE, _CONSOLE = 1, 3
_VERSION = {
    b"OriginalFilename": "x-sekisho-executable:original_name",
    b"InternalName": "x-sekisho-executable:internal_name",
    b"CompanyName": "x-sekisho-executable:company",
    b"ProductName": "x-sekisho-executable:product",
}
# What tools that bundle scripts or installers leave in each of their programs.
_BUNDLES = {
    b"NullsoftInst": "NSIS installer", b"Nullsoft.NSIS": "NSIS installer",
    b"Inno Setup Setup Data": "Inno Setup installer",
    b"AU3!EA0": "AutoIt script", b"MEI\x0c\x0b\x0a\x0b\x0e": "PyInstaller bundle", b"PYTHONSCRIPT": "py2exe bundle",
    b"nuitka": "Nuitka bundle", b"Go build ID": "Go program", b"wextract.pdb": "IExpress archive",
    b"7zS.sfx": "7-Zip archive", b"WinRAR SFX": "RAR archive", b"InstallShield": "InstallShield installer",
    b"AutoHotkey": "AutoHotkey script", b"Bat To Exe": "batch file", b"PS2EXE": "PowerShell script",
}  # fmt: skip
_PACKERS = {
    ".upx": "UPX", "upx0": "UPX", "upx1": "UPX", ".aspack": "ASPack", ".adata": "ASPack", ".themida": "Themida",
    ".winlice": "Themida", ".vmp0": "VMProtect", ".vmp1": "VMProtect", ".mpress1": "MPRESS", ".petite": "Petite",
    "pec2": "PECompact", ".enigma1": "Enigma", ".nsp0": "NsPack", "fsg!": "FSG", ".yp": "Y0da", ".boom": "Boomerang",
    ".ndata": "NSIS",
}  # fmt: skip
_MOST_STRINGS = 50
_ELF_TYPES = {2: "program", 3: "shared object or program", 1: "object file", 4: "core dump"}
_MACHINES = {3: "x86", 8: "MIPS", 20: "PowerPC", 40: "ARM", 62: "x86-64", 183: "ARM64", 243: "RISC-V"}
_MACH_TYPES = {2: "program", 6: "library", 8: "bundle", 1: "object file", 11: "kernel extension"}


def read_pe(item: Item, notes: Notes) -> PartState:
    """Kind, imports, version, debug path and icon of a PE file. One whose headers are damaged tells nothing
    here; that it is a program is told by its beginning."""
    try:
        file = pefile.PE(data=item.content, fast_load=True)
        file.parse_data_directories(_DIRECTORIES)
    # Besides its own errors the parser raises what hostile bytes make it; its bytes are searched all the same.
    except Exception:
        return PartState.READ
    told = [_kind(file), *_bundles(item.content), *_packers(file)]
    if _has(file, _SECURITY):
        told.append("bears a signature, which is not checked")
    notes.observe("file:extensions.'windows-pebinary-ext'.imphash", file.get_imphash(), item.where)
    told += _version(file, item, notes)
    for path in _debug_paths(file):
        notes.observe("x-sekisho-executable:debug_path", path, item.where)
        told.append(f"built as {path}")
    if icon := _icon(file):
        notes.observe("x-sekisho-executable:icon_sha256", hashlib.sha256(icon).hexdigest(), item.where)
    overlay = file.get_overlay_data_start_offset()
    if overlay is not None and not (_has(file, _SECURITY) and _signature_starts(file) <= overlay):
        told.append(f"{len(item.content) - overlay} bytes behind its end, at offset {overlay}")
    notes.find("executable-details", item.where, ", ".join(told))
    return PartState.READ


def read_other(item: Item, notes: Notes) -> PartState:
    """Kind and machine of an ELF, Mach-O or Java class file."""
    head = item.content[:64]
    if head.startswith(b"\x7fELF"):
        big = head[5:6] == b"\2"
        form, machine = (int.from_bytes(head[at : at + 2], "big" if big else "little") for at in (16, 18))
        kind = f"ELF {_ELF_TYPES.get(form, 'file')} for {_MACHINES.get(machine, f'machine {machine}')}"
    elif head.startswith(b"\xca\xfe\xba\xbe"):
        kind = "Java class" if item.sniffed == JAVA else "Mach-O of several machines"
    else:
        form = int.from_bytes(head[12:16], "little" if head[:1] in (b"\xce", b"\xcf") else "big")
        kind = f"Mach-O {_MACH_TYPES.get(form, 'file')}"
    notes.find("executable-details", item.where, ", ".join([kind, *_bundles(item.content)]))
    return PartState.READ


def _kind(file: pefile.PE) -> str:
    wide = file.OPTIONAL_HEADER.Magic == pefile.OPTIONAL_HEADER_MAGIC_PE_PLUS
    subsystem = file.OPTIONAL_HEADER.Subsystem
    kind = "library" if file.FILE_HEADER.Characteristics & 0x2000 else "program"
    if subsystem == _NATIVE:
        kind = "driver"
    elif subsystem == _CONSOLE and kind == "program":
        kind = "console program"
    return f"PE{'64' if wide else '32'}{' .NET' if _has(file, _NET) else ''} {kind}"


def _has(file: pefile.PE, directory: int) -> bool:
    directories = file.OPTIONAL_HEADER.DATA_DIRECTORY
    return len(directories) > directory and bool(directories[directory].Size and directories[directory].VirtualAddress)


def _signature_starts(file: pefile.PE) -> int:
    # Of this directory alone the address is an offset in the file.
    return int(file.OPTIONAL_HEADER.DATA_DIRECTORY[_SECURITY].VirtualAddress)


def _bundles(content: bytes) -> list[str]:
    return list(dict.fromkeys(name for mark, name in _BUNDLES.items() if mark in content))


def _packers(file: pefile.PE) -> list[str]:
    names = [bytes(section.Name).rstrip(b"\0").decode("latin-1").lower() for section in file.sections]
    found = dict.fromkeys(_PACKERS[name] for name in names if name in _PACKERS)
    return [f"sections of {packer}" for packer in found]


def _version(file: pefile.PE, item: Item, notes: Notes) -> Iterator[str]:
    """The strings of the version resource that name the program."""
    entries = [
        pair
        for infos in getattr(file, "FileInfo", [])
        for info in infos
        for table in getattr(info, "StringTable", [])
        for pair in table.entries.items()
    ]
    for key, raw in entries[:_MOST_STRINGS]:
        if (path := _VERSION.get(key)) and raw:
            value = charset.decode(raw, "utf-8")[0].strip("\0 ")
            notes.observe(path, value, item.where)
            yield f"{key.decode()} {value}"


def _debug_paths(file: pefile.PE) -> Iterator[str]:
    for entry in getattr(file, "DIRECTORY_ENTRY_DEBUG", [])[:_MOST_STRINGS]:
        name = getattr(entry.entry, "PdbFileName", b"")
        if path := charset.decode(bytes(name).partition(b"\0")[0], "utf-8")[0]:
            yield path


def _icon(file: pefile.PE) -> bytes:
    """The largest picture of the icons; b"" for none."""
    largest = (0, 0)
    kinds = getattr(getattr(file, "DIRECTORY_ENTRY_RESOURCE", None), "entries", [])
    for kind in kinds:
        if kind.id != pefile.RESOURCE_TYPE["RT_ICON"] or not hasattr(kind, "directory"):
            continue
        for entry in kind.directory.entries[:_MOST_STRINGS]:
            for language in getattr(getattr(entry, "directory", None), "entries", [])[:1]:
                data = language.data.struct
                largest = max(largest, (data.Size, data.OffsetToData))
    return bytes(file.get_data(largest[1], largest[0])) if largest[0] else b""
