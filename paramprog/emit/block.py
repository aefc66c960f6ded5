"""Blocks of statements: which terms get a name, and in which order they are written."""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from paramprog.emit.arms import Arm
from paramprog.emit.code import MARK, Code, flat
from paramprog.emit.language import Argument, Function
from paramprog.emit.names import Names
from paramprog.emit.sites import Side, Term
from paramprog.emit.statements import Statement, Writer
from paramprog.emit.tapes import check_operands
from paramprog.emit.terms import Operand, is_atom
from paramprog.emit.updates import Updates
from paramprog.emit.written import Written
from paramprog.graph import PART, Node, Region
from paramprog.transfer.source import ARRAY, FULL, LEAF
from paramprog.transfer.tape import TOP
from paramprog.types import Shape

MAX_INLINE = 56
"""A longer expression gets a name when it is part of another one."""

MAX_WIDE = 400
"""Likewise in the body of a base function, which has room for one expression only."""

MAX_REPEATED = 24
"""A longer expression is not written again."""


class Block:
    """The statements of one function, or of a suite inside the block `outer`.

    `side` is the side of a branch (or the turn of a loop) that it is, None for the entry function.
    """

    def __init__(
        self,
        writer: Writer,
        side: Side | None,
        names: Names,
        known: Mapping[Term, Written],
        *,
        outer: Block | None = None,
        wide: bool = False,
    ) -> None:
        self.max_inline = MAX_WIDE if wide else MAX_INLINE
        self.writer, self.side, self.names = writer, side, names
        self.terms, self.arms, self.language = writer.terms, writer.arms, writer.language
        self.written: ChainMap[Term, Written] = ChainMap(
            dict(known), *(outer.written.maps if outer is not None else ())
        )
        self.scope = names
        """Where names of indices are taken."""
        self.kept: set[Term] = set()
        """What no loop may carry on under the name that it has."""
        self.statements: list[Statement] = []
        self._counts: Counter[Term] = Counter()
        self._roots: Counter[Term] = Counter()
        self._forced: dict[Term, list[str]] = {}
        self.updates = Updates(self)
        self.constants: dict[Term, Written] = {}

    def plan(self, roots: Sequence[tuple[Term, Sequence[str]]], kept: Iterable[Term] | None = None) -> None:
        """Prepare for writing the roots, each under all of its names.

        Those that are `kept` (all, if that is not said) keep their values to the end.
        """
        self.kept.update((term for term, _ in roots) if kept is None else kept)
        for term, names in roots:
            self._forced.setdefault(term, []).extend(names)
            self._roots[term] += 1
        self._count(term for term, _ in roots)
        for term, names in roots:
            if names:
                self._pass_on(term, names[0])

    def force(self, term: Term, name: str) -> None:
        """Let a term that has been planned be written under this name."""
        self._forced.setdefault(term, []).append(name)
        self._pass_on(term, name)

    def _pass_on(self, term: Term, name: str) -> None:
        """What a loop starts with has the name of what it ends with, if nothing else reads it."""
        while self._forced[term][0] == name:
            first = self.writer.regions.start(self, term)
            if first is None or first in self.written or self._forced.get(first) or self.reads(first) != 1:
                return
            if (
                is_atom(first.node)
                or first.site.side is not self.side
                or first in self.kept
                or self._roots[first]
            ):
                return
            self._forced[first] = [name]
            term = first

    def _count(self, roots: Iterable[Term]) -> None:
        pending, seen = [*roots], set[Term]()
        self._counts.update(pending)
        while pending:
            term = pending.pop()
            if term in seen or term in self.written:
                continue
            seen.add(term)
            for other, n in self.arms.references(term):
                self._counts[other] += n
                pending.append(other)

    def uses(self, term: Term) -> int:
        """How often a term is referred to."""
        return self._counts[term]

    def reads(self, term: Term) -> int:
        """How often other terms refer to it."""
        return self._counts[term] - self._roots[term]

    def can_take_over(self, term: Term) -> bool:
        """Whether a loop may carry on what it starts with under the name that this has."""
        return (
            term in self.written.maps[0]
            and self.written[term].text.isidentifier()
            and not is_atom(term.node)
            and term.site.side is self.side
            and self.reads(term) == 1
            and term not in self.kept
            and len(self._forced.get(term, ())) < 2
        )

    def forced(self, term: Term) -> str | None:
        """The first of the names that a term must be written under."""
        return next(iter(self._forced.get(term, ())), None)

    def is_forced(self, term: Term) -> bool:
        """Whether a term has names that it must be written under."""
        return bool(self._forced.get(term)) or term in self.written

    def is_given(self, term: Term) -> bool:
        """Whether a term has been given more names than one."""
        return len(self._forced.get(term, ())) > 1

    # ---- in order ------------------------------------------------------------------------------------------------

    def require(self, root: Term) -> Written:
        """Write a term, after all that it refers to."""
        stack = [root]
        while stack:
            term = stack[-1]
            if term in self.written:
                stack.pop()
                continue
            missing = [t for t in self.updates.references(term) if t not in self.written]
            if missing:
                stack.extend(reversed(missing))
                continue
            stack.pop()
            self.place(term)
        self._aliases(root)
        return self.written[root]

    def _aliases(self, term: Term) -> None:
        """Give a term those of its names that it does not have yet."""
        for name in self._forced.pop(term, []):
            value = self.written[term]
            if name != value.text:
                self.statements.append(Statement(term, name, [self.language.assigned(name, value)]))

    def place(self, term: Term) -> None:
        """Give a term its name, or let it stand where it is used."""
        if isinstance(term.node.op, Region):
            self.writer.regions.write(self, term)
            self.written[term] = Written("")
            return
        forced = self._forced.get(term, ())
        lines = self.updates.lines(term)
        value = self.composed(term) if lines is None else None
        if value is not None and (is_atom(term.node) or (not forced and self.stands_inline(term, value))):
            self.written[term] = value
            return
        name = forced[0] if forced else self.name(term)
        made = lines(name) if lines is not None else [self.language.assigned(name, value or Written(name))]
        self.statements.append(Statement(term, name, made))
        self.written[term] = Written(name)

    def stands_inline(self, term: Term, value: Written, limit: int | None = None) -> bool:
        """Whether a term is written where it is used, rather than named; what is taken off a tape has a name."""
        if term.node.op is TOP:
            return False
        if self.uses(term) < 2:
            return len(value.text) <= (limit or self.max_inline)
        return self.arms.repeatable(term) and len(value.text) <= MAX_REPEATED

    def name(self, term: Term) -> str:
        """A new name for a term."""
        word = self.writer.word(term)
        return self.names.number("t") if word == "t" else self.names.take(word)

    # ---- expressions ---------------------------------------------------------------------------------------------

    def get(self, term: Term) -> Written:
        """How a term is written here; one inside an arm is composed where it stands."""
        found = self.written.get(term)
        return self.composed(term) if found is None else found

    def operand(self, operand: Operand) -> Written:
        """How an operand is written."""
        node = operand.term.node
        if operand.form == "number":
            return self.language.number(node.attrs["value"], node.kind)
        if operand.form == "whole":
            return self.language.number(int(node.attrs["value"]), "int")
        return self.get(operand.term)

    def composed(self, term: Term) -> Written:
        """A term as an expression."""
        node = term.node
        if node.op is FULL:
            if not node.shape:
                return self.language.number(node.attrs["value"], node.kind)
            return self.language.filled(node.attrs["value"], node.type)
        if node.op is ARRAY:
            return self.language.constant(node)
        if node.op is LEAF:
            return self.writer.regions.leaf(self, term)
        if node.op is PART:
            mapped = self.arms.forms.is_mapped(node.args[0])
            return self.writer.regions.collected(self, term) if mapped else self._conditional(term)
        check_operands(self.language, node)
        *others, last = self.terms.operands(term)
        return self.language.operation(node, [*map(self.operand, others), self.last(node, last)])

    def last(self, node: Node, operand: Operand) -> Written:
        """The last operand of a node; it gets a name where the language would else decide what it knows already.

        Of a branch with a known condition, that would leave the kind and shape of one arm alone, and what the other arm
        mentions would never be computed, nor fault. Simplification leaves such a branch where it may fault.
        """
        term = operand.term
        if not self.language.decides(node) or self._mentions_variable(term):
            return self.operand(operand)
        if term not in self.constants:
            name, constant = self.names.number("t"), term.node.op is FULL
            value = self.language.at_run_time(term.node) if constant else self.get(term)
            self.statements.append(Statement(term, name, [self.language.assigned(name, value)]))
            self.constants[term] = Written(name)
        return self.constants[term]

    def _mentions_variable(self, term: Term) -> bool:
        """Whether the text of a term has a name in it that stands for no constant."""
        pending = [term]
        while pending:
            t = pending.pop()
            known = self.written.get(t)
            if t.node.op is LEAF or (not is_atom(t.node) and known is not None and known.text.isidentifier()):
                return True
            pending += [other for other, _ in self.arms.references(t)]
        return False

    def _conditional(self, part: Term) -> Written:
        (condition,) = self.terms.operands(part)
        lanes = self.terms.lanes(part)
        arms = self.arms.of(part)
        sides = [self._arm(part, arm, lanes) for arm in arms]
        if all(_number(arm) is not None for arm in arms) and not lanes and part.node.shape:
            # two numbers do not say what the shape is
            sides[0] = self.language.filled(_number(arms[0]) or 0, part.node.type)
        return self.language.conditional(self.last(part.node, condition), sides[0], sides[1], lanes)

    def _arm(self, part: Term, arm: Arm | None, lanes: Shape) -> Written:
        number = _number(arm)
        if number is not None:
            return self.language.number_for(number, part.node.type, lanes)
        assert arm is not None
        return self.arm(arm)

    def arm(self, arm: Arm) -> Written:
        """An arm as an expression, or as a call."""
        if arm.inline:
            return self.get(arm.term)
        name, given = arm_function(self.writer, arm, self.get)
        return self.language.applied(name, [self.get(t) for t in given])


