"""Arrays as static attributes of operations."""

from __future__ import annotations

from typing import Any

import numpy as np


class Constant:
    """An array that is part of a program: read-only, and equal to itself alone."""

    def __init__(self, array: Any) -> None:
        self.array = np.array(array)
        self.array.flags.writeable = False

    def __repr__(self) -> str:
        return f"<{'x'.join(map(str, self.array.shape))} constant>"
