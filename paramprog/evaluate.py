"""Node-by-node evaluation, and the executed trace: what a run really computed, without regions.

The trace is what path enumeration, path counts and drawings speak of; recorder.py makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from paramprog.graph import Graph, Node, Region, demand, execute
from paramprog.graph.depth import deep_stack
from paramprog.recorder import Allowance, Recorder, Turn, weight
from paramprog.transfer.source import LEAF
from paramprog.transfer.tape import TAPES


def evaluate(outputs: Sequence[Node], inputs: Mapping[Node, Any]) -> list[Any]:
    """The values of `outputs`, scalars as NumPy scalars, for the values of the leaves they depend on.

    Computes nothing that they do not need.

    Raises ProgramError, with the place, when an operation has no value.
    """
    if not outputs:
        return []
    # a 0-d array is slower than a scalar wherever it is used
    env = {n: x[()] if isinstance(x, np.ndarray) and not x.ndim else x for n, x in inputs.items()}
    with np.errstate(all="ignore"), deep_stack():
        execute(demand(outputs[0].graph.nodes, outputs), env)
    return [np.asarray(env[y])[()] for y in outputs]


@dataclass(frozen=True)
class Trace:
    """A flat graph that was run: `nodes` in order, the `values` of each, and where nodes of the program went.

    `of` maps a node of the program's graph to the node of the trace that holds its value. `turns` says of what was run
    in loops in which turns, of the outermost loop first.
    """

    nodes: Sequence[Node]
    values: Mapping[Node, Any]
    of: Mapping[Node, Node]
    turns: Mapping[Node, Sequence[Turn]] = field(default_factory=dict)


def trace(
    outputs: Sequence[Node],
    inputs: Mapping[Node, Any],
    keep: Iterable[Node] = (),
    allowance: Allowance | None = None,
) -> Trace:
    """Run what `outputs` and `keep` need, and record every operation executed. The program's graph is not changed.

    With an `allowance` no more than that is run.

    Raises ProgramError, with the place, when an operation has no value, or the allowance is spent.
    """
    graph = outputs[0].graph
    live = demand(graph.nodes, [*outputs, *keep])
    with np.errstate(all="ignore"), deep_stack():
        if not any(isinstance(n.op, Region) or n.op in TAPES for n in live):
            if allowance is not None:
                allowance.spend(sum(map(weight, live)), None)
            env = execute(live, dict(inputs))
            return Trace(list(live), env, {n: n for n in live})
        run = Recorder(Graph(real=graph.real), allowance)
        env_of: dict[Node, Any] = {}
        for n in live:
            if n.op is LEAF:
                env_of[n] = run.leaf(n, inputs[n])
        run.inline(live, env_of)
    of = {n: t for n, t in env_of.items() if isinstance(t, Node)}
    return Trace(run.graph.nodes, run.values, of, run.turns)
