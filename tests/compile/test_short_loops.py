"""Short loops in whole vectors: what they compute beyond their ends, nobody sees."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import numpy as np
import pytest
from compiling import check, gradients, needs_compiler, prints, sanitizers

import paramprog
from paramprog.compile.functions import text_of
from paramprog.compile.kernel import Buf, Check, Fold, For, Let, Load, Multiply, Store
from paramprog.compile.short_loops import in_whole_vectors, in_widths, widths
from paramprog.compile.source import c_source, lower, prepared
from paramprog.compile.tensor import Place
from paramprog.compile.toolchain import toolchain
from paramprog.types import Real

SUMS = """
dim n = {n}
param w : real[n] ~ uniform(-1, 1), x : real[n] ~ uniform(-3, -2), y : real[n] ~ uniform(2, 3)
param z : real[n] ~ uniform({far}, {farther})
function f() {{
    a = sigmoid(w * x) * exp(0.1 * y)
    b = tanh(w / y) + log(y)
    return sum(a * b) + a @ b + max(x * exp(w)) + min(y * exp(w)) + sum(sin(z) * w)
}}
"""
"""Zeros, which are beyond the ends, would be the largest and the smallest, and exp(0) would be added."""

WHOLE = """
dim n = 14
param w : real[n] ~ uniform(1, 2)
function f() { return sum(exp(w) * int(1 / w)) }
"""
"""1 / 0 has no whole number."""


def made(n: int, real: Real, far: float = 1.0) -> paramprog.Program:
    return paramprog.loads(SUMS.format(n=n, far=far, farther=2 * far), dtype=real)


def loop(n: Any, *body: Any, depth: int = 0) -> For:
    return For(depth, n, list(body))


A = Buf("a", "real", (14, 14))
ROW, COLUMN = (Place(-1), Place(0)), (Place(0), Place(-1))
EXP = Let("u", "real", "pp_exp(v)")


def test_which_loops():
    """Dear ones with a long rest, of entries beside each other, of functions that are vectorised."""
    found = [n for n in range(1, 70) if in_whole_vectors(loop(n, Load("v", A, ROW), EXP), "float64")]
    assert found[:9] == [3, 5, 6, 7, 10, 11, 12, 13, 14] and found[-1] == 63
    assert not in_whole_vectors(loop(8, EXP), "float32") and in_whole_vectors(loop(24, EXP), "float32")
    assert not in_whole_vectors(loop(14, Load("v", A, ROW), Let("u", "real", "v + 1")), "float64")
    assert not in_whole_vectors(loop(14, Load("v", A, COLUMN), EXP), "float64")
    assert not in_whole_vectors(loop(14, Load("v", A, (Place(-1), "v1")), EXP), "float64")
    assert in_whole_vectors(loop(14, Load("v", A, ("v1", Place(0))), EXP), "float64")
    assert not in_whole_vectors(loop(14, EXP, Let("t", "real", "pp_mod(u, v)")), "float64")
    assert not in_whole_vectors(loop(14, EXP, Let("t", "real", "pp_lgamma(u)")), "float64")
    flags = Buf("b", "bool", (14,))
    assert not in_whole_vectors(loop(14, EXP, Store(flags, (Place(0),), "u")), "float64")


@needs_compiler
@pytest.mark.parametrize("real", ["float64", "float32"])
@pytest.mark.parametrize("n", [3, 7, 14, 23])
def test_beyond_the_end(n: int, real: Real):
    """Sums, products, extremes and gradients are those of the entries; of infinities and NaN too."""
    outputs, leaves, points = gradients(made(n, real))
    assert "PP_TURNS" in c_source(lower(*prepared(outputs, leaves))).text()
    for k, odd in enumerate((np.inf, -np.inf, np.nan)):
        point = {leaf: np.array(v) for leaf, v in points[0].items()}
        for value in point.values():
            value[-1 - k % n] = odd
        points.append(point)
    check(outputs, leaves, points)


@needs_compiler
@pytest.mark.parametrize("far", [1.0, 1e9])
def test_far_arguments(far: float):
    """sin of near arguments, and of far ones, for which the kernel runs again."""
    outputs, leaves, points = gradients(made(14, "float64", far))
    check(outputs, leaves, points)


def test_faults_do_not_keep_it_from_vectors():
    """Of a masked loop gcc 12 must be told that faults may be found in any order, or it computes entry by entry."""
    text = "dim n = 14\nparam w : real[3, n] ~ uniform(0, 1)\nfunction f(i : int = 1) { return tanh(w[i]) }"
    built = paramprog.loads(text).compiled().built
    leaves = [*built.inputs.values(), *built.params.values()]
    found = c_source(lower(*prepared(list(built.outputs.values()), leaves))).text()
    assert re.search(r"#pragma omp simd reduction\(\|:f\d+\)\n\s*for .*PP_TURNS", found)


@needs_compiler
def test_no_fault_beyond_the_end():
    """An operation that has no value for zero has one for the entries; where it has none for the last, that is told."""
    program = paramprog.loads(WHOLE)
    outputs, leaves, points = gradients(program)
    last = {leaf: np.array(v) for leaf, v in points[0].items()}
    for value in last.values():
        value[-1] = 0.0
    plan = check(outputs, leaves, [*points, last])
    assert np.isfinite(plan(*points[0].values())[0])


@needs_compiler
@pytest.mark.parametrize("flags", [(), ("-march=native",)])
def test_sanitizers(flags: tuple[str, ...], tmp_path):
    """With masks and without, nothing beyond an array is read or written."""
    program = made(14, "float64")
    text = program.export()
    assert re.search(r"< PP_TURNS\(14\)", text)
    value, *_ = prints(text, tmp_path, *flags, *sanitizers()) or [[np.nan]]
    np.testing.assert_allclose(value, [program()], rtol=1e-12)


# ---- vectors of falling width ------------------------------------------------------------------------------------

ROWS = """
dim n = {n}
param a : real[6, n] ~ uniform(-1, 1), b : real[6, n] ~ uniform(1, 2), c : real[n] ~ uniform(-1, 1)
function f() {{
    s = sum(square(a / b - spread(c, 6)), axis = 1)
    return sum(sin(s)) + sum(exp(sum(a * b, axis = 1)))
}}
"""
"""Sums of rows, of squares and of products; gradients that are added into c, row by row."""


def test_widths():
    """They are powers of two that fall, and add up to the row."""
    assert widths(10, "float64") == [8, 2] and widths(27, "float64") == [8, 8, 8, 2, 1]
    assert widths(15, "float32") == [8, 4, 2, 1] and widths(16, "float32") == [16]
    for n in range(1, 65):
        found = widths(n, "float32")
        assert sum(found) == n and found == sorted(found, reverse=True)


def test_which_loops_are_in_widths():
    """Inner ones of plain real arithmetic, on entries beside each other: up to 16 turns, with sums up to 64."""
    load, add = Load("v", A, (Place(0), Place(1))), Let("u", "real", "v + 1")
    fold = Fold("s", "real", "+", "u")

    def those(*body: Any, **more: Any) -> bool:
        return in_widths(loop(more.get("n", 10), *body, depth=more.get("depth", 1)), "float64")

    assert those(load, add) and those(load, add, fold) and those(load, Multiply("s", "real", "v", "v"))
    assert [n for n in range(70) if those(load, add, n=n)] == list(range(8, 17))
    assert those(load, fold, n=64) and not those(load, fold, n=65)
    assert not those(load, add, depth=0) and not those(Load("v", A, (Place(1), Place(0))), add)
    assert not those(load, Let("u", "real", "pp_exp(v)")) and not those(load, Let("u", "int", "pp_whole(v)"))
    assert not those(load, Fold("s", "real", "max", "v")) and not those(load, add, Check("f1", "v > 1"))
    assert those(load, add, Store(A, (Place(0), Place(1)), "u"))
    assert not those(load, add, Store(A, (Place(0), Place(1, 1, 1)), "u"))
    assert not those(*[load, add] * 40)


@needs_compiler
@pytest.mark.parametrize("real", ["float64", "float32"])
@pytest.mark.parametrize("n", [8, 10, 15, 16, 31])
def test_rows_in_widths(n: int, real: Real):
    """Values and gradients are those node by node; of infinities and NaN too."""
    outputs, leaves, points = gradients(paramprog.loads(ROWS.format(n=n), dtype=real))
    assert "pp_total_" in c_source(lower(*prepared(outputs, leaves))).text()
    for k, odd in enumerate((np.inf, -np.inf, np.nan)):
        point = {leaf: np.array(v) for leaf, v in points[0].items()}
        for value in point.values():
            value.reshape(-1)[-1 - k] = odd
        points.append(point)
    check(outputs, leaves, points)


@needs_compiler
@pytest.mark.parametrize("flags", [(), ("-march=native",)])
def test_sanitizers_in_widths(flags: tuple[str, ...], tmp_path):
    """Nothing beyond a row is read or written."""
    program = paramprog.loads(ROWS.format(n=15))
    text = program.export()
    assert "#pragma GCC unroll 1" in text
    value, *_ = prints(text, tmp_path, *flags, *sanitizers()) or [[np.nan]]
    np.testing.assert_allclose(value, [program()], rtol=1e-12)


@needs_compiler
@pytest.mark.parametrize("suffix", ["f64", "f32"])
def test_totals_without_vectors(suffix: str, tmp_path):
    """Compilers without vector types add in the same order: the bits are the same."""
    chain = toolchain()
    assert chain is not None
    wide = 8 if suffix == "f64" else 16
    x = np.random.default_rng(0).normal(size=wide).astype("f8" if suffix == "f64" else "f4")
    entries, kind = ", ".join(float(v).hex() for v in x), "double" if suffix == "f64" else "float"
    sizes = [n for n in (1, 2, 4, 8, 16) if n <= wide]
    calls = "".join(f'printf("%a ", (double)pp_total_{suffix}({n}, x));' for n in sizes)
    main = f"int main(void) {{ const {kind} x[] = {{{entries}}}; {calls} return 0; }}"
    text = f"int printf(const char *, ...);\n{text_of('total', suffix)}\n{main}\n"
    found = []
    for k, flags in enumerate(((), ("-U__GNUC__",))):
        source, made = tmp_path / f"{k}.c", tmp_path / f"run{k}"
        source.write_text(text)
        subprocess.run([*chain.command, "-w", "-O2", *flags, str(source), "-o", str(made)], check=True)
        printed = subprocess.run([str(made)], check=True, capture_output=True, text=True).stdout
        found.append([float.fromhex(word) for word in printed.split()])
    assert found[0] == found[1]
    np.testing.assert_allclose(found[0], [x[:n].sum(dtype="f8") for n in sizes], rtol=1e-5, atol=1e-6)