def _number(arm: Arm | None) -> bool | int | float | None:
    """The number that an arm is; 0 where it does not matter what it is."""
    if arm is None:
        return 0
    found: bool | int | float | None = arm.term.node.attrs["value"] if arm.term.node.op is FULL else None
    return found


def codes_of(block: Block) -> list[Code]:
    """The code of a block, to stand in a suite."""
    return flat([code for s in block.statements for code in s.codes])


def arm_function(writer: Writer, arm: Arm, written: Callable[[Term], Written]) -> tuple[str, list[Term]]:
    """The function that an arm became, and the terms that it is called with, as they are `written` there."""
    if arm.term not in writer._made:
        name = writer.language.functions.number("arm")
        given = [t for t in arm.uses if t.node.op not in (FULL, ARRAY)]
        names = Names(around=writer.language.global_names)
        known: dict[Term, Written] = {}
        for t in given:
            text = written(t).text
            is_name = text.isidentifier() and not text.startswith(MARK)
            known[t] = Written(names.take(text if is_name else writer.word(t)))
        block = Block(writer, arm.term.site.side, names, known)
        block.plan([(arm.term, ())])
        result = block.require(arm.term)
        lines = writer.language.rendered([code for s in block.statements for code in s.codes])
        arguments = [Argument(known[t].text) for t in given]
        writer._made[arm.term] = name, given
        writer.functions.append(Function(name, arguments, lines, [result.text]))
    return writer._made[arm.term]
