"""Local Jacobians as chains of linear maps: primitives with all arguments but one frozen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from paramprog.op.record import Op

Attrs = Mapping[str, Any]
"""Static attributes of an operation: axes, sizes, constants; always hashable."""

NO_ATTRS: Attrs = MappingProxyType({})


class Linear(NamedTuple):
    """The map t -> op(..., t, ...): a primitive with every argument frozen except the one at `hole`.

    `frozen` holds the other arguments in order, arrays or nodes. The primitive must be linear in the hole.
    """

    op: Op
    hole: int = 0
    frozen: tuple[Any, ...] = ()
    attrs: Attrs = NO_ATTRS

    def __call__(self, t: Any) -> Any:
        if len(self.frozen) == 1 and not self.attrs:
            return self.op(self.frozen[0], t) if self.hole else self.op(t, self.frozen[0])
        return self.op(*self.frozen[: self.hole], t, *self.frozen[self.hole :], **self.attrs)

    @property
    def T(self) -> Linear:
        """The transposed map: <u, self(t)> = <self.T(u), t>."""
        if self.op.transpose is None:
            raise TypeError(f"{self.op.name} has no transpose")
        return self.op.transpose(self)


new_linear = partial(tuple.__new__, Linear)
"""A linear map from its four fields as a tuple, in half of the time of `Linear(...)`."""

Chain = tuple[Linear, ...]
"""A composition of linear maps, applied left to right; () is the identity."""


def push(chain: Chain, t: Any) -> Any:
    """J t, the JVP of one local Jacobian; `t` has the argument's shape."""
    for linear in chain:
        t = linear(t)
    return t


def pull(chain: Chain, g: Any) -> Any:
    """J^T g, the VJP of one local Jacobian; `g` has the result's shape."""
    for linear in reversed(chain):
        g = linear.T(g)
    return g
