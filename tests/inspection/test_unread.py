"""Content without a reader: told by its bytes, and never clean."""

from __future__ import annotations

import pytest
from sekisho_inspection.names import last_component


@pytest.mark.parametrize("name", ["a/invoice.js/.", "invoice.js/./", "a\\invoice.js\\.", "invoice.js//./."])
def test_last_folder_that_is_a_dot_is_no_name(name: str) -> None:
    """A path that ends in a dot as its last folder has the name before it (B17)."""
    assert last_component(name) == "invoice.js"
