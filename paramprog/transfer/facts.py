"""Facts of the gradient analysis: structural zeros, masked values and values; their meet and their transfer.

Between no cotangent (`None`) and a value lies `Masked`: a value whose lanes outside `lanes` are structural zeros. It is
born where a branch gives a cotangent on one side only, where entries are overwritten and where some are selected, and
keeps 0 * infinity from turning a zero into NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from paramprog.graph import Node
from paramprog.op import Chain, Linear
from paramprog.transfer.contract import CONTRACT
from paramprog.transfer.dependence import LANES, dependence
from paramprog.transfer.gather import SCATTER_ADD
from paramprog.transfer.linear import MASK, MUL, SPREAD, SUM
from paramprog.transfer.pair import ADD
from paramprog.transfer.put import SPARED, along_others
from paramprog.transfer.select import EMBED, EXPAND
from paramprog.transfer.source import FULL
from paramprog.transfer.step import GREATER, NOT, OR, REAL
from paramprog.transfer.tape import TAPES


class Later:
    """Lanes as nodes that are made when they are first asked for, so that nothing is emitted that nobody needs."""

    def __init__(self, make: Callable[[], Node]) -> None:
        self.make = make
        self.made: Node | None = None

    def node(self) -> Node:
        if self.made is None:
            self.made = self.make()
        return self.made


class Masked(NamedTuple):
    """A fact whose entries outside `lanes` (a bool of the same shape) are structural zeros, and are 0 in `value`.

    Beside a node as value, lanes that are known at once are an array, and others nodes, or `Later`. Lanes that are
    `selected` were born at a selection of entries, and may be forgotten where nothing can be infinite (finite.py).
    """

    value: Any
    lanes: Any
    selected: bool = False


Fact = Any
"""None (a structural zero), a Masked, or a value: an array or a node. That of a region maps keys to facts."""


def plain(fact: Fact) -> Any:
    """The value of a fact that is not None."""
    return fact.value if isinstance(fact, Masked) else fact


def unselected(fact: Fact) -> Fact:
    """The fact, without lanes that were born at a selection."""
    return fact.value if isinstance(fact, Masked) and fact.selected else fact


def plus(a: Fact, b: Fact) -> Fact:
    """The meet of two facts: their sum."""
    if isinstance(a, Node) and isinstance(b, Node):
        return ADD(a, b)
    if a is None or b is None:
        return b if a is None else a
    if isinstance(a, Mapping):
        return {k: plus(a.get(k), b.get(k)) for k in {**a, **b}}
    if isinstance(a, Masked) and isinstance(b, Masked):
        return _masked(ADD(a.value, b.value), _either(a.lanes, b.lanes), a.selected and b.selected)
    return ADD(plain(a), plain(b))


def with_nodes(fact: Fact) -> Fact:
    """A fact on nodes whose lanes are a node as well, as regions want them."""
    if not isinstance(fact, Masked):
        return fact
    lanes = _made(fact.lanes)
    return fact._replace(lanes=lanes if isinstance(lanes, Node) else fact.value.graph.array(lanes))


def on(fact: Fact, f: Callable[[Any], Any]) -> Fact:
    """`f` on the value of a fact, a node, and on its lanes as a node."""
    if not isinstance(fact, Masked):
        return None if fact is None else f(fact)
    value, lanes, selected = with_nodes(fact)
    return Masked(f(value), f(lanes), selected)


def push_fact(chain: Chain, fact: Fact, *, selects: bool = False) -> Fact:
    """J fact. Entries that no operation of `chain` gives a place are structural zeros, on nodes only if `selects`."""
    return _through(chain, fact, selects)


def pull_fact(chain: Chain, fact: Fact, *, selects: bool = False) -> Fact:
    """J^T fact. Entries that `chain` does not select are structural zeros, on nodes only if `selects`."""
    if len(chain) == 1 and chain[0].op is MUL and not isinstance(fact, Masked):
        return chain[0](fact)  # the Jacobian of nearly all elementwise primitives, its own transpose
    return _through([lin.T for lin in reversed(chain)], fact, selects)


def _through(maps: Iterable[Linear], fact: Fact, selects: bool) -> Fact:
    """The fact after some linear maps; entries that are structural zeros stay so: 0 * inf is no zero."""
    g, lanes, selected = fact if isinstance(fact, Masked) else (fact, None, False)
    on_nodes = isinstance(g, Node)
    for lin in maps:
        if lanes is None and lin.op.elementwise and lin.op is not MASK:
            g = lin(g)  # makes no lanes
            continue
        known = lin.frozen[0] if lin.op is MASK and on_nodes and not isinstance(lin.frozen[0], Node) else None
        if known is not None and np.all(known):
            continue
        if known is not None and not np.any(known):
            return None
        shape = _shape(g)
        g = lin(g)
        if lin.op is MASK or lin.op is EXPAND:
            lanes = along(lin.frozen[0], g) if lanes is None else lin(_made(lanes))
            selected = False
        elif lanes is None:
            if (selects or not on_nodes) and lin.op in (EMBED, SCATTER_ADD):
                lanes, selected = _named(lin, shape, g), True
        elif lin.op.elementwise:
            if not _keeps_zeros(lin):
                g = MASK(_made(lanes), g)
        else:
            lanes = _moved(lin, lanes, g)
        if _is_known(lanes):
            if np.all(lanes):
                lanes = None
            elif on_nodes and not np.any(lanes):
                return None
    return g if lanes is None else Masked(g, lanes, selected)


def _keeps_zeros(lin: Linear) -> bool:
    """Whether an elementwise map multiplies by nothing but finite numbers that are known."""
    return all(isinstance(x, float) or (isinstance(x, Node) and x.op is FULL) for x in lin.frozen) and all(
        np.isfinite(x.attrs["value"] if isinstance(x, Node) else x) for x in lin.frozen
    )


# ---- lanes -------------------------------------------------------------------------------------------------------


def _masked(value: Any, lanes: Any, selected: bool) -> Fact:
    return value if _is_known(lanes) and np.all(lanes) else Masked(value, lanes, selected)


def _is_known(lanes: Any) -> bool:
    return not (lanes is None or isinstance(lanes, Node | Later))


def _made(lanes: Any) -> Any:
    return lanes.node() if isinstance(lanes, Later) else lanes


def _either(a: Any, b: Any) -> Any:
    if isinstance(a, Later) or isinstance(b, Later):
        return Later(lambda: OR(_made(a), _made(b)))
    return OR(a, b)


def _named(lin: Linear, shape: tuple[int, ...], like: Any) -> Any:
    """Which entries of `like`, the result of a map of an argument of `shape`, that puts entries among zeros."""
    if lin.op is EMBED:
        return lin(np.ones(shape, np.bool_))
    i, attrs = lin.frozen[0], lin.attrs

    def named() -> Any:
        return along_others(NOT(SPARED(i, size=attrs["size"])), 1, attrs["axis"], tuple(like.shape))

    return Later(named) if isinstance(i, Node) else named()


def _moved(lin: Linear, lanes: Any, result: Any) -> Any:
    """Where the result of a map that is not elementwise is no structural zero; None where that is not worth knowing."""
    if lin.op in TAPES:
        if not isinstance(result, Node):
            return None
        return lin(result.graph.array(lanes) if _is_known(lanes) else _made(lanes))
    if _is_known(lanes) and not any(isinstance(x, Node) and x.kind != "real" for x in lin.frozen):
        return dependence(lin, lanes, LANES)
    if not isinstance(lanes, Node):
        # of entries that are selected by an index, a sum has nearly always one
        if lin.op is CONTRACT and _kept_letters(lin):
            return Later(lambda: _moved_node(_of_ones(lin), _made(lanes)))
        forgotten = lin.op is SUM or any(_is_real(x) for x in lin.frozen)
        return None if forgotten else Later(lambda: _moved_node(lin, _made(lanes)))
    if any(_is_real(x) for x in lin.frozen):
        return None  # every entry of the result may be a sum with selected ones
    return _moved_node(lin, lanes)


def _moved_node(lin: Linear, lanes: Any) -> Any:
    return GREATER(lin(REAL(lanes)), 0.0)


def _kept_letters(lin: Linear) -> str:
    """Of a contraction, the letters of the hole that are not summed over."""
    words, result = lin.attrs["spec"].split("->")
    return "".join(c for c in words.split(",")[lin.hole] if c in result)


def _of_ones(lin: Linear) -> Linear:
    """The map with ones for the numbers that it multiplies by: an entry is positive where any that it adds is."""

    def ones(x: Any) -> Any:
        if not _is_real(x):
            return x
        return x.graph.constant(1.0, "real", x.shape) if isinstance(x, Node) else np.ones(x.shape)

    return lin._replace(frozen=tuple(map(ones, lin.frozen)))


def _shape(x: Any) -> tuple[int, ...]:
    """Also of a number that is no array."""
    return x.shape if isinstance(x, Node) else np.shape(x)


def _is_real(x: Any) -> bool:
    return x.kind == "real" if isinstance(x, Node) else np.asarray(x).dtype.kind == "f"


def along(c: Any, like: Any) -> Any:
    """The condition `c`, repeated over the trailing axes of `like`."""
    rank, extra = len(c.shape), tuple(like.shape[len(c.shape) :])
    return c if not extra else SPREAD(c, axes=tuple(range(rank, rank + len(extra))), sizes=extra)
