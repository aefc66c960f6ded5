"""What was measured, as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.harness import Measured, Options, Outcome, to_json
from benchmarks.targets import GRADIENT_BY_PRIMAL, Found, targets_of

HOW = """\
Each peer is a process of its own, on as many CPUs as threads, and runs alone: the others are stopped. In each round
every peer has its turns, in an order drawn anew. Times are medians over the rounds; ratios are medians of the ratios
within the rounds; "best" is the ratio of the shortest times, which differs from it on a machine that does other things
as well. Results were compared with ours before anything was timed (error: of the largest entry).

"First call" is everything from the program's text to the first result, compiler included, once the libraries are
imported, with an empty cache; in brackets, what it takes a second process. "Memory" is the peak of resident memory in
the peer's process from there on, beyond what it held after its imports and with its inputs; "first" includes making the
first result. The C compiler is a process of its own and not counted, XLA is part of jax and is.
"""


@dataclass
class Report:
    """Outcomes in order, and profiles (plain text) by the name of the workload."""

    machine: dict[str, Any]
    options: Options
    outcomes: list[Outcome] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def refused(self) -> list[str]:
        """Peers whose results differ from ours."""
        return [f"{o.title}: {peer} {o.left_out[peer]}" for o in self.outcomes for peer in o.refused]

    def write(self, folder: Path) -> None:
        """report.md, report.json, and a file for each profile."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.md").write_text(markdown(self), encoding="utf-8")
        (folder / "report.json").write_text(json.dumps(as_json(self), indent=1) + "\n", encoding="utf-8")
        for name, text in self.profiles.items():
            (folder / f"profile-{name}.txt").write_text(text, encoding="utf-8")


def as_json(report: Report) -> dict[str, Any]:
    targets = [_target_json(found) for outcome in report.outcomes for found in targets_of(outcome)]
    return {
        "schema": 1,
        "machine": report.machine,
        "rounds": report.options.rounds,
        "clock": report.options.clock,
        "turn_seconds": report.options.turn,
        "seconds": report.seconds,
        "targets": targets,
        "workloads": [to_json(outcome) for outcome in report.outcomes],
        "failed": report.failed,
        "refused": report.refused,
    }


def _target_json(found: Found) -> dict[str, Any]:
    target = found.target
    return {
        "workload": target.workload,
        "peer": found.peer or target.peer,
        "limit": target.limit,
        "ratio": found.ratio,
        "met": found.met,
    }


def markdown(report: Report) -> str:
    parts = [
        "# Value and gradient, side by side",
        _machine(report.machine),
        HOW,
        "## Targets",
        _targets(report),
    ]
    parts += ["## All times"]
    parts += [_workload(outcome) for outcome in report.outcomes]
    if report.failed:
        parts += ["## Not measured", "\n".join(f"- {name}: {why}" for name, why in report.failed.items())]
    parts += [
        f"{len(report.outcomes)} workloads, at most {report.options.rounds} rounds, {report.seconds:.0f} s in all."
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _machine(machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{k} {v}" for k, v in machine.get("versions", {}).items())
    rows = {
        "machine": f"{machine.get('cpu')}, {machine.get('cores')} cores; {machine.get('system')}",
        "threads": machine.get("threads"),
        "clock": machine.get("clock"),
        "BLAS": machine.get("blas"),
        "compiler": f"{machine.get('compiler')}, `{machine.get('flags')}`",
        "versions": f"Python {machine.get('python')}, {versions}",
        "load before, after": f"{machine.get('load_before')}; {machine.get('load_after')}",
        "date, commit": f"{machine.get('date')}, {machine.get('commit')}",
    }
    return table(["", ""], [[name, value] for name, value in rows.items()])


def _targets(report: Report) -> str:
    rows = []
    for outcome in report.outcomes:
        for found in targets_of(outcome):
            peer = found.peer or found.target.peer
            ours, theirs = outcome.peers.get("ours"), outcome.peers.get(peer)
            rows.append(
                [
                    outcome.title,
                    peer,
                    duration(ours.time() if ours else None),
                    duration(theirs.time() if theirs else None),
                    number(found.ratio),
                    number(_best(ours, theirs)),
                    f"{found.target.limit:g}",
                    "met" if found.met else "not measured" if found.ratio is None else "**missed**",
                ]
            )
    return table(["workload", "peer", "ours", "peer's", "ratio", "best", "target", ""], rows)


def _workload(outcome: Outcome) -> str:
    rows = []
    for name, m in outcome.peers.items():
        by_primal = outcome.ratio(name, of=name, under="primal")
        over = name == "ours" and by_primal is not None and by_primal > GRADIENT_BY_PRIMAL
        first = duration(m.first) + (f" ({duration(m.again)})" if m.again is not None else "")
        rows.append(
            [
                name,
                duration(m.time()),
                duration(m.time("primal")),
                f"**{number(by_primal)}**" if over else number(by_primal),
                "" if name == "ours" else number(outcome.ratio(name)),
                first,
                size(m.memory),
                size(m.memory_first),
                "" if m.error is None else f"{m.error:.0e}",
            ]
        )
    head = [
        "",
        "gradient",
        "value",
        "gradient / value",
        "ours / it",
        "first call",
        "memory",
        "first",
        "error",
    ]
    notes = [f"{peer}: {why}" for peer, why in outcome.left_out.items()]
    rounds = max((len(r) for m in outcome.peers.values() for r in m.rounds.values()), default=0)
    return "\n\n".join(
        [f"### {outcome.title}", table(head, rows), "; ".join([f"{rounds} rounds", *notes]) + "."]
    )


def _best(ours: Measured | None, theirs: Measured | None) -> float | None:
    if ours is None or theirs is None or not ours.rounds["gradient"] or not theirs.rounds["gradient"]:
        return None
    return min(ours.rounds["gradient"]) / min(theirs.rounds["gradient"])


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def duration(seconds: float | None) -> str:
    """Three digits, with the unit that fits."""
    if seconds is None:
        return "-"
    for unit, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds / 1e-9:.3g} ns"


def number(x: float | None) -> str:
    return "-" if x is None else f"{x:.3g}"


def size(count: int) -> str:
    return f"{count / 1e6:.3g} MB"
