"""Many samples of a compiled program at once: outputs, mean gradients, gradients of each sample.

Inputs in `rows` have a value for each sample, all others one for all. For each number of samples the batched graph is
made, simplified and planned once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from paramprog.batch import batch
from paramprog.compile.numpy_plan import Plan
from paramprog.gradient import adjoint
from paramprog.graph import Node
from paramprog.graph.depth import deep_stack
from paramprog.op import OPS
from paramprog.simplify import simplify
from paramprog.types import Type


@dataclass(eq=False)
class Samples:
    """Nodes of one sample, over many. `rows` are the leaves that have a value for each sample."""

    rows: Collection[Node]
    _leaves: dict[int, dict[Node, Node]] = field(default_factory=dict)
    _plans: dict[Any, Evaluation] = field(default_factory=dict)

    @property
    def sizes(self) -> int:
        """For how many numbers of samples there are plans, and graphs."""
        return len(self._leaves)

    def values(self, nodes: Sequence[Node], size: int) -> Evaluation:
        """[size, *shape] of each node."""
        return self._planned(("values", tuple(nodes), size), size, lambda: self._over(nodes, size))

    def means(self, nodes: Sequence[Node], size: int) -> Evaluation:
        """The mean over the samples of each node, which is real."""
        return self._planned(("means", tuple(nodes), size), size, lambda: self._means(nodes, size))

    def mean_gradient(self, output: Node, wrt: Sequence[Node], size: int) -> Evaluation:
        """The mean of `output` over the samples, then its gradients; None for a structural zero.

        The mean is differentiated, not the samples, so the gradient of a weight never has an axis of samples.
        """

        def make() -> list[Node | None]:
            (mean,) = self._means([output], size)
            return [mean, *adjoint(mean, wrt)]

        return self._planned(("mean", output, tuple(wrt), size), size, make)

    def each_gradient(self, output: Node, wrt: Sequence[Node], size: int) -> Evaluation:
        """`output` and its gradients for each sample, `[size, *shape]`; None for a structural zero."""

        def make() -> list[Node | None]:
            found = adjoint(output, wrt)
            wide = iter(self._over([output, *(d for d in found if d is not None)], size))
            return [next(wide), *(None if d is None else next(wide) for d in found)]

        return self._planned(("each", output, tuple(wrt), size), size, make)

    # ---- making graphs -------------------------------------------------------------------------------------------

    def _inputs(self, size: int, graph: Any) -> dict[Node, Node]:
        if size not in self._leaves:
            self._leaves[size] = {x: graph.leaf(Type(x.kind, (size, *x.shape)), x.name) for x in self.rows}
        return self._leaves[size]

    def _over(self, nodes: Sequence[Node], size: int) -> list[Node]:
        return batch(nodes, self._inputs(size, nodes[0].graph), size)

    def _means(self, nodes: Sequence[Node], size: int) -> list[Node]:
        mean = OPS["mean"]
        return [mean(y, axes=(0,), sizes=(size,)) for y in self._over(nodes, size)]

    def _planned(self, key: Any, size: int, make: Any) -> Evaluation:
        if key not in self._plans:
            with deep_stack():
                self._plans[key] = Evaluation(make(), self._leaves.get(size, {}))
        return self._plans[key]


class Evaluation:
    """Nodes to be evaluated again and again, some of them None; `wide` maps leaves to those of all samples."""

    def __init__(self, outputs: Sequence[Node | None], wide: Mapping[Node, Node]) -> None:
        self.outputs = outputs
        made = simplify([y for y in outputs if y is not None])
        single = {leaf: x for x, leaf in wide.items()}
        found = [(single.get(old, old), new) for old, new in made.of.items() if old.op.name == "leaf"]
        self.leaves = [old for old, _ in found]
        """The leaves that values are needed for, as those of one sample."""
        self.plan = Plan(made.outputs, [new for _, new in found])

    def __call__(self, values: Mapping[Node, Any]) -> list[Any]:
        """Results may lie in buffers that the next call overwrites. Raises ProgramError like `evaluate`."""
        found = iter(self.plan(*[values[leaf] for leaf in self.leaves]))
        return [None if y is None else next(found) for y in self.outputs]
