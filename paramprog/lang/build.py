"""From the typed tree to the flow graph: functions are inlined, a call of a base function is one node.

The built graph has one node per operation as written, each assignment and each argument of a call being a point of its
own; only a call with the points of an earlier call is that call. Nothing is simplified here: it is what users see,
count and verify.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paramprog.diagnostics import Diagnostic
from paramprog.graph import Graph, Node
from paramprog.lang.build_derivatives import Derive, independence
from paramprog.lang.builder import Builder
from paramprog.lang.check import Checked
from paramprog.lang.frame import Frame
from paramprog.lang.walk import walk
from paramprog.transfer.base import BaseOp
from paramprog.types import Real

MAX_NODES = 1_000_000


@dataclass(frozen=True, eq=False)
class Built:
    """The flow graph of the entry function.

    `inputs` and `params` are leaves; `points` are the named points of the entry function's body; `bases` the base
    functions used, whose partials the pipeline fills in; `warnings` what a program hardly means.
    """

    graph: Graph
    inputs: Mapping[str, Node]
    params: Mapping[str, Node]
    points: Mapping[str, Node]
    outputs: Mapping[str, Node]
    bases: Sequence[BaseOp]
    warnings: Sequence[Diagnostic] = ()


def build(program: Checked, derive: Derive, real: Real = "float64", max_nodes: int = MAX_NODES) -> Built:
    """The flow graph of a checked program; `derive` expands derivative operators.

    Raises ProgramError when it has more than `max_nodes` nodes.
    """
    builder = Builder(program, Graph(real=real), max_nodes, derive)
    entry = program.entry
    inputs: dict[str, Node] = {}
    for formal in entry.formals():
        name = formal.name.text
        with builder.graph.at(formal.name.span):
            inputs[name] = builder.graph.leaf(entry.arguments[name].type, name)
    for name, type in program.params.items():
        with builder.graph.at(program.items[name].name.span):
            builder.params[name] = builder.graph.leaf(type, name)
    frame = Frame(builder, entry, dict(inputs) | dict(entry.dims))
    outputs = walk(frame.results())
    points = {k: v for k, v in frame.scope.items() if isinstance(v, Node) and k not in inputs}
    return Built(
        builder.graph,
        inputs,
        builder.params,
        points,
        dict(zip(entry.result_names, outputs, strict=True)),
        list(builder.bases.values()),
        independence(builder),
    )
