"""Many samples of a compiled program at once: outputs, mean gradients, gradients of each sample.

Inputs in `rows` have a value for each sample, all others one for all. For each number of samples the batched graph is
made, simplified and planned once; compiled code is for any number of them, where that can be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from paramprog.analyses.budget import Fitted, fit
from paramprog.batch import batch
from paramprog.compile.backend import Backend, choose
from paramprog.compile.merge import NotMerged
from paramprog.gradient import adjoint
from paramprog.graph import Graph, Node, cone
from paramprog.graph.depth import deep_stack
from paramprog.graph.graph import bodies
from paramprog.op import OPS
from paramprog.simplify import simplify
from paramprog.transfer.source import LEAF
from paramprog.types import Probe, Type


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
        return sum(not isinstance(size, Probe) for size in self._leaves)

    def values(self, nodes: Sequence[Node], size: int) -> Evaluation:
        """[size, *shape] of each node."""
        return self._planned(("values", tuple(nodes)), size, lambda n: self._over(nodes, n))

    def means(self, nodes: Sequence[Node], size: int) -> Evaluation:
        """The mean over the samples of each node, which is real."""
        return self._planned(("means", tuple(nodes)), size, lambda n: self._means(nodes, n))

    def mean_gradient(self, output: Node, wrt: Sequence[Node], size: int) -> Evaluation:
        """The mean of `output` over the samples, then its gradients; None for a structural zero.

        The mean is differentiated, not the samples, so the gradient of a weight never has an axis of samples; that of
        an input with samples has.
        """
        key = ("mean", output, tuple(wrt))
        return self._planned(key, size, lambda n: self._mean_gradient(output, wrt, n))

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
            over = _Over(lambda n: self._mean_gradient(output, wrt, n), self, size)
            return Evaluation(over, [None, *into], backend=backend, runs=runs)

    def each_gradient(self, output: Node, wrt: Sequence[Node], size: int) -> Evaluation:
        """`output` and its gradients for each sample, `[size, *shape]`; None for a structural zero."""

        def make(n: int) -> list[Node | None]:
            found = adjoint(output, wrt)
            wide = iter(self._over([output, *(d for d in found if d is not None)], n))
            return [next(wide), *(None if d is None else next(wide) for d in found)]

        key = ("each", output, tuple(wrt))
        if self.memory is not None or _has_checkpoints(output.graph):
            return self._planned(key, size, lambda n: self._each_with_few_states(output, wrt, n))
        return self._planned(key, size, make)

    def mean_nodes(self, output: Node, wrt: Sequence[Node], size: int) -> list[Node | None]:
        """The nodes of `mean_gradient`; `leaves` are those that they take."""
        with deep_stack():
            return self._mean_gradient(output, wrt, size)

    def leaves(self, size: int) -> Mapping[Node, Node]:
        """The leaves of many samples, by those of one in `rows`."""
        return self._leaves.get(size, {})

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
        wide = [self._inputs(size, output.graph).get(x, x) for x in wrt]
        return self._fitting(mean, lambda states: [mean, *adjoint(mean, wide, states=states)])

    def _each_with_few_states(self, output: Node, wrt: Sequence[Node], size: int) -> list[Node | None]:
        """The same by the sum over samples, of which each has its own copies of what is differentiated by.

        The adjoint of batched loops runs turns again; a batched adjoint would record them all.
        """
        graph = output.graph
        given = dict(self._inputs(size, graph))
        inner = any(x.op is not LEAF for x in wrt)
        for n in cone(graph.nodes, [output, *wrt]):
            own = n in wrt or (inner and n.op is LEAF and n.kind == "real")
            if n not in given and own and (n.op is LEAF or not _varies(n)):
                given[n] = OPS["spread"](n, axes=(0,), sizes=(size,))
        y, *points = batch([output, *wrt], given, size)
        total = OPS["sum"](y, axes=(0,), sizes=(size,))
        return self._fitting(total, lambda states: [y, *adjoint(total, points, states=states)])

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

    def _planned(self, key: Any, size: int, make: Making) -> Evaluation:
        found = self._plans.get(key) or self._plans.get((key, size))
        if found is None:
            with deep_stack():
                found = Evaluation(_Over(make, self, size), backend=self.backend)
            self._plans[key if found.chosen.for_any else (key, size)] = found
        return found


def _varies(node: Node) -> bool:
    """Whether it is made of any leaf."""
    return any(n.op is LEAF for n in cone(node.graph.nodes, [node]))


def _has_checkpoints(graph: Graph) -> bool:
    """Whether a loop is to keep few states."""
    waiting = [graph]
    while waiting:
        for n in waiting.pop().nodes:
            if "checkpoint" in n.attrs:
                return True
            waiting += bodies(n)
    return False


Making = Callable[[int], Sequence[Node | None]]
"""From a number of samples to nodes over so many."""


class _Over:
    """What `make` makes for `size` samples, simplified, and for other numbers of them."""

    def __init__(self, make: Making, samples: Samples, size: int) -> None:
        self.make, self.samples = make, samples
        self.outputs = make(size)
        self.simplified, found = self._simplified(self.outputs, size)
        self.leaves, self.wide = list(found), list(found.values())
        """The leaves that values are needed for, as those of one sample, and as they are here."""

    def _simplified(
        self, outputs: Sequence[Node | None], size: int
    ) -> tuple[Sequence[Node], dict[Node, Node]]:
        made = simplify([y for y in outputs if y is not None])
        single = {leaf: x for x, leaf in self.samples.leaves(size).items()}
        found = {single.get(old, old): new for old, new in made.of.items() if old.op.name == "leaf"}
        return made.outputs, found

    def other(self, size: int) -> tuple[Sequence[Node], Sequence[Node]]:
        """The outputs and their leaves, over another number of samples. Raises NotMerged when they are others."""
        made, found = self._simplified(self.make(size), size)
        if found.keys() != set(self.leaves):
            raise NotMerged("what is needed depends on the number of samples")
        return made, [found[leaf] for leaf in self.leaves]


class Evaluation:
    """Nodes to be evaluated again and again, some of them None.

    Where `into` has an array for an output that is not None, its value is written into it.
    """

    def __init__(
        self,
        over: _Over,
        into: Sequence[NDArray[Any] | None] = (),
        *,
        backend: Backend = "auto",
        runs: int = 1,
    ) -> None:
        self.outputs, self.leaves = over.outputs, over.leaves
        arrays = [a for y, a in zip(self.outputs, into, strict=False) if y is not None]
        targets = {k: a for k, a in enumerate(arrays) if a is not None}
        # how many states fit into memory depends on the number of samples
        other = over.other if over.samples.memory is None else None
        self.chosen = choose(over.simplified, over.wide, targets, backend=backend, runs=runs, over=other)
        self.plan = self.chosen.plan

    def __call__(self, values: Mapping[Node, Any]) -> list[Any]:
        """Results may lie in buffers that the next call overwrites. Raises ProgramError like `evaluate`."""
        found = iter(self.plan(*[values[leaf] for leaf in self.leaves]))
        return [None if y is None else next(found) for y in self.outputs]
