"""Long sources are compiled in parts, side by side, and compute what they compute as a whole."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from compiling import needs_compiler

import paramprog
from paramprog.compile import library
from paramprog.compile.parts import compiled, parts
from paramprog.compile.toolchain import NoCompiler, Toolchain

KERNELS = [f"static PP_APART void k{k}(T *restrict a) {{\n    a[0] += {k};\n}}" for k in range(6)]
INLINE = "static void k6(T *restrict a) {\n    a[0] = 1;\n}"
CHUNKED = "static PP_APART void k7(T *restrict a) {\n    pp_chunks(k7_1, 0, 3);\n}"


def text(kernels: list[str]) -> str:
    return "\n".join(["typedef double T;", *kernels, "int pp_entry(void) {}"])


def test_short_sources_stay_whole():
    """What is short is one file."""
    assert parts(text(KERNELS), KERNELS) == [text(KERNELS)]
    assert parts(text(KERNELS), KERNELS, length=10_000) == [text(KERNELS)]
    assert parts("int pp_entry(void) {}", []) == ["int pp_entry(void) {}"]


def test_each_kernel_is_in_one_part():
    """Kernels that are calls in any case are divided; the last part declares them, and has all others."""
    kernels = [*KERNELS, INLINE, CHUNKED]
    *some, last = parts(text(kernels), kernels, length=120)
    assert len(some) == 2
    for k in range(6):
        defined = [f"void k{k}(T *restrict a) {{" in part for part in (*some, last)]
        assert sum(defined) == 1 and not defined[-1]
        assert f"void k{k}(T *restrict a);" in last
    assert INLINE in last and CHUNKED in last and "pp_entry" in last
    assert all(part.startswith("typedef double T;") and "pp_entry" not in part for part in some)


def test_of_several_functions_the_last_one_is_called():
    """A kernel may have a function of its own, such as one for far arguments, which stays with it."""
    kernel = (
        "static PP_APART void k9_far(T *restrict a) {\n    a[0] = 2;\n}\n"
        "PP_LOOKUPS static void k9(T *restrict a) {\n    k9_far(a);\n}"
    )
    some, last = parts(text([kernel]), [kernel], length=10)
    assert "static PP_APART void k9_far(T *restrict a) {" in some
    assert re.search(r"PP_LOOKUPS __attribute__\S+ void k9\(T \*restrict a\) \{", some)
    assert re.search(r"__attribute__\S+ void k9\(T \*restrict a\);", last) and "k9_far" not in last


@needs_compiler
@pytest.mark.parametrize("wrt", [["w"], []])
def test_parts_compute_the_same(wrt: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The same bits, and the program's text never depends on the parts."""
    lines = [f"x{k} = sin(x{k - 1}) * w + x{max(k - 2, 0)}" for k in range(1, 300)]
    program = paramprog.loads(
        "param w = 0.5\nfunction f(x0 = 0.3) {\n" + "\n".join(lines) + "\nreturn x299\n}"
    )
    monkeypatch.setenv("PARAMPROG_CACHE", str(tmp_path / "whole"))
    whole = program.compile(backend="c", wrt=wrt)
    expected = whole.value_and_gradient()
    made = []
    monkeypatch.setattr(library, "parts", lambda t, k: made.append(parts(t, k, length=8_000)) or made[-1])
    monkeypatch.setenv("PARAMPROG_CACHE", str(tmp_path / "parts"))
    divided = program.compile(backend="c", wrt=wrt)
    assert len(made[-1]) > 3
    value, gradients = divided.value_and_gradient()
    assert (value, gradients) == expected and np.isfinite(value)
    assert divided.source == whole.source
    assert {p.suffix for p in (tmp_path / "parts").iterdir()} <= {".so", ".sum", ""}


def test_a_part_that_is_refused_is_told(tmp_path: Path):
    """What the compiler says is in the message, and nothing is left beside."""
    broken = Toolchain((sys.executable, "-c", "import sys; sys.exit('unknown machine')"), "broken 1")
    with pytest.raises(NoCompiler, match="unknown machine"):
        compiled(broken, ["int f;", "int g;"], tmp_path / "a.so")
    assert not list(tmp_path.iterdir())
