"""Losses of programs that return a prediction: nodes on the prediction and its target, for one sample.

squared         the mean over the entries of (y - t)^2
cross_entropy   logsumexp(y) - y[t]: y are unnormalised log probabilities (logits), t the number of the class
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from paramprog.diagnostics import fail
from paramprog.graph import Graph, Node
from paramprog.op import OPS
from paramprog.types import Type


class Wrapped(NamedTuple):
    """The loss, the leaf that takes the target, and figures of merit whose mean over the samples is told, by name."""

    loss: Node
    target: Node
    figures: dict[str, Node]


def squared(graph: Graph, y: Node, target: str) -> Wrapped:
    """Raises ProgramError for a prediction that is not real."""
    if y.kind != "real":
        raise fail("loss-fit", f"the squared loss takes a real prediction, not {y.type}", y.span)
    t = graph.leaf(y.type, target)
    error = OPS["square"](OPS["sub"](y, t))
    if y.shape:
        error = OPS["mean"](error, axes=tuple(range(len(y.shape))), sizes=y.shape)
    return Wrapped(error, t, {})


def cross_entropy(graph: Graph, y: Node, target: str) -> Wrapped:
    """Raises ProgramError for a prediction that is not a real vector."""
    if y.kind != "real" or len(y.shape) != 1:
        raise fail(
            "loss-fit", f"the cross entropy takes a vector with an entry for each class, not {y.type}", y.span
        )
    t = graph.leaf(Type("int", ()), target)
    whole = OPS["logsumexp"](y, axes=(0,), sizes=y.shape)
    chosen = OPS["gather"](y, t, axis=0, size=y.shape[0])
    right = OPS["equal"](OPS["argmax"](y, axes=(0,)), t)
    return Wrapped(OPS["sub"](whole, chosen), t, {"accuracy": OPS["real"](right)})


LOSSES: dict[str, Callable[[Graph, Node, str], Wrapped]] = {
    "squared": squared,
    "cross_entropy": cross_entropy,
}
