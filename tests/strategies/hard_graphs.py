"""Hypothesis strategy: random graphs of what simplification is about, at the values where it could go wrong.

Constants next to values, signs, masks, truth values, sums, spreads, slices, joins and contractions. The values are
small halves, zeros of both signs, infinities and NaN, so sums of few terms are exact in any order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from paramprog.graph import Graph, Node
from paramprog.graph.constant import Constant
from paramprog.op import OPS
from paramprog.transfer.branches import branch
from paramprog.transfer.contract import _alone  # the sizes that a specification needs
from paramprog.transfer.select import Cut
from paramprog.types import Type

SHAPES = [(), (2,), (3,), (2, 3), (3, 2), (2, 2)]
HARD = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -1.5, np.inf, -np.inf, np.nan]
UNARY = ["neg", "copy", "abs", "square", "exp", "sign", "stop", "relu", "sqrt", "tanh"]
BINARY = ["add", "sub", "mul", "div", "div0", "xdivy", "pow", "guard", "maximum", "greater", "equal", "less"]


@dataclass
class HardGraph:
    """A graph with several outputs, and values for its leaves."""

    graph: Graph
    outputs: list[Node]
    inputs: dict[Node, Any] = field(repr=False)

    def __repr__(self) -> str:
        return f"outputs {self.outputs} of\n{self.graph}\nat {self.inputs}"


class _Drawing:
    def __init__(self, draw: Any, graph: Graph, pool: list[Node]) -> None:
        self.draw, self.graph, self.pool = draw, graph, pool

    def one(self, items: Any) -> Any:
        return self.draw(st.sampled_from(list(items)))

    def any(self) -> Node:
        """A value, often the last one: rules are about chains."""
        return self.pool[-1] if self.draw(st.booleans()) else self.one(self.pool)

    def real(self) -> Node:
        last = self.any()
        return last if last.kind == "real" else self.one(n for n in self.pool if n.kind == "real")

    def like(self, x: Node, kind: str = "real") -> Node:
        """A value of the shape of x, or a constant."""
        fits = [n for n in self.pool if n.shape == x.shape and n.kind == kind]
        if not fits or self.draw(st.integers(0, 2)) == 0:
            value = self.draw(st.booleans()) if kind == "bool" else self.one(HARD)
            return self.graph.constant(value, kind, x.shape)
        return self.one(fits)

    def elementwise(self) -> Node:
        x = self.real()
        if self.draw(st.booleans()):
            return OPS[self.one(UNARY)](x)
        pair = [x, self.like(x)]
        if self.draw(st.booleans()):
            pair.reverse()
        return OPS[self.one(BINARY)](*pair)

    def truth(self) -> Node:
        conditions = [n for n in self.pool if n.kind == "bool"]
        if not conditions:
            return OPS["greater"](self.real(), 0.0)
        c = self.one(conditions)
        what = self.one(["not", "and", "or", "real", "mask", "equal"])
        if what == "not":
            return OPS["not"](c)
        if what == "real":
            return OPS["greater"](OPS["real"](c), 0.0)
        if what == "mask":
            return OPS["mask"](c, self.like(c))
        return (
            OPS["equal"](self.like(c), self.like(c))
            if what == "equal"
            else OPS[what](c, self.like(c, "bool"))
        )

    def along_axes(self) -> Node:
        x = self.any()
        rank = len(x.shape)
        what = self.one(["spread", "sum", "transpose", "reshape", "max"])
        if what == "spread" and rank < 3:
            axis = self.draw(st.integers(0, rank))
            return OPS["spread"](x, axes=(axis,), sizes=(self.draw(st.integers(1, 3)),))
        if what == "transpose":
            return OPS["transpose"](x, axes=tuple(self.draw(st.permutations(range(rank)))))
        if what == "reshape":
            to = self.one([(int(np.prod(x.shape)),), x.shape, (*x.shape, 1), x.shape[::-1]])
            return OPS["reshape"](x, of=x.shape, to=to)
        if x.kind == "bool":
            return x
        axes = tuple(a for a in range(rank) if self.draw(st.booleans()))
        return OPS["sum" if what != "max" else "max"](x, axes=axes, sizes=tuple(x.shape[a] for a in axes))

    def cut(self, axis: int, size: int) -> Cut:
        start = self.draw(st.integers(0, size - 1))
        if self.draw(st.integers(0, 2)) == 0:
            return Cut(axis, start, None, 1, size)
        step = self.one([-1, 1, 2])
        longest = start + 1 if step < 0 else (size - start + step - 1) // step
        return Cut(axis, start, self.draw(st.integers(1, longest)), step, size)

    def selection(self) -> Node:
        x = self.any()
        if not x.shape:
            return OPS["stack"](x, self.like(x, x.kind), axis=0)
        axis = self.draw(st.integers(0, len(x.shape) - 1))
        what = self.one(["slice", "slice", "replace", "embed", "concat", "stack", "gather"])
        if what == "slice":
            axes = [axis] if self.draw(st.booleans()) else range(len(x.shape))
            return OPS["slice"](x, cuts=tuple(self.cut(a, x.shape[a]) for a in axes))
        if what == "replace":
            cuts = (self.cut(axis, x.shape[axis]),)
            return OPS["replace"](x, self.like(OPS["slice"](x, cuts=cuts), x.kind), cuts=cuts)
        if what == "embed":
            n = x.shape[axis]
            start, size = self.one([(0, n), (0, n + 1), (1, n + 1)])
            if self.draw(st.booleans()) and len(x.shape) < 3:
                return OPS["embed"](x, cuts=(Cut(axis, 0, None, 1, 2),))
            return OPS["embed"](x, cuts=(Cut(axis, start, n, 1, size),))
        if what == "gather":
            index = self.graph.constant(self.draw(st.integers(0, x.shape[axis] - 1)), "int")
            return OPS["gather"](x, index, axis=axis, size=x.shape[axis])
        return OPS[what](x, self.like(x, x.kind), *([x] if self.draw(st.booleans()) else []), axis=axis)

    def contraction(self) -> Node:
        x, y = self.real(), self.real()
        if len(x.shape) > 2 or len(y.shape) > 2:
            return x
        letters = "ij"[: len(x.shape)]
        other = ""
        for n in y.shape:
            fits = [c for c, m in zip(letters, x.shape, strict=True) if m == n and c not in other]
            new = "k" if "k" not in other else "l"
            other += self.one([*fits, new])
        both = list(dict.fromkeys(letters + other))
        chosen = [c for c in both if self.draw(st.booleans())]
        spec = f"{letters},{other}->{''.join(self.draw(st.permutations(chosen)))}"
        return OPS["contract"](x, y, spec=spec, sizes=_alone(spec, x.shape, y.shape))

    def branch(self, depth: int = 1) -> Node | None:
        """A branch, sometimes with a constant condition, sometimes with equal sides."""
        tests = [n for n in self.pool if n.kind == "bool"]
        condition = self.one(tests) if tests else self.graph.constant(self.draw(st.booleans()))
        lanes = condition.shape
        outer = [n for n in self.pool if n.kind == "real" and n.shape == lanes]
        if not outer:
            return None
        bodies, results = [], []
        for _ in range(2):
            body = Graph(self.graph, lane_rank=len(lanes))
            inner = _Drawing(self.draw, body, [body.own(self.one(outer))])
            for _ in range(self.draw(st.integers(0, 2))):
                inner.pool.append(inner.elementwise())
            if depth and self.draw(st.booleans()):
                made = inner.branch(depth - 1)
                inner.pool += [made] if made is not None else []
            last = inner.pool[-1]
            if last.kind == "bool":
                last = OPS["real"](last)
            results.append(inner.like(last) if self.draw(st.booleans()) else last)
            bodies.append(body)
        if len({r.shape for r in results}) > 1:
            return None
        return branch(self.graph, condition, (bodies[0], bodies[1]), ((results[0],), (results[1],)))[0]


@st.composite
def hard_graphs(draw: Any, steps: int = 12) -> HardGraph:
    """A graph; the last few values are its outputs."""
    graph = Graph(real=draw(st.sampled_from(["float64", "float64", "float32"])))
    inputs = {}
    for k in range(2):
        leaf = graph.leaf(Type("real", draw(st.sampled_from(SHAPES))), f"x{k}")
        values = [draw(st.sampled_from(HARD)) for _ in range(int(np.prod(leaf.shape)))]
        inputs[leaf] = np.reshape(np.array(values, graph.real), leaf.shape)
    pool = [*inputs, graph.emit(OPS["array"], value=Constant([1.0, -0.5]), type=Type("real", (2,)))]
    drawing = _Drawing(draw, graph, pool)
    kinds = ["elementwise", "elementwise", "along_axes", "along_axes", "selection", "selection", "truth"]
    kinds += ["contraction", "branch"]
    for _ in range(draw(st.integers(1, steps))):
        made = getattr(drawing, draw(st.sampled_from(kinds)))()
        if made is not None and int(np.prod(made.shape)) <= 64:
            pool.append(made)
    return HardGraph(graph, pool[-4:], inputs)
