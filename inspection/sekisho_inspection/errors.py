"""The error of this room that an operator is to read."""

from __future__ import annotations

from sekisho_core.errors import SekishoError


class InspectionError(SekishoError):
    """An inspection service that cannot start, be reached or do what was asked."""
