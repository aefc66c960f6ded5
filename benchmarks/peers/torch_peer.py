"""torch: as it stands, or with torch.compile."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.workload import Peer, Step, Steps


def torch(
    loss: Callable[[Any], Callable[..., Any]],
    constants: Sequence[Any],
    params: Sequence[Any],
    compiled: bool = False,
) -> Peer:
    """`loss(torch)` is the function of params, then constants, all of which are tensors."""

    def make() -> Steps:
        import torch

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        weights = [torch.as_tensor(p).clone().requires_grad_() for p in params]
        fixed = [torch.as_tensor(c) for c in constants]
        value = torch.compile(loss(torch)) if compiled else loss(torch)

        def gradient() -> Any:
            found = value(*weights, *fixed)
            return found, *torch.autograd.grad(found, weights)

        def primal() -> Step:
            frozen = [w.detach() for w in weights]
            return lambda: value(*frozen, *fixed)

        return Steps(gradient, primal)

    return Peer(make, ("torch",))
