"""`import "file.pp"`: files of the program's folder, read once, their names after the program's own."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import paramprog
from paramprog.diagnostics import Diagnostic, ProgramError, render
from paramprog.program import Program

LIBRARY = """
dim n = 3
param W : real[n] = [1.0, 2.0, 3.0]
const half = 0.5
base sq(x) = x * x
function weigh(x : real[n]) { return half * sum(W * x) }
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a program, inside the current one, which holds more."""
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "program"
    made.mkdir()
    return made


def write(folder: Path, **files: str) -> None:
    """`write(folder, main=text, deep__part=text)` writes main.pp and deep/part.pp."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".pp")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def load(folder: Path, **dims: int) -> Program:
    """The program in main.pp, by a relative path; `lib_n=8` is the dim `lib.n`."""
    return paramprog.load(
        os.path.relpath(folder / "main.pp"), dims={k.replace("_", "."): n for k, n in dims.items()}
    )


def findings(folder: Path, **dims: int) -> list[Diagnostic]:
    """What is wrong with main.pp, and with its values at the defaults."""
    with pytest.raises(ProgramError) as caught:
        load(folder, **dims).run()
    return list(caught.value.diagnostics)


def places(folder: Path) -> list[tuple[str, str, str]]:
    """The code, the file and the text under the caret of each finding."""
    return [
        (d.code, Path(d.span.source.name).name if d.span else "", d.span.text if d.span else "")
        for d in findings(folder)
    ]


def importing(path: str) -> str:
    return f'import "{path}"\nfunction f(x = 1.0) {{ return x }}\n'


# ---- which file --------------------------------------------------------------------------------------------------


def test_functions_bases_consts_and_params_are_imported(folder):
    """They are used like the file's own; params are among those that are differentiated by."""
    write(
        folder,
        lib=LIBRARY,
        main='import "lib.pp"\nfunction f(x = 2.0) { return weigh([x, 1, sq(x)]) + half * sum(W) }',
    )
    program = load(folder)
    assert program() == 0.5 * (2 + 2 + 12) + 3
    assert program(x=0.0, params={"W": [0.0, 4.0, 0.0]}) == 0.5 * 4 + 2
    np.testing.assert_array_equal(program.grad()["W"], [1.5, 1.0, 2.5])
    assert program.verify().ok


def test_a_path_is_relative_to_the_importing_file(folder):
    """Down into folders and back up, as long as it stays inside the program's folder."""
    write(
        folder,
        main='import "deep/part.pp"\nfunction f(x = 2.0) { return part(x) }',
        deep__part='import "other.pp"\nimport "../top.pp"\nfunction part(x) { return other(x) + top(x) }',
        deep__other="function other(x) { return 10 * x }",
        top="function top(x) { return x }",
        other="function other(x) { return 1000 * x }",
    )
    assert load(folder)() == 22
    assert paramprog.load(folder / "main.pp")() == 22


@pytest.mark.parametrize(
    "path", ["../lib.pp", "deep/../../lib.pp", "", "/lib.pp", "..", "../program/../lib.pp"]
)
def test_a_file_outside_the_folder_is_refused(folder, path):
    """Also if it exists."""
    write(folder, main=importing(path))
    write(folder.parent, lib=LIBRARY)
    assert places(folder) == [("import-path", "main.pp", f'"{path}"')]


def test_an_absolute_path_is_refused(folder):
    """Even of a file inside the folder: a program can be moved."""
    write(folder, lib=LIBRARY, main=importing(str(folder / "lib.pp")))
    assert [d.code for d in findings(folder)] == ["import-path"]


def test_a_file_deeper_down_may_not_leave_the_folder_either(folder):
    write(
        folder, main=importing("deep/part.pp"), deep__part='import "../../lib.pp"\nfunction g(x) { return x }'
    )
    write(folder.parent, lib=LIBRARY)
    assert places(folder) == [("import-path", "part.pp", '"../../lib.pp"')]


def test_links_that_lead_out_are_refused(folder):
    """A link to a file, and a link to a folder."""
    write(folder.parent, lib=LIBRARY)
    (folder / "lib.pp").symlink_to(folder.parent / "lib.pp")
    write(folder, main=importing("lib.pp"))
    assert places(folder) == [("import-path", "main.pp", '"lib.pp"')]
    (folder / "out").symlink_to(folder.parent)
    write(folder, main=importing("out/lib.pp"))
    assert places(folder) == [("import-path", "main.pp", '"out/lib.pp"')]


