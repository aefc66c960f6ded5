"""What syntax errors say and where they point."""

from __future__ import annotations

import pytest
from parsing import errors, in_function

from paramprog.diagnostics import Diagnostic


def error_at_mark(marked: str) -> Diagnostic:
    """The single error of a file; it must point at the text between two marks, or at the only mark."""
    before, *rest = marked.split("¦")
    text = "".join([before, *rest])
    [error] = errors(text)
    assert error.span is not None
    end = len(before) + (len(rest[0]) if len(rest) == 2 else 0)
    assert (error.span.start, error.span.end) == (len(before), end)
    return error


# In these texts the place that must be marked stands between two broken bars.

STATEMENTS = [
    # an operand is missing
    ("y = x +¦", "expected an expression after `+`, found the end of the line", None),
    ("y =¦", "expected an expression after `=`, found the end of the line", None),
    ("y = f(x + ¦)¦", "expected an expression after `+`, found `)`", None),
    ("y = (¦)¦", "expected an expression after `(`, found `)`", None),
    ("y = f(a,¦,¦ b)", "expected an expression after `,`, found `,`", None),
    ("y = ¦+¦ 3", "expected an expression after `=`, found `+`", "no unary"),
    ("y = ¦{¦1, 2}", "expected an expression after `=`, found `{`", "[a, b]"),
    ('y = ¦"abc"¦', 'expected an expression after `=`, found `"abc"`', "import"),
    ("y = a ¦/*¦ b */", "`/*` is no operator", "#"),
    # an operator is missing
    ("y = a ¦b¦", "expected an operator or the end of the line after `a`, found `b`", None),
    ("y = (a ¦b¦)", "expected an operator or `)` after `a`, found `b`", None),
    ("y = f(a ¦b¦)", "expected an operator, `,` or `)` after `a`, found `b`", None),
    ("y = [a ¦3¦]", "expected an operator, `,` or `]` after `a`, found `3`", None),
    (
        "y = a ¦mod¦ b",
        "expected an operator or the end of the line after `a`, found `mod`",
        "mod(a, b)",
    ),
    # brackets
    ("y = (a¦\nz = 3", "expected `)` to close the `(` of line 2, found `z`", None),
    ("y = [a,\n2¦\nz = 3", "expected `]` to close the `[` of line 2, found `z`", None),
    ("y = (a¦]¦", "expected `)` to close the `(` of line 2, found `]`", None),
    ("y = (a ¦{¦}", "expected `)` to close the `(` of line 2, found `{`", None),
    ("y = (a¦;¦ z = 3", "expected `)` to close the `(` of line 2, found `;`", None),
    ("y = a¦)¦", "unexpected `)`", None),
    ("y = a¦]¦", "unexpected `]`", None),
    # other languages' operators
    ("y = x ¦^¦ 2", "unexpected `^`", "`**`"),
    ("y = x ¦%¦ 2", "unexpected `%`", "mod(a, b)"),
    ("y = x ¦?¦ 1 : 2", "unexpected `?`", "if c then a else b"),
    ("y = ¦!¦x", "unexpected `!`", "not"),
    ("y = a ¦&&¦ b", "`&&` is no operator", "and"),
    ("y = a ¦||¦ b", "`||` is no operator", "or"),
    ("y = a ¦&¦ b", "unexpected `&`", "and"),
    ("y = a ¦<>¦ b", "`<>` is no operator", "!="),
    ("y ¦:=¦ 3", "`:=` is no operator", "="),
    ("y ¦+=¦ 3", "`+=` is no operator", "x = x + ..."),
    ("y = a¦.¦T", "unexpected `.`", "f(x)"),
    ("y = ¦'¦a'", "unexpected `'`", "double quotes"),
    ('y = ¦"¦abc', "the string is not closed", None),
    ("y = a ¦\\¦ b", "unexpected `\\`", "( )"),
    # comparisons and assignments
    ("y = a < b ¦<¦ c", "comparisons do not chain", "a < b and b < c"),
    ("y ¦==¦ 3", "expected `=` after `y`, found `==`", "`=` assigns"),
    ("if x ¦=¦ 3 { y = 1 }", "expected `{` after `x`, found `=`", "`==` compares"),
    ("y = if x ¦=¦ 3 then 1 else 2", "expected `then` after `x`, found `=`", "`==` compares"),
    # statements that are none
    ("f¦(¦x)", "an expression is no statement", "y = ..."),
    ("x ¦+¦ 1", "an expression is no statement", "y = ..."),
    ("x¦", "an expression is no statement", "y = ..."),
    ("¦3¦ + 4", "expected a statement, found `3`", "y = ..."),
    ("print¦(¦x)", "an expression is no statement", "nothing else"),
    ("break¦", "an expression is no statement", "loops end"),
    ("y ¦:¦ real = 3", "expected `=` after `y`, found `:`", "types"),
    ("let ¦y¦ = 3", "expected `=` after `let`, found `y`", "no keyword"),
    (
        "y = lambda ¦z¦: z",
        "expected an operator or the end of the line after `lambda`, found `z`",
        "name",
    ),
    ("x[1 ¦=¦ 3", "expected `:`, `,` or `]` after `1`, found `=`", "`==`"),
    # conditionals and loops
    ("if x { }\nelif ¦x¦ { }", "expected `=` after `elif`, found `x`", "else if"),
    ("if x { };\n¦else¦ { }", "unexpected `else`", "`if`"),
    ("y = if x then 1¦", "expected `else` after `1`, found the end of the line", "both sides"),
    ("y = if x ¦{¦ 1 }", "expected `then` after `x`, found `{`", None),
    (
        "y = 1 ¦if¦ x else 2",
        "expected the end of the line after `1`, found `if`",
        "if c then a else b",
    ),
    ("while x¦:¦\ny = 3", "expected `{` after `x`, found `:`", "{ }"),
    ("for i ¦=¦ 0..n { }", "expected `in` after `i`, found `=`", "i in a..b"),
    ("for i in range(n) ¦{¦ }", "expected `..` after `)`, found `{`", "a..b"),
    (
        "for ¦(¦i = 0; i < n; i = i + 1) { }",
        "expected a name after `for`, found `(`",
        "for i in a..b",
    ),
    ("y = sum(x for i in 3¦)¦", "expected `..` after `3`, found `)`", "a..b"),
    ("for i in ¦reverse¦(0..n) { }", "expected `reversed`, found `reverse`", "reversed(a..b)"),
    ("for i in 0..n ¦step¦ 2 { }", "expected `checkpoint`, found `step`", "checkpoint N"),
    # names and numbers
    ("¦in¦ = 3", "`in` is a reserved word", "another name"),
    ("¦param¦ = 3", "`param` is a reserved word", "another name"),
    ("y = x + ¦for¦", "`for` is a reserved word", "another name"),
    (
        "y = x + ¦if¦ c then a else b",
        "an `if` behind an operator stands in parentheses",
        "(if c then a else b)",
    ),
    (
        "y = (-¦if¦ c then a else b)",
        "an `if` behind an operator stands in parentheses",
        "(if c then a else b)",
    ),
    ("for ¦if¦ in 0..n { }", "`if` is a reserved word", "another name"),
    ("a, ¦3¦ = f(x)", "expected a name after `,`, found `3`", None),
    ("y = ¦2x¦", "`2x` is no number", "2 * x"),
    ("y = ¦0x1F¦", "`0x1F` is no number", "decimal"),
    ("y = ¦1_000¦", "`1_000` is no number", "together"),
    ("y = ¦1e¦", "`1e` is no number", "exponent"),
    ("y = ¦1.2.3¦", "`1.2.3` is no number", None),
    # declarations
    (" ¦param¦ w = 3", "`param` inside a function", "outside"),
    (" ¦function¦ g(x) { return x }", "`function` inside a function", "outside"),
]


