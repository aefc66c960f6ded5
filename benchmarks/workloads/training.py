"""Whole training runs, from the program and its data to the fitted params: by compiled steps, and node by node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.workload import Peer, Steps, Workload
from paramprog.resources import programs_dir


def run(program: str, data: Any, backend: str, settings: Mapping[str, Any]) -> Peer:
    """Each step is a run; the C compiler is called by the first one, before anything is timed."""

    def make() -> Steps:
        from paramprog.training import train

        def step() -> Any:
            return train(programs_dir() / program, data, backend=backend, **settings)

        step()
        return Steps(step, read=lambda fit: [fit.loss, *fit.params.values()])

    return Peer(make, ("paramprog.program", "paramprog.training"))


def workload(title: str, program: str, data: Any, **settings: Any) -> Workload:
    """Params after hundreds of steps differ by what rounding has grown to."""
    peers = {
        "ours": run(program, data, "c", settings),
        "our NumPy back end": run(program, data, "numpy", settings),
    }
    return Workload(f"train {title}, {settings['epochs']} epochs", peers, tolerance=1e-6, anew=True)


def digits() -> Workload:
    data = programs_dir() / "data" / "digits.csv"
    title, bind = "digits_classifier.pp on 1,797 images", {"x": "pixel_*"}
    return workload(title, "digits_classifier.pp", data, bind=bind, epochs=100)


def sequences() -> Workload:
    rng = np.random.default_rng(0)
    data = {"xs": rng.normal(size=(512, 50, 2)), "goal": rng.normal(size=(512, 3))}
    return workload("elman_rnn.pp on 512 sequences of 50", "elman_rnn.pp", data, epochs=20)


WORKLOADS: dict[str, Callable[[], Workload]] = {"train-digits": digits, "train-sequences": sequences}