def test_a_link_inside_the_folder_is_the_file_it_leads_to(folder):
    """Its imports are relative to where it is; a link of the same name beside the link is not read instead."""
    write(folder.parent, secret="this is no program")
    write(
        folder,
        deep__part='import "other.pp"\nfunction part(x) { return other(x) }',
        deep__other="function other(x) { return 2 * x }",
        main='import "part.pp"\nfunction f(x = 1.0) { return part(x) }',
    )
    (folder / "part.pp").symlink_to(folder / "deep" / "part.pp")
    (folder / "other.pp").symlink_to(folder.parent / "secret.pp")
    assert load(folder)() == 2


def test_a_program_reached_by_a_link_has_the_folder_of_its_file(folder):
    write(folder, lib=LIBRARY, main='import "lib.pp"\nfunction f(x = 1.0) { return sq(x) }')
    link = folder.parent / "link.pp"
    link.symlink_to(folder / "main.pp")
    assert paramprog.load("link.pp")() == paramprog.load(link)() == 1


@pytest.mark.parametrize(
    "path", ["missing.pp", "lib", ".", "deep", "a/" * 100 + "b.pp", "x" * 300 + ".pp", "~/lib.pp"]
)
def test_a_missing_file(folder, path):
    """A folder is no file either."""
    write(folder, main=importing(path), lib=LIBRARY, deep__part=LIBRARY)
    assert places(folder) == [("import-path", "main.pp", f'"{path}"')]


def test_links_in_a_circle(folder):
    (folder / "a.pp").symlink_to("b.pp")
    (folder / "b.pp").symlink_to("a.pp")
    write(folder, main=importing("a.pp"))
    assert places(folder) == [("import-path", "main.pp", '"a.pp"')]


def test_what_is_no_program_is_told_where(folder):
    """The diagnostic points into that file, by a path from the current folder."""
    write(folder, main=importing("deep/bad.pp"), deep__bad="function g(x) {\n    return x +\n}\n")
    [found] = findings(folder)
    assert found.code == "syntax"
    assert render(found).startswith(os.path.join("program", "deep", "bad.pp") + ":2:15: error[syntax]")
    (folder / "deep" / "bad.pp").write_bytes(b"# \xff\n")
    [found] = findings(folder)
    assert (found.code, found.span.source.name) == ("not-utf8", os.path.join("program", "deep", "bad.pp"))


def test_all_faults_of_all_files_are_told(folder):
    """Two imports that fail, and one fault in the file itself."""
    write(
        folder,
        main='import "a.pp"\nimport "b.pp"\nfunction f(x = 1.0) { return x + y }',
        b="const c = d\nfunction g(x) { return x }",
    )
    assert sorted(places(folder)) == [
        ("import-path", "main.pp", '"a.pp"'),
        ("undefined-name", "b.pp", "d"),
        ("undefined-name", "main.pp", "y"),
    ]


@pytest.mark.parametrize("read", ["text", "stdin"])
def test_a_program_that_is_no_file_cannot_import(folder, monkeypatch, read):
    """There is no folder that a path could be relative to."""
    monkeypatch.chdir(folder)
    write(folder, lib=LIBRARY)
    text = importing("lib.pp")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    with pytest.raises(ProgramError) as caught:
        paramprog.loads(text) if read == "text" else paramprog.load("-")
    assert [d.code for d in caught.value.diagnostics] == ["import-path"]


# ---- imports of imports ------------------------------------------------------------------------------------------


def test_an_import_may_import(folder):
    """Its params belong to the program; its names do not become the importer's."""
    write(
        folder,
        lib=LIBRARY,
        middle='import "lib.pp"\nfunction middle(x) { return weigh(x) + sq(x[0]) }',
        main='import "middle.pp"\nfunction f(x = [1.0, 1.0, 1.0]) { return middle(x) }',
    )
    program = load(folder)
    assert program() == 4
    np.testing.assert_array_equal(program.grad()["W"], [0.5, 0.5, 0.5])
    write(folder, main='import "middle.pp"\nfunction f(x = 1.0) { return sq(x) + half }')
    assert places(folder) == [("undefined-function", "main.pp", "sq")]