@pytest.mark.parametrize("statements, message, hint", STATEMENTS)
def test_errors_in_statements(statements, message, hint):
    """One error, with this message, at the marked place, with a hint that says how to write it."""
    error = error_at_mark(in_function(statements))
    assert error.code == "syntax"
    assert error.message == message
    if hint is None:
        assert error.hint is None
    else:
        assert hint in (error.hint or "")


FILES = [
    ("¦x¦ = 3\ny = 4\nfor i in 0..3 { }", "expected a declaration, found `x`", "in a `function`"),
    ("¦return¦ 3", "`return` outside a function", "in a `function`"),
    ("dim n\n¦}¦", "unexpected `}`", None),
    ("¦def¦ f(x) { return x }", "expected a declaration, found `def`", "`function`"),
    ("param x ¦3¦", "expected `=`, `:`, `~` or the end of the line after `x`, found `3`", None),
    ("const c¦", "expected `=` or `:` after `c`, found the end of the file", None),
    ("dim n ¦==¦ 3", "expected `=` or the end of the line after `n`, found `==`", None),
    ("param ¦for¦ = 3", "`for` is a reserved word", "another name"),
    ("function ¦for¦(x) { return x }", "`for` is a reserved word", "another name"),
    ("function ¦3¦(x) { return x }", "expected a name after `function`, found `3`", None),
    ("import ¦foo¦", "expected a string in double quotes after `import`, found `foo`", None),
    ("base f(x) ¦{¦ return x }", "expected `=` after `)`, found `{`", "one expression"),
    ("function f(x) ¦=¦ 3", "expected `->` or `{` after `)`, found `=`", None),
    ("function f(x)¦\nreturn x\n}", "expected `{` after `)`, found the end of the line", None),
    (
        "function f(x)¦\n# c\n{\nreturn x\n}",
        "expected `{` after `)`, found the end of the line",
        "on the line",
    ),
    (
        "function f(x : real[n¦)¦ { return x }",
        "expected `]` to close the `[` of line 1, found `)`",
        None,
    ),
    ("function f(x ¦{¦\nreturn x\n}", "expected `)` to close the `(` of line 1, found `{`", None),
    ("function f(x) -> ¦{¦ return x }", "expected a name after `->`, found `{`", None),
    ("function f(x) { return x } ¦x¦", "expected the end of the line after `}`, found `x`", None),
    ("function f(x) ¦{¦\nreturn x\n", "`{` is never closed", None),
    ("function f(x) {\nreturn x,¦\n}", "expected an expression after `,`, found `}`", None),
    (
        "function f(x) {\n if x {\n return x\n}\n¦function¦ g(x) { return x }",
        "expected `}` to close the `{` of line 1, found `function`",
        "outside",
    ),
    ("function f(x) {\nreturn f(x¦\n}\n", "expected `)` to close the `(` of line 2, found `}`", None),
    ("dim n = ¦(¦n", "`(` is never closed", None),
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
        ("y = ¦\u03b1¦ + 1", "`\u03b1` is no name", "A-Z"),
        ("¦gr\u00f6\u00dfe_2¦ = 1", "`gr\u00f6\u00dfe_2` is no name", "A-Z"),
        ("y = a ¦\u2212¦ b", "U+2212 (minus sign) may only stand in a comment", "write `-`"),
        (
            "y = a ¦\u2264¦ b",
            "U+2264 (less-than or equal to) may only stand in a comment",
            "write `<=`",
        ),
        ("y = ¦\u263a¦", "U+263A (white smiling face) may only stand in a comment", None),
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
    fine = "0.0 + 0e9999 + .0 + 0.000e-400 + 1e-320 + 9223372036854775807 + 00000000000000000000001"
    assert errors(in_function(f"y = {fine}")) == ()


def test_long_names():
    """255 characters are a name, 256 are not, wherever the name stands."""
    name = "n" * 255
    assert errors(f"function {name}({name}) {{ {name} = {name}({name}); return {name} }}") == ()
    found = errors(f"function {name}x(x) {{ return x }}\nparam {name}y = 2")
    assert [d.code for d in found] == ["name-too-long"] * 2
