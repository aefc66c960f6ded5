"""Where a run stands."""

from __future__ import annotations

import numpy as np
import pytest

from paramprog.fitting.layout import Layout
from paramprog.fitting.state import State


@pytest.mark.parametrize(
    "losses, best, waited",
    [
        ([3.0, 2.0, 2.5], 2, 1),
        ([3.0, float("nan"), 2.0], 3, 0),
        ([float("nan"), float("nan"), 4.0, 5.0], 3, 1),
        ([float("inf"), 4.0], 2, 0),
        ([1.0, 0.95, 0.85], 3, 0),
    ],
)
def test_the_best_epoch(losses, best, waited):
    """The lowest loss so far, by at least `min_delta`; NaN is never better, and any number is better than NaN."""
    layout = Layout({"w": ()}, "float64")
    state = State(layout, np.zeros(1))
    for epoch, loss in enumerate(losses, 1):
        state.epoch, state.theta[0] = epoch, epoch
        state.judge(loss, 0.1)
    assert (state.best.epoch, state.best.theta[0], state.waited) == (best, best, waited)