def test_a_file_imported_by_two_routes_is_read_once(folder):
    """Its params are the same ones, and no clash."""
    write(
        folder,
        lib=LIBRARY,
        a='import "lib.pp"\nfunction a(x) { return sum(W * x) }',
        b='import "./lib.pp"\nfunction b(x) { return weigh(x) }',
        main='import "a.pp"\nimport "b.pp"\nimport "lib.pp"\nimport "../program/lib.pp"\n'
        "function f(x = [1.0, 0.0, 0.0]) { return a(x) + b(x) + W[0] }",
    )
    program = load(folder)
    assert program() == 2.5
    assert list(program.grad().gradients) == ["W"]
    np.testing.assert_array_equal(program.grad()["W"], [2.5, 0, 0])


@pytest.mark.parametrize(
    "files, at",
    [
        ({"main": importing("main.pp")}, "main.pp"),
        ({"main": importing("a.pp"), "a": importing("main.pp")}, "a.pp"),
        ({"main": importing("a.pp"), "a": importing("b.pp"), "b": importing("a.pp")}, "b.pp"),
        ({"main": importing("a.pp"), "a": importing("./a.pp")}, "a.pp"),
    ],
)
def test_cycles_are_refused(folder, files, at):
    """Where they close."""
    write(folder, **files)
    [(code, file, text)] = places(folder)
    assert (code, file, text.startswith("import ")) == ("import-cycle", at, True)


def test_a_long_chain_of_imports(folder):
    """Length is not depth."""
    write(
        folder,
        main='import "p0.pp"\nfunction f(x = 1.0) { return g0(x) }',
        p500="function g500(x) { return x }",
    )
    for k in range(500):
        write(folder, **{f"p{k}": f'import "p{k + 1}.pp"\nfunction g{k}(x) {{ return x + g{k + 1}(x) }}'})
    assert load(folder)() == 501


# ---- names -------------------------------------------------------------------------------------------------------


def test_the_names_of_the_file_win(folder):
    """In the file itself; an imported function means the names of the file it is written in."""
    write(
        folder,
        lib="const c = 10.0\nbase scale(x) = 10 * x\nfunction g(x) { return c * x }\n"
        "function both(x) { return g(x) + scale(x) + c }",
        main='import "lib.pp"\nconst c = 1.0\nbase scale(x) = 2 * x\nfunction g(x) { return 3 * x }\n'
        "function f(x = 1.0) { return [c, scale(x), g(x), both(x)] }",
    )
    np.testing.assert_array_equal(load(folder)(), [1, 2, 3, 30])


def test_the_first_of_two_imports_wins(folder):
    write(
        folder,
        a="const c = 1.0\nfunction g(x) { return x }",
        b="const c = 2.0\nfunction g(x) { return 2 * x }",
        main='import "b.pp"\nimport "a.pp"\nfunction f(x = 1.0) { return [c, g(x)] }',
    )
    np.testing.assert_array_equal(load(folder)(), [2, 2])


def test_imports_hide_the_prelude_and_the_built_ins(folder):
    """And the file's own names hide those of imports."""
    write(
        folder,
        lib="function softmax(x) { return 2 * x }\nfunction sin(x) { return 3 * x }\n"
        "base cos(x) = 4 * x\nconst pi = 5.0",
        main='import "lib.pp"\nbase cos(x) = x\n'
        "function f(x = 1.0) { return [softmax(x), sin(x), cos(x), pi, tanh(0)] }",
    )
    np.testing.assert_array_equal(load(folder)(), [2, 3, 1, 5, 0])


def test_a_value_and_a_function_of_one_name(folder):
    """Two namespaces, also across files."""
    write(
        folder,
        lib="function scale(x) { return 2 * x }",
        main='import "lib.pp"\nparam scale = 3.0\nfunction f(x = 1.0) { return scale(x) * scale }',
    )
    assert load(folder)() == 6


