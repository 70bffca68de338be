"""The bound on what one evaluation of a pattern may cost."""

from __future__ import annotations

from sekisho_rules.tree import UnsupportedError


class Budget:
    """Counts steps of a search. Raises UnsupportedError at the first beyond `steps`."""

    def __init__(self, steps: int) -> None:
        self._granted = steps
        self._left = steps

    def spend(self, steps: int = 1) -> None:
        """Count steps."""
        self._left -= steps
        if self._left < 0:
            raise UnsupportedError(f"pattern: over these observations it takes more than {self._granted} steps")
