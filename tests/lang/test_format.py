"""The formatter: a canonical layout that keeps the tree, every comment, and the user's line breaks."""

from __future__ import annotations

import random
import re
from textwrap import dedent

import pytest
from effort import calls
from hypothesis import given
from parsing import module
from strategies import trees
from strategies.layouts import layouts, scrambled

from paramprog.diagnostics import ProgramError, Source
from paramprog.lang import format_page
from paramprog.lang.format import format_source, same_tree
from paramprog.lang.format_layout import WIDTH
from paramprog.lang.format_lines import comments
from paramprog.lang.pretty import pretty
from paramprog.resources import programs_dir

SHIPPED = sorted(programs_dir().glob("*.pp"))


def formatted(text: str) -> str:
    return format_source(Source("test", text))


def comments_by_hand(text: str) -> list[str]:
    """The comments of a text without strings."""
    return [line[line.index("#") :].rstrip(" \t\r") for line in text.split("\n") if "#" in line]


def statements(text: str) -> str:
    """The formatted statements of a function body, at the left margin."""
    result = formatted(f"function f(x) {{\n{dedent(text)}\n}}")
    head, *lines, end = result.splitlines()
    assert (head, end) == ("function f(x) {", "}")
    return dedent("\n".join(lines))


# ---- what holds of every program -------------------------------------------------------------------------


def spelt(text: str) -> str:
    """The text with the usual spelling of `function`."""
    return re.sub(r"\bFunction\b", "function", text)


@given(layouts(trees.modules.map(pretty)))
def test_any_layout(text):
    """The formatted text has the same tree and comments, formatting is idempotent, and lines end cleanly."""
    result = formatted(text)
    assert trees.same_tree(module(spelt(result)), module(spelt(text)))
    assert comments(result) == comments(text)
    assert formatted(result) == result
    if "# fmt: off" not in text:
        assert not re.search(r"[ \t]\n|\n{4}|\bFunction\b", result)
    assert not re.search(r"\r|\A\n|\n\n\Z", result)
    assert result == "" or result.endswith("\n")


@given(trees.modules.map(pretty).filter(lambda text: '"' not in text))
def test_spaces_do_not_matter(text):
    """Programs that differ in spaces only have the same canonical layout."""
    spaced = re.sub(r"(?m)^ +", "\t", text).replace(", ", " ,   ").replace(" = ", "  =\t")
    assert formatted(spaced) == formatted(text)


@given(layouts(trees.modules.map(pretty).filter(lambda text: '"' not in text)))
def test_comments_are_kept(text):
    """Each one, in order, but for what is blank at its end."""
    assert comments_by_hand(formatted(text)) == comments_by_hand(text)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_programs(path):
    """They are formatted, and come from other layouts of theirs with the same tree and comments."""
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text
    for seed in range(5):
        other = scrambled(text, seed)
        assert trees.same_tree(module(formatted(other)), module(spelt(text)))


def test_the_printer_agrees():
    """What `pretty` prints is formatted already, if the lines are short."""
    texts = [pretty(module(path.read_text(encoding="utf-8"))) for path in SHIPPED]
    short = [text for text in texts if max(map(len, text.splitlines())) <= WIDTH]
    assert len(short) > 5
    assert [formatted(text) for text in short] == short


# ---- spaces ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "y = a + b - c * d / e // f @ g",
        "y = -x**2 + (-x)**-2 - -3",
        "y = --x",
        "y = a == b or c <= d and not (e != f)",
        "y = f(x, y, axis = 1)[0, :, ::2, a:, :-1, 1:n + 1]",
        "y = [a, [b, c]] @ [1., .5, 1e-3]",
        "y = if a then b else if (c) then -d else e",
        "y = sum(x[i] * 2 for i in 0..n - 1, j in -n..-m)",
        "y = reduce(+, x) + reduce(*, y) + reduce(max, z)",
        'y = contract("ij, j->i", W, x)',
        "y = 0. + sum(1 for i in 0. ..n)",
        "x[i, 0:2] = y",
        "a, b = f(x), g()",
        "for i in reversed(0..n) checkpoint 3 { }",
        "for i in 0..n checkpoint (k) { }",
        "for i in 0..n checkpoint -k { }",
        "while not (x < y) { }",
        "return a, -b",
    ],
)
def test_spaces(text):
    """The canonical spaces, from none and from too many."""
    assert statements(text) == text
    assert statements(text.replace(" ", "  \t")) == text.replace("ij, j->i", "ij,  \tj->i")
    tight = re.sub(r"(?<=[^\w ]) (?=[^.])|(?<=\w) (?=[^\w .])", "", text)
    assert statements(tight).replace(" ", "") == text.replace(" ", "")
    assert statements(tight) == text.replace("ij, j", "ij,j")


