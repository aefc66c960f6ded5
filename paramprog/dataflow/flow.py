"""What an analysis is: a transfer function along edges and a meet at nodes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar


class Vertex(Protocol):
    """All that the framework needs of a node: its arguments, in the order of its ports."""

    @property
    def args(self) -> Sequence[Any]: ...


N = TypeVar("N", bound=Vertex)
F = TypeVar("F")


class Edge(NamedTuple):
    """The value of `producer` enters `consumer` at `port`: consumer.args[port] is producer."""

    producer: Any
    consumer: Any
    port: int


new_edge = partial(tuple.__new__, Edge)
"""An edge from its three fields as a tuple, in half of the time of `Edge(...)`."""


class Analysis(Generic[N, F]):
    """The equations fact(n) = meet(n, [flow(e, fact(far end of e)) for the edges e into n]).

    "Into" follows the direction of the analysis: in a backward one, facts come from the consumers. The meet sees the
    facts of all edges at once and is computed from scratch: + is not idempotent, so nothing is joined into old state.
    """

    def flow(self, edge: Edge, fact: F) -> F:
        """The transfer function of one edge."""
        return fact

    def meet(self, node: N, facts: Sequence[F]) -> F:
        """The fact at a node, from one fact per edge into it."""
        raise TypeError(f"{type(self).__name__} does not define a meet")
