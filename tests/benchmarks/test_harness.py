"""The harness of the benchmarks: who takes part, medians and ratios, processes that end."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness import Measured, Options, Outcome, difference, measure
from benchmarks.processes import PeerFault, Process, environment
from benchmarks.workloads import find

HERE = Path(__file__).parent
QUICK = Options(rounds=3, seconds=60.0, turn=1e-5)


@pytest.fixture(autouse=True)
def _workers_find_the_tiny_workload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.fspath(HERE))
    monkeypatch.syspath_prepend(HERE)


def outcome(ours: list[float], theirs: list[float]) -> Outcome:
    rounds = {"ours": ours, "theirs": theirs}
    return Outcome("x", "x", {k: Measured(1.0, 0, rounds={"gradient": r}) for k, r in rounds.items()})


def test_times_are_medians_and_ratios_are_taken_within_rounds() -> None:
    """A slow round that hits both peers changes neither the ratio nor, alone, the median."""
    found = outcome([1.0, 1.0, 50.0, 1.0, 1.2], [2.0, 2.0, 100.0, 4.0, 2.0])
    assert found.peers["ours"].time() == 1.0
    assert found.peers["theirs"].time() == 2.0
    assert found.ratio("theirs") == 0.5
    # The medians of the two differ by 2, yet in most rounds ours is three times as fast.
    found = outcome([1.0, 2.0, 3.0], [3.0, 6.0, 4.0])
    assert found.ratio("theirs") == pytest.approx(1 / 3)


def test_gradient_by_value_is_a_ratio_of_two_steps_of_one_peer() -> None:
    """The time of the gradient by that of the value, round by round; None where the value was not timed."""
    found = outcome([6.0, 8.0], [1.0, 1.0])
    assert found.ratio("ours", under="primal") is None
    found.peers["ours"].rounds["primal"] = [2.0, 4.0]
    assert found.ratio("ours", of="ours", under="primal") == 2.5


@pytest.mark.parametrize(
    "found, expected, error",
    [
        ([[1.0, 2.0]], [[1.0, 2.0]], 0.0),
        ([[1.0, 2.0 + 2e-6]], [[1.0, 2.0]], 1e-6),
        ([[1e-6], [1.0]], [[2e-6], [1.0]], 0.5),  # a small gradient is not hidden by a large one
        ([[0.0]], [[0.0]], 0.0),
        ([[1e-3]], [[0.0]], 1e-3),
        ([[np.nan]], [[1.0]], np.inf),
        ([[1.0]], [[1.0], [2.0]], np.inf),
        ([[1.0, 2.0]], [[1.0]], np.inf),
    ],
)
def test_results_are_compared_part_by_part(
    found: list[list[float]], expected: list[list[float]], error: float
) -> None:
    """Relative to the largest entry of each part; NaN and parts that do not fit are as far apart as can be."""
    arrays = [[np.array(part) for part in side] for side in (found, expected)]
    assert difference(*arrays) == pytest.approx(error)


def test_each_peer_has_all_rounds() -> None:
    """Steps are timed in each round; a peer without its library is left out; a floor is not compared."""
    found = measure("tiny_workload:tiny", find("tiny_workload:tiny")(), QUICK)
    assert list(found.peers) == ["ours", "right", "floor"]
    assert {len(r) for m in found.peers.values() for r in m.rounds.values()} == {3}
    assert set(found.peers["ours"].rounds) == {"gradient", "primal"}
    assert found.peers["floor"].error is None
    assert found.peers["right"].error == pytest.approx(1e-12 / 3, rel=1e-3)
    assert found.left_out == {"missing": "not installed: no such library"}
    assert not found.refused


def test_only_some_peers() -> None:
    """Those whose names begin as asked for, and ours always."""
    found = measure("tiny_workload:tiny", find("tiny_workload:tiny")(), Options(1, 60.0, 1e-5, only=["fl"]))
    assert list(found.peers) == ["ours", "floor"]


def test_other_results_are_refused() -> None:
    """A peer that differs is not timed, and is told; so is one that fails."""
    found = measure("tiny_workload:contradicted", find("tiny_workload:contradicted")(), QUICK)
    assert list(found.peers) == ["ours"]
    assert found.refused == ["wrong"]
    assert found.left_out["wrong"].startswith("differs from ours by 3.3e-02")
    assert found.left_out["broken"] == "ValueError: does not work"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not tell CPUs apart")
def test_one_thread_is_one_cpu(tmp_path: Path) -> None:
    """Whatever a library makes of what it is told about threads, it has no more CPUs than that."""
    process = Process("tiny_workload:tiny", "ours", environment(1, tmp_path), tmp_path / "said", 1)
    try:
        process.ask("make", results=os.fspath(tmp_path / "found.npz"))
        assert len(os.sched_getaffinity(process.pid)) == 1
    finally:
        process.close()


def test_workers_end(tmp_path: Path) -> None:
    """A worker that is stopped is ended all the same; one that dies is told with its last words."""
    process = Process("tiny_workload:tiny", "ours", environment(1, tmp_path), tmp_path / "said")
    process.ask("make", results=os.fspath(tmp_path / "found.npz"))
    process.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    process = Process("tiny_workload:tiny", "nobody", environment(1, tmp_path), tmp_path / "said")
    try:
        with pytest.raises(PeerFault, match="KeyError: 'nobody'"):
            process.ask("end")
    finally:
        process.close()


def test_unknown_workload() -> None:
    """The known ones are named."""
    for name in ("one-sampel", "nowhere:f", "tiny_workload:g", ":"):
        with pytest.raises(ValueError, match="there are one-sample, many-samples"):
            find(name)
