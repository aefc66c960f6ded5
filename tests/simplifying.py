"""Comparing simplified graphs with the ones they were made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from paramprog.evaluate import evaluate
from paramprog.graph import Node
from paramprog.simplify import Simplified, simplify


def same_bits(a: Any, b: Any) -> bool:
    """Whether two values have one shape, one dtype and the same bits; any NaN is NaN."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind != "f":
        return bool(np.all(a == b))
    equal = (a == b) & (np.signbit(a) == np.signbit(b))
    return bool(np.all(equal | (np.isnan(a) & np.isnan(b))))


def close(a: Any, b: Any) -> bool:
    """Whether two values agree but for the rounding of sums; where one is not finite, the other is the same."""
    a, b = np.asarray(a), np.asarray(b)
    tolerance = 1e-4 if a.dtype == np.float32 else 1e-11
    return (
        a.shape == b.shape and a.dtype == b.dtype and np.allclose(a, b, tolerance, tolerance, equal_nan=True)
    )


def simplified_exactly(
    outputs: Sequence[Node], inputs: Mapping[Node, Any], *, inline_bases: bool = False
) -> Simplified:
    """Both simplifications, checked to be graphs with the same values; the one that may resum."""
    built = evaluate(outputs, inputs)
    exact = simplify(outputs, resum=False, inline_bases=inline_bases)
    shorter = simplify(outputs, inline_bases=inline_bases)
    for s, agree in ((exact, same_bits), (shorter, close)):
        s.graph.check()
        for y, before, after in zip(s.outputs, built, evaluate(s.outputs, s.inputs(inputs)), strict=True):
            assert agree(before, after), f"{before} became {after}: {y!r} of\n{s.graph}"
    return shorter
