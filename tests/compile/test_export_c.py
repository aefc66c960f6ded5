"""Exported C stands alone: strict C99, without warnings, clean under sanitizers, and right."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from compiling import needs_compiler, prints, sanitizers

import paramprog
from paramprog.cli import main
from paramprog.compile.export_c import comment
from paramprog.resources import programs_dir

pytestmark = needs_compiler

PROGRAMS = [
    "running_example",
    "digits_mlp",
    "lstm",
    "newton",
    "fluid",
    "bundle_adjustment",
    "gaussian_process",
]
"""Among them loops, branches, lanes, indices, products and systems."""


def compiled(text: str, folder, *flags: str) -> list[list[float]]:
    """The numbers that its main prints, line by line."""
    found = prints(text, folder, *flags)
    assert found is not None
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_value_and_gradient(name: str, tmp_path):
    """Compiled by itself and run, it prints the value and the gradients of `grad`; sanitizers are silent."""
    program = paramprog.load(programs_dir() / f"{name}.pp")
    result = program.grad()
    value, *gradients = compiled(program.export(), tmp_path, *sanitizers())
    np.testing.assert_allclose(value, [result.value], rtol=1e-12)
    present = [g for k, g in result.gradients.items() if k not in result.structural_zero]
    for found, expected in zip(gradients, present, strict=True):
        scale = np.max(np.abs(expected), initial=0.0)
        np.testing.assert_allclose(found, np.ravel(expected), rtol=1e-10, atol=1e-12 * scale)


def test_float32(tmp_path):
    """Reals are floats then."""
    program = paramprog.load(programs_dir() / "digits_mlp.pp", dtype="float32")
    value, *_ = compiled(program.export(), tmp_path, *sanitizers())
    np.testing.assert_allclose(value, [program()], rtol=1e-5)


PRODUCTS = """
param A : real[40, 30] ~ normal(0, 0.3), B : real[30, 50] ~ normal(0, 0.3), C : real[50, 40] ~ normal(0, 0.3)
function f() { return sum(tanh(A @ B) * transpose(C @ A @ B @ C)) }
"""

CBLAS_H = """#include <stdint.h>
enum { CblasRowMajor = 101, CblasNoTrans = 111, CblasTrans = 112 };
#define cblas_dgemm scipy_cblas_dgemm64_
void cblas_dgemm(int, int, int, int64_t, int64_t, int64_t, double, const double *, int64_t, const double *, int64_t,
    double, double *, int64_t);
"""
"""What an exported program wants of `cblas.h`, for the library that the wheels of NumPy bring along."""


def test_with_a_cblas(tmp_path):
    """-DPP_CBLAS: the products of all four kinds of order come from a CBLAS, and are the same to rounding."""
    found = sorted((Path(np.__file__).parents[1] / "numpy.libs").glob("libscipy_openblas64_*.so"))
    if not found:
        pytest.skip("this NumPy has no OpenBLAS of its own")
    program = paramprog.loads(PRODUCTS)
    text = program.export()
    plain = compiled(text, tmp_path)
    (tmp_path / "cblas.h").write_text(CBLAS_H)
    flags = ["-DPP_CBLAS", f"-I{tmp_path}", str(found[0]), f"-Wl,-rpath,{found[0].parent}"]
    for one, other in zip(compiled(text, tmp_path, *flags), plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11 * np.max(np.abs(other)))
    undefined = subprocess.run(["nm", "-D", tmp_path / "exported"], capture_output=True, text=True).stdout
    assert "scipy_cblas_dgemm64_" in undefined


def test_products_stand_alone(tmp_path):
    """Matrix products of all four kinds of order, in C99 with all warnings on, with sanitizers."""
    program = paramprog.loads(PRODUCTS)
    text, result = program.export(), program.grad()
    assert "pp_gemm_f64(1, 0," in text and "pp_gemm_f64(0, 1," in text
    expected = [[result.value], *(np.ravel(g) for g in result.gradients.values())]
    for found, wanted in zip(compiled(text, tmp_path, *sanitizers()), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-11 * np.max(np.abs(wanted)))


def test_comments_name_lines():
    """Each function says which lines of the program it computes."""
    text = paramprog.load(programs_dir() / "running_example.pp").export()
    assert re.search(r"/\* line \d+: .*tanh", text)


def test_no_text_of_a_program_reaches_the_code(tmp_path):
    """Text that would end a comment, or a line of it, is taken out; names of the program stand in comments only."""
    hostile = "/*/ int main(void) { system(); } ??/"
    assert comment(hostile) == "/ * / int main(void) { system(); } ? ?/"
    assert comment("a\\\n b\u202e") == "a? ? b?"
    assert comment('y = "a" * (b / c)') == 'y = "a" * (b / c)'
    program = paramprog.loads(
        "param exit_abort : real = 2.0\nfunction f(x : real = 0.5) { return tanh(exit_abort * x) # */ #error\n}"
    )
    text = program.export()
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    assert "exit_abort" not in code and "#error" not in code
    compiled(text, tmp_path, *sanitizers())


def test_the_commands(tmp_path, capsys):
    """`export --to c` and `grad --emit c` print the same; `--to python` prints a function; `--out` writes a file."""
    path = str(programs_dir() / "running_example.pp")
    assert main(["export", path, "--to", "c"]) == 0
    exported = capsys.readouterr().out
    assert main(["grad", path, "--emit", "c"]) == 0
    assert capsys.readouterr().out == exported and "int64_t pp_gradient(" in exported
    assert main(["export", path, "--to", "python"]) == 0
    assert "def " in capsys.readouterr().out
    assert main(["export", path, "--to", "c", "--out", str(tmp_path / "r.c")]) == 0
    assert (tmp_path / "r.c").read_text() == exported
