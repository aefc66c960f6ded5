"""The stages in order: text -> tree -> typed tree -> graph, and the gradient graph from it.

read  ->  parse  ->  check  ->  build  ->  derive partials of base functions
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from paramprog.analyses.cut import cut_dependence
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
from paramprog.transfer.base import Body
from paramprog.types import Real

STAGES = ("tree", "types", "graph", "gradient")
"""What `--dump` can show."""


@dataclass(eq=False, repr=False)
class Compiled:
    """A program with all its sizes known: the typed tree, the graph, and the derivatives asked for so far."""

    checked: Checked
    built: Built
    adjoints: dict[tuple[Node, tuple[Node, ...]], list[Node | None]] = field(default_factory=dict)
    products: Products = field(default_factory=dict)
    simplified: dict[tuple[Node, tuple[Node, ...]], Simplified] = field(default_factory=dict)

    def gradient(self, output: Node, wrt: tuple[Node, ...]) -> list[Node | None]:
        """The nodes d(output)/d(x), made once."""
        key = (output, wrt)
        if key not in self.adjoints:
            with deep_stack(), collector_off():
                self.adjoints[key] = adjoint(output, wrt)
        return self.adjoints[key]

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
        built = build(checked, real, max_nodes)
        for op in built.bases:
            derive_partials(op.body)
        for warning in warnings(checked, built):
            checked.report.add(warning)
    return Compiled(checked, built)


def warnings(checked: Checked, built: Built) -> list[Diagnostic]:
    """What a program may do, but hardly means: parameters (else inputs) whose gradient is cut by steps."""
    real = {k: n for k, n in (built.params or built.inputs).items() if n.kind == "real"}
    starts = [n for k, n in real.items() if k not in checked.items or not checked.items[k].noise]
    outputs = [n for n in built.outputs.values() if n.kind == "real"]
    return [w for y in outputs for w in cut_dependence(built.graph.nodes, starts, y)]


def derive_partials(body: Body) -> None:
    """The partials of a base function by the gradient analysis, unless they were given by hand."""
    if body.partials is None:
        body.partials = adjoint(body.result, body.arguments)