def test_declarations():
    """Spaces in declarations; `Function` becomes `function`, also as a type."""
    assert formatted(
        "dim n=4,m=2*n\nparam W:real[m,n]~normal(0,.1),b=-1\nnoise e ~ normal(0,1)\nconst c:int=2\n"
        "base f(a,b)=a*b derivative(b,a)\nimport   'x.pp'\n".replace("'", '"')
        + "Function g(f:Function,x:real[n,2*n]=1,)->real[n],real{return x,x}"
    ) == dedent(
        """\
        dim n = 4, m = 2 * n
        param W : real[m, n] ~ normal(0, .1), b = -1
        noise e ~ normal(0, 1)
        const c : int = 2
        base f(a, b) = a * b derivative (b, a)
        import "x.pp"
        function g(f : function, x : real[n, 2 * n] = 1) -> real[n], real {
            return x, x
        }
        """
    )


# ---- lines -----------------------------------------------------------------------------------------------


def test_one_statement_a_line():
    """Semicolons go, blocks are expanded, `else` follows its brace."""
    assert statements(
        "a = 1; b = 2;; if a { b = 3 } else if c { } \n else\t{ for i in 0..n { x[i] = 1 } };"
    ) == (
        "a = 1\nb = 2\nif a {\n    b = 3\n} else if c { } else {\n    for i in 0..n {\n        x[i] = 1\n    }\n}"
    )


def test_empty_lines():
    """At most two outside and one inside; none at the ends of the file and of blocks."""
    text = "\n\n# c\n\n\n\n\nparam a = 1\n\n\n\nfunction f(x) {\n\n\n# d\n\n\na = 1\n\n\n\nb = 1\n\n\n}\n\n\n\n# e\n\n"
    assert formatted(text) == (
        "# c\n\n\nparam a = 1\n\n\nfunction f(x) {\n    # d\n\n    a = 1\n\n    b = 1\n}\n\n\n# e\n"
    )


def test_brackets_are_aligned():
    """What follows a break is aligned with what follows the innermost bracket."""
    text = "y = f(a,\n[1, 2,\n3, 4],\nb\n)"
    assert statements(text) == "y = f(a,\n      [1, 2,\n       3, 4],\n      b)"


def test_a_bracket_at_the_end_of_its_line_indents():
    """Its content is four columns in, its closing bracket stays on a line of its own, as does a last comma."""
    text = "y = f(\na, [\n1,\n], g(\nb))"
    assert statements(text) == "y = f(\n    a, [\n        1,\n    ], g(\n        b))"


def test_breaks_that_make_no_sense_go():
    """Between a function and its bracket, around `**`, after a sign, in an empty bracket, before a comma."""
    assert (
        statements("y = (f\n(\n) + x\n**\n2 + -\n1 + g(a\n, b\n,\n))")
        == "y = (f() + x**2 + -1 + g(a,\n                         b))"
    )


def test_breaks_outside_brackets():
    """After commas and before `else`, `then`, `->` and `derivative`: indented, items of a declaration aligned."""
    assert statements("y = if a\nthen b\n\nelse c") == "y = if a\n    then b\n\n    else c"
    assert formatted("param a = 1,\nb = 2\nbase f(x) = x\nderivative (1)\nfunction g(x)\n-> real { }") == (
        "param a = 1,\n      b = 2\nbase f(x) = x\n    derivative (1)\nfunction g(x)\n    -> real { }\n"
    )


