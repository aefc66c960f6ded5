"""Long random runs: every program drawn is differentiated in every way there is, and all must agree.

    python tests/fuzz/run.py --programs 10000 --seed 0 [--regions] [--depth 2] [--state FILE] [--jobs 2]

For each program, by all its parameters and inputs:

    value         the graph against the interpreter of the syntax tree
    verify        reverse, analysis and forward against the sum over all paths, and against differences
    exact         recursion, reverse, analysis and forward against the path sum in rational arithmetic, ulps of the
                  gradient, transposes and partials edge by edge
    simplified    the gradient of the simplified graph
    reparsed      the gradient of the program printed and parsed again, bit for bit
    printed       the gradient printed as a program (`grad --emit pp`), parsed and run: value and gradients
    float32       the checks of `verify` in float32, on every tenth program

With --regions programs have loops, `if` statements and comprehensions too. Program number k of a seed is always the
same one (for one version of Hypothesis and of its strategy). With --state a
run that was stopped goes on where it was. The text of each failing program is printed with its number, --only draws
just that one again, and the exit code is 1 if any fails.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hypothesis.errors import StopTest
from hypothesis.internal.conjecture.data import ConjectureData
from strategies.programs import programs

import paramprog
from paramprog import choose
from paramprog.diagnostics import ProgramError
from paramprog.evaluate import evaluate, trace
from paramprog.lang.interpret import interpret
from paramprog.lang.parse import parse
from paramprog.lang.pretty import pretty
from paramprog.program import Point, Program
from paramprog.verify.paths import path_sum

BLOCK = 20
MAX_PATHS = 20_000
DEPTH = 3
DEPTH_OF_REGIONS = 2
SIMPLIFIED = 1e-9
"""Of the largest entry: simplification may add in another order, which verify's tolerance does not know of."""


