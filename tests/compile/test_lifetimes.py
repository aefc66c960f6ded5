"""The order in which a plan computes its nodes, and until when their arrays are read."""

from __future__ import annotations

import paramprog
from paramprog.compile.lifetimes import Lifetimes
from paramprog.graph import Node
from paramprog.resources import programs_dir
from paramprog.samples import Samples


def of_gradient(name: str) -> Lifetimes:
    """Of the mean loss of a shipped program, and its gradients, over four samples."""
    built = paramprog.load(programs_dir() / f"{name}.pp").compiled().built
    samples = Samples(list(built.inputs.values()))
    y = next(iter(built.outputs.values()))
    return Lifetimes(samples.mean_gradient(y, list(built.params.values()), 4).plan.outputs)


def test_an_order():
    """Arguments come first; nothing is lost but what is fused; the last use is the last one."""
    for name in ("digits_mlp", "digits_autoencoder", "lstm", "two_layer_tanh"):
        found = of_gradient(name)
        position = {n: k for k, n in enumerate(found.order)}
        assert len(position) == len(found.order)
        inner: set[Node] = set().union(*(f.inner for f in found.fused.values()))
        assert set(position) == set(found.live) - inner
        for n, k in position.items():
            assert all(position[a] < k for a in found.args(n))
            assert found.last[n] >= max((position[u] for u in found.uses[n]), default=k)


def test_gradients_of_weights_come_early():
    """What nothing else uses comes where its arguments are; tanh ends where its derivative takes its place."""
    found = of_gradient("digits_mlp")
    position = {n: k for k, n in enumerate(found.order)}
    (square,) = (n for n, f in found.fused.items() if f.kind == "square of sech")
    tanh = found.args(square)[1]
    assert found.last[tanh] == position[square]
    weights = [u for u in found.uses[tanh] if u.op.name == "contract" and not found.uses[u]]
    assert weights and all(position[u] < position[square] for u in weights)
