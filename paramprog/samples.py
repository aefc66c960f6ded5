"""Many samples of a compiled program at once: outputs, mean gradients, gradients of each sample.

Inputs in `rows` have a value for each sample, all others one for all. For each number of samples the batched graph is
made, simplified and planned once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from paramprog.analyses.budget import Fitted, fit
from paramprog.batch import batch
from paramprog.compile.backend import Backend, choose
from paramprog.gradient import adjoint
from paramprog.graph import Node
from paramprog.graph.depth import deep_stack
from paramprog.op import OPS
from paramprog.simplify import simplify
from paramprog.types import Type


@dataclass(eq=False)
class Samples:
    """Nodes of one sample, over many. `rows` are the leaves that have a value for each sample.

    With `memory` the loops of gradients hold at most so many bytes for it: `fitted` says how (analyses/budget.py).
    """

    rows: Collection[Node]
    memory: int | None = None
    fitted: Fitted | None = None
    backend: Backend = "auto"
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

        key = ("mean", output, tuple(wrt), size)
        return self._planned(key, size, lambda: self._mean_gradient(output, wrt, size))

    def mean_gradient_into(
        self,
        output: Node,
        wrt: Sequence[Node],
        size: int,
        into: Sequence[NDArray[Any]],
        *,
        backend: Backend = "auto",
        runs: int = 1,
    ) -> Evaluation:
        """Like `mean_gradient`, the gradients being written into these arrays; it is the caller who keeps it.

        `runs` is about how often: see compile/backend.py.
        """
        with deep_stack():
            made = self._mean_gradient(output, wrt, size)
            wide = self._leaves.get(size, {})
            return Evaluation(made, wide, [None, *into], backend=backend, runs=runs)

    def each_gradient(self, output: Node, wrt: Sequence[Node], size: int) -> Evaluation:
        """`output` and its gradients for each sample, `[size, *shape]`; None for a structural zero."""

        def make(states: Mapping[Node, int] | None = None) -> list[Node | None]:
            found = adjoint(output, wrt, states=states)
            wide = iter(self._over([output, *(d for d in found if d is not None)], size))
            return [next(wide), *(None if d is None else next(wide) for d in found)]

        return self._planned(("each", output, tuple(wrt), size), size, lambda: self._fitting(output, make))

    def mean_nodes(self, output: Node, wrt: Sequence[Node], size: int) -> list[Node | None]:
        """The nodes of `mean_gradient`; `leaves` are those that they take."""
        with deep_stack():
            return self._mean_gradient(output, wrt, size)

    def leaves(self, size: int) -> Mapping[Node, Node]:
        """The leaves of many samples, by those of one in `rows`."""
        return self._leaves[size]

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

    def _mean_gradient(self, output: Node, wrt: Sequence[Node], size: int) -> list[Node | None]:
        (mean,) = self._means([output], size)
        return self._fitting(mean, lambda states: [mean, *adjoint(mean, wrt, states=states)])

    def _fitting(
        self, output: Node, make: Callable[[Mapping[Node, int] | None], list[Node | None]]
    ) -> list[Node | None]:
        """What `make` makes, with as many states in loops as fit. Raises ProgramError when no number does."""
        if self.memory is None:
            return make(None)
        states, self.fitted = fit(
            output, lambda states: [n for n in make(states) if n is not None], None, self.memory
        )
        return make(states)

    def _planned(self, key: Any, size: int, make: Any) -> Evaluation:
        if key not in self._plans:
            with deep_stack():
                self._plans[key] = Evaluation(make(), self._leaves.get(size, {}), backend=self.backend)
        return self._plans[key]


class Evaluation:
    """Nodes to be evaluated again and again, some of them None; `wide` maps leaves to those of all samples.

    Where `into` has an array for an output that is not None, its value is written into it.
    """

    def __init__(
        self,
        outputs: Sequence[Node | None],
        wide: Mapping[Node, Node],
        into: Sequence[NDArray[Any] | None] = (),
        *,
        backend: Backend = "auto",
        runs: int = 1,
    ) -> None:
        self.outputs = outputs
        made = simplify([y for y in outputs if y is not None])
        single = {leaf: x for x, leaf in wide.items()}
        found = [(single.get(old, old), new) for old, new in made.of.items() if old.op.name == "leaf"]
        self.leaves = [old for old, _ in found]
        """The leaves that values are needed for, as those of one sample."""
        arrays = [a for y, a in zip(outputs, into, strict=False) if y is not None]
        targets = {k: a for k, a in enumerate(arrays) if a is not None}
        self.chosen = choose(made.outputs, [new for _, new in found], targets, backend=backend, runs=runs)
        self.plan = self.chosen.plan

    def __call__(self, values: Mapping[Node, Any]) -> list[Any]:
        """Results may lie in buffers that the next call overwrites. Raises ProgramError like `evaluate`."""
        found = iter(self.plan(*[values[leaf] for leaf in self.leaves]))
        return [None if y is None else next(found) for y in self.outputs]
