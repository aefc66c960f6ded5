"""Lines of one form are typed and built once for each kinds of operands, on made-up names; that is replayed after.

A generated program says `x2 = sin(x1) * w + x0` thousands of times with other names. What is found out about such a
line depends on what its names mean, and not on how they are called. So when a form has been met often enough, a
`Sample` of it with made-up names is typed, and built in a graph of its own. From then on a line takes a look at its
names, and copies of the nodes.

Only what is plainly in order is replayed: at the top level of a function a new name is assigned a scalar, computed
from scalars by built-in elementwise functions and operators. All else, and with it every error, takes the usual way.
What a replayed line leaves out, the types of its parts, is added where somebody asks for it (`Instance.annotate`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from paramprog.diagnostics import ProgramError, Source, new_span
from paramprog.lang.faults import Poisoned
from paramprog.lang.instance import Info, Instance, Primitive
from paramprog.lang.lines import Line
from paramprog.lang.names import SPECIAL
from paramprog.lang.syntax import Assign, Call, Chain, Integer, Name, Negate, Number, Power
from paramprog.lang.typing import Typing
from paramprog.lang.walk import walk
from paramprog.types import Real

if TYPE_CHECKING:
    from paramprog.lang.build_replay import Steps
    from paramprog.lang.control import BlockNames
    from paramprog.lang.forms import Form

OFTEN = 4
"""So many lines of a form are worth a look at its parts, and as many with operands of the same types a sample."""


class Pattern:
    """How the words of a form are used, the first being the target.

    `at` are the places of the operands, `numbers` those of reals that are operands too. What a sample does not leave
    open is `fixed`: the names of functions, `called`, ints, and numbers whose values might matter. `margin` is what
    stands before the target.
    """

    def __init__(
        self,
        margin: int,
        at: Sequence[int],
        numbers: Sequence[int],
        called: Sequence[int],
        fixed: Sequence[int],
    ) -> None:
        self.margin, self.at, self.numbers = margin, at, numbers
        self.operands, self.callees, self.fixed = _picker(at), _picker(called), _picker([*called, *fixed])
        self.samples: dict[Any, Sample | None] = {}
        self.met: dict[Any, int] = {}


def _picker(places: Sequence[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """The words at these places."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda words: tuple([words[k] for k in places])


def _pattern(statement: Assign, line: Line) -> Pattern | None:
    """Of the form of a line; None if it has parts that are not replayed."""
    targets, values = statement.targets, statement.values
    if len(targets) != 1 or len(values) != 1 or targets[0].indices is not None:
        return None
    ends = line.ends()
    word = {ends[p.before] + p.offset: p.before for p in line.form.parts if p.text is None}
    operands: list[int] = []
    numbers: list[int] = []
    called: list[int] = []
    fixed: list[int] = []
    pending: list[tuple[Any, bool]] = [(values[0], True)]
    while pending:
        e, free = pending.pop()
        if isinstance(e, Name):
            operands.append(word[e.span.start])
        elif isinstance(e, Number | Integer):
            (numbers if free and isinstance(e, Number) else fixed).append(word[e.span.start])
        elif isinstance(e, Chain) and all(link.operator in ("+", "-", "*", "/") for link in e.links):
            pending += [(e.first, free), *((link.operand, free) for link in e.links)]
        elif isinstance(e, Negate):
            pending.append((e.operand, free))
        elif isinstance(e, Power):
            pending += [(e.base, False), (e.exponent, False)]
        elif isinstance(e, Call) and all(a.name is None for a in e.arguments):
            called.append(word[e.function.span.start])
            pending += [(a.value, free) for a in e.arguments]
        else:
            return None
    return Pattern(targets[0].span.start - line.start, operands, numbers, called, fixed)


class Sample:
    """An assignment of a form, with operands of these types on made-up names, typed in an instance of its own."""

    def __init__(
        self, pattern: Pattern, statement: Assign, line: Line, infos: tuple[Info, ...], instance: Instance
    ) -> None:
        self.pattern, self.statement, self.line = pattern, statement, line
        self.infos, self.instance = infos, instance
        self.result = instance.info[statement.values[0]]
        self.steps: dict[Real, Steps | None] = {}
        """How it is built, by the precision of the graph: see build_replay.py."""

    def annotate(self, instance: Instance, statement: Assign) -> None:
        """Type the parts of an assignment that is like this one."""
        assert statement.line is not None
        typing = Typing(instance.home, instance)
        typing.locals.update(zip(self.pattern.operands(statement.line.words), self.infos, strict=True))
        walk(typing.whole(statement.values[0]))


class Replays:
    """The samples for the typing of one function."""

    def __init__(self, typing: Typing) -> None:
        self.typing = typing
        self.patterns: dict[Form, Pattern | None] = {}
        self.met: dict[Form, int] = {}

    def typed(self, statement: Assign, names: BlockNames) -> bool:
        """Type an assignment of the function's own block by a sample; False if it takes more than that."""
        line = statement.line
        if line is None:
            return False
        typing, form, words = self.typing, line.form, line.words
        if form not in self.patterns:
            met = self.met[form] = self.met.get(form, 0) + 1
            if met < OFTEN:
                return False
            self.patterns[form] = _pattern(statement, line)
        pattern = self.patterns[form]
        if pattern is None or (target := words[0]) in typing.places:
            return False
        known = typing.locals.get
        infos = tuple([known(name) or typing.param(name) for name in pattern.operands(words)])
        key = (pattern.fixed(words), infos)
        if key not in pattern.samples:
            met = pattern.met[key] = pattern.met.get(key, 0) + 1
            if met < OFTEN:
                return False
            pattern.samples[key] = self._sample(pattern, line, infos)
        sample = pattern.samples[key]
        if sample is None:
            return False
        start = line.start + pattern.margin
        span = new_span((line.source, start, start + len(target)))
        names.assigned[target] = typing.places[target] = span
        names.changed.setdefault(target, span)
        typing.locals[target] = sample.result
        typing.instance.replayed[statement] = sample
        return True

    def _sample(self, pattern: Pattern, like: Line, infos: Sequence[Info | None]) -> Sample | None:
        """None where something is in error or not as simple as it looks."""
        given = [info for info in infos if info is not None and info.static is None and not info.type.shape]
        if len(given) < len(infos) or not all(map(self._is_primitive, pattern.callees(like.words))):
            return None
        words = list(like.words)
        for k, at in enumerate(pattern.at):
            words[at] = f"a{k}"
        line = Line(Source(like.source.name, like.form.text(words)), like.form, words, 0)
        statement = like.form.later(line)
        instance = Instance(self.typing.instance.function, functions=self.typing.instance.functions)
        typing = Typing(self.typing.checker, instance)
        typing.locals.update(zip(pattern.operands(words), given, strict=True))
        try:
            result = walk(typing.whole(statement.values[0]))
        except (ProgramError, Poisoned):
            return None
        plain = all(isinstance(t, Primitive) and t.op.elementwise for t in instance.targets.values())
        simple = plain and result.static is None and not result.type.shape
        return Sample(pattern, statement, line, tuple(given), instance) if simple else None

    def _is_primitive(self, name: str) -> bool:
        """Whether a function of this name is built in."""
        found = self.typing.checker.find(name)
        own = name in self.typing.instance.functions or name in SPECIAL
        return not own and found is not None and found.home is None
