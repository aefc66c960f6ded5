"""Write docs/functions.md, the table of the built-in functions, from the records in paramprog/transfer.

    python docs/make_functions.py            write the file
    python docs/make_functions.py --check    exit 1 if it is not what would be written

Everything in the table is read off the records: usage and meaning from the surfaces, the derivative by asking the
record for its Jacobian and printing the nodes that it makes.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import paramprog.transfer
from paramprog.graph import Graph, Node
from paramprog.lang.operators import COMPARISONS, OPERATORS
from paramprog.op import OPS, Attrs, Chain, Linear, Op, Sample, Surface
from paramprog.transfer.linear import MUL, NEG
from paramprog.transfer.source import FULL
from paramprog.transfer.tape import TAPES
from paramprog.types import Kind, ShapeError, Type

TARGET = Path(__file__).resolve().parent / "functions.md"

INTRODUCTION = """\
# Built-in functions

This file is made by `python docs/make_functions.py` from the records in `paramprog/transfer/`; do not edit it.

Functions are grouped by the kind of their Jacobian. Elementwise functions take arrays of one shape; a scalar beside an
array is repeated. `axis` and other named arguments are known at compile time; `axis` may be left out where the usage
shows no value for it: `sum(x)` is over all entries, `argmax(x)` counts them row by row, and `cumsum`, `sort` and their
like are for vectors then.

In the last column y is the result (`out`, where an argument is called y). An expression is the partial derivative; `J`
lists the linear maps that make up the Jacobian, applied from left to right, where *partials* is a product with the
partial derivatives, entry by entry. The transpose of each map is one of these functions again, so the gradient of a
program is a program. Linear functions of several arguments are linear in each.
"""

INFIX = {name: symbol for symbol, name in (OPERATORS | COMPARISONS).items()} | {"pow": "**"}
TIGHTNESS = {"or": 1, "and": 2, "+": 4, "-": 4, "*": 5, "/": 5, "//": 5, "**": 7}
ATOM = 9
SYNTAX = {
    "not": ("not a", ("a",)),
    "slice": ("x[i, a:b]", ("x",)),
    "copy": ("y = x", ("x",)),
    "replace": ("x[i, a:b] = v", ("x", "v")),
    "lone": ("push(tape(0.0), x)", ("x",)),
    "deeper": ("push(t, 0.0)", ("t",)),
}
"""Operations that programs spell neither as a function nor with an operator between two values."""


# ---- expressions ---------------------------------------------------------------------------------------------------


def expression(x: Any) -> tuple[str, int]:
    """A node or number as text, and how tightly it binds."""
    if not isinstance(x, Node):
        return number(x)
    if x.name:
        return x.name, ATOM
    if x.op is FULL:
        return number(x.attrs["value"])
    if x.op.name == "neg":
        text, tightness = expression(x.args[0])
        return "-" + (text if tightness >= 6 else f"({text})"), 6
    if x.op.name in INFIX:
        symbol = INFIX[x.op.name]
        own = TIGHTNESS.get(symbol, 3)
        (left, a), (right, b) = (expression(arg) for arg in x.args)
        left = left if a >= own + (symbol == "**") else f"({left})"
        right = right if b > own or (symbol == "**" and b >= own) else f"({right})"
        return f"{left} {symbol} {right}", own
    return call(x), ATOM


def number(value: Any) -> tuple[str, int]:
    text = f"{float(value):.4g}"
    return text, 6 if text.startswith("-") else ATOM


def call(x: Node) -> str:
    surface = spelling(x.op)
    parts = [str(x.attrs[surface.leading])] if surface.leading else []
    parts += [expression(a)[0] for a in x.args]
    parts += [f"{k} = {x.attrs[k]:g}" for k, default in surface.options.items() if x.attrs[k] != default]
    return f"{surface.name}({', '.join(parts)})"


def spelling(op: Op) -> Surface:
    """The surface of the operation's own name, else the first one."""
    return next((s for s in op.surfaces if s.name == op.name), op.surfaces[0])


# ---- derivatives ---------------------------------------------------------------------------------------------------


