"""What operations are given to in place of computing them: the nodes of a graph record them, duals carry them on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from paramprog.op.registry import OPS

if TYPE_CHECKING:
    from paramprog.op.record import Op


class Emitter(Protocol):
    """What operations need of a graph."""

    @property
    def depth(self) -> int: ...
    def emit(self, op: Op, *args: Any, **attrs: Any) -> Any: ...


class Symbol:
    """Base of values that an operation is not computed on, but given to: nodes of a graph record it, duals carry it on.

    Operators are the primitives of their names.
    """

    __slots__ = ()
    graph: Emitter

    def __add__(self, other: Any) -> Any:
        return OPS["add"](self, other)

    def __radd__(self, other: Any) -> Any:
        return OPS["add"](other, self)

    def __sub__(self, other: Any) -> Any:
        return OPS["sub"](self, other)

    def __rsub__(self, other: Any) -> Any:
        return OPS["sub"](other, self)

    def __mul__(self, other: Any) -> Any:
        return OPS["mul"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return OPS["mul"](other, self)

    def __truediv__(self, other: Any) -> Any:
        return OPS["div"](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return OPS["div"](other, self)

    def __neg__(self) -> Any:
        return OPS["neg"](self)
