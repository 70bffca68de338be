"""The format "stix": bundles of STIX 2.0 and 2.1, and the envelopes of TAXII."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sekisho_rules.indicator import Refusal
from sekisho_rules.indicator_files import Provenance
from sekisho_rules.stix_objects import MOST_OBJECTS, StixReader

from sekisho_feeds.harvest import Document, FeedError, Harvest
from sekisho_feeds.options import chosen, whole

OPTIONS = {"most_objects": "1000000", "largest_document": str(1 << 28)}
_LARGEST = 1 << 30


def stix(documents: Iterable[Document], provenance: Provenance, options: Mapping[str, str]) -> Harvest:
    """The indicators of all documents together: a marking, a relationship or a malware may lie on another page than
    the indicator that it is about. Raises FeedError as `Format` says, and beyond the bounds that the options set."""
    given = chosen(OPTIONS, options)
    largest = whole(given, "largest_document", _LARGEST)
    refused: list[Refusal] = []
    reader = StixReader(provenance, refused, whole(given, "most_objects", MOST_OBJECTS))
    for document in documents:
        place = f"{provenance.source}: {document.name}"
        if len(document.content) > largest:
            raise FeedError(f"{place}: larger than {largest} bytes")
        try:
            reader.add(document.content, document.name)
        except ValueError as error:
            raise FeedError(f"{place}: {error}") from error
    return Harvest(reader.indicators(), refused)
