"""Results as one JSON document."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

SCHEMA = 1


def document(**entries: Any) -> str:
    """The document with these entries, in one line; arrays are nested lists, non-finite numbers strings."""
    return json.dumps({"schema": SCHEMA, **_plain(entries)}, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(v) for name, v in value.items()}
    if isinstance(value, str | bool | int | None):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _word(value)
    if isinstance(value, Sequence):
        return [_plain(v) for v in value]
    return _array(value)


def _array(value: Any) -> Any:
    import numpy as np

    plain = value.tolist()
    return plain if np.all(np.isfinite(value)) else _plain(plain)


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
