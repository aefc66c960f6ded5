"""What syntax errors say and where they point."""

from __future__ import annotations

import pytest
from parsing import errors, in_function

from paramprog.diagnostics import Diagnostic


def error_at_mark(marked: str) -> Diagnostic:
    """The single error of a file, which must point at the text between two `|`, or behind the mark `|` alone."""
    before, *rest = marked.split("\u00a6")
    text = "".join([before, *rest])
    [error] = errors(text)
    assert error.span is not None
    end = len(before) + (len(rest[0]) if len(rest) == 2 else 0)
    assert (error.span.start, error.span.end) == (len(before), end)
    return error


# In these texts the place that must be marked stands between two broken bars.

STATEMENTS = [
    # an operand is missing
    ("y = x +\u00a6", "expected an expression after `+`, found the end of the line", None),
    ("y =\u00a6", "expected an expression after `=`, found the end of the line", None),
    ("y = f(x + \u00a6)\u00a6", "expected an expression after `+`, found `)`", None),
    ("y = (\u00a6)\u00a6", "expected an expression after `(`, found `)`", None),
    ("y = f(a,\u00a6,\u00a6 b)", "expected an expression after `,`, found `,`", None),
    ("y = \u00a6+\u00a6 3", "expected an expression after `=`, found `+`", "no unary"),
    ("y = \u00a6{\u00a61, 2}", "expected an expression after `=`, found `{`", "[a, b]"),
    ('y = \u00a6"abc"\u00a6', 'expected an expression after `=`, found `"abc"`', "import"),
    ("y = a \u00a6/*\u00a6 b */", "`/*` is no operator", "#"),
    # an operator is missing
    ("y = a \u00a6b\u00a6", "expected an operator or the end of the line after `a`, found `b`", None),
    ("y = (a \u00a6b\u00a6)", "expected an operator or `)` after `a`, found `b`", None),
    ("y = f(a \u00a6b\u00a6)", "expected an operator, `,` or `)` after `a`, found `b`", None),
    ("y = [a \u00a63\u00a6]", "expected an operator, `,` or `]` after `a`, found `3`", None),
    (
        "y = a \u00a6mod\u00a6 b",
        "expected an operator or the end of the line after `a`, found `mod`",
        "mod(a, b)",
    ),
    # brackets
    ("y = (a\u00a6\nz = 3", "expected `)` to close the `(` of line 2, found `z`", None),
    ("y = [a,\n2\u00a6\nz = 3", "expected `]` to close the `[` of line 2, found `z`", None),
    ("y = (a\u00a6]\u00a6", "expected `)` to close the `(` of line 2, found `]`", None),
    ("y = (a \u00a6{\u00a6", "expected `)` to close the `(` of line 2, found `{`", None),
    ("y = (a\u00a6;\u00a6 z = 3", "expected `)` to close the `(` of line 2, found `;`", None),
    ("y = a\u00a6)\u00a6", "unexpected `)`", None),
    ("y = a\u00a6]\u00a6", "unexpected `]`", None),
    # other languages' operators
    ("y = x \u00a6^\u00a6 2", "unexpected `^`", "`**`"),
    ("y = x \u00a6%\u00a6 2", "unexpected `%`", "mod(a, b)"),
    ("y = x \u00a6?\u00a6 1 : 2", "unexpected `?`", "if c then a else b"),
    ("y = \u00a6!\u00a6x", "unexpected `!`", "not"),
    ("y = a \u00a6&&\u00a6 b", "`&&` is no operator", "and"),
    ("y = a \u00a6||\u00a6 b", "`||` is no operator", "or"),
    ("y = a \u00a6&\u00a6 b", "unexpected `&`", "and"),
    ("y = a \u00a6<>\u00a6 b", "`<>` is no operator", "!="),
    ("y \u00a6:=\u00a6 3", "`:=` is no operator", "="),
    ("y \u00a6+=\u00a6 3", "`+=` is no operator", "x = x + ..."),
    ("y = a\u00a6.\u00a6T", "unexpected `.`", "f(x)"),
    ("y = \u00a6'\u00a6a'", "unexpected `'`", "double quotes"),
    ('y = \u00a6"\u00a6abc', "the string is not closed", None),
    ("y = a \u00a6\\\u00a6 b", "unexpected `\\`", "( )"),
    # comparisons and assignments
    ("y = a < b \u00a6<\u00a6 c", "comparisons do not chain", "a < b and b < c"),
    ("y \u00a6==\u00a6 3", "expected `=` after `y`, found `==`", "`=` assigns"),
    ("if x \u00a6=\u00a6 3 { y = 1 }", "expected `{` after `x`, found `=`", "`==` compares"),
    ("y = if x \u00a6=\u00a6 3 then 1 else 2", "expected `then` after `x`, found `=`", "`==` compares"),
    # statements that are none
    ("f\u00a6(\u00a6x)", "an expression is no statement", "y = ..."),
    ("x \u00a6+\u00a6 1", "an expression is no statement", "y = ..."),
    ("x\u00a6", "an expression is no statement", "y = ..."),
    ("\u00a63\u00a6 + 4", "expected a statement, found `3`", "y = ..."),
    ("print\u00a6(\u00a6x)", "an expression is no statement", "nothing else"),
    ("break\u00a6", "an expression is no statement", "loops end"),
    ("y \u00a6:\u00a6 real = 3", "expected `=` after `y`, found `:`", "types"),
    ("let \u00a6y\u00a6 = 3", "expected `=` after `let`, found `y`", "no keyword"),
    (
        "y = lambda \u00a6z\u00a6: z",
        "expected an operator or the end of the line after `lambda`, found `z`",
        "name",
    ),
    ("x[1 \u00a6=\u00a6 3", "expected `:`, `,` or `]` after `1`, found `=`", "`==`"),
    # conditionals and loops
    ("if x { }\nelif \u00a6x\u00a6 { }", "expected `=` after `elif`, found `x`", "else if"),
    ("if x { };\n\u00a6else\u00a6 { }", "unexpected `else`", "`if`"),
    ("y = if x then 1\u00a6", "expected `else` after `1`, found the end of the line", "both sides"),
    ("y = if x \u00a6{\u00a6 1 }", "expected `then` after `x`, found `{`", None),
    (
        "y = 1 \u00a6if\u00a6 x else 2",
        "expected the end of the line after `1`, found `if`",
        "if c then a else b",
    ),
    ("while x\u00a6:\u00a6\ny = 3", "expected `{` after `x`, found `:`", "{ }"),
    ("for i \u00a6=\u00a6 0..n { }", "expected `in` after `i`, found `=`", "i in a..b"),
    ("for i in range(n) \u00a6{\u00a6 }", "expected `..` after `)`, found `{`", "a..b"),
    (
        "for \u00a6(\u00a6i = 0; i < n; i = i + 1) { }",
        "expected a name after `for`, found `(`",
        "for i in a..b",
    ),
    ("y = sum(x for i in 3\u00a6)\u00a6", "expected `..` after `3`, found `)`", "a..b"),
    ("for i in \u00a6reverse\u00a6(0..n) { }", "expected `reversed`, found `reverse`", "reversed(a..b)"),
    ("for i in 0..n \u00a6step\u00a6 2 { }", "expected `checkpoint`, found `step`", "checkpoint N"),
    # names and numbers
    ("\u00a6in\u00a6 = 3", "`in` is a reserved word", "another name"),
    ("\u00a6param\u00a6 = 3", "`param` is a reserved word", "another name"),
    ("y = x + \u00a6for\u00a6", "`for` is a reserved word", "another name"),
    ("for \u00a6if\u00a6 in 0..n { }", "`if` is a reserved word", "another name"),
    ("a, \u00a63\u00a6 = f(x)", "expected a name after `,`, found `3`", None),
    ("y = \u00a62x\u00a6", "`2x` is no number", "2 * x"),
    ("y = \u00a60x1F\u00a6", "`0x1F` is no number", "decimal"),
    ("y = \u00a61_000\u00a6", "`1_000` is no number", "together"),
    ("y = \u00a61e\u00a6", "`1e` is no number", "exponent"),
    ("y = \u00a61.2.3\u00a6", "`1.2.3` is no number", None),
    # declarations
    (" \u00a6param\u00a6 w = 3", "`param` inside a function", "outside"),
    (" \u00a6function\u00a6 g(x) { return x }", "`function` inside a function", "outside"),
]


