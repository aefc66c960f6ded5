"""The function that is printed: the statements of the program as in the source, then those of the analysis."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from paramprog.diagnostics import Source
from paramprog.emit.adjoint import Adjoint, Gradient, is_constant
from paramprog.emit.arms import Arms
from paramprog.emit.block import Block
from paramprog.emit.comments import commented, file_name, place
from paramprog.emit.equal import equal_calls
from paramprog.emit.language import Argument, Function, Language
from paramprog.emit.names import Names
from paramprog.emit.regions import RegionWriter
from paramprog.emit.sites import Side, Site, Term
from paramprog.emit.statements import Statement, Writer
from paramprog.emit.terms import Terms
from paramprog.emit.written import Written
from paramprog.graph import Graph, Node, Region, cone, demand
from paramprog.transfer.base import BaseOp
from paramprog.transfer.source import LEAF


@dataclass(frozen=True)
class Heading:
    """What a printed file says of itself."""

    value: str
    wrt: Sequence[str]
    source: Source

    @property
    def sentence(self) -> str:
        """`R and its gradient with respect to W0 and W1`; of no gradient, `R`."""
        if not self.wrt:
            return self.value
        *first, last = self.wrt
        listed = f"{', '.join(first)} and {last}" if first else last
        return f"{self.value} and its gradient with respect to {listed}"

    @property
    def file(self) -> str:
        return file_name(self.source)


class BaseText(NamedTuple):
    """A base function that is printed: an expression for its result, and those of partials that were given by hand."""

    name: str
    arguments: Sequence[str]
    result: Written
    partials: Sequence[Written] | None
    whole: bool
    """Whether the result depends on all arguments."""


class Entry:
    """Writes the entry function, and collects what it needs: base functions, functions of arms, constants."""

    def __init__(self, language: Language, gradient: Gradient, wrt: Sequence[str], function: str) -> None:
        self.language, self.gradient, self.wrt = language, gradient, wrt
        self.name = language.functions.take(f"{function}_gradient")
        self._named: dict[Node, str] = {}
        equal = equal_calls(gradient.graph.nodes)
        self.terms = Terms(self._named.__contains__, equal, language)
        self.terms.home.live = demand(gradient.graph.nodes, gradient.outputs)
        self.writer = Writer(self.terms, language, Arms(self.terms), RegionWriter(), gradient.hints)
        known = {self._term(n): Written(language.leaves[k]) for k, n in gradient.leaves.items()}
        self.block = Block(self.writer, None, language.names, known)
        self._points = self._name_points(function)
        self._primal = set(cone(gradient.graph.nodes, [gradient.value]))
        self._primal.update(n for n in gradient.graph.nodes if is_constant(n))
        self.results: list[str] = []
        """The names returned, once the body is written."""

    def _term(self, node: Node) -> Term:
        return self.terms.resolved(Term(self.terms.home, node))

    # ---- names ---------------------------------------------------------------------------------------------------

    def _name_points(self, function: str) -> list[tuple[Term, list[str]]]:
        """Named points under the first of their names, the value also under its own."""
        g, names = self.gradient, self.language.names
        roots: dict[Term, list[str]] = {}
        end = self._term(g.value)
        for name, node in g.points:
            term = self._term(node)
            is_value = name == g.value_name
            if (term in roots and not is_value) or ((is_constant(node) or node.op is LEAF) and not is_value):
                continue
            if term.node.op is LEAF:
                continue
            roots.setdefault(term, []).append(names.take(name, f"{name}_"))
        if end.node.op is LEAF:
            self.value = self.block.written[end].text
            if g.value_name is not None and g.value_name not in g.leaves:
                self.value = names.take(g.value_name, f"{g.value_name}_")
                roots[end] = [self.value]
        elif g.value_name is None:
            self.value = names.take(function, "value")
            roots.setdefault(end, []).append(self.value)
        else:
            self.value = roots[end][-1]
        for term, given in roots.items():
            if term.node.op is not LEAF:
                self._named[term.node] = given[0]
        return list(roots.items())

    def _name_adjoints(self, statements: Sequence[Statement]) -> list[tuple[Adjoint, str, Term | None]]:
        """The adjoints of points, of what got a name while the program was written, and those asked for.

        They are in the order of the analysis. One that equals something named already has a name of its own only if it
        was asked for.
        """
        others = self.gradient.others
        temporary = [(s.name, others.get(s.term.node)) for s in statements if s.term.node not in self._named]
        every = [(a.name, a) for a in self.gradient.adjoints]
        every += [(name, a) for name, a in temporary if a is not None]
        found: list[tuple[Adjoint, str, Term | None]] = []
        for of, a in sorted(every, key=lambda item: -item[1].first):
            term = None if a.node is None else self._term(a.node)
            seen = term is not None and (term.node in self._named or term.node in self._primal)
            if seen and not a.wanted:
                continue
            name = self.language.names.take(f"d{of}", f"d_{of}")
            if term is not None:
                self.block.force(term, name)
                self._named.setdefault(term.node, name)
            found.append((a, name, term))
        return found

    # ---- the body ------------------------------------------------------------------------------------------------

    def body(self, source: Source) -> list[str]:
        """The lines of the function without its return."""
        block = self.block
        after = [self._term(a.node) for a in self.gradient.adjoints if a.node is not None]
        wanted = [a.node for a in self.gradient.adjoints if a.wanted and a.node is not None]
        kept = [self._term(n) for n in (self.gradient.value, *wanted)]
        block.plan([*self._points, *((t, []) for t in after)], kept)
        for point, _ in self._points:
            block.require(point)
        first = self._lines(block.statements)
        adjoints = self._name_adjoints(block.statements)
        comments = {name: place(a.uses, source) for a, name, _ in adjoints}
        groups: list[tuple[Sequence[str], int, str]] = []
        for a, name, term in adjoints:
            if term is None:
                line = self.language.assigned(name, self._zero(a))
                groups.append(([line], 0, f"{self.value} does not depend on {a.name}"))
                continue
            lines: list[str] = []
            done = len(block.statements)
            block.require(term)
            # what this one is made of may be adjoints that have not had their turn
            for s in block.statements[done:]:
                at, lines = len(lines), [*lines, *self._lines([s])]
                if s.name in comments and not isinstance(s.term.node.op, Region):
                    groups.append((lines, at, comments[s.name]))
                    lines = []
                elif isinstance(s.term.node.op, Region):
                    span = s.term.node.span
                    groups.append((lines, at, place([span], source) if span is not None else ""))
                    lines = []
            if lines:
                groups.append((lines, 0, ""))
        names = {a.name: name for a, name, _ in adjoints if a.wanted}
        self.results = [self.value, *(names[name] for name in self.wrt)]
        note = f"# the analysis, from the last line to the first: dX is d{self.value}/dX"
        return [*first, *([""] if first else []), note, *commented(groups)] if groups else first

    def _zero(self, a: Adjoint) -> Written:
        if a.type.shape:
            return self.language.filled(0.0, a.type)
        return self.language.number(0.0, "real")

    # ---- base functions ------------------------------------------------------------------------------------------

    def bases(self, *, partials: bool) -> list[BaseText]:
        """The base functions that were mentioned, and those that they mention."""
        done: dict[BaseOp, BaseText] = {}
        while len(done) < len(self.language.bases):
            for op in [op for op in self.language.bases if op not in done]:
                done[op] = self._base(op, partials=partials)
        return list(done.values())

    def _base(self, op: BaseOp, *, partials: bool) -> BaseText:
        names = Names(around=self.language.global_names)
        arguments = [names.take(a.name or "x", f"{a.name}_") for a in op.body.arguments]
        given = dict(zip(op.body.arguments, arguments, strict=True))
        result = self._scalar(op.body.graph, op.body.result, given)
        by_hand = op.body.partials if partials and _is_by_hand(op) else None
        return BaseText(
            self.language.base(op),
            arguments,
            result,
            None
            if by_hand is None
            else [
                self._scalar(op.body.graph, p, given) if p is not None else Written("0.0") for p in by_hand
            ],
            set(op.body.arguments) <= set(cone(op.body.graph.nodes, [op.body.result])),
        )

    def _scalar(self, graph: Graph, result: Node, given: dict[Node, str]) -> Written:
        """An expression of a base function; one with names of its own becomes a function."""
        side = Side(None, Term(self.terms.home, result), 0)
        site = Site(side, lanes=(1,))  # it is applied to arrays, entry by entry
        names = Names(around=self.language.global_names)
        names.taken.update(given.values())
        known = {Term(site, a): Written(name) for a, name in given.items()}
        block = Block(self.writer, side, names, known, wide=True)
        root = self.terms.resolved(Term(site, result))
        block.plan([(root, [])])
        text = block.require(root)
        if not block.statements:
            return text
        name = self.language.functions.number("body")
        arguments = [Argument(a) for a in given.values()]
        self.writer.functions.append(Function(name, arguments, self._lines(block.statements), [text.text]))
        return self.language.applied(name, [Written(a) for a in given.values()])

    def _lines(self, statements: Sequence[Statement]) -> list[str]:
        return self.language.rendered([code for s in statements for code in s.codes])


def _is_by_hand(op: BaseOp) -> bool:
    """Whether the declaration of a base function gives its partials."""
    return any(re.search(r"\bderivative\b", line.split("#")[0]) for line in op.doc.splitlines())
