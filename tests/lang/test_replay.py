"""Lines that are replayed are what they would be if each were typed and built by itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramprog import loads
from paramprog.diagnostics import ProgramError, Source
from paramprog.graph import Graph, Node
from paramprog.graph.graph import bodies
from paramprog.lang import parse as parsing
from paramprog.lang import replay
from paramprog.lang.parse import parse
from paramprog.program import Program

HEADER = """
param W = 0.5
param U = 0.25
param V: real[2] = [1.0, 2.0]
const k = 3
const c = 0.75
dim n = 2
base cube(x) = x ** 3
function g(x) { return x * W }
function sinh(x) { return x + 1.0 }
"""

FORMS = [
    "{t} = sin({a}) * {b} + {c}",
    "{t} = {a} * {b}",
    "{t} = {a} / {r} - {b}",
    "{t} = ({a} + {r}) * -{b}",
    "  {t}  =  {a}+({b} ) ",
    "{t} = {r} * {a} + {r}",
    "{t} = {i} * {a} - {b}",
    "{t} = {a} ** {i} + {b}",
    "{t} = {a} ** {r}",
    "{t} = -{r}",
    "{t} = {i} + {i}",
    "{t} = max({a}, {b})",
    "{t} = {f}({a})",
    "{t} = {f}({a}, {b}) + {r}",
    "{t} = exp(-({a} * {a}))",
    "{t} = {a}",
    "{t} = {a} > {b}",
    "{t} = if {a} > {b} then {a} else {b}",
    "{t} = sum(V) * {a}",
    "{t} = leaky_relu({a}, slope = {r})",
    "{t}, {u} = {a}, {b}",
    "{t} = {a} and {b}",
    "for j in 0..2 {{ {t} = {a} * {b} }}",
    "if {a} > {b} {{ {t} = {a} * {r} }} else {{ {t} = {b} * {r} }}",
    "{t} = {a} * {b}  # {c}",
    "{t} = grad({u}, {a})",
]
NAMES = ["p", "q", "flag", "m", "W", "U", "V", "k", "c", "n", "pi", "x0", "x1", "x2", "nowhere"]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Programs of lines that often have the same forms; names are given mostly where they have a value."""
    made = ["p", "q", "W", "x0"]
    lines = ["x0 = p * q"]
    chosen = draw(st.lists(st.sampled_from(FORMS), min_size=1, max_size=4))
    for i in range(draw(st.integers(1, 24))):
        name = st.sampled_from(made) | (
            st.sampled_from(NAMES) if draw(st.integers(0, 20)) == 0 else st.nothing()
        )
        target = f"x{i + 1}" if draw(st.integers(0, 40)) else draw(st.sampled_from([*made, "p", "W", "sin"]))
        words: dict[str, Any] = {key: draw(name) for key in "abc"}
        words |= {
            "t": target,
            "u": f"y{i}",
            "f": draw(st.sampled_from(["sin", "tanh", "sinh", "g", "cube", "hypot"])),
        }
        words |= {
            "r": draw(st.sampled_from(["2.0", ".5", "1.25", "3.", "1e-3"])),
            "i": draw(st.integers(0, 3)),
        }
        lines.append(draw(st.sampled_from(chosen)).format(**words))
        made.append(target)
    body = "".join(f"    {line}\n" for line in lines)
    arguments = "p = 0.3, q: real = 0.7, flag: bool = true, m: int = 2"
    return f"{HEADER}function f({arguments}) {{\n{body}    return {made[-1]}\n}}\n"


def place(span: Any) -> Any:
    return None if span is None else (span.start, span.end)


def listed(graph: Graph) -> Any:
    """All that a graph says, with the places of its nodes, as something that can be compared."""

    def attribute(value: Any) -> Any:
        if isinstance(value, Graph):
            return "a body"
        if isinstance(value, Node):
            return ("node", value.id, value.graph.depth)
        if isinstance(value, tuple):
            return tuple(map(attribute, value))
        return repr(value)

    return [
        (
            node.op.name,
            [a.id for a in node.args],
            {key: attribute(value) for key, value in node.attrs.items()},
            node.results,
            node.name,
            place(node.span),
            [listed(body) for body in bodies(node)],
        )
        for node in graph.nodes
    ]


