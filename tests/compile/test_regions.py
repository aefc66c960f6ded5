"""Loops that run turns again, loops of any number of turns in each other, and tapes: compiled, as node by node.

In both precisions, with the gradients, for many samples, and exported, where sanitizers watch.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from compiling import check, gradients, needs_compiler, prints, sanitizers
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies.programs import programs

import paramprog
from paramprog.compile.c_plan import CPlan
from paramprog.diagnostics import ProgramError
from paramprog.gradient import adjoint
from paramprog.graph import Graph, Node
from paramprog.samples import Samples
from paramprog.transfer.loops import LOOP
from paramprog.transfer.pair import ADD
from paramprog.transfer.source import FULL
from paramprog.transfer.step import GREATER, OR, REAL
from paramprog.transfer.tape import DEEPER, LONE, PUSH, REST, TAPE, TOP
from paramprog.types import LENGTH, Type

pytestmark = needs_compiler

HALVES = """
        y = x + k
        while y > 0.5 {
            y = y * (0.3 + 0.1 * sin(w * y))
            s = s + y * y
        }
        s = s + y
"""
"""Another number of turns for each k."""

PROGRAMS = {
    "few states": """
        param w = 0.3
        function f(h = 0.5, X = [1.0, 2.0, 3.0, 4.0, 5.0]) {
            g = 1.0 * h
            for t in 0..5 checkpoint 2 { g = sin(w * g + X[t]) + g * 0.1 }
            return g
        }""",
    "one state, counting down": """
        param w = 0.3
        function f(h = 0.5, X = [1.0, 2.0, 3.0, 4.0, 5.0]) {
            g = 1.0 * h
            for t in reversed(0..5) checkpoint 1 { g = sin(w * g + X[t]) + g * 0.1 }
            return g
        }""",
    "few states of a number of turns known at run time only": """
        param w = 0.3
        base b(x) = sin(x)
        function f(h = 0.5, n : int = 17) {
            g = 1.0 * h
            v = [h, h * 2]
            for t in 0..n checkpoint 3 {
                v = b(w * v + t)
                g = g * 0.5 + sum(v)
            }
            return g
        }""",
    "few states inside few states": """
        param w = 0.3
        function f(h = 0.5) {
            g = 1.0 * h
            for t in 0..4 checkpoint 2 {
                for s in 0..3 checkpoint 1 { g = sin(w * g + s * t) + g * 0.1 }
            }
            return g
        }""",
    "while in for": f"""
        param w = 0.3
        function f(x = 5.0) {{
            s = 0.0
            for k in 0..4 {{ {HALVES} }}
            return s
        }}""",
    "while in for, few states": f"""
        param w = 0.3
        function f(x = 5.0) {{
            s = 0.0
            for k in 0..4 checkpoint 2 {{ {HALVES} }}
            return s
        }}""",
    "while in for in while": f"""
        param w = 0.3
        function f(x = 5.0) {{
            s = 0.0
            k = 0.0
            while k < x {{
                for j in 0..2 {{ {HALVES} }}
                k = k + 1.3
            }}
            return s
        }}""",
    "while in if in for": """
        param w = 0.3
        function f(x = 5.0) {
            s = 0.0
            v = [0.0, 1.0, 2.0]
            for k in 0..4 {
                y = x + k
                if y > 6 {
                    while y > 0.5 {
                        y = y * (0.3 + 0.1 * sin(w * y))
                        v = sin(v * y)
                        s = s + y * y
                    }
                }
                s = s + y * sum(v)
            }
            return s
        }""",
    "while in for, for each entry": f"""
        param w = 0.3
        function g(x) {{
            s = 0.0
            for k in 0..3 {{ {HALVES} }}
            return s
        }}
        function f(x = [5.0, 2.0, 0.3]) {{ return sum(g(x[i]) for i in 0..3) }}""",
    "the gradient of while in for": """
        function f(x = 5.0) {
            s = 0.0
            for k in 0..3 {
                y = x + k
                while y > 0.5 {
                    y = y * (0.3 + 0.1 * sin(y))
                    s = s + y * y
                }
            }
            return grad(s, x) * s
        }""",
    "tape": """
        function f(x = 37.0) {
            t = tape(0.0)
            n = 0
            while x / 2.0 ** n > 1 {
                t = push(t, x / 2.0 ** n)
                n = n + 1
            }
            s = 0.0
            for k in 0..n {
                t, h = pop(t)
                s = s / 2 + h * h
            }
            return s
        }""",
    "tape of arrays, filled by branches": """
        function f(x = 37.0, v = [1.0, 2.0]) {
            t = tape(v)
            n = 0
            while x / 2.0 ** n > 1 {
                if mod(n, 2) == 0 { t = push(t, v * x / 2.0 ** n) } else { t = push(push(t, v), sin(v)) }
                n = n + 1
            }
            s = 0.0
            for k in 0..n {
                t, h = pop(t)
                s = s / 2 + sum(h * h) + sum(top(t))
            }
            return s
        }""",
    "tape of tapes": """
        function f(x = 7.0) {
            t = tape(tape(0.0))
            for i in 0..3 {
                u = tape(0.0)
                y = x
                while y > 1 {
                    u = push(u, y * i)
                    y = y / 2
                }
                t = push(t, u)
            }
            s = 0.0
            for k in 0..3 {
                t, u = pop(t)
                for j in 0..2 {
                    u, h = pop(u)
                    s = s / 2 + h * h
                }
            }
            return s
        }""",
    "tape of known length": """
        param w = 0.7
        function f(x = 0.4) {
            t = tape(0.0)
            h = 1.0 * x
            for i in 0..5 {
                t = push(t, h)
                h = sin(w * h + i)
            }
            s = 0.0
            for i in 0..5 {
                t, a = pop(t)
                s = s * w + a * a * h
            }
            return s
        }""",
    "tape within a turn": """
        param w = 0.7
        function f(x = 0.4, n : int = 40) {
            s = 0.0
            for k in 0..n checkpoint 4 {
                t = tape(0.0)
                for j in 0..3 { t = push(t, sin(x + k * j) + s * w) }
                for j in 0..2 {
                    t, a = pop(t)
                    s = s * 0.5 + a
                }
            }
            return s
        }""",
    "an empty tape": """
        function f(x = 1.0) {
            t = push(tape(0.0), x)
            u, a = pop(t)
            v, b = pop(u)
            return a + b
        }""",
    "zeros on a tape that lies on ones": """
        function f(x = [1.0, 2.0]) {
            t = push(push(tape(x), x * 0), zeros(2))
            u, a = pop(t)
            v, b = pop(u)
            w, c = pop(v, endless = true)
            return sum(sin(x) + a + b * x + c)
        }""",
    "compress and expand": """
        function f(x = [1.0, -2.0, 3.0]) {
            return sum(compress(x, x > 0, 2) ** 2) + sum(expand([x[0], x[1]], x > 0) * x)
        }""",
    "large constants": """
        function f(x = 0.5) {
            a = sum(sin(x * i) / (i + 1) for i in 0..5000)
            return a + sum([x * (i + 2 * j) for i in 0..80, j in 0..70] * eye(80)[:, 0:70])
        }""",
}


@pytest.mark.parametrize("real", ["float64", "float32"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_value_and_gradient(name: str, real: Any):
    """Of each of the programs, at two points."""
    check(*gradients(paramprog.loads(PROGRAMS[name], dtype=real)))


def loops_of(graph: Graph) -> list[Node]:
    return [n for n in graph.nodes if n.op is LOOP]


@pytest.mark.parametrize("states", [0, 1, 3, 50])
@pytest.mark.parametrize(
    "name", ["few states", "while in for", "while in for in while", "tape within a turn"]
)
def test_any_number_of_states(name: str, states: int):
    """As `--memory` chooses them: none but the first, fewer than turns, more than turns; of a `while` too."""
    (y, *_), leaves, points = gradients(paramprog.loads(PROGRAMS[name]))
    chosen = dict.fromkeys(loops_of(y.graph), states)
    found = adjoint(y, [n for n in leaves if n.kind == "real"], states=chosen)
    check([y, *(d for d in found if d is not None)], leaves, points)


def test_memory_budget():
    """`grad(memory=...)` runs turns again in C too."""
    program = paramprog.loads(PROGRAMS["few states"])
    found, expected = (program.grad(memory=40, backend=b) for b in ("c", "numpy"))
    assert found.memory == expected.memory
    np.testing.assert_allclose(found.gradients["w"], expected.gradients["w"], rtol=1e-12)


@pytest.mark.parametrize(
    "name", ["few states", "while in for", "while in for, few states", "while in if in for"]
)
def test_many_samples(name: str):
    """The mean over three samples, each of which makes its own turns, and its gradients."""
    program = paramprog.loads(PROGRAMS[name])
    built = program.point().compiled.built
    y, rows = next(iter(built.outputs.values())), list(built.inputs.values())
    samples = Samples(rows)
    outputs = [n for n in samples.mean_nodes(y, [*built.params.values()], 3) if n is not None]
    wide = samples.leaves(3)
    values = {wide.get(n, n): v for n, v in program.point().leaves.items()}
    for leaf in wide.values():
        values[leaf] = np.stack([values[leaf] * k for k in (0.2, 1.0, 1.7)])
    check(outputs, list(values), [values])


# ---- tapes as values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("real", ["float64", "float32"])
def test_operations_on_tapes(real: Any):
    """Sums of tapes of different lengths, with zeros or something else below; of bools; of tapes; of ints as reals."""
    graph = Graph(real=real)
    x, v, i = graph.leaf(Type("real", ())), graph.leaf(Type("real", (2,))), graph.leaf(Type("int", ()))
    long = PUSH(PUSH(PUSH(TAPE(v), v * 2), v * x), -v)
    short = PUSH(graph.emit(FULL, value=0.0, type=Type("real", (LENGTH, 2))), v * 3)
    tapes = [ADD(long, short), ADD(short, long), DEEPER(long), LONE(v), ADD(TAPE(v), TAPE(v))]
    tapes += [ADD(long, LONE(v)), ADD(graph.emit(FULL, value=0.0, type=Type("real", (LENGTH, 2))), long)]
    ints = REAL(PUSH(PUSH(TAPE(i), i + 1), i * 2))
    bools = [
        PUSH(TAPE(GREATER(x, 1.0)), GREATER(x, 0.0)),
        LONE(GREATER(x, 0.0)),
        graph.emit(FULL, value=False, type=Type("bool", (LENGTH,))),
    ]
    deep = ADD(PUSH(PUSH(TAPE(long), short), long), PUSH(LONE(short), long))
    deeper = [
        TOP(deep, endless=True),
        TOP(REST(deep, endless=True), endless=True),
        TOP(DEEPER(deep), endless=True),
    ]
    found = []
    for t in [*tapes, *deeper, ints, REAL(OR(bools[0], bools[1])), REAL(OR(bools[0], bools[2]))]:
        for _ in range(4):
            found.append(TOP(t, endless=True))
            t = REST(t, endless=True)
    point = {x: np.dtype(real).type(0.7), v: np.array([1.5, -0.5], real), i: np.int64(3)}
    check(found, [x, v, i], [point, {**point, x: np.dtype(real).type(-2.0)}])


def test_blocks_of_a_turn_do_not_stay():
    """What a turn pushes and nobody carries on is given back after it; what has a known length needs no heap."""
    lines = CPlan(*gradients(paramprog.loads(PROGRAMS["tape within a turn"]))[:2]).source
    assert "pp_back(&heap, last, used);" in lines
    lines = CPlan(*gradients(paramprog.loads(PROGRAMS["tape of known length"]))[:2]).source
    assert "pp_within(arena" in lines


# ---- exported ----------------------------------------------------------------------------------------------------


def exported(text: str, folder: Any, real: Any = "float64") -> None:
    """Its main prints what `grad` finds, or that there is no value; sanitizers are silent."""
    program = paramprog.loads(text, dtype=real)
    code = program.export()
    try:
        result = program.grad()
    except ProgramError:
        assert prints(code, folder, *sanitizers()) is None
        return
    found = prints(code, folder, *sanitizers())
    assert found is not None
    present = [g for k, g in result.gradients.items() if k not in result.structural_zero]
    tolerance = 1e-10 if real == "float64" else 1e-4
    for f, e in zip(found, [result.value, *present], strict=True):
        scale = max(1.0, float(np.max(np.abs(e), initial=0.0)))
        np.testing.assert_allclose(f, np.ravel(e), rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("name", PROGRAMS)
def test_stands_alone(name: str, tmp_path):
    """Strict C99 without warnings; nothing is read or written where it should not."""
    exported(PROGRAMS[name], tmp_path)


@pytest.mark.parametrize("name", ["few states", "few states inside few states", "tape of known length"])
def test_loops_of_known_length_do_not_allocate(name: str):
    """Memory comes from the caller alone."""
    text = paramprog.loads(PROGRAMS[name]).export()
    assert "realloc" not in text and "pp_heap heap = {0}" not in text


# ---- at random ---------------------------------------------------------------------------------------------------


def with_states(text: str, states: int) -> str:
    """With `checkpoint` at every loop, but for none."""
    return re.sub(r"(?m)^( *for \w+ in [^{\n]*) \{$", rf"\1 checkpoint {states} {{", text) if states else text


def check_random(text: str, states: int, real: Any) -> None:
    try:
        program = paramprog.loads(with_states(text, states), dtype=real)
    except ProgramError:
        return
    check(*gradients(program))


RANDOM = (
    programs(depth=1, regions=True, tapes=True),
    st.integers(0, 3),
    st.sampled_from(["float64", "float32"]),
)


@settings(max_examples=30, deadline=None)
@given(*RANDOM)
def test_random_programs(text: str, states: int, real: Any):
    """With loops, branches, comprehensions and tapes, in both precisions."""
    check_random(text, states, real)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(*RANDOM)
def test_many_random_programs(text: str, states: int, real: Any):
    """As above."""
    check_random(text, states, real)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(programs(depth=1, regions=True, tapes=True), st.integers(0, 2))
def test_sanitizers_find_nothing_in_random_programs(tmp_path_factory, text: str, states: int):
    """Nor do strict warnings."""
    try:
        paramprog.loads(with_states(text, states))
    except ProgramError:
        return
    exported(with_states(text, states), tmp_path_factory.mktemp("random"))


EMPTY = {
    "a sum of rows": "s = 0.0\n    for i in 0..0 { s = tanh(s + x[i] * a) }\n    return s + a",
    "rows that are written": "hs = x\n    for i in 2..2 { hs[i] = tanh(x[i] * a) }\n    return sum(hs) + a",
    "rows read one turn later": "hs = x\n    for i in 1..n { hs[i] = x[i] * hs[i - 1] }\n    return sum(hs) + a",
    "a loop in a loop": "s = 0.0\n    for k in 0..3 {\n for i in 0..0 { s = s + x[i] * a }\n s = s + a }\n    return s",
    "a comprehension": "return sum([x[i] for i in 0..0]) + a",
    "an indexed sum": "return sum(x[i] * a for i in 0..0) + a",
    "scattered": "return sum([gather(x, mod(i, 3)) * a for i in 0..0]) + a",
}


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("batch", [False, True])
def test_no_turns_and_no_entries(name: str, batch: bool):
    """What never runs gives zeros of the right shape, in C too."""
    program = paramprog.loads(
        f"dim n = 1\nfunction f(x = [1.0, 2.0, 3.0], a = 0.3) {{\n    {EMPTY[name]}\n}}"
    )
    over = {"batch": ["a"], "a": np.array([0.3, 0.4])} if batch else {}
    expected = program.grad(wrt=["x", "a"], **over)
    value, found = program.compile(backend="c", wrt=["x", "a"], **over).value_and_gradient()
    np.testing.assert_allclose(value, expected.value)
    for k in ("x", "a"):
        np.testing.assert_allclose(found[k], expected[k])


def test_what_nobody_reads_of_a_loop_is_not_kept():
    """A replaying loop after another one whose last value only dead statements read."""
    program = paramprog.loads(
        """
        dim n = 3, t = 5
        param V : real[n, n] = 0.1
        function f(x : real[n] = 0.4, W : real[t, n] = 0.2, a = 0.7) {
            h = x
            g = x
            hs = zeros(t)
            for i in reversed(1..t) {
                u = (h - (V @ h) * 0.2) - (x - W[mod(i * 2, t)])
                hs[i] = sum(u - x) * 0.1 + a
                g = x
            }
            for i in 0..t checkpoint 3 {
                v = (x - g) + sin(x)
                hs[i] = sum(exp(-0.1 * h)) * 0.1 + hs[mod(i + 3, t)]
            }
            return sum(x @ h) + sum(hs * hs)
        }
        """
    )
    expected = program.grad()
    value, found = program.compile(backend="c").value_and_gradient()
    np.testing.assert_allclose(value, expected.value, rtol=1e-13)
    np.testing.assert_allclose(found["V"], expected["V"], rtol=1e-12, atol=1e-13)
