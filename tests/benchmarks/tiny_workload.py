"""A workload that takes no time, for the tests of the harness: its peers are right, wrong, missing and broken."""

from __future__ import annotations

from typing import Any

from benchmarks.workload import Peer, Steps, Workload


def _steps(*found: Any) -> Peer:
    return Peer(lambda: Steps(lambda: found, lambda: lambda: found[0]))


def _without_library() -> Steps:
    raise ImportError("no such library")


def _broken() -> Steps:
    raise ValueError("does not work")


def tiny() -> Workload:
    peers = {
        "ours": _steps(6.0, [2.0, 3.0]),
        "right": _steps(6.0, [2.0, 3.0 + 1e-12]),
        "floor": Peer(lambda: Steps(lambda: None), checked=False),
        "missing": Peer(_without_library),
    }
    return Workload("tiny", peers)


def contradicted() -> Workload:
    peers = {"ours": _steps(6.0, [2.0, 3.0]), "wrong": _steps(6.0, [2.0, 3.1]), "broken": Peer(_broken)}
    return Workload("contradicted", peers)
