"""The bodies of loops and comprehensions: what their leaves stand for in a turn or an entry.

A leaf that is a row of a history need not be one where the value is cheap to compute from the index and from what is
the same in all turns: then it is that expression, and nobody keeps the history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from paramprog.diagnostics import fail
from paramprog.emit.sites import Index, Row, Side, Site, Term, index_of
from paramprog.graph import PART, Node, Result
from paramprog.graph.region import Key, Keys, in_order
from paramprog.op import OPS
from paramprog.transfer.branches import Branch
from paramprog.transfer.gather import GATHER
from paramprog.transfer.linear import NEG, SPREAD
from paramprog.transfer.loops import REPLAY, Loop
from paramprog.transfer.pair import ADD
from paramprog.transfer.regions import is_summed, kind_of
from paramprog.transfer.select import SLICE, Cuts
from paramprog.transfer.source import FULL, LEAF
from paramprog.transfer.step import NOT, REAL

if TYPE_CHECKING:
    from paramprog.emit.terms import Terms

COMPARISONS = frozenset(
    OPS[name] for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
)
CHEAP = COMPARISONS | {SLICE, SPREAD, REAL, NOT}
CHEAP_ON_INTS = frozenset({ADD, OPS["sub"], OPS["mul"], NEG})

MAX_CHEAP = 4
"""Operations that are made again rather than remembered."""


class Bodies:
    """Finds the bodies of regions, each once."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms

    def keys(self, region: Term) -> Sequence[Key]:
        """What is needed of a region."""
        return in_order(region.node, region.site.live.get(region.node, ()))

    def part(self, region: Term, key: Key) -> Term:
        """The part of a region that takes out a key which is needed."""
        return Term(region.site, region.node.graph.parts[region.node, key])

    def live(self, region: Term) -> Sequence[Mapping[Node, Keys]]:
        """What is needed of each body."""
        op, keys = region.node.op, region.site.live.get(region.node, frozenset())
        if isinstance(op, Loop):
            return [op.live(region.node, keys)]
        assert isinstance(op, Branch)
        return op.live(region.node, keys)

    def inside(self, region: Term) -> Site:
        """The body of a loop or of a comprehension.

        Raises ProgramError for a loop that runs its turns again.
        """
        if region.node.op is REPLAY:
            message = "the adjoint of a loop with `checkpoint`, which runs turns again, cannot be printed"
            raise fail("not-printable", message, region.node.span, "leave out `checkpoint`")
        made = (region.node, "turn")
        if made not in region.site.sites:
            region.site.sites[made] = self._body(region, Side(region.site.side))
        return region.site.sites[made]

    def test(self, region: Term) -> Term:
        """The condition of a loop, on a side of its own."""
        made = (region.node, "test")
        if made not in region.site.sites:
            turn = self.inside(region)
            (body,) = region.node.attrs["bodies"]
            leaves = {p: Term(turn, p) for p in body.ports}
            region.site.sites[made] = Site(Side(turn.side), leaves, live=turn.live)
        return self.terms.resolved(Term(region.site.sites[made], region.node.attrs["test"]))

    def _body(self, region: Term, side: Side | None, *, again: bool = False) -> Site:
        (body,) = region.node.attrs["bodies"]
        is_loop = isinstance(region.node.op, Loop)
        rank = 1 if is_loop else len(region.node.args[0].shape)
        (live,) = self.live(region)
        site = Site(side, live=live, again=again)
        for p, a in zip(region.node.attrs["ports"], region.node.args[1:], strict=True):
            kind = body.ports[p].kind if is_loop else kind_of(region.node, p)
            outer = self.terms.resolved(Term(region.site, a))
            if kind == "shared" or (is_loop and kind == "free"):
                site.leaves[p] = outer
            elif kind != "carry":
                self._enter(site, p, outer, rank)
        for p, port in body.ports.items():
            if port.kind == "index":
                site.indices[p] = Index(0, 0)
        return site

    def _enter(self, site: Site, leaf: Node, outer: Term, rank: int) -> None:
        """A leaf that is another one in each turn or entry."""
        axes: Sequence[int] = range(rank)
        node = outer.node
        if node.op is SPREAD and all(k < rank for k in node.attrs["axes"]):
            outer = self.terms.resolved(Term(outer.site, node.args[0]))
            axes = [k for k in axes if k not in node.attrs["axes"]]
        index = index_of(outer.node, axes)
        if not axes:
            site.leaves[leaf] = outer
        elif index is not None:
            site.indices[leaf] = index
        elif node.op is FULL:
            site.numbers[leaf] = node
        else:
            whole, lower = self._unsliced(outer)
            site.rows[leaf] = Row(whole, tuple(axes), lower)
            found = self._origin(site, outer) if len(axes) == rank else None
            if found is not None:
                site.origins[leaf] = found
                if self._is_cheap(found):
                    del site.rows[leaf]
                    site.leaves[leaf] = found

    def _unsliced(self, array: Term) -> tuple[Term, int]:
        """The array that another one is the rest of, or a stretch, and where along its first axis."""
        cuts: Cuts = array.node.attrs["cuts"] if array.node.op is SLICE else ()
        if len(cuts) != 1 or cuts[0].axis or cuts[0].length is None or cuts[0].step != 1:
            return array, 0
        return self.terms.resolved(Term(array.site, array.node.args[0])), cuts[0].start

    # ---- histories -----------------------------------------------------------------------------------------------

    def _origin(self, site: Site, array: Term) -> Term | None:
        """The value whose history an array is, as it would be computed in `site`, where nothing is carried."""
        taken = array.site.origins.get(array.node, array)
        key = taken.node.attrs["of"] if taken.node.op is PART else None
        if not isinstance(key, Node):
            return None
        region = Term(taken.site, taken.node.args[0])
        if isinstance(region.node.op, Branch) and len(region.node.attrs["bodies"]) > 1:
            return None
        made = (region.node, region.site, "again")
        if made not in site.sites:
            site.sites[made] = self._body(region, site.side, again=True)
        return Term(site.sites[made], key)

    def whole(self, part: Term) -> Term | None:
        """The array whose rows a part holds in order: [x[i] for i in 0..n] is x, if that has n rows."""
        node, key = part.node.args[0], part.node.attrs["of"]
        if isinstance(node.op, Loop):
            size = node.attrs["trips"]
        elif len(node.attrs["bodies"]) > 1 or len(node.args[0].shape) != 1 or is_summed(node, key):
            return None
        else:
            (size,) = node.args[0].shape
            key = node.attrs["results"][0][key.number] if isinstance(key, Result) else key
        if not isinstance(key, Node) or (key.op is not LEAF and not _takes_row(key, size)):
            return None
        site = self.inside(Term(part.site, node))
        if key.op is LEAF:
            row = site.rows.get(key)
            return (
                row.array if row is not None and not row.lower and row.array.node.shape[0] == size else None
            )
        array, index = (self.terms.resolved(Term(site, a)) for a in key.args)
        is_index = index.site is site and site.indices.get(index.node) == Index(0, 0)
        return array if is_index and array.site.side is not site.side else None

    def _is_cheap(self, term: Term) -> bool:
        pending, count = [term], 0
        while pending:
            t = self.terms.resolved(pending.pop())
            node = t.node
            if not t.site.again or node.op is FULL:
                continue
            if node.op is LEAF:
                row = t.site.rows.get(node)
                if row is not None and (
                    row.array.site.again or self.terms.language.on_tape(row.array.node.shape)
                ):
                    return False
                if node in t.site.rows:
                    pending.append(t.site.rows[node].array)
                elif node not in t.site.indices and node not in t.site.numbers:
                    return False
                continue
            count += 1
            scalar_index = node.op is GATHER and not node.args[1].shape
            ints = node.op in CHEAP_ON_INTS and node.kind == "int"
            if count > MAX_CHEAP or not (node.op in CHEAP or scalar_index or ints):
                return False
            pending += [Term(t.site, a) for a in node.args]
        return True


def _takes_row(node: Node, size: int) -> bool:
    """Whether a node takes a row of an array of so many rows."""
    if node.op is not GATHER or node.args[1].shape:
        return False
    return bool(node.attrs["axis"] == 0 and node.attrs["size"] == size)
