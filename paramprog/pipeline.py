"""The stages in order: text -> tree -> typed tree -> graph, and the gradient graph from it.

read  ->  parse  ->  check  ->  build, which expands derivative operators
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from paramprog import differentiate
from paramprog.analyses.budget import Fitted, fit
from paramprog.analyses.endless import endlessness
from paramprog.analyses.unseen import cut_dependence
from paramprog.collector import collector_off
from paramprog.diagnostics import Diagnostic, Source
from paramprog.gradient import adjoint
from paramprog.graph import Node
from paramprog.graph.depth import deep_stack
from paramprog.jacobian import Products
from paramprog.lang.build import MAX_NODES, Built, build
from paramprog.lang.check import Checked, check
from paramprog.lang.parse import parse
from paramprog.lang.syntax import Module
from paramprog.simplify import Simplified, simplify
from paramprog.sparse import Known
from paramprog.types import Real

STAGES = ("tree", "types", "graph", "gradient")
"""What `--dump` can show."""


@dataclass(eq=False, repr=False)
class Compiled:
    """A program with all its sizes known: the typed tree, the graph, and the derivatives asked for so far."""

    checked: Checked
    built: Built
    adjoints: dict[tuple[object, ...], list[Node | None]] = field(default_factory=dict)
    products: Products = field(default_factory=dict)
    directions: Known = field(default_factory=dict)
    simplified: dict[tuple[Node, tuple[Node, ...]], Simplified] = field(default_factory=dict)

    def gradient(
        self, output: Node, wrt: tuple[Node, ...], states: Mapping[Node, int] | None = None
    ) -> list[Node | None]:
        """The nodes d(output)/d(x), made once. `states` says how many states loops keep, in place of the program."""
        key = (output, wrt, None if states is None else frozenset(states.items()))
        if key not in self.adjoints:
            with deep_stack(), collector_off():
                self.adjoints[key] = adjoint(output, wrt, states=states)
        return self.adjoints[key]

    def fitted_gradient(
        self, output: Node, wrt: tuple[Node, ...], leaves: Mapping[Node, Any], memory: int
    ) -> tuple[list[Node | None], Fitted]:
        """The same, with loops that hold at most `memory` bytes for it at `leaves`: see analyses/budget.py.

        Raises ProgramError when they cannot.
        """

        def made(states: Mapping[Node, int]) -> list[Node]:
            return [output, *(n for n in self.gradient(output, wrt, states) if n is not None)]

        with deep_stack():
            states, fitted = fit(output, made, leaves, memory)
        return self.gradient(output, wrt, states), fitted

    def simplified_gradient(self, output: Node, wrt: tuple[Node, ...]) -> Simplified:
        """The output, then its gradient without the structural zeros, simplified together, made once.

        For what is compiled, printed or run many times: making it costs as much as making the gradient, and saves a
        tenth to a half of each evaluation.
        """
        key = (output, wrt)
        if key not in self.simplified:
            present = [n for n in self.gradient(output, wrt) if n is not None]
            self.simplified[key] = simplify([output, *present])
        return self.simplified[key]


def read(source: Source) -> Module:
    """Text to tree. Raises ProgramError."""
    return parse(source)


def compile_module(
    module: Module,
    function: str | None,
    dims: Mapping[str, int],
    real: Real = "float64",
    max_nodes: int = MAX_NODES,
    given: Collection[str] = (),
) -> Compiled:
    """Tree to graph. Raises ProgramError with every independent error found.

    The values that the file has for what is in `given` are not looked at.
    """
    with deep_stack(), collector_off():
        checked = check(module, function, dims, given)
        built = build(checked, differentiate, real, max_nodes)
        for warning in [*built.warnings, *warnings(checked, built)]:
            checked.report.add(warning)
    return Compiled(checked, built)


def warnings(checked: Checked, built: Built) -> list[Diagnostic]:
    """What a program may do, but hardly means: endless loops, params (else inputs) whose gradient is cut by steps."""
    real = {k: n for k, n in (built.params or built.inputs).items() if n.kind == "real"}
    starts = [n for k, n in real.items() if k not in checked.items or not checked.items[k].noise]
    outputs = [n for n in built.outputs.values() if n.kind == "real"]
    cut = [w for y in outputs for w in cut_dependence(built.graph.nodes, starts, y)]
    return [*endlessness(built.graph), *cut]
