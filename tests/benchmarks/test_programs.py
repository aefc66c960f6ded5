"""The programs that are measured compute what their peers compute."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import value_and_grad
from autograd.scipy.special import logsumexp

import paramprog
from benchmarks.harness import difference
from benchmarks.peers.paramprog_peer import PROGRAMS, ours
from benchmarks.workload import flat
from benchmarks.workloads import networks, running_example


def lstm(given: dict[str, Any]) -> Any:
    """ADBench's, in NumPy."""
    sigmoid = lambda z: 1 / (1 + anp.exp(-z))
    hs, cs, total = list(given["h0"]), list(given["c0"]), 0.0
    text = given["text"]
    for bits, following in pairwise(text):
        x = given["into"] * bits
        for k in range(2):
            gates = [(given["weight"][k][g], given["bias"][k][g]) for g in range(4)]
            forget, take, out, change = (
                w * z + b for (w, b), z in zip(gates, (x, hs[k], x, hs[k]), strict=True)
            )
            cs[k] = cs[k] * sigmoid(forget) + sigmoid(take) * anp.tanh(change)
            hs[k] = x = sigmoid(out) * anp.tanh(cs[k])
        y = given["out_of"] * x + given["shift"]
        total = total + anp.sum(following * (y - anp.log(2 + anp.sum(anp.exp(y)))))
    return -total / ((len(text) - 1) * text.shape[1])


def gmm(given: dict[str, Any]) -> Any:
    """ADBench's, in NumPy, point by point."""
    x, alpha, mean, q, below = (given[k] for k in ("x", "alpha", "mean", "q", "below"))
    (n, d), k = x.shape, len(alpha)
    places = [(r, c) for c in range(d) for r in range(c + 1, d)]
    total = 0.0
    for point in x:
        terms = []
        for j in range(k):
            z = [anp.exp(q[j, r]) * (point[r] - mean[j, r]) for r in range(d)]
            for entry, (r, c) in enumerate(places):
                z[r] = z[r] + below[j, entry] * (point[c] - mean[j, c])
            terms.append(alpha[j] + anp.sum(q[j]) - sum(e**2 for e in z) / 2)
        total = total + logsumexp(anp.array(terms))
    p = d + 1
    gammas = d * (d - 1) / 4 * math.log(math.pi) + sum(math.lgamma((p - i) / 2) for i in range(d))
    prior = (anp.sum(anp.exp(q) ** 2) + anp.sum(below**2)) / 2 + k * (p * d * math.log(2) / 2 + gammas)
    return total - n * logsumexp(alpha) - n * d / 2 * math.log(2 * math.pi) + prior


@pytest.mark.parametrize(
    "name, twin, dims", [("lstm", lstm, {"n": 7, "bits": 3}), ("gmm", gmm, {"n": 5, "d": 4, "k": 3})]
)
def test_adbench(name: str, twin: Any, dims: dict[str, int]) -> None:
    """Value and gradients by all params are those of autograd, whose program shares nothing but the mathematics."""
    program = paramprog.load(PROGRAMS / f"{name}.pp", dims=dims)
    point = program.point(seed=1)
    given = {k: np.asarray(v) for k, v in {**point.inputs, **point.params}.items()}
    found = program.grad(inputs=point.inputs, params=point.params)
    value, gradients = value_and_grad(twin)(given)
    assert found.value == pytest.approx(value, rel=1e-12)
    for param in point.params:
        np.testing.assert_allclose(found[param], gradients[param], rtol=1e-10, atol=1e-12, err_msg=param)


def test_a_network_and_its_twins() -> None:
    """Ours, NumPy by hand and autograd agree; the matrix products alone have a step for value and gradient."""
    workload = networks.network("small", [4, 5, 3], 6, "float64")
    expected = None
    for name in ("ours", "NumPy by hand", "autograd"):
        peer = workload.peers[name]
        if name == "ours":
            peer = workload.peers["our NumPy back end"]
        steps = peer.make()
        found = flat(steps.read(steps.gradient()))
        expected = expected or found
        assert difference(found, expected) < 1e-12, name
        assert steps.primal is not None
        value = flat(steps.primal()())[0]
        assert value == pytest.approx(expected[0], rel=1e-12)
    floor = workload.peers["matrix products alone"].make()
    assert floor.primal is not None
    assert len(floor.gradient()) == 5 and len(floor.primal()()) == 2


def test_our_step_is_a_mean_over_samples() -> None:
    """The value of `ours` with a batch, its gradients in the order of the params, and its source."""
    P, Q = np.array([0.3, 0.5]), np.array([0.7, -0.2])
    steps = ours(running_example.PROGRAM, {"P": P, "Q": Q}, ["P", "Q"], backend="numpy").make()
    expected = paramprog.loads(running_example.PROGRAM).grad(P=P, Q=Q, batch=["P", "Q"])
    found = flat(steps.gradient())
    assert difference(found, flat([expected.value, *(expected[w] for w in ("W0", "W1", "W2"))])) < 1e-14
    assert steps.source()
