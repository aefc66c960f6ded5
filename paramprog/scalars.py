"""The gradient of straight lines of scalars, on numbers at once: value and gradient in two sweeps over the nodes.

Making the adjoint graph takes several times as long as running it, and of scalars that have no loop around them nothing
is gained by it before a compiler sees it. The operations are those of the adjoint graph, in the same order, so that the
bits are the same too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from paramprog.collector import collector_off
from paramprog.diagnostics import fail
from paramprog.gradient import plain_or_none
from paramprog.graph import Node, demand, execute
from paramprog.graph.region import ValueFault
from paramprog.op import Op
from paramprog.transfer.facts import Fact, plus, pull_fact
from paramprog.transfer.linear import MASK, MUL
from paramprog.transfer.pair import POW
from paramprog.transfer.source import FULL, LEAF
from paramprog.transfer.step import REAL


def scalar_adjoint(
    output: Node, wrt: Sequence[Node], leaves: Mapping[Node, Any]
) -> tuple[Any, list[Any]] | None:
    """The value of `output` at `leaves` and the numbers d(output)/d(x), without the graph of `adjoint`.

    None unless everything it depends on is a scalar of one straight line of elementwise primitives. There it computes
    what that graph would, to the bit, and takes less time than evaluating it; None in the list is a structural zero.

    Raises ProgramError, with the place, when an operation has no value.
    """
    with np.errstate(all="ignore"), collector_off():
        live = demand(output.graph.nodes[: output.id + 1], [output])
        if output.graph.real != "float64" or not _is_scalar_code(live):
            return None
        values = {n: np.asarray(leaves[n])[()] for n in live if n in leaves}
        execute(live, values)
        facts = _pulled(list(live), values, output, wrt)
    return np.asarray(values[output])[()], [plain_or_none(facts.get(x)) for x in wrt]


def _pulled(
    nodes: Sequence[Node], values: Mapping[Node, Any], output: Node, wrt: Collection[Node]
) -> dict[Node, Fact]:
    """The facts at `wrt`: the equations of `Derivative`, solved in one sweep that keeps no fact it is done with."""
    wanted, active = set(wrt), set(wrt)
    for n in nodes:
        if not active.isdisjoint(n.args):
            active.add(n)
    facts: dict[Node, Fact] = {}
    arrived: dict[Node, list[Fact]] = {output: [np.float64(1.0)]}
    for n in reversed(nodes):
        if n not in arrived:
            continue
        fact: Fact = None
        for term in reversed(arrived.pop(n)):  # the meet adds in the order of the program
            fact = fact + term if type(fact) is type(term) is np.float64 else plus(fact, term)
        if n in wanted:
            facts[n] = fact
        op, args = n.op, n.args
        if op.jacobian is None:
            continue
        found = [values[a] for a in args]
        for port in range(len(args) - 1, -1, -1):
            if args[port] not in active:
                continue
            if op is POW and port == 0 and _is_constant(args[1]):
                found[1] = args[1]  # by its node it is known to be constant, and there is a rule for that
            try:
                chain = op.jacobian(port, values[n], *found, **n.attrs)
            except ValueFault as fault:
                raise fail(fault.code, fault.message, n.span) from None
            if chain is None:
                continue
            if len(chain) == 1 and chain[0].op is MUL and type(fact) is np.float64:
                pulled = chain[0].frozen[0] * fact
            else:
                pulled = pull_fact(chain, fact) if chain else fact
            arrived.setdefault(args[port], []).append(pulled)
    return facts


def _is_constant(n: Node) -> bool:
    """Whether the rule for powers sees a number in it."""
    return (n.args[0] if n.op is REAL else n).op is FULL


def _is_scalar_code(nodes: Iterable[Node]) -> bool:
    """Whether all of them are scalars, computed by primitives that apply entry by entry."""
    ops = {n.op for n in nodes} - {LEAF, FULL}
    entrywise = all(type(op) is Op and op.elementwise and op is not MASK for op in ops)
    return entrywise and not any(n.results[0].shape for n in nodes)
