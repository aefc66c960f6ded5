"""Bounds of Jacobians: never too small, exact where they claim to be."""

from __future__ import annotations

from dataclasses import replace
from math import inf, log2
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from strategies.graphs import Drawn, graphs

import paramprog.transfer  # noqa: F401  fills OPS
from paramprog.analyses.norms import GRID, log_norm, log_size
from paramprog.evaluate import trace
from paramprog.op import OPS, Linear, push


def dense(chain: Any, shape: tuple[int, ...]) -> Any:
    """The Jacobian as a matrix, column by column."""
    size = int(np.prod(shape))
    return np.stack([np.ravel(push(chain, unit.reshape(shape))) for unit in np.eye(size)], axis=1)


@given(graphs())
def test_no_jacobian_exceeds_its_bound(drawn: Drawn) -> None:
    """The 2-norm of every edge of a trace, by singular values, is at most the bound."""
    run = trace([drawn.output], drawn.inputs)
    for n in run.nodes:
        for port, a in enumerate(n.args):
            chain = n.op.local(port, run.values[n], *(run.values[b] for b in n.args), **n.attrs)
            if chain is None:
                continue
            norm = np.linalg.norm(dense(chain, a.shape), 2)
            bound = log_norm(chain, a.shape)
            assert norm <= 2.0**bound * (1 + 1e-12)
            if not n.shape and not a.shape:
                assert 2.0**bound == pytest.approx(norm, rel=1e-9)


@pytest.mark.parametrize(
    "linear, shape, exact",
    [
        (Linear(OPS["mul"], 1, (np.array([3.0, -4.0]),)), (2,), 4.0),
        (Linear(OPS["sum"], attrs={"axes": (0,), "sizes": (9,)}), (9,), 3.0),
        (Linear(OPS["neg"]), (5,), 1.0),
        (Linear(OPS["transpose"], attrs={"axes": (1, 0)}), (2, 3), 1.0),
        (Linear(OPS["mul"], 1, (np.zeros(2),)), (2,), 0.0),
        (Linear(OPS["mul"], 1, (np.array([np.inf, 0.0]),)), (2,), inf),
        (Linear(OPS["mul"], 1, (np.float64(np.nan),)), (), inf),
    ],
)
def test_exact_ones(linear: Linear, shape: tuple[int, ...], exact: float) -> None:
    """Diagonals, sums, rearrangements; NaN counts as infinite."""
    assert 2.0 ** log_norm((linear,), shape) == pytest.approx(exact, rel=1e-9)


def test_a_primitive_of_unknown_structure() -> None:
    """It is pushed over a basis; where that is too much, nothing is known."""
    backwards = replace(OPS["transpose"], name="backwards", value=lambda x: 2.0 * x[::-1])
    backwards = replace(backwards, shape_rule=lambda s: s, signature=None)
    assert 2.0 ** log_norm((Linear(backwards),), (4,)) == pytest.approx(4.0)  # the Frobenius norm
    assert log_norm((Linear(backwards),), (10**5,)) == inf


def test_the_order_of_factors_does_not_matter() -> None:
    """Logarithms are multiples of GRID, so their sums are exact; rounded up, they stay bounds."""
    logs = [log_size(x) for x in (0.1, 0.7, 1.3, 1e-5, 3e8)]
    assert sum(logs) == sum(reversed(logs))
    assert all(
        0 <= log - log2(x) <= 2 * GRID for log, x in zip(logs, (0.1, 0.7, 1.3, 1e-5, 3e8), strict=True)
    )
