"""Statements of one form: they differ in their names and numbers only, as a generated program has them by the thousand.

What the automaton does depends on the kinds of tokens alone. So once a statement that fills a line has been met twice,
all lines of its form are told by their words, and their trees are made by the same methods without the automaton. That
takes a third of the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import accumulate, chain
from operator import itemgetter
from typing import Any, NamedTuple

from lark import Tree
from lark.parse_tree_builder import ParseTreeBuilder

from paramprog.diagnostics import Report, Source
from paramprog.lang.automaton import Grammar, Reduction, Table, grammar
from paramprog.lang.lines import Deferred, Line
from paramprog.lang.syntax import Assign
from paramprog.lang.tokens import Token, new_token
from paramprog.lang.transform import TreeBuilder
from paramprog.lang.transform_expressions import MAX_NAME

MAX_FORMS = 4_096
"""So many are remembered."""

MAX_TOKENS = 200
"""Longer lines are not, so that no form nests so deep that the limit of nesting would matter."""

_OTHER_WORDS = re.compile(r"""[#"]|\.\.""")
"""In comments and strings, and after the two points of a range, words are not those of the grammar."""

Key = tuple[Sequence[str], Sequence[str]]
"""What stands between the words of a line, and their kinds, () if all are names; a reserved word is its own kind."""


class Application(NamedTuple):
    """A method of the tree builder on children: applications, numbers of tokens, or nothing."""

    method: str
    children: Sequence[Any]


class _Noting:
    """Takes the place of the tree builder, and notes what it would have been told."""

    def __getattr__(self, rule: str) -> Callable[[list[Any]], Application]:
        if not hasattr(TreeBuilder, rule):
            raise AttributeError(rule)
        return partial(Application, rule)


class Part(NamedTuple):
    """A token of a form: its kind; its text, or None for the word after `before` others; where it stands.

    `offset` counts from the start of the line, without the words before it.
    """

    kind: str
    text: str | None
    before: int
    offset: int


class Form:
    """How the tree of a statement is made: `steps` call methods on the values picked from what there is so far.

    `between` is what stands between the words.
    """

    def __init__(
        self, parts: Sequence[Part], made: Application, ready: Grammar, between: Sequence[str]
    ) -> None:
        self.ready, self.between = ready, between
        self.assigns = made.method == "assign"
        self.numbers = [p.before for p in parts if p.text is None and p.kind != "NAME"]
        self.parts: list[Part] = []
        self.steps: list[tuple[Callable[[Any], Any], Callable[[list[Any]], Sequence[Any]]]] = []
        used = sorted(_tokens(made))
        places: dict[int | None, int] = {None: 0} | {token: i + 1 for i, token in enumerate(used)}
        self.parts = [parts[token] for token in used]
        self._add(made, places, ready.builder)

    def _add(self, made: Application, places: dict[int | None, int], builder: TreeBuilder) -> int:
        """Add the steps of an application; returns where its value will be."""
        found = [
            self._add(child, places, builder) if isinstance(child, Application) else places[child]
            for child in made.children
        ]
        self.steps.append((getattr(builder, made.method), _picker(found)))
        return len(self.parts) + len(self.steps)

    def statement(self, source: Source, words: Sequence[str], start: int, length: int) -> Any:
        """The statement of a line of this length: of an assignment with which nothing can be wrong the tree is left."""
        if not (self.assigns and length <= MAX_NAME and all(_in_range(words[k]) for k in self.numbers)):
            return self.tree(words, start)
        return self.later(Line(source, self, words, start))

    @staticmethod
    def later(line: Line) -> Assign:
        """The assignment that a line says, without its parts."""
        statement = Assign.__new__(Assign)
        statement.line = line
        return statement

    def complete(self, statement: Deferred, line: Line) -> None:
        """Make the parts of a statement, once."""
        with self.ready.lock:
            if line.complete:
                return
            self.ready.builder.begin(line.source, Report())
            try:
                tree: Assign = self.tree(line.words, line.start)
            finally:
                self.ready.builder.finish()
            for field in Assign.__match_args__:
                setattr(statement, field, getattr(tree, field))
            line.complete = True

    def text(self, words: Sequence[str]) -> str:
        """The line with these words."""
        return "".join(chain.from_iterable(zip(self.between, [*words, ""], strict=True)))

    def tree(self, words: Sequence[str], start: int) -> Any:
        """The tree of the statement with these words that starts at the offset `start`."""
        ends = list(accumulate(map(len, words), initial=start))
        values: list[Any] = [None]
        values += [
            new_token((kind, words[before] if text is None else text, ends[before] + offset))
            for kind, text, before, offset in self.parts
        ]
        for method, pick in self.steps:
            values.append(method(pick(values)))
        return values[-1]


def _tokens(made: Application) -> set[int]:
    found: set[int] = set()
    for child in made.children:
        if isinstance(child, Application):
            found |= _tokens(child)
        elif child is not None:
            found.add(child)
    return found


def _picker(places: Sequence[int]) -> Callable[[list[Any]], Sequence[Any]]:
    if len(places) == 1:
        return itemgetter(slice(places[0], places[0] + 1))
    return itemgetter(*places) if places else lambda values: ()


class Forms:
    """The forms that were met; a form is known from the second time on."""

    def __init__(self, ready: Grammar) -> None:
        self.ready = ready
        self.known: dict[Key, Form] = {}
        self.met: set[Key] = set()
        patterns = {t.name: t.pattern.to_regexp() for t in ready.lark.terminals}
        name, number, integer = (patterns[k] for k in ("NAME", "NUMBER", "INT"))
        self.split = re.compile(rf"([A-Za-z_][A-Za-z0-9_]*)|({number}|{integer})").split
        mentioned = re.findall("[A-Za-z]+", name)
        self.reserved = {word for word in mentioned if not re.fullmatch(name, word)}
        builder: Any = ParseTreeBuilder  # untyped
        self.noting = builder(ready.lark.rules, Tree, False, False, True).create_callback(_Noting())

    def find(self, line: str) -> tuple[Form, Sequence[str]] | None:
        """The form of a line, and its words; None if it is not known."""
        key, words = self._key(line)
        form = self.known.get(key)
        return None if form is None else (form, words)

    def learn(self, line: str, table: Table, state: int) -> None:
        """`line` stands between two places where a statement may begin; `state` is that of the automaton there."""
        key, _ = self._key(line)
        if key in self.known or len(self.met) >= MAX_FORMS or _OTHER_WORDS.search(line):
            return
        if key not in self.met:
            self.met.add(key)
            return
        tokens = list(self.ready.scan(line))
        made = self._made([t.type for t in tokens], table, state) if len(tokens) <= MAX_TOKENS else None
        if made is not None:
            self.known[key] = Form(_parts(tokens), made, self.ready, key[0])

    def _key(self, line: str) -> tuple[Key, Sequence[str]]:
        pieces = self.split(line)
        names, between = pieces[1::3], tuple(pieces[::3])
        if None not in names and self.reserved.isdisjoint(names):
            return (between, ()), names
        words = [name or number for name, number in zip(names, pieces[2::3], strict=True)]
        return (between, tuple([w if w in self.reserved else _kind(w) for w in words])), words

    def _made(self, kinds: Sequence[str], table: Table, start: int) -> Application | None:
        """What the automaton does with these tokens up to the end of the line; None if they are no statement."""
        states, values = [start], list[Any]()
        statement = [start, table.gotos[start]["statement"]]
        for token, kind in enumerate([*kinds, "_NL"]):
            action = table.actions[states[-1]].get(kind)
            while type(action) is Reduction and states != statement:
                if action.size >= len(states):
                    return None  # it ends what began before
                children = values[len(values) - action.size :]
                del values[len(values) - action.size :], states[len(states) - action.size :]
                values.append(children[0] if action.build is None else self.noting[action.rule](children))
                states.append(table.gotos[states[-1]][action.origin])
                action = table.actions[states[-1]].get(kind)
            if states == statement:
                break
            if type(action) is not int:
                return None
            states.append(action)
            values.append(token)
        ends = states == statement and token == len(kinds) and isinstance(values[0], Application)
        return values[0] if ends else None


def _in_range(number: str) -> bool:
    """Whether a number is surely neither too large nor too small."""
    return len(number) <= 18 and "e" not in number and "E" not in number


def _kind(word: str) -> str:
    if word[0].isdigit() or word[0] == ".":
        return "INT" if word.isdigit() else "NUMBER"
    return "NAME"


def _parts(tokens: Sequence[Token]) -> list[Part]:
    parts: list[Part] = []
    words = length = 0
    for kind, text, start in tokens:
        varies = kind in ("NAME", "NUMBER", "INT")
        parts.append(Part(kind, None if varies else text, words, start - length))
        if varies or text.isidentifier():  # a reserved word is a word too
            words, length = words + 1, length + len(text)
    return parts


@cache
def forms() -> Forms:
    """The forms met by this process; used under the lock of the grammar, whose tree builder they call."""
    return Forms(grammar())