def test_long_lines_are_wrapped():
    """At the last comma that fits within the fewest brackets; never inside an index or a shape."""
    numbers = ", ".join(f"{i}.25" for i in range(40))
    lines = statements(f"y = concat(x[0, 1], [{numbers}], axis = 0)").splitlines()
    assert lines[0] == "y = concat(x[0, 1],"
    assert all(line.startswith(" " * 11) for line in lines[1:])
    assert all(len(line) <= WIDTH - 4 for line in lines)
    assert max(map(len, lines)) > WIDTH - 14
    header = formatted(
        f"function f({', '.join(f'argument{i} : real[m, n]' for i in range(8))}) -> real, real {{ }}"
    )
    assert all(line.endswith("],") for line in header.splitlines()[:-1])
    declared = formatted(f"param {', '.join(f'parameter{i} : real[m, n]' for i in range(8))}").splitlines()
    assert len(declared) == 3
    assert {line[:15] for line in declared[1:]} == {"      parameter"}
    index = "y = " + " + ".join(f"x[{i}, {i}]" for i in range(30))
    assert statements(index) == index


def test_wide_brackets_are_not_aligned():
    """Far to the right there is no room: the lines are indented."""
    name = "a" * 70
    assert statements(f"y = {name}(b,\nc)") == f"y = {name}(b,\n    c)"


# ---- comments --------------------------------------------------------------------------------------------


def test_comments():
    """Trailing ones two spaces behind, own lines indented; anywhere a line may end."""
    text = """\
    #a
    function f( # b
      x, # c
      # d
      y # e
      ) # f
    """
    with pytest.raises(ProgramError):  # no newline may precede the brace
        formatted(text + "{}")
    text = (
        text.rstrip().removesuffix("# f").rstrip()
        + """ { # f
    #g
      a = [1, # h

    # i
    2 # j
    , 3
    # k
    ]; # l
    if a { # m
    b = 1 } # n
    # o
    else { # p
    }
    if a { } # q
    # r
    } # s
    # t"""
    )
    assert formatted(text) == dedent(
        """\
        #a
        function f(  # b
            x,  # c
            # d
            y  # e
        ) {  # f
            #g
            a = [1,  # h

                 # i
                 2  # j
                 , 3
                 # k
                ]  # l
            if a {  # m
                b = 1
            }  # n
            # o
            else {  # p
            }
            if a { }  # q
            # r
        }  # s
        # t
        """
    )


def test_formatting_off():
    """What stands between `# fmt: off` and `# fmt: on`, or the end of the block, stays, but for the line ends."""
    text = (
        "param  a=1\n # fmt: off\nparam  b=2 ;\r\n\n\n\n  # c  \n# fmt: on\nparam  c=3\n"
        "function f(x) {\nif x>0 {\n# fmt: off\n a=[ 1,  2,\n    10, 20 ]\n if x>0 { b=1 }\n# d\n"
        "} else { c=1 }\nd=1\n}\n"
        "# fmt: off\nfunction  g(x) { }  \n\n"
    )
    assert formatted(text) == (
        "param a = 1\n# fmt: off\nparam  b=2 ;\n\n\n\n  # c\n# fmt: on\nparam c = 3\n"
        "function f(x) {\n    if x > 0 {\n        # fmt: off\n a=[ 1,  2,\n    10, 20 ]\n if x>0 { b=1 }\n# d\n"
        "    } else {\n        c = 1\n    }\n    d = 1\n}\n"
        "# fmt: off\nfunction  g(x) { }\n"
    )
    assert formatted(formatted(text)) == formatted(text)
    assert statements("a = [1, # fmt: off\n  2]; b=1 # fmt: off\nc=1") == (
        "a = [1,  # fmt: off\n     2]\nb = 1  # fmt: off\nc = 1"
    )


@given(layouts(trees.modules.map(pretty)))
def test_formatting_off_for_the_whole_file(text):
    """Nothing but ends of lines changes."""
    result = formatted(f"# fmt: off\n{text}".replace("# fmt: on", "# on"))
    body = text.replace("# fmt: on", "# on").replace("\r\n", "\n").rstrip(" \t\n")
    assert result.rstrip("\n") == f"# fmt: off\n{body}".rstrip("\n")


