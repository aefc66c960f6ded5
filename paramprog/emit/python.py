"""Python with NumPy: every operation as a person would write it there."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Sequence

from paramprog.diagnostics import fail
from paramprog.emit.language import Argument, Function
from paramprog.emit.numbers import below, literal
from paramprog.emit.operators import OPERATORS, words
from paramprog.emit.python_calls import CALLS
from paramprog.emit.python_functions import FUNCTIONS
from paramprog.emit.python_loops import PythonLoops, shape_text
from paramprog.emit.written import Level, Written, call
from paramprog.graph import Node
from paramprog.op import Op
from paramprog.transfer.select import Cut, Cuts, where
from paramprog.transfer.source import FULL
from paramprog.types import Kind, Real, Shape, Type, is_tape

RESERVED = frozenset(
    [
        *keyword.kwlist,
        *keyword.softkwlist,
        *dir(builtins),
        *FUNCTIONS,
        "np",
        "math",
        "linalg",
        "special",
        "self",
    ]
)
"""Names that what is printed must not give to anything."""


class Python(PythonLoops):
    """Plain NumPy code. A user's name that means something in Python gets an underscore at its end."""

    # ---- leaves --------------------------------------------------------------------------------------------------

    def number(self, value: bool | int | float, kind: Kind) -> Written:
        if kind == "bool":
            return Written(str(bool(value)))
        if kind == "real" and not abs(value) < float("inf"):
            return Written("np.nan" if value != value else "np.inf" if value > 0 else "-np.inf", Level.UNARY)
        return literal(value, kind)

    def filled(self, value: bool | int | float, type: Type) -> Written:
        if is_tape(type):
            return Written(f"({self._nothing(type, value).text}, None)")
        if type.kind == "real" and str(float(value)) in ("0.0", "1.0"):
            dtype = [] if self.real == "float64" else [f"np.{self.real}"]
            return call("np.ones" if value else "np.zeros", shape_text(type.shape), *dtype)
        return call("np.full", shape_text(type.shape), self.number(value, type.kind), *self._dtype(type.kind))

    def identity(self, n: int) -> Written:
        return call("np.eye", str(n), *[f"dtype={d}" for d in self._dtype("real")])

    # ---- operations ----------------------------------------------------------------------------------------------

    def converts(self, op: Op) -> bool:
        # an int of NumPy makes a double of a single
        return self.real == "float64" and (op.name in OPERATORS or op.name in ("maximum", "minimum"))

    def called(self, node: Node, args: Sequence[Written]) -> Written:
        name = node.op.name
        if self.real != "float64":
            args = [
                self._single(x) if a.op is FULL and not a.shape else x
                for a, x in zip(node.args, args, strict=True)
            ]
        special = getattr(self, f"_{name}", None)
        if special is not None:
            found: Written = special(node, *args)
            return found
        if not has_call(node.op):
            raise fail("not-printable", f"the operation `{name}` cannot be written in Python", node.span)
        attrs = {**node.attrs}
        if "axes" in attrs:
            axes = attrs["axes"]
            attrs["axes"] = axes if len(axes) != 1 else _One(axes)
            text = CALLS[name]
            if len(axes) == len(node.args[0].shape) and "_" not in text.split("(")[0] and "[0]" not in text:
                text = text.replace(", {axes}", "")
            return Written(text.format(*(a.text for a in args), **attrs))
        if CALLS[name] == "{0}":
            return args[0]
        return Written(CALLS[name].format(*(a.text for a in args), **attrs))

    def _real(self, node: Node, x: Written) -> Written:
        return (
            call(f"np.{self.real}", x)
            if not node.shape
            else call(f"{x.at(Level.PRIMARY)}.astype", f"np.{self.real}")
        )

    def _int(self, node: Node, x: Written) -> Written:
        if node.args[0].kind != "real":
            return x
        return call("np.int64", x) if not node.shape else call(f"np.trunc({x.text}).astype", "np.int64")

    def _mask(self, node: Node, c: Written, x: Written) -> Written:
        return call("np.logical_and", c, x) if node.kind == "bool" else call("np.where", c, x, "0")

    def _stack(self, node: Node, *args: Written) -> Written:
        axis = [str(node.attrs["axis"])] if node.attrs["axis"] else []
        if not axis and not node.args[0].shape:
            return call("np.array", _listed(args), *self._dtype(node.kind))
        return call("np.stack", _listed(args), *axis)

    def _concat(self, node: Node, *args: Written) -> Written:
        axis = [str(node.attrs["axis"])] if node.attrs["axis"] else []
        return call("np.concatenate", _listed(args), *axis)

    def _reshape(self, node: Node, x: Written) -> Written:
        return call("np.reshape", x, shape_text(node.attrs["to"]))

    def _transpose(self, node: Node, x: Written) -> Written:
        axes = node.attrs["axes"]
        return (
            self.transposed(x)
            if axes == tuple(range(len(axes)))[::-1]
            else call("np.transpose", x, repr(axes))
        )

    def _spread(self, node: Node, x: Written) -> Written:
        if not node.args[0].shape:
            return call("np.full", shape_text(node.shape), x)
        axes = node.attrs["axes"]
        items = ", ".join("None" if k in axes else ":" for k in range(len(node.shape)))
        return call("np.broadcast_to", f"{x.at(Level.PRIMARY)}[{items}]", shape_text(node.shape))

    def _embed(self, node: Node, x: Written) -> Written:
        index = where(len(node.shape), node.attrs["cuts"])
        places = [str(k) if isinstance(k, int) else _slice_text(k) for k in index]
        return call("_embed", x, shape_text(node.shape), *places)

    def _diag(self, node: Node, x: Written) -> Written:
        return call("_diagonal", x) if node.attrs["of"] == 1 else call("np.diagonal", x, "0", "-2", "-1")

    def _triangle(self, node: Node, x: Written) -> Written:
        return call("np.triu" if node.attrs["upper"] else "np.tril", x)

    def _lone(self, node: Node, x: Written) -> Written:
        return Written(f"({x.text}, {self.filled(0.0, node.type).text})")

    def _deeper(self, node: Node, t: Written) -> Written:
        return Written(f"({self._nothing(node.type).text}, {t.text})")

    def _nothing(self, tape: Type, value: bool | int | float = 0.0) -> Written:
        """A number in every entry of what lies on a tape."""
        entry = tape._replace(shape=tape.shape[1:])
        return self.filled(value, entry) if entry.shape else self.number_for(value, entry, ())

    def tapes(self, a: Written, b: Written) -> Written:
        return call("_tapes", a, b)

    def conditional(self, condition: Written, first: Written, second: Written, lanes: Shape) -> Written:
        if lanes:
            return call("np.where", condition, first, second)
        # a plain number would go on with the arithmetic of Python, where 1 / 0.0 is an error
        a, b = (self._scalar(x) for x in (first, second))
        return Written(f"{a.at(Level.OR)} if {condition.at(Level.OR)} else {b.text}", Level.ANY)

    def _scalar(self, x: Written) -> Written:
        digits = x.text.lstrip("-")
        if x.level < Level.UNARY or not digits[:1].isdigit():
            return x
        return call("np.int64" if digits.isdigit() else f"np.{self.real}", x)

    def number_for(self, value: bool | int | float, type: Type, lanes: Shape) -> Written:
        if type.shape and not lanes:
            return self.filled(value, type)
        return (
            self._single(self.number(value, type.kind))
            if type.kind == "real"
            else self.number(value, type.kind)
        )

    def _single(self, x: Written) -> Written:
        """A plain number of Python would make doubles of singles where two of them meet."""
        return x if self.real == "float64" else call(f"np.{self.real}", x)

    # ---- contractions --------------------------------------------------------------------------------------------

    def inner(self, a: Written, b: Written) -> Written:
        return call("np.dot", a, b)

    def outer(self, a: Written, b: Written) -> Written:
        return call("np.outer", a, b)

    def transposed(self, x: Written) -> Written:
        return Written(f"{x.at(Level.PRIMARY)}.T")

    def by_words(self, node: Node, a: Written, b: Written) -> Written:
        (first, second), result = words(node.attrs["spec"])
        made = "".join(c for c in result if c in first + second)
        x = call("np.einsum", f'"{first},{second}->{made}"', a, b)
        if made == result:
            return x
        items = ", ".join(":" if c in made else "None" for c in result)
        return call("np.broadcast_to", f"{x.text}[{items}]", shape_text(node.shape))

    # ---- indices and statements ----------------------------------------------------------------------------------

    def places(self, cuts: Cuts) -> list[str]:
        items: list[str] = []
        for cut in cuts:
            items += [":"] * (cut.axis - len(items))
            items += super().places((cut._replace(axis=0),)) if cut.step > 0 else [_backwards(cut)]
        return items or [":"]

    def assigned(self, name: str, value: Written, *, fresh: bool = False) -> str:
        copied = fresh and not value.text.startswith(("np.zeros(", "np.full(", "np.ones("))
        return super().assigned(name, call("np.array", value) if copied else value)

    def function(self, function: Function) -> list[str]:
        items = [_formal(a) for a in function.arguments]
        given = [a.default is not None for a in function.arguments]
        if True in given and False in given[given.index(True) :]:
            # those without a default cannot follow the others, but by name
            items.insert(given.index(False, given.index(True)), "*")
        head = f"def {function.name}("
        whole = f"{head}{', '.join(items)}):"
        lines = [whole]
        if len(whole) > 100 or "\n" in whole:
            lines = [head, *(line for item in items for line in below("    ", f"{item},").split("\n")), "):"]
        doc = [f'    """{function.doc}"""'] if function.doc else []
        body = [f"    {line}" if line else "" for line in function.lines]
        return [*lines, *doc, *body, f"    return {', '.join(function.results)}"]


