"""Contractions large enough for matrix products, in every order of their letters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiling import close, needs_compiler

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
def test_products_of_views():
    """Slices, transposes and spreads of an operand are copied where a matrix product cannot take them."""
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
    """They stay in the loops around them, and so does what has one row or column alone, however long."""
    b = Builder("float64")

    def product(m: int, n: int, k: int) -> Contract:
        x, y = (Input(b.new(), "real", shape, None) for shape in ((m, k), (k, n)))
        made = b.contract(x, y, ("ij", "jk", "ik"))
        assert isinstance(made, Contract)
        return made

    for sizes in ((8, 8, 8), (1, 500, 500), (500, 1, 500)):
        assert gemm(product(*sizes)) is None
    found = gemm(product(64, 64, 64))
    assert found is not None and (found.batch, found.m, found.n, found.k) == (1, 64, 64, 64)
    assert not (found.ta or found.tb or found.swapped)
