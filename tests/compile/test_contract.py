"""Contractions large enough for the BLAS, in every order of their letters, and the same without a BLAS."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiling import close, needs_compiler

from paramprog.compile import library
from paramprog.compile.builder import Builder
from paramprog.compile.c_plan import CPlan
from paramprog.compile.contract import Letters, gemm
from paramprog.compile.tensor import Contract, Input
from paramprog.evaluate import evaluate
from paramprog.graph import Graph
from paramprog.op import OPS
from paramprog.transfer.select import Cut
from paramprog.types import Type

SIZES = {"i": 40, "j": 33, "k": 29, "b": 3, "c": 2}

SPECS = [
    "ij,jk->ik", "ij,jk->ki", "ji,jk->ik", "ij,kj->ik", "ji,kj->ki", "jk,ij->ik",
    "bij,bjk->bik", "ibj,bjk->bik", "bij,bjk->ikb", "bcij,jk->bcik", "bij,bij->ij", "bij,bik->jk", "bcij,bcik->jk",
    "cij,jk->ick",
]  # fmt: skip


def operands(spec: str, real: Any = "float64") -> tuple[Graph, list[Any], list[Any], Any]:
    words = spec.split("->")[0].split(",")
    graph = Graph(real=real)
    leaves = [graph.leaf(Type("real", tuple(SIZES[c] for c in w))) for w in words]
    rng = np.random.default_rng(0)
    return (
        graph,
        leaves,
        [rng.normal(size=x.shape).astype(real) for x in leaves],
        OPS["contract"](*leaves, spec=spec, sizes=()),
    )


@needs_compiler
@pytest.mark.parametrize("real", ["float64", "float32"])
@pytest.mark.parametrize("spec", SPECS)
def test_large_contractions(spec: str, real: Any):
    """As operands, as results and between elementwise operations."""
    _, leaves, values, y = operands(spec, real)
    outputs = [y, OPS["tanh"](y * 0.1) + 1.0]
    for f, e in zip(
        CPlan(outputs, leaves)(*values),
        evaluate(outputs, dict(zip(leaves, values, strict=True))),
        strict=True,
    ):
        close(f, e)


@needs_compiler
@pytest.mark.parametrize("spec", SPECS[:8])
def test_without_a_blas(spec: str, monkeypatch):
    """Where NumPy hides its BLAS, products are loops over blocks."""
    monkeypatch.setattr(library, "blas", lambda real: None)
    _, leaves, values, y = operands(spec)
    close(CPlan([y], leaves)(*values)[0], evaluate([y], dict(zip(leaves, values, strict=True)))[0])


@needs_compiler
def test_products_of_views():
    """Slices, transposes and spreads of an operand are copied where the BLAS cannot take them."""
    graph = Graph()
    x, w = graph.leaf(Type("real", (50, 41))), graph.leaf(Type("real", (41, 30)))
    part = OPS["slice"](x, cuts=(Cut(0, 3, 40, 1, 50),))
    turned = OPS["transpose"](w, axes=(1, 0))
    y = OPS["contract"](part, turned, spec="ij,kj->ik", sizes=())
    rng = np.random.default_rng(1)
    values = [rng.normal(size=x.shape), rng.normal(size=w.shape)]
    close(CPlan([y], [x, w])(*values)[0], values[0][3:43] @ values[1])


def test_letters():
    """Of each letter, in which words it stands."""
    assert Letters.of(("bij", "bjk", "bik")) == ("b", "i", "k", "j")
    assert Letters.of(("ij", "j", "i")) == ("", "i", "", "j")


def test_small_products_are_loops():
    """A call of the BLAS takes longer than a small product."""
    b = Builder("float64")

    def product(n: int) -> Contract:
        x, y = (Input(b.new(), "real", (n, n), None) for _ in range(2))
        made = b.contract(x, y, ("ij", "jk", "ik"))
        assert isinstance(made, Contract)
        return made

    assert gemm(product(8)) is None
    found = gemm(product(64))
    assert found is not None and (found.batch, found.m, found.n, found.k) == (1, 64, 64, 64)
    assert not (found.ta or found.tb or found.swapped)