@dataclass
class Block:
    """What some programs came to: counts, and for each fault the program's number, what failed, and the text."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str, str]] = field(default_factory=list)
    number: int = 0
    text: str = ""

    def judge(self, name: str, ok: bool | None, detail: str = "") -> None:
        """Count one comparison."""
        self.counts[f"{name}: {'agree' if ok else 'undecided' if ok is None else 'FAILED'}"] += 1
        if ok is False:
            self.faults.append((self.number, f"{name}: {detail}", self.text))


def drawn(seed: int, number: int, regions: bool, depth: int | None = None) -> str | None:
    """The text of a program; None where it would have been too long. Not `@given`, which depends on hash order."""
    depth = depth or (DEPTH_OF_REGIONS if regions else DEPTH)
    strategy = programs(depth, regions=regions)
    try:
        return ConjectureData(random=Random(f"{seed}/{number}")).draw(strategy)
    except StopTest:
        return None


def block(seed: int, numbers: range, regions: bool = False, depth: int | None = None) -> Block:
    """Draw and check some programs."""
    found = Block()
    for found.number in numbers:
        text = drawn(seed, found.number, regions, depth)
        if text is None:
            found.counts["too long"] += 1
            continue
        found.counts["programs"] += 1
        found.text = text
        try:
            program = paramprog.loads(text)
        except ProgramError:  # the strategy is not perfect
            found.counts["refused"] += 1
            continue
        try:
            check(program, found, in_float32=found.number % 10 == 0)
        except Exception:
            found.faults.append((found.number, traceback.format_exc(), text))
    return found


def check(program: Program, found: Block, *, in_float32: bool) -> None:
    """Every comparison for one program; appends to `found`."""
    wrt = list(program.point().params) + [
        k for k, n in program.compiled().built.inputs.items() if n.kind == "real"
    ]
    point = program.point()
    value = program()
    expected = interpret(point.compiled.checked.entry, point.inputs, point.params)[0]
    size = max(1.0, abs(float(expected)))
    found.judge("value = interpreter", abs(float(value - expected)) <= 1e-11 * size or value == expected)

    report = program.verify(wrt=wrt, exact=True, max_paths=MAX_PATHS)
    found.counts["paths"] += report.paths
    for c in report.checks:
        found.judge(c.name, c.ok, f"{c.title}: {c.error:.3g} of {c.tolerance:.3g}: {c.detail}")
        if c.name == "gradient = exact" and c.ok:
            found.counts["gradient = exact, equal"] += c.error == 0

    gradients = program.grad(wrt=wrt).gradients
    simplified(program, point, wrt, gradients, found)
    again = paramprog.loads(pretty(parse(program.source))).grad(wrt=wrt).gradients
    same = all(np.array_equal(again[k], gradients[k], equal_nan=True) for k in wrt)
    found.judge("reparsed = reverse", same)
    printed(program, point, wrt, value, gradients, found)
    if in_float32:
        report = paramprog.loads(found.text, dtype="float32").verify(wrt=wrt, exact=True, max_paths=1000)
        for c in report.checks:
            found.judge(f"float32: {c.name}", c.ok, f"{c.title}: {c.error:.3g}: {c.detail}")


def simplified(
    program: Program, point: Point, wrt: list[str], gradients: dict[str, Any], found: Block
) -> None:
    """The gradient of the simplified graph: the same numbers, up to the order of sums."""
    target = choose.output(point.compiled, None)
    nodes = choose.wrt(point.compiled, wrt)
    adjoints = point.compiled.gradient(target, tuple(nodes.values()))
    made = point.compiled.simplified_gradient(target, tuple(nodes.values()))
    _, *values = evaluate(made.outputs, made.inputs(point.leaves))
    present = [name for name, a in zip(nodes, adjoints, strict=True) if a is not None]
    for name, v in zip(present, values, strict=True):
        g = gradients[name]
        found.judge("simplified = reverse", near_by_paths(point, name, v, g), f"{name}: {v} against {g}")


def printed(
    program: Program, point: Point, wrt: list[str], value: Any, gradients: dict[str, Any], found: Block
) -> None:
    """The gradient as a program, which is printed from the simplified graph."""
    try:
        text = program.gradient_program(wrt=wrt)
    except ProgramError as error:
        if all(d.code != "not-printable" for d in error.diagnostics):
            raise
        found.counts["printed gradient: refused as not printable"] += 1
        return
    outputs = list(paramprog.loads(text).run().outputs.values())
    found.judge("printed gradient: one output for each", len(outputs) == 1 + len(wrt), text)
    found.judge(
        "printed gradient = reverse", near(outputs[0], value), f"{outputs[0]} against {value}\n{text}"
    )
    for name, v in zip(wrt, outputs[1:], strict=False):
        g = gradients[name]
        ok = near_by_paths(point, name, v, g)
        found.judge("printed gradient = reverse", ok, f"{name}: {v} against {g}\n{text}")


def near_by_paths(point: Point, name: str, v: Any, g: Any) -> bool | None:
    """Whether two gradients by `name` agree; None where the terms cancel so far that their order decides."""
    if near(v, g):
        return True
    target, start = choose.output(point.compiled, None), choose.wrt(point.compiled, [name])[name]
    run = trace([target], point.leaves, keep=[start])
    size = path_sum(run, run.of[start], run.of[target], max_paths=MAX_PATHS).magnitude
    return None if size is not None and near(v, g, np.max(size)) else False


def near(v: Any, g: Any, size: float = 1.0) -> bool:
    """Whether two arrays differ by no more than another order of sums explains, of terms of this size."""
    finite = np.isfinite(g)
    scale = max([size, *np.abs(np.ravel(g)[np.ravel(finite)])])
    with np.errstate(invalid="ignore"):
        return bool(np.all((np.isfinite(v) == finite) & ~(np.abs(v - g) > SIMPLIFIED * scale)))


# ---- the run -----------------------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--programs", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--regions", action="store_true", help="programs with loops, if, comprehensions")
    parser.add_argument(
        "--depth", type=int, help=f"of expressions (default: {DEPTH}, with regions {DEPTH_OF_REGIONS})"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--state", type=Path, help="go on from this file, and keep it up to date")
    parser.add_argument("--only", type=int, help="print and check one program")
    arguments = parser.parse_args()
    if arguments.only is not None:
        only = range(arguments.only, arguments.only + 1)
        found = block(arguments.seed, only, arguments.regions, arguments.depth)
        print(found.text, *(f"\n{what}" for _, what, _ in found.faults))
        return report(arguments.seed, found)
    total, done = Block(), 0
    of = [arguments.seed, arguments.regions, arguments.depth]
    if arguments.state and arguments.state.exists():
        kept = json.loads(arguments.state.read_text())
        if kept["of"] != of:
            parser.error(f"{arguments.state} is of a run with seed, regions, depth = {kept['of']}")
        total.counts, done = Counter(kept["counts"]), kept["done"]
        total.faults = [tuple(fault) for fault in kept["faults"]]
    blocks = [range(k, min(k + BLOCK, arguments.programs)) for k in range(done, arguments.programs, BLOCK)]
    ahead = 4 * arguments.jobs
    with ProcessPoolExecutor(arguments.jobs) as pool:
        submit = partial(pool.submit, block, arguments.seed, regions=arguments.regions, depth=arguments.depth)
        waiting = [submit(numbers) for numbers in blocks[:ahead]]
        for k, numbers in enumerate(blocks):
            found = waiting[k].result()
            waiting += map(submit, blocks[k + ahead : k + ahead + 1])
            total.counts += found.counts
            total.faults += found.faults
            for fault in found.faults:
                print("\n--- program {}: {}\n{}".format(*fault), flush=True)
            if arguments.state:
                state = {
                    "of": of,
                    "done": numbers.stop,
                    "counts": total.counts,
                    "faults": total.faults,
                }
                arguments.state.write_text(json.dumps(state, indent=1))
            print(f"\r{numbers.stop} programs, {len(total.faults)} faults", end="", file=sys.stderr)
    print(file=sys.stderr)
    return report(arguments.seed, total)


def report(seed: int, found: Block) -> int:
    """Print the counts; the exit code."""
    counts = Counter(found.counts)
    failing = len({number for number, _, _ in found.faults})
    print(
        f"seed {seed}: {counts.pop('programs', 0):,} programs, {counts.pop('paths', 0):,} paths, {failing} failing"
    )
    for name, count in sorted(counts.items()):
        print(f"  {name:<50} {count:>12,}")
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main())