def test_params_of_one_name_are_reported(folder):
    """They are given and saved by name. The importer's is no exception, nor is one of an import of an import."""
    write(
        folder,
        lib="param W = 1.0\nfunction g(x) { return W * x }",
        main='import "lib.pp"\nparam W = 2.0\nfunction f(x = 1.0) { return g(x) }',
    )
    [found] = findings(folder)
    assert (found.code, found.span.text) == ("duplicate-name", "W")
    assert "is declared in" in found.message
    write(
        folder,
        middle='import "lib.pp"\nfunction h(x) { return g(x) }',
        main='import "middle.pp"\nnoise W\nfunction f(x = 1.0) { return h(x) }',
    )
    assert [d.code for d in findings(folder)] == ["duplicate-name"]


@pytest.mark.parametrize("route", ["lib.pp", "middle.pp"])
def test_an_argument_with_the_name_of_an_imported_param(folder, route):
    """Of the entry function: it could not be told from the param when values are given. Elsewhere it hides it."""
    write(
        folder,
        lib="param W = 2.0\nfunction g(x) { return W * x }",
        middle='import "lib.pp"\nfunction h(x) { return g(x) }',
        main=f'import "{route}"\nfunction f(W = 1.0) {{ return W }}',
    )
    assert places(folder) == [("duplicate-name", "main.pp", "W")]
    write(
        folder, main=f'import "{route}"\nfunction g(W) {{ return W }}\nfunction f(x = 1.0) {{ return g(x) }}'
    )
    assert load(folder)() == 1


def test_a_param_can_be_mentioned_or_hidden(folder):
    """A local name hides an imported param, as it would the file's own."""
    write(
        folder,
        lib="param W = 2.0\nfunction g(x) { return W * x }",
        main='import "lib.pp"\nfunction f(x = 1.0) { W = W + x; return W + g(x) }',
    )
    assert load(folder)() == 5


def test_constants_may_not_mention_imported_params(folder):
    """Neither by name nor through a function."""
    write(
        folder,
        lib="param W = 2.0\nfunction g(x) { return W * x }",
        main='import "lib.pp"\nconst a = W, b = g(1.0)\nfunction f(x = 1.0) { return x }',
    )
    assert [d.code for d in findings(folder)] == ["not-constant", "not-constant"]


def test_functions_are_passed_between_files(folder):
    """A function given as an argument keeps the names of its file, in both directions."""
    write(
        folder,
        lib="const c = 10.0\nfunction own(x) { return c * x }\n"
        "function twice(h : function, x) { return h(h(x)) }\n"
        "function default(x, h : function = own) { return h(x) }",
        main='import "lib.pp"\nconst c = 2.0\nfunction mine(x) { return c * x }\nfunction own(x) { return x }\n'
        "function f(x = 1.0) { return [twice(mine, x), twice(own, x), default(x), default(x, mine)] }",
    )
    np.testing.assert_array_equal(load(folder)(), [4, 1, 10, 2])


# ---- dims --------------------------------------------------------------------------------------------------------


def test_dims_are_the_files_own(folder):
    """A dim of the same name elsewhere is another one; it is given as `file.n`."""
    write(
        folder,
        lib=LIBRARY.replace(" = [1.0, 2.0, 3.0]", " ~ ones()"),
        main='import "lib.pp"\ndim n = 2\nfunction f(x : real[n] = 1.0) { return sum(W) + 100 * n }',
    )
    assert load(folder)() == 203
    assert load(folder, lib_n=8)() == 208
    assert load(folder, n=8)() == 803
    assert load(folder, n=4, lib_n=5)() == 405


def test_a_path_tells_dims_of_files_with_one_name_apart(folder):
    """`lib.n` is that of both, `one/lib.n` that of the file in this folder."""
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "lib.pp").write_text(f"dim n = 2\nfunction size_{name}(x) {{ return n * x }}")
    text = 'import "one/lib.pp"\nimport "two/lib.pp"\nfunction f(x = 1.0) { return size_one(x) + 100 * size_two(x) }'
    write(folder, main=text)

    def value(**dims: int) -> float:
        return float(paramprog.load(os.path.relpath(folder / "main.pp"), dims=dims)())

    assert value() == 202
    assert value(**{"lib.n": 3}) == 303
    assert value(**{"one/lib.n": 3}) == 203
    assert value(**{"lib.n": 5, "two/lib.n": 4}) == 405
    with pytest.raises(ProgramError, match=r"no dim `three/lib\.n`"):
        value(**{"three/lib.n": 1})


