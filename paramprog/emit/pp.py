"""The language itself: every operation as a program says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from paramprog.diagnostics import fail
from paramprog.emit.code import Code
from paramprog.emit.language import Argument, Function, Language, is_ragged
from paramprog.emit.numbers import below, literal
from paramprog.emit.operators import words
from paramprog.emit.surfaces import spelling, static
from paramprog.emit.written import Level, Written, call
from paramprog.graph import PART, Node
from paramprog.op import SURFACES
from paramprog.transfer.select import Cuts
from paramprog.transfer.source import FULL
from paramprog.types import Kind, Shape, Type, is_tape

RESERVED = frozenset(
    (
        *("function", "Function", "dim", "param", "const", "base", "derivative", "noise", "import"),
        *("if", "then", "else", "for", "in", "while", "return", "and", "or", "not", "true", "false"),
    )
)
"""Words that are no names."""

WIDTH = 100
"""Longer lines are broken where that is easy."""

MAX_ENTRY = 72
"""A longer entry of a comprehension ends a line."""

INDENT = "    "

FUNCTION_NAMES = frozenset([*SURFACES, "map", "reduce"])
"""Functions that no other function may hide."""

REFUSED: Mapping[str, Callable[[Node, int], bool]] = {
    "intdiv": lambda node, divisor: divisor == 0,
    "mod": lambda node, divisor: divisor == 0,
    "pow": lambda node, exponent: node.kind == "int" and exponent < 0,
    "gather": lambda node, index: not 0 <= index < node.attrs["size"],
}
"""When the last operand, a number, makes an operation fault; on a side of a branch that may never happen."""


class Pp(Language):
    """Programs in the language itself: they parse, check, run and can be differentiated again."""

    # ---- leaves --------------------------------------------------------------------------------------------------

    def number(self, value: bool | int | float, kind: Kind) -> Written:
        return literal(value, kind)

    def filled(self, value: bool | int | float, type: Type) -> Written:
        if is_tape(type):
            entry = type._replace(shape=type.shape[1:])
            return call("tape", self.filled(value, entry) if entry.shape else self.number(value, type.kind))
        sizes = [str(n) for n in type.shape]
        if type.kind == "real" and np.signbit(value) == 0 and value in (0.0, 1.0):
            return call("zeros" if value == 0.0 else "ones", *sizes)
        return call("full", self.number(value, type.kind), *sizes)

    def identity(self, n: int) -> Written:
        return call("eye", str(n))

    # ---- operations ----------------------------------------------------------------------------------------------

    def decides(self, node: Node) -> bool:
        """One condition for everything is decided; int operations that are known to fault are refused."""
        if node.op is PART:
            return not node.args[0].args[0].shape
        last = node.args[-1]
        if last.op is not FULL or last.kind != "int" or node.op.name not in REFUSED:
            return False
        return REFUSED[node.op.name](node, last.attrs["value"])

    def at_run_time(self, constant: Node) -> Written:
        value = constant.attrs["value"]
        if constant.kind == "bool":
            return Written("0.0 < 1.0" if value else "1.0 < 0.0", Level.COMPARE)
        return call("int", literal(float(value), "real"))

    def called(self, node: Node, args: Sequence[Written]) -> Written:
        name = node.op.name
        special = getattr(self, f"_{name}", None)
        if special is not None:
            found: Written = special(node, *args)
            return found
        types = tuple(a.type for a in node.args)
        how = spelling(node.op, types, node.attrs)
        if how is None:
            message = f"the operation `{name}` cannot be written in this form: {dict(node.attrs)}"
            raise fail("not-printable", message, node.span)
        options = [f"{k} = {static(v)}" for k, v in how.options.items()]
        return call(how.surface.name, *how.before, *args, *how.after, *options)

    def _and(self, node: Node, a: Written, b: Written) -> Written:
        a, b = _literal_last(a, b)
        return Written(f"{a.at(Level.AND)} and {b.at(Level.NOT)}", Level.AND)

    def _or(self, node: Node, a: Written, b: Written) -> Written:
        a, b = _literal_last(a, b)
        return Written(f"{a.at(Level.OR)} or {b.at(Level.AND)}", Level.OR)

    def _not(self, node: Node, a: Written) -> Written:
        return Written(f"not {a.at(Level.NOT)}", Level.NOT)

    def _stack(self, node: Node, *args: Written) -> Written:
        axis = node.attrs["axis"]
        if axis == 0:
            return Written(f"[{', '.join(a.text for a in args)}]")
        options = [f"axis = {axis}"]
        return call("stack", *args, *options) if len(args) > 1 else call("spread", *args, "1", *options)

    def _concat(self, node: Node, *args: Written) -> Written:
        axis = node.attrs["axis"]
        return call("concat", *args, *([f"axis = {axis}"] if axis else [])) if len(args) > 1 else args[0]

    def _spread(self, node: Node, x: Written) -> Written:
        axes, sizes = node.attrs["axes"], node.attrs["sizes"]
        if not node.args[0].shape:
            return call("full", x, *map(str, sizes))
        for axis, n in sorted(zip(axes, sizes, strict=True)):
            x = call("spread", x, str(n), *([f"axis = {axis}"] if axis else []))
        return x

    def _sum(self, node: Node, x: Written) -> Written:
        axes = node.attrs["axes"]
        if len(axes) == len(node.args[0].shape):
            return call("sum", x)
        for axis in sorted(axes, reverse=True):
            x = call("sum", x, f"axis = {axis}")
        return x

    def _embed(self, node: Node, x: Written) -> Written:
        for cut in sorted(node.attrs["cuts"]):
            axis = [f"axis = {cut.axis}"] if cut.axis else []
            if cut.length is None:
                x = call("embed_at", x, str(cut.start), str(cut.size), *axis)
            elif cut.step == 1:
                x = call("pad", x, str(cut.start), str(cut.size - cut.start - cut.length), *axis)
            else:
                step = [f"step = {cut.step}"]
                x = call("embed", x, str(cut.start), str(cut.size), *axis, *step)
        return x

    def _lone(self, node: Node, x: Written) -> Written:
        return call("push", self.filled(0.0, node.type), x)

    def _deeper(self, node: Node, t: Written) -> Written:
        entry = node.type._replace(shape=node.shape[1:])
        return call("push", t, self.zeros(entry))

    def conditional(self, condition: Written, first: Written, second: Written, lanes: Shape) -> Written:
        text = f"if {condition.at(Level.OR)} then {first.at(Level.OR)} else {second.text}"
        return Written(text, Level.ANY)

    def sliced(self, x: Written, cuts: Cuts) -> Written:
        x = super().sliced(x, tuple(cut for cut in cuts if cut.step > 0))
        before = [cut for cut in cuts if cut.length is None]
        for cut in cuts:
            if cut.step < 0:  # a range in the language goes forward
                places = [cut.start + k * cut.step for k in range(cut.length or 0)]
                axis = cut.axis - sum(other.axis < cut.axis for other in before)
                x = call("gather", x, f"{places}", *([f"axis = {axis}"] if axis else []))
        return x

    # ---- contractions --------------------------------------------------------------------------------------------

    def inner(self, a: Written, b: Written) -> Written:
        return call("dot", a, b)

    def outer(self, a: Written, b: Written) -> Written:
        return call("outer", a, b)

    def transposed(self, x: Written) -> Written:
        return call("transpose", x)

    def by_words(self, node: Node, a: Written, b: Written) -> Written:
        (first, second), result = words(node.attrs["spec"])
        made = "".join(c for c in result if c in first + second)
        x = call("contract", f'"{first},{second}->{made}"', a, b)
        sizes = dict(zip(result, node.shape, strict=True))
        for axis, c in enumerate(result):
            if c not in made:
                x = call("spread", x, str(sizes[c]), f"axis = {axis}")
        return x

    # ---- statements ----------------------------------------------------------------------------------------------

    def assigned(self, name: str, value: Written, *, fresh: bool = False) -> str:
        line = super().assigned(name, value, fresh=fresh)
        if len(line) <= WIDTH or value.level != Level.ANY:
            return line
        return f"\n{INDENT}else ".join(_arms(line))

    # ---- loops and comprehensions --------------------------------------------------------------------------------

    def rendered(self, codes: Sequence[Code]) -> list[str]:
        lines: list[str] = []
        for code in codes:
            if isinstance(code, str):
                lines += code.split("\n")
                continue
            for k, (head, body) in enumerate(code.arms):
                word = f"if {head}" if code.kind == "if" else f"{head}"
                opening = f"{word} {{" if k == 0 else "} else {" if head is None else f"}} else {word} {{"
                inner = [f"{INDENT}{line}" for line in self.rendered(body)]
                if k:
                    opening = f"{lines.pop()[:-1]}{opening}"
                lines += [opening, *inner, "}"] if inner else [f"{opening} }}"]
        return lines

    def range(self, limit: Written, *, exact: bool) -> str:
        return f"0..{limit.at(Level.SUM)}"

    def entries(self, entry: Written, indices: Sequence[tuple[str, str]], type: Type) -> Written:
        return Written(f"[{_for(entry, indices)}]")

    def added(self, entry: Written, indices: Sequence[tuple[str, str]]) -> Written:
        return Written(f"sum({_for(entry, indices)})")

    def started(self, type: Type, rank: int = 1) -> Written:
        row = type._replace(shape=type.shape[rank:])
        return call(
            "tape", self.started(row) if is_ragged(row.shape) and not is_tape(row) else self.zeros(row)
        )

    def appended(self, array: str, value: Written) -> str:
        return f"{array} = push({array}, {value.text})"

    def any_of(self, x: Written, over: int, rank: int) -> Written:
        if not rank:
            return call("any", x)
        for _ in range(over):
            x = call("any", x, "axis = 0")
        return x

    def either(self, a: Written, b: Written) -> Written:
        return Written(f"{a.at(Level.OR)} or {b.at(Level.AND)}", Level.OR)

    def function(self, function: Function) -> list[str]:
        arguments = [_formal(a) for a in function.arguments]
        head = f"function {function.name}("
        lines = _broken(head, arguments, ") {")
        return [
            *lines,
            *(f"{INDENT}{line}" if line else "" for line in function.lines),
            f"{INDENT}return {', '.join(function.results)}",
            "}",
        ]


def _for(entry: Written, indices: Sequence[tuple[str, str]]) -> str:
    """An entry for all indices in their ranges, on a line of its own if it is long."""
    clauses = ", ".join(f"{index} in {range}" for index, range in indices)
    return f"{entry.text}{chr(10) if len(entry.text) > MAX_ENTRY else ' '}for {clauses}"


def _literal_last(a: Written, b: Written) -> tuple[Written, Written]:
    """The operands of `and` or `or`: a literal in front can decide them alone, and would be the whole value."""
    return (b, a) if a.text in ("true", "false") else (a, b)


def _formal(argument: Argument) -> str:
    text = argument.name
    if argument.type is not None:
        text += f" : {argument.type}"
    return text if argument.default is None else below(f"{text} = ", str(argument.default))


def _arms(line: str) -> list[str]:
    """A conditional cut at each `else` that is in no parentheses; a line may end in front of these."""
    found, depth, start = [], 0, 0
    for at, c in enumerate(line):
        depth += (c in "([") - (c in ")]")
        if depth == 0 and line.startswith(" else ", at):
            found.append(line[start:at])
            start = at + len(" else ")
    return [*found, line[start:]]


def _broken(head: str, items: Sequence[str], tail: str, width: int = WIDTH) -> list[str]:
    """`head`, the items separated by commas, `tail`: on one line, or one line an item."""
    whole = f"{head}{', '.join(items)}{tail}"
    if len(whole) <= width and "\n" not in whole:
        return [whole]
    indent = " " * len(head)
    lines = ",\n".join(items).split("\n")
    return [(head if k == 0 else indent) + line for k, line in enumerate(lines[:-1])] + [
        (indent if len(lines) > 1 else head) + lines[-1] + tail
    ]
