"""How many messages a fleet deals with before it ends."""

import asyncio


class Quota:
    """Counts messages for all phones that share it; ``None`` is no bound."""

    def __init__(self, messages: int | None) -> None:
        self._left = messages
        self._undone = messages
        self.finished = asyncio.Event()
        if messages == 0:
            self.finished.set()

    @property
    def left(self) -> int | None:
        """How many may still be taken."""
        return self._left

    def take(self) -> bool:
        """True if one more may be taken; it is counted then."""
        if self._left is None:
            return True
        if self._left == 0:
            return False
        self._left -= 1
        return True

    def dealt(self) -> None:
        """One that was taken is dealt with."""
        if self._undone is not None:
            self._undone -= 1
            if self._undone == 0:
                self.finished.set()
