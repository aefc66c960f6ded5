"""The report of the benchmarks: targets, Markdown, JSON, the picture, and the command that writes them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness import Measured, Options, Outcome
from benchmarks.plot import draw
from benchmarks.report import Report, as_json, duration, markdown
from benchmarks.targets import TARGETS, Target, against
from benchmarks.workloads import WORKLOADS

ROOT = Path(__file__).parents[2]


def outcome(name: str = "gmm", **times: float) -> Outcome:
    """Peers whose rounds all took so many seconds."""
    peers = {
        peer.replace("_", ", "): Measured(0.5, 2_000_000, 1e-16, None, 1_000_000, {"gradient": [t, t, t]})
        for peer, t in times.items()
    }
    return Outcome(name, "A mixture", peers, {"torch": "not installed: torch"})


def report(*outcomes: Outcome) -> Report:
    return Report(
        {"cpu": "a CPU", "blas": "openblas, core type Zen"}, Options(), list(outcomes), seconds=12.0
    )


@pytest.mark.parametrize(
    "times, peer, ratio, met",
    [
        ({"ours": 1.0, "jax_scan": 4.0, "jax_vmap": 2.5}, "jax, vmap", 0.4, True),
        ({"ours": 1.0, "jax_scan": 4.0, "jax_vmap": 1.9}, "jax, vmap", 1 / 1.9, False),
        ({"ours": 1.0, "jax": 4.0, "jax_vmap": 1.0}, "jax", 0.25, True),
        ({"ours": 1.0, "autograd": 4.0}, "", None, False),
    ],
)
def test_the_fastest_form_of_a_peer_counts(
    times: dict[str, float], peer: str, ratio: float | None, met: bool
) -> None:
    """Unless the target names one peer; what was not measured is not met."""
    found = against(Target("gmm", "jax", 0.5), outcome(**times))
    assert (found.peer, found.met) == (peer, met)
    assert found.ratio == (ratio if ratio is None else pytest.approx(ratio))


def test_targets_are_of_workloads_that_there_are() -> None:
    """Each names a workload, and peers that it has."""
    for target in TARGETS:
        workload = WORKLOADS[target.workload]()
        assert any(peer.startswith(target.peer) for peer in workload.peers), target


def test_markdown_says_met_or_missed() -> None:
    """The ratio beside the target, the machine, who was left out and why."""
    text = markdown(report(outcome(ours=1e-3, jax=4e-3), outcome("gmm-32", ours=1e-3, jax=1e-3)))
    assert "| A mixture | jax | 1 ms | 4 ms | 0.25 | 0.25 | 0.5 | met |" in text
    assert "| A mixture | jax | 1 ms | 1 ms | 1 | 1 | 0.7 | **missed** |" in text
    assert "core type Zen" in text
    assert "torch: not installed: torch" in text


def test_json_has_the_rounds() -> None:
    """Whoever mistrusts the medians can take their own."""
    made = json.loads(json.dumps(as_json(report(outcome(ours=1e-3, jax=4e-3)))))
    assert made["workloads"][0]["peers"]["jax"]["rounds"]["gradient"] == [4e-3] * 3
    assert made["targets"] == [{"workload": "gmm", "peer": "jax", "limit": 0.5, "ratio": 0.25, "met": True}]


def test_gradients_that_cost_too_much_stand_out() -> None:
    """More than five times the value is more than the theory allows."""
    costly = outcome(ours=6.0, jax=6.0)
    for measured in costly.peers.values():
        measured.rounds["primal"] = [1.0] * 3
    assert markdown(report(costly)).count("**6**") == 1  # a peer's is not ours to remark on


def test_picture(tmp_path: Path) -> None:
    """A file is drawn, peers without times included."""
    pytest.importorskip("matplotlib")
    draw(report(outcome(ours=1e-3, jax=4e-3), Outcome("rnn", "nothing")), tmp_path / "report.png")
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "seconds, told", [(None, "-"), (2.0, "2 s"), (0.01234, "12.3 ms"), (4.5e-6, "4.5 us"), (9.8e-8, "98 ns")]
)
def test_durations(seconds: float | None, told: str) -> None:
    """Three digits, in the unit that fits."""
    assert duration(seconds) == told


def run(*words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": os.fspath(Path(__file__).parent)}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *words], cwd=ROOT, env=environ, capture_output=True, text=True
    )


def test_one_command_writes_the_report(tmp_path: Path) -> None:
    """report.md and report.json, with the machine; the exit code is 0 when all results agree."""
    done = run("--quick", "--only", "tiny_workload:tiny", "--out", os.fspath(tmp_path / "made" / "here"))
    assert done.returncode == 0, done.stderr
    made = json.loads((tmp_path / "made" / "here" / "report.json").read_text())
    assert made["schema"] == 1
    assert {"cpu", "cores", "blas", "compiler", "load_before", "load_after", "versions"} <= set(
        made["machine"]
    )
    assert "### tiny" in (tmp_path / "made" / "here" / "report.md").read_text()


def test_results_that_differ_fail_the_run() -> None:
    """Exit code 1, with the peer and how far apart it is."""
    done = run("--quick", "--only", "tiny_workload:contradicted")
    assert done.returncode == 1
    assert "error: contradicted: wrong differs from ours by 3.3e-02" in done.stderr


def test_an_unknown_workload_is_a_usage_error() -> None:
    """Exit code 2, no traceback."""
    done = run("--only", "nothing")
    assert done.returncode == 2
    assert "no workload nothing" in done.stderr and "Traceback" not in done.stderr
