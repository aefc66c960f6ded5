"""One peer of one workload in a process of its own: `python -m benchmarks.worker WORKLOAD PEER`.

It reads requests, one JSON object a line, and answers each with one. The harness stops it in between, so that threads
that wait busily do not slow down the peer whose turn it is.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from itertools import repeat
from typing import Any

import numpy as np

from benchmarks import memory
from benchmarks.workload import Peer, Step, Steps, flat
from benchmarks.workloads import find

DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG: a stopped process would outlive a harness that was killed."""

LONG = 0.2
"""Seconds of a step beyond which nothing is gained by a first one that is not timed."""

CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}


class Worker:
    """The answers, by the name of the request."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.made: Steps
        self.steps: dict[str, Step] = {}
        self.lasts: dict[str, float] = {}
        self.before = 0
        self.clock = time.perf_counter

    def make(self, results: str) -> dict[str, Any]:
        """The first call, which includes whatever must be made for it; its results go to a file."""
        for name in self.peer.libraries:
            importlib.import_module(name)
        memory.forget()
        self.before = 0 if self.peer.apart else memory.resident()
        start = time.perf_counter()
        self.made = self.peer.make()
        found = self.made.gradient()
        seconds = time.perf_counter() - start
        held = self._peak()
        np.savez(results, *flat(self.made.read(found)))
        memory.forget()
        self.steps["gradient"] = self.made.gradient
        steps = ["gradient"] + ["primal"] * (self.made.primal is not None)
        return {"seconds": seconds, "memory": held, "steps": steps}

    def calibrate(self, step: str, seconds: float, clock: str) -> dict[str, Any]:
        """How often `step` is to be repeated to take about so long. From here on `clock` is what counts."""
        self.clock = CLOCKS[clock]
        if step not in self.steps:
            assert self.made.primal is not None
            self.steps[step] = self.made.primal()
            self.steps[step]()
        times = 1
        while (taken := self._timed(step, times)) < seconds / 4 and times < 10**7:
            times *= 4
        self.lasts[step] = taken / times
        return {"times": max(1, round(seconds / self.lasts[step]))}

    def run(self, step: str, times: int) -> dict[str, Any]:
        """Seconds for one of `times` steps, once a few have filled the caches, which long ones do themselves."""
        if self.lasts.get(step, LONG) < LONG:
            self._timed(step, max(1, times // 5))
        return {"seconds": self._timed(step, times) / times}

    def spend(self, step: str, seconds: float) -> dict[str, Any]:
        """Steps for so long, for a profiler to watch."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.steps[step]()
        return {}

    def source(self) -> dict[str, Any]:
        """The code that runs."""
        return {"source": self.made.source()}

    def end(self) -> dict[str, Any]:
        """Peak memory since the first call."""
        return {"memory": self._peak()}

    def _peak(self) -> int:
        return memory.peak_of_children() if self.peer.apart else max(memory.peak() - self.before, 0)

    def _timed(self, step: str, times: int) -> float:
        call = self.steps[step]
        start = self.clock()
        for _ in repeat(None, times):
            call()
        return self.clock() - start


def main() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, 9)
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    workload, name = sys.argv[1:]
    worker = Worker(find(workload)().peers[name])
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("do"))(**request)
        except ImportError as missing:
            answer = {"missing": str(missing)}
        except Exception as fault:  # whatever a peer raises becomes a line of the report
            answer = {"fault": f"{type(fault).__name__}: {fault}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
