"""What primitives say about many lanes at once, and about the entries that their linear maps add."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from paramprog.op.linear import Attrs, Linear
from paramprog.types import Dim


class Lanes(Protocol):
    """What a batching rule needs to know: how many lanes there are, and how a value becomes the same in all of them."""

    @property
    def size(self) -> Dim: ...
    def widen(self, x: Any) -> Any: ...


Lift = Callable[[Attrs, Dim], Attrs]
"""(attributes, number of lanes) -> the attributes for arguments that all have one more axis, the first."""

BatchRule = Callable[..., Any]
"""(lanes, which arguments have lanes, *arguments, **attrs) -> the results of all lanes, on arrays or on nodes."""


class Sets(Protocol):
    """Sets by their labels, ints or bools: 0 is the empty set. What they are sets of, the owner knows."""

    def grouped(self, labels: Any, groups: Any, count: int) -> Any:
        """The labels of `count` unions, of those `labels` that have the number of the union in `groups`."""


Depends = Callable[[Linear, Any, Sets], Any]
"""(linear map, labels of its argument's entries, sets) -> labels of the entries of its result, a union of those that it
adds: see transfer/dependence.py."""


def trailing_axes(attrs: Attrs, size: Dim) -> Attrs:
    """The lift of primitives that speak of the last axes: nothing changes."""
    return attrs


def numbered_axes(attrs: Attrs, size: Dim) -> Attrs:
    """The lift of primitives whose attributes `axis` and `axes` number the axes from the front."""
    found = dict(attrs)
    if "axis" in attrs:
        found["axis"] = attrs["axis"] + 1
    if "axes" in attrs:
        found["axes"] = tuple(a + 1 for a in attrs["axes"])
    return found


class NoLanes(TypeError):
    """A primitive has neither `lift` nor `batch`, and is not elementwise."""