@pytest.mark.parametrize("statements, message, hint", STATEMENTS)
def test_errors_in_statements(statements, message, hint):
    """One error, with this message, at the marked place, with a hint that says how to write it."""
    if statements.startswith("y = (a \u00a6{"):
        statements += "}"
    error = error_at_mark(in_function(statements))
    assert error.code == "syntax"
    assert error.message == message
    if hint is None:
        assert error.hint is None
    else:
        assert hint in (error.hint or "")


FILES = [
    ("\u00a6x\u00a6 = 3\ny = 4\nfor i in 0..3 { }", "expected a declaration, found `x`", "in a `function`"),
    ("\u00a6return\u00a6 3", "`return` outside a function", "in a `function`"),
    ("dim n\n\u00a6}\u00a6", "unexpected `}`", None),
    ("\u00a6def\u00a6 f(x) { return x }", "expected a declaration, found `def`", "`function`"),
    ("param x \u00a63\u00a6", "expected `=`, `:`, `~` or the end of the line after `x`, found `3`", None),
    ("const c\u00a6", "expected `=` or `:` after `c`, found the end of the file", None),
    ("dim n \u00a6==\u00a6 3", "expected `=` or the end of the line after `n`, found `==`", None),
    ("param \u00a6for\u00a6 = 3", "`for` is a reserved word", "another name"),
    ("function \u00a6for\u00a6(x) { return x }", "`for` is a reserved word", "another name"),
    ("function \u00a63\u00a6(x) { return x }", "expected a name after `function`, found `3`", None),
    ("import \u00a6foo\u00a6", "expected a string in double quotes after `import`, found `foo`", None),
    ("base f(x) \u00a6{\u00a6 return x }", "expected `=` after `)`, found `{`", "one expression"),
    ("function f(x) \u00a6=\u00a6 3", "expected `->` or `{` after `)`, found `=`", None),
    ("function f(x)\u00a6\nreturn x\n}", "expected `{` after `)`, found the end of the line", None),
    (
        "function f(x)\u00a6\n# c\n{\nreturn x\n}",
        "expected `{` after `)`, found the end of the line",
        "on the line",
    ),
    (
        "function f(x : real[n\u00a6)\u00a6 { return x }",
        "expected `]` to close the `[` of line 1, found `)`",
        None,
    ),
    ("function f(x \u00a6{\u00a6\nreturn x\n}", "expected `)` to close the `(` of line 1, found `{`", None),
    ("function f(x) -> \u00a6{\u00a6 return x }", "expected a name after `->`, found `{`", None),
    ("function f(x) { return x } \u00a6x\u00a6", "expected the end of the line after `}`, found `x`", None),
    ("function f(x) \u00a6{\u00a6\nreturn x\n", "`{` is never closed", None),
    ("function f(x) {\nreturn x,\u00a6\n}", "expected an expression after `,`, found `}`", None),
    (
        "function f(x) {\n if x {\n return x\n}\n\u00a6function\u00a6 g(x) { return x }",
        "expected `}` to close the `{` of line 1, found `function`",
        "outside",
    ),
    ("function f(x) {\nreturn f(x\u00a6\n}\n", "expected `)` to close the `(` of line 2, found `}`", None),
    ("dim n = \u00a6(\u00a6n", "`(` is never closed", None),
]


