"""What the gradient of a long loop takes: h = sin(W + h), without and with few states kept.

    python benchmarks/loop_memory.py [--most 100000] [--json FILE]

For each number of turns: the nodes of program and gradient together, the peak of memory during one gradient (by
tracemalloc, after a first one has made the graphs), the turns run again, the time, and the error against the closed
recurrence dh' = cos(W + h) (1 + dh). Without `checkpoint` the peak grows with the turns; with ceil(log2 turns) states
it grows with their logarithm, and so do the runs of each turn. `--memory` allows 1% of what would be recorded, at least
40 bytes.
"""

from __future__ import annotations

import argparse
import json
import math
import time
import tracemalloc
from pathlib import Path
from typing import Any

import paramprog
from paramprog.transfer.loop_replay import forward_turns

W = 0.3


def program(turns: int, states: int | None = None) -> paramprog.Program:
    kept = "" if states is None else f" checkpoint {states}"
    text = f"param W = {W}\nfunction f() {{ h = 0.1\n for i in 0..{turns}{kept} {{ h = sin(W + h) }}\n return h }}"
    return paramprog.loads(text)


def by_recurrence(turns: int) -> float:
    h, dh = 0.1, 0.0
    for _ in range(turns):
        h, dh = math.sin(W + h), math.cos(W + h) * (1.0 + dh)
    return dh


def measured(made: paramprog.Program, turns: int, **how: Any) -> dict[str, Any]:
    first = made.grad(**how)
    tracemalloc.start()
    made.grad(**how)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    begin = time.perf_counter()
    made.grad(**how)
    seconds = time.perf_counter() - begin
    return {
        "turns": turns,
        "nodes": len(made.compiled().built.graph),
        "peak": peak,
        "seconds": seconds,
        "error": abs(float(first["W"]) / by_recurrence(turns) - 1.0),
    }


def rows(turns: int) -> list[dict[str, Any]]:
    states = math.ceil(math.log2(turns))
    all_kept = measured(program(turns), turns) | {"kept": "all", "again": 0}
    few = measured(program(turns, states), turns) | {
        "kept": str(states),
        "again": forward_turns(turns, states),
    }
    made, budget = program(turns), max(8 * turns // 100, 40)
    within = measured(made, turns, memory=budget)
    fitted = made.grad(memory=budget).memory
    assert fitted is not None
    [loop] = fitted.loops
    return [all_kept, few, within | {"kept": f"{loop.states} (--memory {budget})", "again": loop.runs}]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--most", type=int, default=100_000, help="turns at most (default: 100000)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    found: list[dict[str, Any]] = []
    turns = 100
    print(
        f"{'turns':>8}  {'states kept':>22}  {'nodes':>5}  {'peak kB':>9}  {'run again':>9}  {'s':>7}  error"
    )
    while turns <= arguments.most:
        for row in rows(turns):
            found.append(row)
            print(
                f"{turns:>8}  {row['kept']:>22}  {row['nodes']:>5}  {row['peak'] / 1e3:>9.1f}  "
                f"{row['again']:>9}  {row['seconds']:>7.3f}  {row['error']:.0e}"
            )
        turns *= 10
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
