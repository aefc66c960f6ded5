"""Hypothesis strategy: random flow graphs of scalars and small arrays, with sharing, products, branches and loops.

All values stay moderate, and no condition is near its threshold at the inputs drawn, so differences are
meaningful.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from paramprog.graph import Graph, Node, Result, part
from paramprog.op import OPS
from paramprog.transfer.branches import branch, mapped
from paramprog.transfer.loops import loop
from paramprog.transfer.select import Cut
from paramprog.types import Type

SHAPES = [(), (2,), (2, 2)]
UNARY = ["sin", "cos", "tanh", "sigmoid", "softplus", "atan", "neg", "copy", "asinh"]


@dataclass
class Drawn:
    """A graph with a scalar output, and values for its leaves."""

    graph: Graph
    leaves: list[Node]
    output: Node
    inputs: dict[Node, Any] = field(repr=False)

    def __repr__(self) -> str:
        return f"output {self.output!r} of\n{self.graph}"


def _apply(draw: Any, pool: list[Node]) -> Node:
    """One elementwise operation on values of one shape, or a scalar beside one."""
    a = draw(st.sampled_from(pool))
    fits = [n for n in pool if not n.shape or n.shape == a.shape]
    b = draw(st.sampled_from(fits))
    kind = draw(st.sampled_from(["unary", "add", "sub", "mul", "div", "number"]))
    if kind == "unary":
        return OPS[draw(st.sampled_from(UNARY))](a)
    if kind == "number":
        return a * draw(st.sampled_from([0.5, -1.25, 2]))
    if kind == "mul":
        return a * OPS["sin"](b)
    if kind == "div":
        return a / (1.5 + OPS["cos"](b) * OPS["cos"](b))
    return OPS[kind](a, b)


def _rearrange(draw: Any, pool: list[Node]) -> Node:
    """One operation that changes the shape, or a matrix product."""
    a = draw(st.sampled_from(pool))
    if a.shape == ():
        return OPS["spread"](a, axes=(0,), sizes=(2,))
    matrices = [n for n in pool if n.shape == (2, 2)]
    if a.shape == (2,):
        if matrices and draw(st.booleans()):
            return OPS["contract"](draw(st.sampled_from(matrices)), a, spec="ij,j->i", sizes=())
        if draw(st.booleans()):
            return OPS["stack"](a, draw(st.sampled_from([n for n in pool if n.shape == (2,)])), axis=0)
        return OPS["slice"](a, cuts=(Cut(0, draw(st.integers(0, 1)), None, 1, 2),))
    which = draw(st.sampled_from(["product", "transpose", "sum", "logsumexp", "mean"]))
    if which == "product":
        return OPS["contract"](a, draw(st.sampled_from(matrices)), spec="ij,jk->ki", sizes=()) * 0.5
    if which == "transpose":
        return OPS["transpose"](a, axes=(1, 0))
    return OPS[which](a, axes=(draw(st.integers(0, 1)),), sizes=(2,))


def _branch(draw: Any, graph: Graph, pool: list[Node], tests: list[Node], depth: int) -> Node | None:
    """A branch on the sign of a test value; per lane if that is an array. Arms use outer values or none."""
    test = draw(st.sampled_from(tests))
    lanes = test.shape
    outer = [n for n in pool if n.shape == lanes]
    if not outer:
        return None
    condition = OPS["greater"](test, 0.0)
    bodies = (Graph(graph, lane_rank=len(lanes)), Graph(graph, lane_rank=len(lanes)))
    results = []
    for body in bodies:
        if draw(st.integers(0, 3)) == 0:
            results.append(body.constant(draw(st.sampled_from([0.0, 1.5]))))
            continue
        inside = [body.own(draw(st.sampled_from(outer)))]
        for _ in range(draw(st.integers(0, 2))):
            inside.append(_apply(draw, inside))
        if depth:
            inner = _branch(draw, body, inside, [body.own(test)], depth - 1)
            inside += [inner] if inner is not None else []
        results.append(inside[-1])
    # an arm that is one outer value as it is stays a scalar of its body
    return branch(graph, condition, bodies, ((results[0],), (results[1],)))[0]


def _inside(draw: Any, body: Graph, inside: list[Node], tests: list[Node], depth: int, steps: int) -> None:
    """A few operations in a body, appended to `inside`; other regions among them."""
    for _ in range(draw(st.integers(1, steps))):
        what = draw(st.sampled_from(["apply", "apply", "apply", "rearrange", "branch", "loop", "mapped"]))
        made: list[Node] = []
        if what == "apply":
            made = [_apply(draw, inside)]
        elif what == "rearrange":
            made = [_rearrange(draw, inside)]
        elif depth and what == "branch":
            found = _branch(draw, body, inside, tests, 0)
            made = [] if found is None else [found]
        elif depth and what == "loop":
            made = _loop(draw, body, inside, tests, depth - 1)
        elif depth and what == "mapped":
            made = _mapped(draw, body, inside, tests, depth - 1)
        inside += made


def _loop(draw: Any, graph: Graph, pool: list[Node], tests: list[Node], depth: int) -> list[Node]:
    """Last values of the carries of a loop: of a fixed number of turns, one known at run time, or with a test."""
    kind = draw(st.sampled_from(["static", "static", "limit", "while"]))
    body, test = Graph(graph), None
    reverse = draw(st.booleans())
    limit: Node | None = graph.constant(draw(st.integers(0, 3)), "int")
    if kind == "limit":  # one turn more where a leaf is positive
        above = OPS["greater"](graph.own(draw(st.sampled_from(tests))), 0.0)
        above = OPS["any"](above, axes=tuple(range(len(above.shape))))
        limit = OPS["int"](OPS["real"](above)) + 1
    starts = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=2))
    carries = [body.port("carry", n) for n in starts]
    inside = [*carries, body.own(draw(st.sampled_from(pool)))]
    next: list[tuple[Node, Node]] = []
    if kind == "while":
        limit, reverse = None, False
        turns = body.port("carry", graph.constant(float(draw(st.integers(0, 2)))))
        test = OPS["less"](turns, 1.5)
        next.append((turns, turns + 1.0))
    else:
        inside.append(OPS["real"](body.port("index", None)) * 0.5)
        if limit is not None and limit.op.name == "full" and limit.attrs["value"] == 2:
            rows = [n for n in pool if n.shape]
            inside += [body.port("scan", draw(st.sampled_from(rows)))] if rows else []
    _inside(draw, body, inside, [body.own(t) for t in tests], depth, 3)
    for c in carries:
        n = draw(st.sampled_from([n for n in inside if n.shape == c.shape]))
        next.append((c, OPS["tanh"](n) if draw(st.booleans()) else n))
    made = loop(graph, limit, body, next, test, reverse=reverse)
    first = len(next) - len(carries)
    return [part(made, Result(k)) for k in range(first, len(next))]


def _mapped(draw: Any, graph: Graph, pool: list[Node], tests: list[Node], depth: int) -> list[Node]:
    """Two entries of a body, each with an entry of an array and its number."""
    body = Graph(graph, lane_rank=1, shared=True)
    number = body.port("free", graph.array(np.array([1, 2])))
    inside = [OPS["real"](number) * 0.5, body.own(draw(st.sampled_from(pool)))]
    rows = [n for n in pool if n.shape]
    if rows:
        inside.append(body.port("free", draw(st.sampled_from(rows))))
    _inside(draw, body, inside, [body.own(t) for t in tests], depth, 3)
    small = [n for n in inside if len(n.shape) < 2]
    return mapped(graph, (2,), body, [draw(st.sampled_from(small))])


@st.composite
def graphs(draw: Any, *, branches: bool = True, loops: bool = True, steps: int = 10) -> Drawn:
    """A graph whose output is a weighted sum of everything computed."""
    graph = Graph()
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    leaves, inputs = [], {}
    for k in range(draw(st.integers(1, 3))):
        leaf = graph.leaf(Type("real", draw(st.sampled_from(SHAPES))), f"x{k}")
        leaves.append(leaf)
        inputs[leaf] = np.asarray(rng.uniform(0.2, 1.5, leaf.shape) * rng.choice([-1, 1], leaf.shape))
    pool = list(leaves)
    for _ in range(draw(st.integers(1, steps))):
        what = draw(st.sampled_from(["apply", "apply", "apply", "rearrange", "branch", "region"]))
        made: Node | None = None
        if what == "branch":
            made = _branch(draw, graph, pool, leaves, 1) if branches else None
        elif what != "region":
            made = _apply(draw, pool) if what == "apply" else _rearrange(draw, pool)
        elif branches and loops:
            pool += draw(st.sampled_from([_loop, _mapped]))(draw, graph, pool, leaves, 1)
        if made is not None:
            pool.append(made)
    output = graph.constant(0.0)
    for n in pool[-3:]:
        output = output + OPS["sum"](n, axes=tuple(range(len(n.shape))), sizes=n.shape)
    return Drawn(graph, leaves, output, inputs)
