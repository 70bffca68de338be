"""The stamp on bytes: ours come first, forged ones go, nothing else moves."""

from __future__ import annotations

import pytest
from sekisho_core.stamp import stamped


@pytest.mark.parametrize(
    ("content", "rest"),
    [
        (b"A: b\r\nX-Sekisho-Action: accept\r\n c\r\n\td\r\nE: f\r\n\r\nx\r\n", b"A: b\r\nE: f\r\n\r\nx\r\n"),
        (b"x-SEKISHO-id : 1\r\nX-Sekisho: 2\r\nX-Sekisho2: 3\r\n\r\n", b"X-Sekisho2: 3\r\n\r\n"),
        (b"A: b\r\n\r\nX-Sekisho-Id: in the body\r\n", b"A: b\r\n\r\nX-Sekisho-Id: in the body\r\n"),
        (b"\r\nX-Sekisho-Id: no header at all\r\n", b"\r\nX-Sekisho-Id: no header at all\r\n"),
        (b"A: b\n \nX-Sekisho-Id: 1\n\nx", b"A: b\n \n\nx"),
        (b"X-Sekisho-Id: only", b""),
        (b"", b""),
    ],
)
def test_stamped(content: bytes, rest: bytes) -> None:
    """Forged headers go with their folds, in any case; the body and all else stay byte for byte."""
    assert stamped(content, "X-Sekisho", {"Action": "tag"}) == b"X-Sekisho-Action: tag\r\n" + rest
