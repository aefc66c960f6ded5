"""autograd: NumPy with a tape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks.workload import Peer, Steps


def autograd(loss: Callable[[Any], Callable[..., Any]], params: Sequence[Any]) -> Peer:
    """`loss(autograd.numpy)` is the function of the params."""

    def make() -> Steps:
        import autograd
        import autograd.numpy as anp

        value = loss(anp)
        run = autograd.value_and_grad(lambda given: value(*given))
        return Steps(lambda: run(list(params)), lambda: partial(value, *params))

    return Peer(make, ("autograd", "autograd.numpy"))
