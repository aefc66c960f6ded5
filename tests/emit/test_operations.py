"""Every primitive has a spelling in both languages, which means the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
import scipy.special

import paramprog
from paramprog.diagnostics import ProgramError
from paramprog.emit.language import Language
from paramprog.emit.names import Names
from paramprog.emit.pp import Pp
from paramprog.emit.python import Python
from paramprog.emit.python_functions import FUNCTIONS, TEXT
from paramprog.emit.written import Written
from paramprog.graph import Graph, Node
from paramprog.op import OPS, Op, Sample
from paramprog.transfer.tape import TAPES as TAPE_OPS
from paramprog.types import Kind, Type

STATEMENTS = {"replace", "copy", "leaf", "full", "array", "part", "branch", "loop", "replay"}
"""Not written as expressions of their arguments."""

TAPES = {op.name for op in TAPE_OPS}
"""Their values are no arrays (test_tapes.py)."""

SYSTEMS = {"solve", "solve_triangular", "inverse", "logdet", "cholesky", "symmetric", "half_tril"}
MATRICES = {"diag", "trace", "triangle"} | SYSTEMS
"""Programs have them for matrices; for stacks of matrices they stand in batched graphs only."""

RUN_TIME_SIZES = {"compress", "expand"}
"""They stand in traces only."""

EXPRESSIONS = [op for name, op in OPS.items() if name not in STATEMENTS | RUN_TIME_SIZES | TAPES]


def cases() -> list[tuple[Op, Sample]]:
    found = []
    for op in EXPRESSIONS:
        arity = op.value.__code__.co_argcount if not op.samples and hasattr(op.value, "__code__") else 1
        found += [(op, s) for s in op.samples or [Sample(((),) * n) for n in (arities(op) or [arity])]]
        if op.elementwise and not op.samples:
            found += [(op, Sample(((2, 3),) * n)) for n in arities(op)]
    return found


def arities(op: Op) -> list[int]:
    """How many arguments an elementwise primitive takes."""
    found = [len(s.values) for s in op.surfaces]
    return found[:1] or [1 if op.name in ("neg", "not", "square") else 2]


def arguments(op: Op, sample: Sample) -> list[tuple[Kind, np.ndarray]]:
    """Arguments of the kinds that the primitive takes, at seeded points."""
    rng, integers = np.random.default_rng(1), list(sample.integers)
    for kinds in (["real"] * len(sample.shapes), *others(len(sample.shapes))):
        try:
            op.kinds(*kinds)
        except (ValueError, TypeError, IndexError):
            continue
        if sum(k != "real" for k in kinds) == len(integers) or not integers:
            break
    out: list[tuple[Kind, np.ndarray]] = []
    for k, (kind, shape) in enumerate(zip(kinds, sample.shapes, strict=True)):
        lo, hi = op.domain[min(k, len(op.domain) - 1)]
        if kind == "real":
            square = op.dominant and shape[-1:] * 2 == shape[-2:]
            out.append(
                (kind, rng.uniform(lo, hi, shape) + (op.dominant * np.eye(shape[-1]) if square else 0))
            )
        elif integers:
            out.append((kind, np.reshape(integers.pop(0), shape)))
        else:
            out.append((kind, rng.integers(0, 2, shape) if kind == "int" else rng.uniform(size=shape) > 0.5))
    return out


def others(n: int) -> list[list[str]]:
    mixed = [
        ["bool", *["real"] * (n - 1)],
        ["int", *["real"] * (n - 1)],
        ["real", "int", *["real"] * (n - 2)],
    ]
    return [["bool"] * n, ["int"] * n, *(kinds[:n] for kinds in mixed)]


def node(op: Op, sample: Sample) -> tuple[Node, list[np.ndarray]]:
    graph = Graph()
    given = arguments(op, sample)
    leaves = [graph.leaf(Type(kind, value.shape)) for kind, value in given]
    dtypes = {"real": float, "int": np.int64, "bool": np.bool_}
    return graph.emit(op, *leaves, **sample.attrs), [np.asarray(v, dtypes[k])[()] for k, v in given]


def written(language: Language, made: Node) -> str:
    return language.operation(made, [Written(f"x{k}") for k in range(len(made.args))]).text


def beyond_the_language(op: Op, sample: Sample) -> bool:
    """Forms that no program can ask for: stacks of matrices and vectors, and reductions over some of several axes."""
    rank = len(sample.shapes[0])
    axes = sample.attrs.get("axes", ())
    some = 1 < len(axes) < rank and op.name not in ("sum", "transpose", "spread")
    return some or (op.name in MATRICES and rank > 2) or (op.name == "cross" and rank > 1)


CASES = [pytest.param(op, s, id=f"{op.name}-{i}") for i, (op, s) in enumerate(cases())]


@pytest.mark.parametrize("op, sample", CASES)
def test_in_the_language(op, sample):
    """A program of the one operation returns what the operation computes; what no program can say is told."""
    made, values = node(op, sample)
    language = Pp(Names(), Names(), "float64")
    if beyond_the_language(op, sample):
        with pytest.raises(ProgramError, match="not-printable"):
            written(language, made)
        return
    formals = ", ".join(f"x{k} : {a.type}" for k, a in enumerate(made.args))
    program = paramprog.loads(f"function f({formals}) {{ return {written(language, made)} }}")
    found = program(**{f"x{k}": v for k, v in enumerate(values)})
    expected = np.asarray(op.value(*values, **made.attrs))
    assert np.shape(found) == expected.shape == made.shape
    assert np.asarray(found).dtype.kind == expected.dtype.kind
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("op, sample", CASES)
def test_in_python(op, sample):
    """The expression computes what the operation computes."""
    made, values = node(op, sample)
    if op.name in SYSTEMS and beyond_the_language(op, sample):
        return
    text = written(Python(Names(), Names(), "float64"), made)
    scope = {"np": np, "math": math, "special": scipy.special, "linalg": scipy.linalg}
    exec(TEXT, scope)
    with np.errstate(all="ignore"):
        found = eval(text, scope, {f"x{k}": v for k, v in enumerate(values)})
        expected = np.asarray(op.value(*values, **made.attrs))
    assert np.shape(found) == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_no_primitive_is_missing():
    """Everything but statements and what stands in traces only has been tried."""
    assert {op.name for op in EXPRESSIONS} | STATEMENTS | RUN_TIME_SIZES | TAPES == set(OPS)


def test_every_printed_function_says_what_it_does():
    for name, text in FUNCTIONS.items():
        assert text.startswith(f"def {name}(")
        assert '"""' in text