@pytest.mark.parametrize("text, message, hint", FILES)
def test_errors_in_declarations(text, message, hint):
    """One error for the file, with this message, at the marked place."""
    error = error_at_mark(text)
    assert error.code == "syntax"
    assert error.message == message
    if hint is None:
        assert error.hint is None
    else:
        assert hint in (error.hint or "")


@pytest.mark.parametrize(
    "text, message, hint",
    [
        ("y = \u00a6\u03b1\u00a6 + 1", "`\u03b1` is no name", "A-Z"),
        ("\u00a6gr\u00f6\u00dfe_2\u00a6 = 1", "`gr\u00f6\u00dfe_2` is no name", "A-Z"),
        ("y = a \u00a6\u2212\u00a6 b", "U+2212 (minus sign) may only stand in a comment", "write `-`"),
        (
            "y = a \u00a6\u2264\u00a6 b",
            "U+2264 (less-than or equal to) may only stand in a comment",
            "write `<=`",
        ),
        ("y = \u00a6\u263a\u00a6", "U+263A (white smiling face) may only stand in a comment", None),
    ],
)
def test_characters_outside_ascii(text, message, hint):
    """Names are ASCII, and look-alikes of operators are told."""
    error = error_at_mark(in_function(text))
    assert error.code == "bad-character"
    assert error.message.endswith(message)
    assert (hint or "") in (error.hint or "")


def test_forbidden_characters_are_found_everywhere():
    """Also in comments and strings, all in one run; what is only foreign may stand in a comment."""
    text = 'dim n # \u202e\ndim \x07m\rimport "\ufeff"\n# \u2028 \u03b1 \u4f60 \x85 fine: \u263a\r\n'
    found = errors(text)
    assert [d.code for d in found] == ["bad-character"] * 6
    assert [d.span.text for d in found if d.span] == ["\u202e", "\x07", "\r", "\ufeff", "\u2028", "\x85"]


def test_literals_out_of_range():
    """Reals that overflow or round to zero, ints beyond 64 bits; zero in every spelling is fine."""
    big = "9" * 10_000
    found = errors(in_function(f"y = 1e999 + 1e-400 + 9223372036854775808 + {big} + {big}.5"))
    assert [d.code for d in found] == ["number-range"] * 5
    assert all(len(d.message) < 100 for d in found)
    assert (
        errors(
            in_function(
                "y = 0.0 + 0e9999 + .0 + 0.000e-400 + 1e-320 + 9223372036854775807 + 000000000000000000001"
            )
        )
        == ()
    )


def test_long_names():
    """255 characters are a name, 256 are not, wherever the name stands."""
    name = "n" * 255
    assert errors(f"function {name}({name}) {{ {name} = {name}({name}); return {name} }}") == ()
    found = errors(f"function {name}x(x) {{ return x }}\nparam {name}y = 2")
    assert [d.code for d in found] == ["name-too-long"] * 2
