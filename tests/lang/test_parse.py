"""Text to tree: what parses, and which tree it becomes."""

from __future__ import annotations

import pytest
from parsing import body, expression, module
from strategies import trees

from paramprog.lang import syntax as s

# ---- the examples of the language's description ----------------------------------------------------------

RUNNING_EXAMPLE = """\
# Pingali's running example
param W0 = 0.5, W1 = -1.2, W2 = 0.8
base f0(a, q) = tanh(a) * q
base f1(c) = sin(c)
base f2(d) = sigmoid(d)
base f3(e, f) = e * f

function R(P = 0.3, Q = 0.7) {
    A = W0 * P
    B = f0(A, Q)
    C = W1 * B
    D = W2 * B
    E = f1(C)
    F = f2(D)
    R = f3(E, F)
    return R
}
"""


@pytest.mark.parametrize(
    "text",
    [
        RUNNING_EXAMPLE,
        RUNNING_EXAMPLE.replace("function R(P = 0.3, Q = 0.7)", "Function R(P,Q)").replace("W0 * P", "W0*P"),
        "dim n = 4, m = 2 * n; dim k",
        "param Wq, Wk : real[w, d] ~ he(), bias : real[d], scale = 1.0\nnoise z : real[d] ~ normal(0, 1)",
        'const k : int = 3; import "file.pp"',
        "base f(a, b) = a * b derivative (b, a)\nbase g(a) = a\nderivative (1)",
        "function f(x : real[m, n], g : function, k : int = 0) -> real[n], real { return x, g }",
        "function f(x)\n-> real { return x }",
        "function empty() { }",
        "",
        "# only a comment",
    ],
)
def test_files_of_the_description_parse(text):
    """Declarations as the description of the language shows them."""
    module(text)
    module(text.replace("\n", "\r\n"))


@pytest.mark.parametrize(
    "text",
    [
        "x[i, a:b] = e",
        "a, b = e, f",
        "a, b = f(x)",
        "sum = sum(x)",
        "t, x = pop(t)",
        "for i in a..b { }",
        "for i in reversed(a..b) { }",
        "for i in 0..n checkpoint 8 { }",
        "for i in reversed(0..n) checkpoint 2 * k { }",
        "while c { }",
        "if c { } else if d { } else { }",
        "if c { }\nelse { }",
        "return a, b",
        "y = -x**2",
        "y = if c then a\nelse b",
        "y = if c\nthen a\nelse if d then e else b",
        "y = f(a,\n  b\n)",
        "y = [\n  1,\n  2,\n]",
        "a,\nb = 1,\n2",
        "y = [e for i in 0..m, j in 0..n]",
        "y = sum(e for i in 0..n)",
        "y = max(A, axis = 1)",
        "y = reduce(+, x) + reduce(*, x)",
        "y = transpose(x, 1, 0, 2)",
        'y = contract("ij,j->i", W, x)',
        "y = grad(y, x, mode = forward)",
        "y = rk4(field, y, h)",
        "y = A[i] + A[i, :] + A[a:b:2] + A[:]",
        "y = 2. + .5 + 1e3 + 1.5E-3",
        "a = 1; b = 2;; c = 3;",
    ],
)
def test_statements_of_the_description_parse(text):
    """Statements as the description of the language shows them."""
    body(text)
    body(text.replace("\n", "\r\n"))


# ---- shapes ----------------------------------------------------------------------------------------------


def test_chains_are_flat():
    """`a + b - c` is one chain; a parenthesised operand is a chain of its own."""
    tree = expression("a + b - c")
    assert isinstance(tree, s.Chain)
    assert [link.operator for link in tree.links] == ["+", "-"]
    tree = expression("(a + b) + c")
    assert isinstance(tree, s.Chain)
    assert isinstance(tree.first, s.Chain)
    assert len(tree.links) == 1


def test_else_if_is_flat_in_statements_and_expressions():
    """`else if` adds an arm; the same inside parentheses or braces nests."""
    tree = expression("if a then 1 else if b then 2 else 3")
    assert isinstance(tree, s.Conditional)
    assert len(tree.arms) == 2
    tree = expression("if a then 1 else (if b then 2 else 3)")
    assert isinstance(tree, s.Conditional)
    assert len(tree.arms) == 1
    [statement] = body("if a { } else if b { } else { x = 1 }")
    assert isinstance(statement, s.If)
    assert len(statement.arms) == 2
    assert statement.otherwise is not None


@pytest.mark.parametrize(
    "text, grouped",
    [
        ("-x**2", "-(x**2)"),
        ("2**-x**3", "2**(-(x**3))"),
        ("a**b**c", "a**(b**c)"),
        ("a - b - c", "a - b - c"),
        ("a * -b", "a * (-b)"),
        ("not a == b and c or d", "((not (a == b)) and c) or d"),
        ("a + b < c * d @ e", "(a + b) < (c * d @ e)"),
        ("-x[0]", "-(x[0])"),
        ("if c then a or b else d and e", "if c then (a or b) else (d and e)"),
        ("if if a then b else c then d else e", "if (if a then b else c) then d else e"),
        ("if a then if b then c else d else e", "if a then (if b then c else d) else e"),
        ("[a for i in 0..n + 1]", "[a for i in 0..(n + 1)]"),
    ],
)
def test_precedence(text, grouped):
    """Operators bind as the description says."""
    assert trees.same_tree(expression(text), expression(grouped))


def test_numbers_and_ranges():
    """A point followed by a point is a range; ints and reals are told apart."""
    [loop] = body("for i in 0..n { }")
    assert isinstance(loop, s.For)
    assert isinstance(loop.lower, s.Integer)
    assert isinstance(expression("2."), s.Number)
    assert isinstance(expression("2"), s.Integer)
    assert isinstance(expression("2e0"), s.Number)
    tree = expression("9223372036854775807")
    assert isinstance(tree, s.Integer)
    assert tree.value == 2**63 - 1


def test_soft_words_are_names_elsewhere():
    """`reversed` and `checkpoint` mean something in a `for` only."""
    [assignment] = body("checkpoint = reversed(reversed)")
    assert isinstance(assignment, s.Assign)
    [loop] = body("for checkpoint in reversed(x)..n checkpoint checkpoint { }")
    assert isinstance(loop, s.For)
    assert not loop.backwards
    assert isinstance(loop.checkpoint, s.Name)


def test_words_that_begin_like_reserved_ones():
    """Reserved words are whole words."""
    for word in ("iffy", "forx", "in_", "functional", "Functions", "notx", "trueish", "dims", "or1"):
        assert isinstance(expression(word), s.Name)
