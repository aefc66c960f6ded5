"""Straight-line programs: the time from text to the first gradient must grow linearly with the text.

    python benchmarks/straight_line.py [--sizes 4000 16000] [--rounds 5]

Each round runs all sizes one after the other in fresh processes, so a slow moment of the machine hits all of them; the
report gives medians, and the ratio of the largest to the smallest size within each round. Stages are timed inside the
process (the import of NumPy and the construction of the parser are not counted); `whole process` is.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from itertools import pairwise
from statistics import median

STAGES = ("parse", "check and build", "adjoint", "evaluate", "first gradient", "whole process")


def program(statements: int) -> str:
    """A recurrence written out: each statement reads the two points before it, and the one weight."""
    lines = [f"    x{i + 1} = sin(x{i}) * W + x{max(i - 1, 0)}" for i in range(statements)]
    return "\n".join(["param W = 0.5", "function f(x0 = 0.3) {", *lines, f"    return x{statements}", "}"])


def measure(statements: int) -> dict[str, float]:
    """The stages of one first gradient, in seconds."""
    from paramprog.diagnostics import Source
    from paramprog.evaluate import evaluate
    from paramprog.pipeline import compile_module, read

    read(Source("warm-up", "function f(x) { return x }"))
    text = program(statements)
    times = [time.perf_counter()]
    module = read(Source("straight_line", text))
    times.append(time.perf_counter())
    compiled = compile_module(module, None, {})
    times.append(time.perf_counter())
    built = compiled.built
    (output,) = built.outputs.values()
    (gradient,) = compiled.gradient(output, (built.params["W"],))
    times.append(time.perf_counter())
    assert gradient is not None
    evaluate([output, gradient], {built.inputs["x0"]: 0.3, built.params["W"]: 0.5})
    times.append(time.perf_counter())
    spans = [b - a for a, b in pairwise(times)]
    return dict(zip(STAGES, [*spans, sum(spans)], strict=False))


def in_fresh_process(statements: int) -> dict[str, float]:
    """`measure` in a process of its own, with the time of that process."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, "--one", str(statements)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return {**found, "whole process": time.perf_counter() - start}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[4000, 16000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(measure(options.one)))
        return
    rounds = [{n: in_fresh_process(n) for n in options.sizes} for _ in range(options.rounds)]
    small, large = min(options.sizes), max(options.sizes)
    print(
        f"Python {platform.python_version()}, {platform.machine()}, {options.rounds} rounds, medians in seconds"
    )
    print(f"{'statements':>18}" + "".join(f"{n:>12}" for n in options.sizes) + f"{f'{large}/{small}':>16}")
    for stage in STAGES:
        times = [median(r[n][stage] for r in rounds) for n in options.sizes]
        ratio = median(r[large][stage] / r[small][stage] for r in rounds)
        print(f"{stage:>18}" + "".join(f"{t:>12.3f}" for t in times) + f"{ratio:>15.2f}x")


if __name__ == "__main__":
    main()
