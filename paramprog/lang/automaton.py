"""The LALR automaton: Lark makes its table from the grammar, `Run` steps through it.

Lark's own loop is not used for three reasons. The many unit reductions of an expression grammar (a name is a
primary is a power is a product ...) need no call here, which halves the time. The nesting of the text can be
read off the stack. And after an error the stack can be cut back to the last place where a statement or
declaration was about to begin.
"""

from __future__ import annotations

import marshal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from lark import Lark
from lark import __version__ as lark_version
from lark.grammar import Rule
from lark.lexer import TerminalDef
from lark.parsers.lalr_analysis import Shift

from paramprog.cache import load, store
from paramprog.diagnostics import Source, Span, fail
from paramprog.lang.newlines import CLOSERS, OPENERS
from paramprog.lang.tokens import END, STATEMENT, Scanner, Token, scanner
from paramprog.lang.transform import TreeBuilder
from paramprog.resources import grammar_text

Start = Literal["module", "lone_expression"]

MAX_NESTING = 1_000
"""How deep brackets, blocks, calls, unary operators, `**` and conditionals may nest."""

_NESTING = frozenset({"LPAR", "LSQB", "LBRACE", "NOT", "POWER", "MINUS", "IF"})
# These only where an operand may begin: a binary minus and the `if` of a statement open no level.
_PREFIX_NESTING = frozenset({"MINUS", "IF"})


class Reduction(NamedTuple):
    """Replace the top `size` entries by one `origin`; `build` makes its value, None lets it be."""

    size: int
    origin: str
    build: Any
    rule: Rule


class Table(NamedTuple):
    """Per state: for a terminal the next state (shift) or a Reduction; for a rule the next state.

    `shortcuts` remembers where a series of unit reductions ends, by the state below, the state and the
    terminal.
    """

    actions: dict[int, dict[str, int | Reduction]]
    gotos: dict[int, dict[str, int]]
    accepting: int
    shortcuts: dict[tuple[int, int, str], int]
    start: int


class Grammar(NamedTuple):
    """The grammar made ready, once per process; `lock` guards `builder`, whose methods the tables call."""

    tables: dict[Start, Table]
    scan: Scanner
    builder: TreeBuilder
    lock: threading.Lock
    lark: Lark


class UnusedTerminals:
    """Tells Lark to keep the terminals that no rule accepts; they are there for messages."""

    always_accept = ("_NL", "MISTAKE", "UNKNOWN")

    def process(self, stream: Iterator[Any]) -> Iterator[Any]:
        return stream


@cache
def grammar() -> Grammar:
    builder = TreeBuilder()
    lark = _lark(builder)
    starts: tuple[Start, ...] = ("module", "lone_expression")
    tables = {start: _table(lark, start) for start in starts}
    terminals = scanner(list(lark.terminals), list(lark.lexer_conf.ignore))
    return Grammar(tables, terminals, builder, threading.Lock(), lark)


def _lark(builder: TreeBuilder) -> Lark:
    """Lark with the table of the grammar, from the cache if it was made before: that saves a third of a small run."""
    text = grammar_text()
    key = sha256(f"{text}\0{lark_version}\0{sys.version}".encode()).hexdigest()
    name = f"grammar-{key}"
    # any object with a method per rule will do as the transformer
    given: dict[str, Any] = {"transformer": builder, "postlex": UnusedTerminals()}
    stored = load(name)
    if stored is not None:
        with suppress(Exception):  # of another Lark than its version says: made again
            load_from_dict: Any = Lark._load_from_dict
            made = load_from_dict(*marshal.loads(stored), **given)
            assert isinstance(made, Lark)
            return made
    lark = Lark(
        text,
        parser="lalr",
        lexer="basic",
        start=["module", "lone_expression"],
        maybe_placeholders=True,
        **given,
    )
    data, memo = lark.memo_serialize([TerminalDef, Rule])
    data["options"] = {k: v for k, v in data["options"].items() if k not in given}
    store(name, marshal.dumps(_plain((data, memo))))
    return lark


def _plain(x: Any) -> Any:
    """Numbers, strings and containers without their subclasses, which `marshal` does not take."""
    if isinstance(x, dict):
        return {_plain(k): _plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, set, frozenset)):
        return [_plain(v) for v in x]
    return str(x) if isinstance(x, str) else x


def _table(lark: Lark, start: Start) -> Table:
    conf: Any = lark.parse_interactive("", start=start).parser_state.parse_conf
    # Lark's names are a subclass of str whose comparison is slow, hence str() throughout.
    reductions = {
        rule: Reduction(len(rule.expansion), str(rule.origin.name), None if _is_unit(rule) else build, rule)
        for rule, build in conf.callbacks.items()
    }
    rule_names = {reduction.origin for reduction in reductions.values()}
    actions: dict[int, dict[str, int | Reduction]] = {}
    gotos: dict[int, dict[str, int]] = {}
    for state, row in conf.states.items():
        actions[state], gotos[state] = {}, {}
        for symbol, (action, argument) in row.items():
            if symbol in rule_names:
                gotos[state][str(symbol)] = argument
            else:
                actions[state][str(symbol)] = argument if action is Shift else reductions[argument]
    return Table(actions, gotos, conf.end_state, {}, conf.start_state)


