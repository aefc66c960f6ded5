"""SIGINT and SIGTERM as a wish that the training loop grants between two steps.

`with Interrupts() as stop:` the loop looks at `stop.requested` after each step, writes its checkpoint and leaves. A
second Ctrl-C does not wait for that: it raises KeyboardInterrupt at once, wherever the loop is.
"""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """While entered, SIGINT and SIGTERM set `requested` to the number of the first of them; it stays set afterwards.

    The handlers from before are back after it. A signal that is ignored (SIGINT under `nohup ... &`) stays so. Outside
    the main thread, where Python allows no handlers, nothing happens and `requested` stays None.
    """

    def __init__(self) -> None:
        self.requested: int | None = None
        self._before: list[tuple[int, Any]] = []

    def __enter__(self) -> Self:
        for number in SIGNALS:
            before = signal.getsignal(number)
            if before is None or before is signal.SIG_IGN:  # None: set by C code, and could not be restored
                continue
            try:
                signal.signal(number, self._handle)
            except ValueError:  # not the main thread
                break
            self._before.append((number, before))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._before:
            number, before = self._before.pop()
            signal.signal(number, before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested is None:
            self.requested = number
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
