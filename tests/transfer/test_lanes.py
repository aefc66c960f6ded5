"""Batching rules: the results of many lanes at once are those of each lane, on arrays and on nodes."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from oracles import CASES, Case

from paramprog.batch import NodeLanes, batch
from paramprog.evaluate import evaluate
from paramprog.graph import ArrayLanes, Graph
from paramprog.types import Type

LANES = 3

NONE = ("compress", "expand")
"""The number of lanes that they select is an attribute, so it is the same in all lanes: they belong to traces."""

WITH_ARGUMENTS = [c for c in CASES if c.types and c.op.name not in NONE]


def lanes_of(case: Case) -> list[list[Any]]:
    """Arguments for each lane; indices are in range in each, and differ."""
    found = [case.sample(seed) for seed in range(LANES)]
    for xs in found[1:]:
        for port, t in enumerate(case.types):
            if t.kind == "int" and found[0][port].size > 1:
                xs[port] = np.roll(found[0][port], 1 if xs is found[1] else -1, 0)
    return found


@pytest.mark.parametrize("case", WITH_ARGUMENTS, ids=str)
def test_lanes_are_computed_one_by_one(case: Case):
    """For every choice of the arguments that have lanes: stacking the results of the lanes is the same."""
    lanes = lanes_of(case)
    for flags in product((False, True), repeat=len(case.types)):
        if not any(flags):
            continue
        chosen = [[xs[p] if f else lanes[0][p] for p, f in enumerate(flags)] for xs in lanes]
        expected = np.stack([case.value(*xs) for xs in chosen])
        args = [np.stack([xs[p] for xs in lanes]) if f else lanes[0][p] for p, f in enumerate(flags)]
        found = case.op.over_lanes(ArrayLanes(LANES), flags, *args, **case.attrs)
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)
        assert np.asarray(found).dtype == expected.dtype

        graph = Graph()
        leaves = [
            graph.leaf(Type(t.kind, ((LANES,) if f else ()) + t.shape))
            for t, f in zip(case.types, flags, strict=True)
        ]
        node = case.op.over_lanes(NodeLanes(graph, LANES), flags, *leaves, **case.attrs)
        graph.check()
        assert node.type == Type(case.result.kind, (LANES, *case.result.shape))
        (value,) = evaluate([node], dict(zip(leaves, args, strict=True)))
        np.testing.assert_allclose(value, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("case", WITH_ARGUMENTS, ids=str)
def test_lanes_of_lanes(case: Case):
    """A rule applied to its own result: two axes of lanes, in all arguments, and in the first one only."""
    rng = np.random.default_rng(5)
    lanes = lanes_of(case)
    for first_only in (False, True):
        flags = [p == 0 or not first_only for p in range(len(case.types))]
        order = rng.integers(0, LANES, (2, LANES))
        graph = Graph()
        inner = [
            graph.leaf(Type(t.kind, ((LANES,) if f else ()) + t.shape))
            for t, f in zip(case.types, flags, strict=True)
        ]
        once = case.op.over_lanes(NodeLanes(graph, LANES), flags, *inner, **case.attrs)
        outer = [
            graph.leaf(Type(t.kind, ((2, LANES) if f else ()) + t.shape))
            for t, f in zip(case.types, flags, strict=True)
        ]
        (twice,) = batch([once], {a: b for a, b, f in zip(inner, outer, flags, strict=True) if f}, 2)
        graph.check()
        given = {
            leaf: np.stack([np.stack([lanes[k][p] for k in row]) for row in order]) if f else lanes[0][p]
            for p, (leaf, f) in enumerate(zip(outer, flags, strict=True))
        }
        given |= {leaf: lanes[0][p] for p, (leaf, f) in enumerate(zip(inner, flags, strict=True)) if not f}
        expected = np.stack(
            [
                np.stack(
                    [
                        case.value(*(lanes[k][p] if f else lanes[0][p] for p, f in enumerate(flags)))
                        for k in row
                    ]
                )
                for row in order
            ]
        )
        (value,) = evaluate([twice], given)
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)