def _is_unit(rule: Rule) -> bool:
    """Whether the rule's value is that of its single child."""
    return (
        rule.options.expand1
        and rule.alias is None
        and len(rule.expansion) == 1
        and not rule.expansion[0].is_term
        and not rule.expansion[0].name.startswith("_")
    )


class Run:
    """The automaton on its way through one text.

    `states` and `values` are its stack, `previous` is the last token taken.
    """

    def __init__(self, table: Table, source: Source) -> None:
        self.table = table
        self.source = source
        self.states = [table.start]
        self.values: list[Any] = []
        self.previous: Token | None = None
        self._levels: list[tuple[int, Token]] = []

    def advance(self, tokens: Iterator[Token]) -> Token | None:
        """Take tokens to the end and return None, or return the first that does not fit, not taken."""
        actions, gotos, accepting, shortcuts = self.table[:4]
        states, values = self.states, self.values
        previous = self.previous
        for token in tokens:
            kind = token[0]
            if kind is STATEMENT:
                states.append(gotos[states[-1]]["statement"])
                values.append(token[1])
                continue
            action = actions[states[-1]].get(kind)
            while type(action) is Reduction:  # faster than isinstance
                size, origin, build, _ = action
                if build is None:
                    units = (states[-2], states[-1], kind)
                    state = shortcuts.get(units, -1)
                    if state < 0:
                        state = shortcuts[units] = self._after_units(*units)
                    states[-1] = state
                    action = actions[state].get(kind)
                    continue
                if size:
                    children = values[-size:]
                    del values[-size:], states[-size:]
                    values.append(build(children))
                else:
                    values.append(build([]))
                state = gotos[states[-1]][origin]
                states.append(state)
                if state == accepting and kind == END:
                    self.previous = previous
                    return None
                action = actions[state].get(kind)
            if action is None:
                self.previous = previous
                return token
            if kind in _NESTING and (kind not in _PREFIX_NESTING or self._operand_may_begin()):
                self._deepen(token)
            states.append(action)  # type: ignore[arg-type]  # no Reduction, so a state
            values.append(token)
            previous = token
        self.previous = previous
        return None

    def _after_units(self, below: int, state: int, kind: str) -> int:
        """The state on top of `below` once no unit reduction is due any more; `state` is there now."""
        actions, gotos = self.table.actions, self.table.gotos
        while type(action := actions[state].get(kind)) is Reduction and action.build is None:
            state = gotos[below][action.origin]
        return state

    def _operand_may_begin(self) -> bool:
        # The `if` after an `else` goes on with a conditional and does not open another.
        after_else = bool(self.values) and _is_token(self.values[-1], "ELSE")
        return "INT" in self.table.actions[self.states[-1]] and not after_else

    def _deepen(self, token: Token) -> None:
        """Count the level that `token` opens at the current height of the stack.

        A level is closed when its token has left the stack; those are dropped here, before the next one is
        counted, so each level costs a constant.
        """
        levels, values = self._levels, self.values
        height = len(values)
        while levels and (levels[-1][0] >= height or values[levels[-1][0]] is not levels[-1][1]):
            levels.pop()
        levels.append((height, token))
        if len(levels) > MAX_NESTING:
            raise fail(
                "nesting-limit",
                f"nested deeper than {MAX_NESTING} levels",
                Span(self.source, token.start, token.end),
                "give the inner part a name and use the name",
            )

    def awaits_statement(self) -> bool:
        """Whether a statement may begin here."""
        return "statement" in self.table.gotos[self.states[-1]]

    def acceptable(self) -> set[str]:
        """The terminals that can come next; not those that a reduction would find not to fit."""
        return {kind for kind in self.table.actions[self.states[-1]] if self._accepts(kind)}

    def _accepts(self, kind: str) -> bool:
        actions, gotos = self.table.actions, self.table.gotos
        states = list(self.states)
        while True:
            action = actions[states[-1]].get(kind)
            if not isinstance(action, Reduction):
                return action is not None
            if action.size:
                del states[-action.size :]
            states.append(gotos[states[-1]][action.origin])
            if states[-1] == self.table.accepting and kind == END:
                return True

    def open_brackets(self) -> list[Token]:
        """The brackets that are not closed so far."""
        opened: list[Token] = []
        for value in self.values:
            if isinstance(value, Token) and value.type in OPENERS:
                opened.append(value)
            elif isinstance(value, Token) and value.type in CLOSERS:
                opened.pop()
        return opened

    def cut_back_to(self, *rules: str) -> str | None:
        """Abandon what is unfinished: drop entries until one of the rules could begin, and take it as found.

        Returns the rule, or None if none of them is under way.
        """
        top = len(self.states) - 1
        if self.values and _is_token(self.values[-1], "RBRACE"):
            # The block is complete, though not reduced yet: do not go back into it.
            top = max(i for i, value in enumerate(self.values) if _is_token(value, "LBRACE"))
        for height in range(top, -1, -1):
            gotos = self.table.gotos[self.states[height]]
            for rule in rules:
                if rule in gotos:
                    del self.states[height + 1 :], self.values[height:]
                    self.states.append(gotos[rule])
                    self.values.append(None)
                    return rule
        return None


def _is_token(value: object, kind: str) -> bool:
    return isinstance(value, Token) and value.type == kind