def test_dims_are_not_imported(folder):
    write(folder, lib=LIBRARY, main='import "lib.pp"\nfunction f(x : real[n]) { return 2 * n }')
    [found] = findings(folder)
    assert (found.code, found.hint) == ("dim-unbound", "declare `dim n = ...` or give `--dim n=8`")


def test_dims_of_an_import_of_an_import(folder):
    write(
        folder,
        lib="dim n = 2\nfunction size(x) { return n * x }",
        middle='import "lib.pp"\nfunction g(x) { return size(x) }',
        main='import "middle.pp"\nfunction f(x = 1.0) { return g(x) }',
    )
    assert load(folder)() == 2
    assert load(folder, lib_n=5)() == 5


@pytest.mark.parametrize("name", ["lib.k", "other.n", "lib.", ".n", "x.lib.n"])
def test_unknown_dims(folder, name):
    """Of a file that is imported, and of none."""
    write(folder, lib=LIBRARY, main=importing("lib.pp"))
    with pytest.raises(ProgramError) as caught:
        paramprog.load(folder / "main.pp", dims={name: 3})
    assert [d.code for d in caught.value.diagnostics] == ["undefined-name"]


def test_a_dim_without_a_value_says_how_to_give_it(folder):
    """By the name that it has outside; it can be given."""
    write(
        folder,
        lib="dim n\nparam W : real[n] ~ ones()\nfunction g(x) { return x * sum(W) }",
        main='import "lib.pp"\nfunction f(x = 1.0) { return g(x) }',
    )
    assert [(d.code, d.hint) for d in findings(folder)] == [("dim-unbound", "give one: `--dim lib.n=8`")]
    assert load(folder, lib_n=8)() == 8


def test_sizes_bound_by_a_call_cross_files(folder):
    """A bare dim name in the type of an argument is bound by the call and hides the file's dim."""
    write(
        folder,
        lib="dim n = 3\nfunction size(x : real[n]) { return n }",
        main='import "lib.pp"\nfunction f(x = [1.0, 2.0]) { return [size(x), size([1.0])] }',
    )
    np.testing.assert_array_equal(load(folder)(), [2, 1])


# ---- faults ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, code, at",
    [
        ("wrong(x)", "shape-mismatch", "x + [1, 2]"),
        ("outer(x)", "shape-mismatch", "x + [1, 2]"),
        ("unknown(x)", "undefined-function", "sinn"),
        ("entry(x, 9)", "index-range", "i"),
    ],
)
def test_a_fault_in_an_imported_function_says_where_it_is_called(folder, call, code, at):
    """From this file, also if it happens in a function further inside; a hint of its own is kept."""
    write(
        folder,
        lib="function wrong(x) { return x + [1, 2] }\nfunction outer(x) { return wrong(x) }\n"
        "function unknown(x) { return sinn(x) }\nfunction entry(x, i) { return x[i] }",
        main=f'import "lib.pp"\nfunction f(x = [1.0, 2.0, 3.0]) {{\n    y = {call}\n    return sum(y)\n}}',
    )
    [found] = findings(folder)
    assert (found.code, found.span.text) == (code, at)
    hint = "did you mean `sin`?; " if code == "undefined-function" else ""
    assert found.hint == f"{hint}called from {os.path.join('program', 'main.pp')}:3:9"


def test_a_fault_says_the_innermost_call_from_another_file(folder):
    write(
        folder,
        lib="function wrong(x) { return x + [1, 2] }",
        middle='import "lib.pp"\nfunction g(x) { return wrong(x) }',
        main='import "middle.pp"\nfunction f(x = [1.0, 2.0, 3.0]) { return sum(g(x)) }',
    )
    [found] = findings(folder)
    assert found.hint == f"called from {os.path.join('program', 'middle.pp')}:2:24"


def test_a_fault_in_a_function_given_to_the_prelude(folder):
    """The call inside the prelude is nothing to look at."""
    write(
        folder,
        lib="function field(y) { return y + nothing }",
        main='import "lib.pp"\nfunction f(y = 1.0) { return rk4(field, y, 0.1) }',
    )
    [found] = findings(folder)
    assert (found.code, found.hint) == (
        "undefined-name",
        f"called from {os.path.join('program', 'main.pp')}:2:30",
    )