# ---- files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "\n", "\n\n \t\n", "\r\n", ";", " ;\n;"])
def test_an_empty_file(text):
    """It stays empty, or becomes so."""
    assert formatted(text) == ""


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n\n", " \t"])
def test_a_file_of_comments(end):
    """They stay; the file ends with one newline."""
    assert formatted(f"  # a\t b \r\n\r\n\r\n\r\n\t#c{end}") == "# a\t b\n\n\n#c\n"


def test_line_ends_and_tabs():
    """CRLF becomes LF, tabs between words become spaces."""
    assert formatted("param\ta = 1\t# \u00fc\r\nfunction f(x) {\r\n\treturn x\r\n}") == (
        "param a = 1  # \u00fc\nfunction f(x) {\n    return x\n}\n"
    )


def test_syntax_errors():
    """They are reported as ever."""
    with pytest.raises(ProgramError) as caught:
        formatted("param a = \nfunction f(x) { y = }")
    assert [d.code for d in caught.value.diagnostics] == ["syntax", "syntax"]


# ---- guarantees ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda text: text.replace("2", "3"), "change the program"),
        (lambda text: text.replace("a = 1", "a"), "change the program"),
        (lambda text: text.replace("# c", "# d"), "change the comments"),
        (lambda text: text.replace("# c", ""), "change the comments"),
        (lambda text: text + "}", "does not parse"),
    ],
)
def test_a_fault_of_the_formatter_is_noticed(monkeypatch, change, message):
    """A result with another tree or other comments never leaves it."""
    right = format_page.Page.text
    monkeypatch.setattr(format_page.Page, "text", lambda page: change(right(page)))
    with pytest.raises(RuntimeError, match=message):
        formatted("param a = 1, b = 2  # c\n")


@given(trees.modules, trees.modules)
def test_same_tree(a, b):
    """It sees what differs."""
    assert same_tree(a, a)
    assert same_tree(a, b) == trees.same_tree(a, b)


def test_too_long_a_result(monkeypatch):
    """When the indentation makes a program longer than programs may be, that is a diagnostic."""
    monkeypatch.setattr(format_page, "MAX_SOURCE", 1000)
    with pytest.raises(ProgramError) as caught:
        formatted("function f(x) {" + "if x {" * 30 + "}" * 31)
    assert [d.code for d in caught.value.diagnostics] == ["source-limit"]


# ---- size ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("between", ["", "\n"])
@pytest.mark.parametrize(
    "opening, closing", [("f(", ")"), ("[", "]"), ("(-", ")"), ("f(a, ", ")"), ("[a, # c\n", "]")]
)
def test_deep_brackets(opening, closing, between):
    """Nesting up to the limit is no problem."""
    depth = 499
    text = "base f(x) = " + (opening + between) * depth + "1" + (between + closing) * depth
    assert formatted(formatted(text)) == formatted(text)


def test_deep_blocks():
    """Likewise of blocks."""
    text = "function f(x) {" + "if x { a = 1; " * 499 + "}" * 500
    result = formatted(text)
    assert formatted(result) == result
    assert f"\n{'    ' * 500}a = 1\n" in result


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement", ["a{i}=f( x ,{i} )+1 # c\n", "b{i}=[x,\n1,2,];c{i}=-1\n", "if x {{ y=1 }}\n# c\n"]
)
def test_long_files(statement):
    """100,000 lines; ten times the statements are about ten times the work."""
    small, large = (
        "function f(x) {\n" + "".join(statement.format(i=i) for i in range(n)) + "}"
        for n in (10_000, 100_000)
    )
    assert calls(lambda: formatted(large)) < 12 * calls(lambda: formatted(small))


def test_long_lines():
    """One line of 30,000 numbers, and one of many short brackets, take time in proportion."""
    text = "const a = [" + ", ".join(map(str, range(30_000))) + "]"
    result = formatted(text)
    assert max(map(len, result.splitlines())) <= WIDTH
    words = random.Random(0).choices(["a", "f(a, b)", "[a, [b, c]]", "x[a, b]"], k=10_000)
    result = formatted("const a = f(" + ", ".join(words) + ")")
    assert max(map(len, result.splitlines())) <= WIDTH
