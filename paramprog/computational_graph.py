"""The flow graph as an object to look at and to run: `forward` and `backward` as in the lectures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from paramprog.dataflow.semiring import COUNT, PathSum
from paramprog.dataflow.solve import solve
from paramprog.evaluate import Trace
from paramprog.gradient import plain_or_none, pulled
from paramprog.graph import Graph, Node
from paramprog.graph.networks import to_networkx

if TYPE_CHECKING:
    from networkx import MultiDiGraph

    from paramprog.explain.render import Format


class Run(NamedTuple):
    """The executed trace, its output, and the points of the entry function in it."""

    trace: Trace
    output: Node
    points: Mapping[str, Node]

    def named(self) -> dict[str, Node]:
        """Every named point; where an inlined function has a point of the same name, the entry function's."""
        return {n.name: n for n in self.trace.nodes if n.name is not None} | dict(self.points)


class ComputationalGraph:
    """A flow graph that remembers its last run.

    `forward(inputs)` computes every point, `backward()` the adjoint v_X = d(output)/dX of every point of that run.
    A name means the point of the entry function; points of inlined functions are known by names of their own only.

    `record(inputs)` runs the program; `draw` is `Program.draw`.
    """

    def __init__(
        self,
        graph: Graph,
        record: Callable[[Mapping[str, Any]], Run],
        draw: Callable[..., str | bytes],
    ) -> None:
        self.graph = graph
        self._record, self._draw = record, draw
        self._run: Run | None = None

    def __repr__(self) -> str:
        return f"<ComputationalGraph of {len(self.graph)} nodes>"

    def __str__(self) -> str:
        return str(self.graph)

    def __len__(self) -> int:
        return len(self.graph)

    @property
    def nodes(self) -> list[Node]:
        """The operations in topological order."""
        return list(self.graph.nodes)

    def forward(self, inputs: Mapping[str, Any] | None = None) -> Any:
        """Run the program; inputs and params that are not given have their defaults. Returns the output."""
        self._run = self._record(inputs or {})
        return self._run.trace.values[self._run.output]

    def backward(self) -> dict[str, Any]:
        """The adjoint of every named point of the last run; zeros where the output does not depend on it.

        Raises ValueError before the first `forward`.
        """
        run = self._last()
        values = run.trace.values
        adjoints = pulled(run.trace.nodes, values, run.output, np.ones_like(values[run.output]))
        named = {name: n for name, n in run.named().items() if n.kind == "real"}
        found = {name: plain_or_none(adjoints.get(n)) for name, n in named.items()}
        return {k: np.zeros(named[k].shape) if v is None else v for k, v in found.items()}

    def values(self) -> dict[str, Any]:
        """The value of every named point of the last run."""
        run = self._last()
        return {name: run.trace.values[n] for name, n in run.named().items()}

    def path_counts(self) -> dict[str, int]:
        """How many paths lead from each named point to the output, in the last run."""
        run = self._last()
        counts = solve(run.trace.nodes, PathSum(COUNT, [run.output], lambda edge: 1), backward=True)
        return {name: counts[n] for name, n in run.named().items()}

    def draw(self, format: Format = "text", **options: Any) -> str | bytes:
        """The graph as text, DOT, Mermaid, SVG or (bytes) PNG; `options` are those of `Program.draw`."""
        return self._draw(format, **options)

    def to_networkx(self) -> MultiDiGraph[Node]:
        """One vertex per operation, one edge per use (see `graph.networks.to_networkx`)."""
        return to_networkx(self.graph.nodes)

    def _last(self) -> Run:
        if self._run is None:
            raise ValueError("call forward() first: backward() speaks of a run")
        return self._run