def outcome(text: str, most: int) -> Any:
    """The graph, the points and the values of a program, or its diagnostics; forms are looked at in longer texts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "MANY_LINES", most)
        patch.setattr(replay, "OFTEN", 1)
        try:
            program = Program(Source("test", text))
            compiled = program.compiled()
            built = compiled.built
            warned = [(d.code, d.message, place(d.span)) for d in compiled.checked.report.diagnostics]
            found = [listed(built.graph), {name: node.id for name, node in built.points.items()}, warned]
        except ProgramError as error:
            return [(d.code, d.message, place(d.span), d.hint) for d in error.diagnostics]
        return [*found, _interpreted(program)]


def _interpreted(program: Program) -> Any:
    """By the interpreter of trees, which needs the types of all parts."""
    from paramprog.lang.interpret import interpret

    point = program.point()
    try:
        values = interpret(point.compiled.checked.entry, point.inputs, point.params)
    except ProgramError as error:
        return str(error)
    return [repr(v) for v in values]


@given(text=texts())
def test_with_and_without_replaying_the_same_is_found(text: str) -> None:
    """Graphs with the places of their nodes, diagnostics, and values by the interpreter, which asks for all types."""
    expected = outcome(text, len(text))
    assert outcome(text, 0) == expected
    assert outcome(text, 0) == expected  # with all forms known


def generated(lines: int, line: str = "    x{j} = sin(x{i}) * W + x{i}") -> str:
    body = "\n".join(line.format(i=i, j=i + 1) for i in range(lines))
    return f"param W = 0.5\nfunction f(x0 = 0.3) {{\n{body}\n    return x{lines}\n}}\n"


def test_lines_are_replayed_without_their_trees() -> None:
    """Of a thousand lines, the trees of the first few are made."""
    program = loads(generated(1000))
    (function,) = program.module.declarations[1:]
    lines = [s.line for s in function.body.statements[:-1] if s.line is not None]
    assert len(lines) > 990
    assert sum(line.complete for line in lines) <= 2 * replay.OFTEN
    assert len(program.compiled().checked.entry.replayed) > 980


def test_a_tree_is_made_when_it_is_looked_at() -> None:
    """A line has the parts of an assignment, and no others."""
    module = parse(Source("test", generated(300)))
    statement = module.declarations[1].body.statements[200]  # type: ignore[union-attr]
    assert not statement.line.complete
    assert statement.targets[0].name.text == "x201"
    assert statement.line.complete
    assert statement.span.text == "x201 = sin(x200) * W + x200"
    with pytest.raises(AttributeError):
        statement.nothing  # noqa: B018


def test_errors_in_lines_of_a_known_form_have_their_places() -> None:
    """A name without a value, and one that is assigned again, far down in lines that are replayed."""
    text = generated(500).replace("sin(x400)", "sin(z400)").replace("    x300 =", "    x299 =")
    with pytest.raises(ProgramError) as raised:
        loads(text)
    found = [(d.code, d.span.line, d.span.column) for d in raised.value.diagnostics if d.span]
    assert ("assigned-twice", 302, 5) in found
    assert ("undefined-name", 403, 16) in found


def test_the_limit_of_nodes_is_told_at_its_place() -> None:
    """The line that goes beyond `max_nodes` is built as ever, so that the message has a place."""
    with pytest.raises(ProgramError, match="graph-limit") as raised:
        Program(Source("test", generated(1000)), max_nodes=1500)
    assert raised.value.diagnostics[0].span is not None
    assert raised.value.diagnostics[0].span.line == 503


def test_a_function_that_is_called_is_replayed_too() -> None:
    """Called twice, in a loop and outside, its nodes have the values of the interpreter."""
    text = generated(300).replace("function f", "function inner")
    text += (
        "function f(p = 0.3) {\n    s = inner(p)\n    for i in 0..3 { s = inner(s) * 0.5 }\n    return s\n}\n"
    )
    program = loads(text)
    assert program.verify().ok
