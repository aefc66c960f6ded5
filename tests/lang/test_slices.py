"""What a second run of a body leaves out: statements that what is differentiated does not depend on."""

from __future__ import annotations

import pytest
from checking import value

from paramprog.diagnostics import Source
from paramprog.lang.parse import parse
from paramprog.lang.recursion import parts
from paramprog.lang.slices import made_of
from paramprog.lang.syntax import Call, FunctionDecl


def kept(body: str, name: str) -> list[str]:
    """The statements that are run to know `name` where `grad` stands."""
    module = parse(Source("f.pp", f"function f(x, z) {{\n{body}\n}}"))
    [function] = [d for d in module.declarations if isinstance(d, FunctionDecl)]
    statements = function.body.statements
    [e] = [p for s in statements for p in parts(s) if isinstance(p, Call) and p.function.text == "grad"]
    return [s.span.text for s in made_of(statements, e, name)]


def test_what_is_needed():
    """Backwards from the operator; what follows it is left out too."""
    body = "a = x * x\nb = z * z\ny = sin(a)\ng = grad(y, x)\nc = g + b"
    assert kept(body, "y") == ["a = x * x", "y = sin(a)", "g = grad(y, x)"]


def test_all_assignments_of_a_name():
    """An update needs what it updates, and each changes the count of its points."""
    body = "a = x\na[0] = z\nb = z\ny = a[0]\na[0] = b\ng = grad(y, x)"
    assert kept(body, "y") == ["a = x", "a[0] = z", "y = a[0]", "g = grad(y, x)"]


def test_what_stands_beside_the_operator():
    """Is evaluated before it, and needed."""
    body = "b = z * z\na = x\ny = a\nc = b + grad(y, x)"
    assert kept(body, "y") == ["b = z * z", "a = x", "y = a", "c = b + grad(y, x)"]


def test_blocks_count_as_a_whole():
    """A loop that assigns what is needed; a conditional that holds the operator needs all that it mentions."""
    body = "a = x\nb = z\nfor i in 0..3 { a = a * 2 }\ny = a\nif b > 1 { c = grad(y, x) } else { c = 0.0 }"
    assert kept(body, "y") == body.split("\n")
    other = "a = x\nb = z\nfor i in 0..3 { b = b * 2 }\ny = a\nc = grad(y, x)"
    assert kept(other, "y") == ["a = x", "y = a", "c = grad(y, x)"]


@pytest.mark.parametrize("count", [12])
def test_operators_after_one_another_do_not_multiply(count):
    """A dozen derivatives by the same name take the interpreter no longer than a dozen times one."""
    lines = [f"y{k} = sin(x * {k + 1}); g{k} = grad(y{k}, x); h{k} = grad(g{k}, x)" for k in range(count)]
    total = " + ".join(f"h{k}" for k in range(count))
    value(f"function f(x = 0.3) {{ {'; '.join(lines)}; return {total} }}")
