"""Blocks of statements: which terms get a name, and in which order they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from paramprog.emit.arms import Arm, Arms
from paramprog.emit.language import Argument, Function, Language
from paramprog.emit.names import Names
from paramprog.emit.terms import Operand, Side, Term, Terms, is_atom
from paramprog.emit.updates import Updates
from paramprog.emit.written import Written
from paramprog.graph import PART, Node
from paramprog.transfer.source import ARRAY, FULL
from paramprog.types import Shape

MAX_INLINE = 56
"""A longer expression gets a name when it is part of another one."""

MAX_WIDE = 400
"""Likewise in the body of a base function, which has room for one expression only."""

MAX_REPEATED = 24
"""A longer expression is not written again."""


@dataclass(frozen=True)
class Statement:
    """Some lines that give a name to a term."""

    term: Term
    name: str
    lines: Sequence[str]


@dataclass(eq=False)
class Writer:
    """What the blocks of one program share: the language, and the functions that arms became."""

    terms: Terms
    language: Language
    arms: Arms
    hints: Mapping[Node, str]
    """Names that nodes had where they come from, for those that need one."""
    functions: list[Function] = field(default_factory=list)
    _made: dict[Term, tuple[str, list[Term]]] = field(default_factory=dict)

    def function(self, arm: Arm, written: Callable[[Term], Written]) -> tuple[str, list[Term]]:
        """The function that an arm became, and the terms that it is called with, as they are `written` there."""
        if arm.term not in self._made:
            name = self.language.functions.number("arm")
            given = [t for t in arm.uses if t.node.op not in (FULL, ARRAY)]
            names = Names(around=self.language.global_names)
            known: dict[Term, Written] = {}
            for t in given:
                text = written(t).text
                known[t] = Written(names.take(text if text.isidentifier() else self.word(t)))
            block = Block(self, arm.term.site.side, names, known)
            block.plan([(arm.term, ())])
            result = block.require(arm.term)
            lines = [line for s in block.statements for text in s.lines for line in text.split("\n")]
            arguments = [Argument(known[t].text) for t in given]
            self._made[arm.term] = name, given
            self.functions.append(Function(name, arguments, lines, [result.text]))
        return self._made[arm.term]

    def word(self, term: Term) -> str:
        """A name for a term that needs one."""
        hint = self.hints.get(term.node, "t")
        return "t" if hint.startswith("arm") else hint


class Block:
    """The statements of one function; `side` is the side of a branch that it is, None for the entry function."""

    def __init__(
        self,
        writer: Writer,
        side: Side | None,
        names: Names,
        known: Mapping[Term, Written],
        *,
        wide: bool = False,
    ) -> None:
        self.max_inline = MAX_WIDE if wide else MAX_INLINE
        self.writer, self.side, self.names = writer, side, names
        self.terms, self.arms, self.language = writer.terms, writer.arms, writer.language
        self.written: dict[Term, Written] = dict(known)
        self.statements: list[Statement] = []
        self._counts: Counter[Term] = Counter()
        self._forced: dict[Term, list[str]] = {}
        self.updates = Updates(self)

    def plan(self, roots: Sequence[tuple[Term, Sequence[str]]]) -> None:
        """Prepare for writing the roots, each under all of its names."""
        for term, names in roots:
            self._forced.setdefault(term, []).extend(names)
        self._count(term for term, _ in roots)

    def force(self, term: Term, name: str) -> None:
        """Let a term that has been planned be written under this name."""
        self._forced.setdefault(term, []).append(name)

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

    def is_forced(self, term: Term) -> bool:
        """Whether a term has names that it must be written under."""
        return bool(self._forced.get(term)) or term in self.written

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
            self._place(term)
        self._aliases(root)
        return self.written[root]

    def _aliases(self, term: Term) -> None:
        """Give a term those of its names that it does not have yet."""
        for name in self._forced.pop(term, []):
            value = self.written[term]
            if name != value.text:
                self.statements.append(Statement(term, name, [self.language.assigned(name, value)]))

    def _place(self, term: Term) -> None:
        """Give a term its name, or let it stand where it is used."""
        forced = self._forced.get(term, ())
        lines = self.updates.lines(term)
        value = self.composed(term) if lines is None else None
        if value is not None and (is_atom(term.node) or (not forced and self._stands_inline(term, value))):
            self.written[term] = value
            return
        name = forced[0] if forced else self._name(term)
        made = lines(name) if lines is not None else [self.language.assigned(name, value or Written(name))]
        self.statements.append(Statement(term, name, made))
        self.written[term] = Written(name)

    def _stands_inline(self, term: Term, value: Written) -> bool:
        if self.uses(term) < 2:
            return len(value.text) <= self.max_inline
        return self.arms.repeatable(term) and len(value.text) <= MAX_REPEATED

    def _name(self, term: Term) -> str:
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
        if node.op is PART:
            return self._conditional(term)
        return self.language.operation(node, [self.operand(o) for o in self.terms.operands(term)])

    def _conditional(self, part: Term) -> Written:
        (condition,) = self.terms.operands(part)
        lanes = self.terms.lanes(part)
        arms = self.arms.of(part)
        sides = [self._arm(part, arm, lanes) for arm in arms]
        if all(_number(arm) is not None for arm in arms) and not lanes and part.node.shape:
            # two numbers do not say what the shape is
            sides[0] = self.language.filled(_number(arms[0]) or 0, part.node.type)
        return self.language.conditional(self.get(condition.term), sides[0], sides[1], lanes)

    def _arm(self, part: Term, arm: Arm | None, lanes: Shape) -> Written:
        number = _number(arm)
        if number is not None:
            return self.language.number_for(number, part.node.type, lanes)
        assert arm is not None
        if arm.inline:
            return self.get(arm.term)
        name, given = self.writer.function(arm, self.get)
        return self.language.applied(name, [self.get(t) for t in given])


def _number(arm: Arm | None) -> bool | int | float | None:
    """The number that an arm is; 0 where it does not matter what it is."""
    if arm is None:
        return 0
    found: bool | int | float | None = arm.term.node.attrs["value"] if arm.term.node.op is FULL else None
    return found