def _formal(argument: Argument) -> str:
    if argument.default is None:
        return argument.name
    return below(f"{argument.name}=", str(argument.default))


class _One(tuple[int, ...]):
    """One axis, which is written without parentheses."""

    def __str__(self) -> str:
        return str(self[0])

    __format__ = lambda self, spec: str(self)


def has_call(op: Op) -> bool:
    """Whether a primitive has an entry in the table."""
    return op.name in CALLS


def parameter(argument: Argument, real: Real) -> str:
    """The statement that makes an argument an array of its type."""
    assert argument.type is not None
    dtype = {"real": real, "int": "int64", "bool": "bool_"}[argument.type.kind]
    if argument.type.shape:
        return f"{argument.name} = np.asarray({argument.name}, np.{dtype})"
    return f"{argument.name} = np.{dtype}({argument.name})"


def _listed(args: Sequence[Written]) -> str:
    return f"[{', '.join(a.text for a in args)}]"


def _slice_text(s: slice[int, int | None, int]) -> str:
    if s == slice(None):
        return "slice(None)"
    return f"slice({s.start}, {s.stop})" if s.step == 1 else f"slice({s.start}, {s.stop}, {s.step})"


def _backwards(cut: Cut) -> str:
    index = cut.where()
    assert isinstance(index, slice)
    return f"{index.start}:{'' if index.stop is None else index.stop}:{index.step}"
