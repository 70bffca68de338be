"""Containers: which reader takes the members out of which archive, and under which name they are then known."""

from __future__ import annotations

from collections.abc import Callable

from sekisho_core.vocabulary import PartState

from sekisho_inspection import archive, bundles, cab, catalogs, disc, disk, lzh, rar, sevenzip, streams, volumes, zip
from sekisho_inspection.notes import Item, Notes

FileReader = Callable[[Item, Notes], PartState]
READERS: dict[str, FileReader] = {
    "application/zip": zip.read_zip,
    "application/gzip": archive.read_gzip,
    "application/x-tar": archive.read_tar,
    sevenzip.KIND: sevenzip.read_sevenzip,
    rar.KIND: rar.read_rar,
    lzh.KIND: lzh.read_lzh,
    cab.KIND: cab.read_cab,
    disc.KIND: disc.read_disc,
    **dict.fromkeys((disk.VHD, disk.VHDX, disk.RAW), disk.read_disk),
    **dict.fromkeys(streams.KINDS, streams.read_stream),
    **dict.fromkeys(catalogs.KINDS, catalogs.read_catalog),
    **dict.fromkeys(bundles.KINDS, bundles.read_bundle),
}
# A program among the members of these is an archived one.
READINGS = frozenset(
    ["zip", "gzip", "tar", sevenzip.READING, rar.READING, lzh.READING, cab.READING, disc.READING, disk.READING]
)
READINGS |= streams.READINGS | bundles.READINGS | {catalogs.READING, volumes.READING}