def derivative(op: Op) -> str:
    """The last column."""
    if op.jacobian is None:
        return "none"
    names = op.surfaces[0].values if op.surfaces else SYNTAX.get(op.name, ("", ("a", "b")))[1]
    sample = Sample(((),) * len(names), default_attrs(op)) if op.elementwise else op.samples[-1]
    graph = Graph()
    leaves = [graph.leaf(type, name) for type, name in zip(types(op, sample), names, strict=False)]
    y = graph.emit(op, *leaves, **sample.attrs)
    y.name = "out" if "y" in names else "y"
    notes = {
        leaf.name: note(op, op.local(port, y, *leaves, **sample.attrs))
        for port, leaf in enumerate(leaves)
        if leaf.kind == "real"
    }
    leading = op.surfaces[0].leading if op.elementwise and op.surfaces else None
    given = f" for {leading} = {sample.attrs[leading]}" if leading else ""
    if len(set(notes.values())) == 1:
        return next(iter(notes.values())) + given
    return "; ".join(f"in {name}: {found}" for name, found in notes.items()) + given


def default_attrs(op: Op) -> Attrs:
    """Those of a call that leaves its options out; the first sample's where the call cannot."""
    if not op.samples:
        return {}
    surface = spelling(op)
    return op.samples[0].attrs if surface.leading else surface.attrs((), surface.options)


def note(op: Op, chain: Chain | None) -> str:
    """A local Jacobian in words: a partial, a linear map, or what it is composed of."""
    if chain is None:
        return "none"
    if op.elementwise and chain in ((), (Linear(NEG),)):
        return "`-1`" if chain else "`1`"
    (lin, *others) = chain
    if lin.op is op and not others:
        return "linear, its own transpose" if lin == lin.T else f"linear, transpose {name_of(lin.T.op)}"
    if op.elementwise and lin.op is MUL and not others:
        return f"`{expression(lin.frozen[0])[0]}`"
    return "J = " + ", ".join("*partials*" if lin.op is MUL else name_of(lin.op) for lin in chain)


def types(op: Op, sample: Sample) -> list[Type]:
    """Types of arguments that the operation takes as they are, reals first."""
    choices: Iterator[tuple[Kind, ...]] = product(("real", "int", "bool"), repeat=len(sample.shapes))
    for kinds in choices:
        try:
            if op.kinds(*kinds)[0] == kinds:
                return [Type(k, s) for k, s in zip(kinds, sample.shapes, strict=True)]
        except ShapeError:
            continue
    raise AssertionError(f"no arguments fit {op}")


def name_of(op: Op) -> str:
    if op.surfaces:
        return f"`{spelling(op).name}`"
    return f"`{SYNTAX[op.name][0] if op.name in SYNTAX else INFIX[op.name]}`"


# ---- the document --------------------------------------------------------------------------------------------------


def files() -> list[tuple[str, str]]:
    """The files of paramprog/transfer with the kind of Jacobian, from the docstring of the package."""
    assert paramprog.transfer.__doc__
    lines = paramprog.transfer.__doc__.partition("\n\n")[2].strip().splitlines()
    return [(name, kind.strip()) for name, _, kind in (line.partition(" ") for line in lines)]


def records(file: str) -> Iterator[Op]:
    """The operations that a file registers, in order."""
    module = importlib.import_module(f"paramprog.transfer.{file}")
    for statement in ast.parse(inspect.getsource(module)).body:
        targets = (
            statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        )
        for target in targets:
            found = getattr(module, target.id, None) if isinstance(target, ast.Name) else None
            if isinstance(found, Op) and OPS.get(found.name) is found:
                yield found


def rows(op: Op) -> Iterator[str]:
    calls = [
        (s.usage if s.name.isidentifier() else f"{s.values[0]} {s.name} {s.values[1]}", s.doc)
        for s in op.surfaces
    ]
    if not calls and op.name in INFIX:
        calls = [(f"a {INFIX[op.name]} b", op.doc)]
    if op.name in SYNTAX and op not in TAPES:
        calls = [(SYNTAX[op.name][0], op.doc)]
    for usage, doc in calls:
        yield row(f"`{usage}`", doc, derivative(op))


def row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def document() -> str:
    """The whole text."""
    parts = [INTRODUCTION]
    for file, kind in files():
        found = [line for op in records(file) for line in rows(op)]
        if found:
            sentence = kind if kind[1] == " " else kind[0].upper() + kind[1:]
            head = f"## {file}\n\n{sentence}.\n"
            parts.append(
                "\n".join([head, row("usage", "meaning", "derivative"), "|---|---|---|", *found]) + "\n"
            )
    return "\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 if the file is not up to date"
    )
    check = parser.parse_args().check
    text = document()
    if check:
        if not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text:
            print(f"docs/{TARGET.name} is out of date: run `python docs/make_functions.py`", file=sys.stderr)
            return 1
        return 0
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
