"""Measuring one workload: accuracy first, then rounds in which all peers take their turns.

Each peer is a process of its own. In each round every step of every peer has one turn, in an order drawn anew, while
the other processes are stopped. A turn repeats the step for some milliseconds, after a few repetitions without clock.
Times are medians over the rounds; a ratio is the median of the ratios within the rounds, so that a slow moment of the
machine, which hits both, does not count.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.processes import PeerFault, Process, environment
from benchmarks.workload import Workload

LEAST = 3
"""Rounds that are made even if they take longer than allowed; one, where each step does everything anew."""


@dataclass(frozen=True)
class Options:
    """Rounds of a workload, which end early after `seconds`; a turn takes about `turn` seconds."""

    rounds: int = 30
    seconds: float = 20.0
    turn: float = 0.01
    threads: int = 1
    clock: Literal["wall", "cpu"] = "wall"
    """CPU time hides what other processes take away, and what threads gain."""
    only: Sequence[str] = ()
    """Peers, all if empty; ours always is one."""


@dataclass
class Measured:
    """What was found of one peer: seconds and bytes, and the seconds of each round by step."""

    first: float
    memory_first: int
    error: float | None = None
    """The largest difference from ours, relative to the largest entry; None where there is nothing to compare."""
    again: float | None = None
    """The first call of a second process, which finds in the cache what the first one left."""
    memory: int = 0
    rounds: dict[str, list[float]] = field(default_factory=dict)

    def time(self, step: str = "gradient") -> float | None:
        return median(self.rounds[step]) if self.rounds.get(step) else None


@dataclass
class Outcome:
    """One workload; `left_out` says why a peer has no times, `refused` which ones had other results."""

    name: str
    title: str
    peers: dict[str, Measured] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def ratio(
        self, peer: str, of: str = "ours", step: str = "gradient", under: str = "gradient"
    ) -> float | None:
        """Median over the rounds of the time of `of` by that of `peer`."""
        try:
            above, below = self.peers[of].rounds[step], self.peers[peer].rounds[under]
        except KeyError:
            return None
        pairs = list(zip(above, below, strict=True))
        return median(a / b for a, b in pairs) if pairs else None


def difference(found: Sequence[NDArray[np.float64]], expected: Sequence[NDArray[np.float64]]) -> float:
    """The largest over value and gradients, each relative to its largest entry; infinite where they do not fit."""
    if [a.size for a in found] != [b.size for b in expected]:
        return float("inf")
    worst = 0.0
    for a, b in zip(found, expected, strict=True):
        scale = float(np.max(np.abs(b), initial=0.0)) or 1.0
        apart = float(np.max(np.abs(np.ravel(a) - np.ravel(b)), initial=0.0)) / scale
        worst = max(worst, apart if apart == apart else float("inf"))
    return worst


def measure(name: str, workload: Workload, options: Options) -> Outcome:
    """All rounds of a workload."""
    outcome = Outcome(name, workload.title)
    running: dict[str, Process] = {}
    with TemporaryDirectory() as folder:
        try:
            _first_calls(name, workload, options, outcome, running, Path(folder))
            if "ours" in running:
                _rounds(workload, options, outcome, running)
                for peer, process in running.items():
                    outcome.peers[peer].memory = process.ask("end")["memory"]
        finally:
            for process in running.values():
                process.close()
    return outcome


def _first_calls(
    name: str,
    workload: Workload,
    options: Options,
    outcome: Outcome,
    running: dict[str, Process],
    folder: Path,
) -> None:
    """Start each peer, and keep those whose results are ours."""
    environ = environment(options.threads, folder / "cache")
    expected: list[NDArray[np.float64]] = []
    for peer, how in workload.peers.items():
        if peer != "ours" and options.only and not any(peer.startswith(o) for o in options.only):
            continue
        process = Process(name, peer, environ, folder / "said.txt", options.threads)
        results = folder / "results.npz"
        try:
            made = process.ask("make", results=str(results))
        except PeerFault as fault:
            outcome.left_out[peer] = str(fault)
            process.close()
            continue
        with np.load(results) as archive:
            found = list(archive.values())
        measured = Measured(made["seconds"], made["memory"], rounds={step: [] for step in made["steps"]})
        if peer == "ours":
            expected = found
            measured.again = None if workload.anew else _again(name, options, environ, folder)
        elif how.checked:
            measured.error = difference(found, expected)
            if not measured.error <= workload.tolerance:
                outcome.refused.append(peer)
                outcome.left_out[peer] = f"differs from ours by {measured.error:.1e}"
                process.close()
                continue
        outcome.peers[peer] = measured
        running[peer] = process


def _again(name: str, options: Options, environ: Mapping[str, str], folder: Path) -> float:
    process = Process(name, "ours", environ, folder / "said.txt", options.threads)
    try:
        return float(process.ask("make", results=str(folder / "again.npz"))["seconds"])
    finally:
        process.close()


def _rounds(workload: Workload, options: Options, outcome: Outcome, running: Mapping[str, Process]) -> None:
    turns: list[tuple[str, str, int]] = []
    for peer, process in running.items():
        for step in list(outcome.peers[peer].rounds):
            if workload.anew:
                turns.append((peer, step, 1))
                continue
            try:
                times = process.ask("calibrate", step=step, seconds=options.turn, clock=options.clock)[
                    "times"
                ]
            except PeerFault as fault:
                outcome.left_out[f"{peer}, {step}"] = str(fault)
                del outcome.peers[peer].rounds[step]
                continue
            turns.append((peer, step, times))
    end = time.perf_counter() + options.seconds
    for made in range(options.rounds):
        if made >= (1 if workload.anew else LEAST) and time.perf_counter() > end:
            break
        for peer, step, times in random.sample(turns, len(turns)):
            seconds = running[peer].ask("run", step=step, times=times)["seconds"]
            outcome.peers[peer].rounds[step].append(seconds)


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Everything, the seconds of all rounds included."""
    peers = {
        name: {
            "seconds": {step: m.time(step) for step in m.rounds},
            "first_call_seconds": m.first,
            "first_call_seconds_cached": m.again,
            "memory_bytes_first_call": m.memory_first,
            "memory_bytes": m.memory,
            "error": m.error,
            "ratio_ours": outcome.ratio(name) if "ours" in outcome.peers else None,
            "gradient_by_primal": outcome.ratio(name, of=name, under="primal"),
            "rounds": m.rounds,
        }
        for name, m in outcome.peers.items()
    }
    return {"name": outcome.name, "title": outcome.title, "peers": peers, "left_out": outcome.left_out}
