"""Long scalar programs: kernels reach scalars through one pointer of each kind, and compute the same."""

from __future__ import annotations

import re

import numpy as np
import pytest
from compiling import check, gradients, needs_compiler, prints, sanitizers

import paramprog
from paramprog.compile import parameters, schedule
from paramprog.compile.kernel import Buf, Chunks, For, Kernel
from paramprog.compile.parameters import FEW, Parameters
from paramprog.compile.source import CSource, c_source, lower, prepared

HEADS = re.compile(r"^static (?:PP_APART )?void \w+\((.*)\) \{$", re.MULTILINE)


def straight_line(statements: int) -> str:
    """A recurrence that forgets, written out."""
    lines = [f"    x{i + 1} = sin(x{i}) * W + 0.25 * x{max(i - 1, 0)}" for i in range(statements)]
    return "\n".join(["param W = 0.5", "function f(x0 = 0.3) {", *lines, f"    return x{statements}", "}"])


MIXED = """
param w = 0.7
function f(x = 0.4, m : int = 5) {
    a0 = x
    k0 = m
    b0 = x > w
    LINES
    y = a0
    for j in 0..6 {
        v = [a1, a2, y]
        y = y * w + sin(x + j) * a39 + sum(v * v) / (2 + j)
    }
    return y * a40 + k40 + a20
}
""".replace(
    "    LINES",
    "\n".join(
        f"    k{i + 1} = mod(k{i} * 3 + {i}, 17)\n"
        f"    b{i + 1} = (b{i} and a{i} > 0.1) or k{i + 1} > 8\n"
        f"    a{i + 1} = (if b{i + 1} then cos(a{i}) * w else a{i} + x) + k{i} * 0.01"
        for i in range(40)
    ),
)
"""Scalars of three kinds, before a loop that reads and carries some of them."""


def source_of(text: str) -> CSource:
    outputs, leaves, _ = gradients(paramprog.loads(text))
    return c_source(lower(*prepared(outputs, leaves)))


def test_kernels_of_long_programs_have_few_parameters():
    """Of a thousand statements and their gradient: a few in each kernel, and next to nothing in the text around."""
    source = source_of(straight_line(1000))
    heads = [head for kernel in source.kernels for head in HEADS.findall(kernel)]
    assert len(heads) > 20
    assert max(head.count(",") + 1 for head in heads) <= FEW + 4
    assert max(len(kernel.splitlines()) for kernel in source.kernels) < 3 * schedule.STRAIGHT
    assert len(source.run.splitlines()) < 2 * len(heads)


def test_text_grows_linearly():
    """Twice the statements are twice the text, and no kernel is longer."""
    small, large = (source_of(straight_line(n)) for n in (200, 400))
    assert len(large.text()) < 2.2 * len(small.text())
    longest = [max(map(len, source.kernels)) for source in (small, large)]
    assert longest[1] < 1.2 * longest[0]


@needs_compiler
@pytest.mark.parametrize("real", ["float64", "float32"])
def test_long_programs_compute_the_same(real):
    """The value and the gradients of a thousand statements are those of the evaluation node by node."""
    check(*gradients(paramprog.loads(straight_line(1000), dtype=real)))


@needs_compiler
@pytest.mark.parametrize("few", [0, FEW, 10**6])
@pytest.mark.parametrize("real", ["float64", "float32"])
def test_pointers_do_not_change_numbers(real, few, monkeypatch):
    """Reals, ints and bools through one pointer each, or a pointer to each scalar: the same, to the bit."""
    outputs, leaves, points = gradients(paramprog.loads(MIXED, dtype=real))
    monkeypatch.setattr(parameters, "FEW", 10**6)
    apart = check(outputs, leaves, points)
    assert "reals" not in apart.source
    monkeypatch.setattr(parameters, "FEW", few)
    found = check(outputs, leaves, points)
    together = set(re.findall(r"\*restrict ([a-z]+)\b", found.source)) & set(parameters.TOGETHER.values())
    assert together >= ({"reals", "ints", "bools"} if few == 0 else {"reals"} if few == FEW else set())
    for values in points:
        given = [values[leaf] for leaf in leaves]
        for a, b in zip(found(*given), apart(*given), strict=True):
            np.testing.assert_array_equal(a, b)


@needs_compiler
def test_sanitizers_are_silent(tmp_path):
    """Exported, it is C99 without warnings, reads and writes inside its memory, and prints the value."""
    program = paramprog.loads(MIXED)
    printed = prints(program.export(), tmp_path, *sanitizers())
    assert printed is not None
    np.testing.assert_allclose(printed[0], [program()], rtol=1e-12)


def test_few_scalars_have_a_pointer_each():
    """As do arrays, scalars that others provide, and all of a kernel whose loops are in chunks."""
    scalars = [Buf(f"v{k}", "real", ()) for k in range(FEW + 1)]
    slots = {b.name: 2 * k for k, b in enumerate(scalars)}
    given, array = Buf("x1", "real", (), "x1"), Buf("v99", "real", (3,))
    short = Parameters(Kernel("k", [], dict.fromkeys(scalars[:-1], False)), slots)
    assert not short.slots and len(short.pointers) == FEW
    used = dict.fromkeys([*scalars, given, array], False) | {scalars[3]: True}
    long = Parameters(Kernel("k", [], used), slots)
    assert long.slots["v3"] == ("reals", 6) and long.names["v3"] == "(reals + 6)"
    assert {name: p.text for name, p in long.pointers.items()} == {
        "reals": "T *",
        long.names["x1"]: "const T *",
        long.names["v99"]: "const T *",
    }
    assert long.arguments == ["(T *)arena", "x1", "v99"]
    loop = For(0, 8, [], [], Chunks(1, 1, 1, 1, []))
    assert not Parameters(Kernel("k", [loop], used), slots).slots
