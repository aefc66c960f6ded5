"""Groups of nodes that a plan computes together, in fewer passes over arrays than one by one.

    square(sech(x)), beside h = tanh(x)             1 - h^2, where this does not cancel: the derivative of tanh
    e / sum(e) with e = exp(x - logsumexp(x))       exp and sum are those that logsumexp(x) has made on its way

The values are those of the nodes, up to the rounding of some more operations (`shortcuts`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from paramprog.compile.shortcuts import over_rows
from paramprog.graph import Node
from paramprog.transfer.linear import COPY, SPREAD, SUM
from paramprog.transfer.map import EXP, SECH, SQUARE, TANH
from paramprog.transfer.pair import DIV, SUB
from paramprog.transfer.source import FULL
from paramprog.transfer.step import STOP

Uses = Mapping[Node, Sequence[Node]]


@dataclass(frozen=True)
class Fusion:
    """How one node is computed: from `args` instead of its own, `inner` being needed for nothing else."""

    kind: Literal["square of sech", "shares"]
    args: tuple[Node, ...]
    inner: frozenset[Node]


def fusions(order: Sequence[Node], uses: Uses, kept: Set[Node]) -> dict[Node, Fusion]:
    """The fusions among the nodes of a plan, by the node whose value they give; `kept` are needed by themselves."""
    position = {n: k for k, n in enumerate(order)}
    found: dict[Node, Fusion] = {}
    shared: set[Node] = set()
    for n in order:
        fusion = None
        if n.op is SQUARE and n.shape:
            fusion = _square_of_sech(n, uses, position)
        elif n.op is DIV:
            fusion = _shares(n, uses)
        if fusion is None or not fusion.inner.isdisjoint(kept) or fusion.args[0] in shared:
            continue
        if fusion.kind == "shares":
            shared.add(fusion.args[0])
        found[n] = fusion
    return found


def _square_of_sech(n: Node, uses: Uses, position: Mapping[Node, int]) -> Fusion | None:
    (s,) = n.args
    if s.op is not SECH or uses[s] != [n]:
        return None
    (x,) = s.args
    if x.op in (SPREAD, FULL):  # which are not arrays where all that uses them repeats them by itself
        return None
    before = [u for u in uses[x] if u.op is TANH and position[u] < position[n]]
    return Fusion("square of sech", (x, before[0]), frozenset({s})) if before else None


def _shares(n: Node, uses: Uses) -> Fusion | None:
    """`n` = e / spread(sum(e)), with e = exp(x - spread(logsumexp(x))), for the rows of a matrix."""
    e, spread = n.args
    if e.op is not EXP or len(n.shape) != 2 or spread.op is not SPREAD or spread.attrs["axes"] != (1,):
        return None
    (total,), (shifted,) = spread.args, e.args
    if total.op is not SUM or total.args != (e,) or total.attrs["axes"] != (1,) or shifted.op is not SUB:
        return None
    x, wide = shifted.args
    if wide.op is not SPREAD or wide.attrs["axes"] != (1,):
        return None
    chain = [wide]
    while chain[-1].args[0].op in (STOP, COPY):
        chain.append(chain[-1].args[0])
    y = chain[-1].args[0]
    if not over_rows(y) or y.args != (x,):
        return None
    alone = (
        set(uses[e]) == {n, total}
        and uses[total] == [spread]
        and uses[spread] == [n]
        and uses[shifted] == [e]
        and uses[wide] == [shifted]
        and all(uses[b] == [a] for a, b in pairwise(chain))
    )
    return Fusion("shares", (y,), frozenset({e, total, spread, shifted, *chain})) if alone else None
