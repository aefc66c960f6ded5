"""All that can be proved about the gradient of one program at one point, and the table that shows it.

    reverse = path sum       the adjoint graph, evaluated, against the sum over all paths
    analysis = path sum      the same analysis run on the numbers of the trace
    forward = reverse        <v_X, t> = the tangent of the output along random tangents t
    reverse = differences    against an interpreter of the syntax tree, which shares no rule with the graph

The first three prove the accumulation, the last one the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from paramprog.analyses.nonfinite import first_value
from paramprog.evaluate import Trace, evaluate, trace
from paramprog.gradient import adjoint, plain_or_none, pulled, pushed, tangent
from paramprog.graph import Node
from paramprog.graph.constant import Constant
from paramprog.transfer.facts import Fact
from paramprog.transfer.source import ARRAY, LEAF
from paramprog.types import Type
from paramprog.verify.check import Check, Report, agreement, undecided
from paramprog.verify.crossing import Crossings
from paramprog.verify.crossings import Ground, crossings
from paramprog.verify.differences import CANCELLED, EPS, difference_check
from paramprog.verify.differences import NAME as DIFFERENCES
from paramprog.verify.given import given_partials
from paramprog.verify.kinks import kinks
from paramprog.verify.paths import MAX_PATHS, Paths, PathSum
from paramprog.verify.table import count_text, duration, table, to_json

__all__ = ["Check", "Oracle", "Problem", "Report", "table", "to_json", "verify"]

REVERSE, ANALYSIS, FORWARD = "reverse = path sum", "analysis = path sum", "forward = reverse"

TOLERANCE = {"float64": 1e-12, "float32": 5e-4}
"""Of an agreement, relative to the sum of the absolute values of what was added: some 4500 roundings."""

NEARBY = 1e-3

Oracle = Callable[[dict[str, Any]], Any]


TELLING = 1e-2
"""Differences with a larger relative tolerance tell nothing."""


@dataclass(frozen=True)
class Problem:
    """The gradient of `output` by the points `wrt`, for the values `leaves` of the leaves of the graph.

    `oracle` maps values (float64) of those of `wrt` that are leaves to the output; all else is as in
    `leaves`.
    """

    output: Node
    wrt: Mapping[str, Node]
    leaves: Mapping[Node, Any]
    oracle: Oracle | None = None
    max_paths: int = MAX_PATHS
    seed: int = 0
    exact: bool = False
    """Whether to make the checks of exact.py as well."""
    kinks: int = 0
    """How many of the nearest boundaries are looked for: see crossings.py."""


def verify(problem: Problem) -> Report:
    """Make every check that can be made. Nodes are appended to the program's graph, none is changed.

    Raises ProgramError, with the place, when the program has no value at this point.
    """
    checks: list[Check] = []
    sums: dict[str, PathSum] = {}
    with np.errstate(all="ignore"):  # what is not finite is reported
        work = _Verification(problem)
        for name in problem.wrt:
            sums[name] = work.paths.sum(work.run.of[problem.wrt[name]], problem.max_paths, work.rng)
            checks += work.against_paths(name, sums[name])
        checks += work.forward(sums)
        if problem.oracle is not None:
            checks += work.differences(problem.oracle, sums)
        checks += given_partials(work.run, problem.seed)
        if problem.exact:
            checks += work.exact()
        found = nearest(problem) if problem.kinks else None
    return Report(all(c.ok is not False for c in checks), sum(s.paths for s in sums.values()), checks, found)


def nearest(
    problem: Problem, wanted: Callable[[Node], bool] = lambda node: True, each: int | None = None
) -> Crossings:
    """The nearest `problem.kinks` boundaries of the operations that are `wanted`, at most `each` of one place.

    Raises ProgramError as `verify` does.
    """
    with np.errstate(all="ignore"):
        return crossings(_Verification(problem).ground(), problem.kinks, problem.seed, wanted, each)


class _Verification:
    """The trace, the gradients and the random numbers that the checks share."""

    def __init__(self, problem: Problem) -> None:
        self.problem, output = problem, problem.output
        self.graph = output.graph
        self.rng = np.random.default_rng(problem.seed)
        self.tolerance = TOLERANCE[self.graph.real]
        self.run: Trace = trace([output], problem.leaves, keep=problem.wrt.values())
        self.covector: Any = np.ones((), self.graph.real)
        if output.shape:
            self.covector = self._random(output)
        self.seed = self.graph.leaf(Type("real", output.shape))
        self.adjoints = adjoint(output, list(problem.wrt.values()), self.seed)
        self.gradients = self._gradients(problem.leaves, self.covector)
        self.paths = Paths(self.run, self.run.of[output], self.covector)

    def _random(self, node: Node) -> Any:
        return self.rng.standard_normal(node.shape).astype(self.graph.real)

    def _constant(self, array: Any) -> Node:
        type = Type("real", np.shape(array))
        return self.graph.append(
            ARRAY, (), {"value": Constant(array), "type": type, "real": self.graph.real}, (type,)
        )

    def _gradients(self, leaves: Mapping[Node, Any], covector: Any) -> dict[str, Any]:
        """The adjoint graph, run."""
        present = [a for a in self.adjoints if a is not None]
        found = iter(evaluate(present, {**leaves, self.seed: covector}))
        names = self.problem.wrt.items()
        return {
            name: np.zeros(x.shape) if a is None else next(found)
            for (name, x), a in zip(names, self.adjoints, strict=True)
        }

    def ground(self) -> Ground:
        """The output, weighed with the covector, as a function of the leaves in `wrt`."""
        problem = self.problem
        inputs = {name: x for name, x in problem.wrt.items() if x.op is LEAF}

        def leaves(values: Mapping[str, Any]) -> dict[Node, Any]:
            return {**problem.leaves, **{inputs[name]: v for name, v in values.items()}}

        def run(values: Mapping[str, Any]) -> tuple[Trace, dict[str, Node]]:
            made = trace([problem.output], leaves(values), keep=inputs.values())
            return made, {name: made.of[x] for name, x in inputs.items()}

        def value(values: Mapping[str, Any]) -> tuple[float, dict[str, Any]]:
            at = leaves(values)
            found = self._gradients(at, self.covector)
            return _inner(self.covector, evaluate([problem.output], at)[0]), found

        return Ground({name: problem.leaves[x] for name, x in inputs.items()}, run, value, self.graph.real)

    @cached_property
    def infinite(self) -> str:
        """Which value of the program is not finite, if any is."""
        blamed = first_value(self.run.nodes, self.run.values)
        return "" if blamed is None else f"a value is not finite: {blamed.message}"

    def _agreement(
        self, check: str, of: str, found: Any, expected: Any, magnitude: Any, detail: str = ""
    ) -> Check:
        return agreement(check, of, found, expected, magnitude, self.tolerance, detail, self.infinite)

    # ---- against the path sum ------------------------------------------------------------------------------

    def against_paths(self, name: str, found: PathSum) -> list[Check]:
        detail = f"{count_text(found.paths)} path{'s' * (found.paths != 1)}, {found.how}"
        if found.predicted is not None:
            limit, time = f"--max-paths {self.problem.max_paths}", duration(found.predicted)
            return [undecided(REVERSE, name, f"{detail}: more than {limit}; walking all would take {time}")]
        numbers = self._analysis(name)
        checks = []
        for check, v in ((REVERSE, self.gradients[name]), (ANALYSIS, numbers)):
            if found.value is not None:
                checks.append(self._agreement(check, name, v, found.value, found.magnitude, detail))
                continue
            inner = [float(np.vdot(np.asarray(v, np.float64), p.tangent)) for p in found.projections]
            sums, sizes = ([getattr(p, a) for p in found.projections] for a in ("value", "magnitude"))
            note = f"{detail} on {len(inner)} random tangents"
            checks.append(self._agreement(check, name, inner, sums, sizes, note))
        return checks

    @cached_property
    def _facts(self) -> dict[Node, Fact]:
        """The gradient analysis on the numbers of the trace, instead of on nodes."""
        return pulled(self.run.nodes, self.run.values, self.paths.output, self.covector)

    @cached_property
    def _noise(self) -> float:
        """sum over the points X of |v_X| . |X| eps: to first order, how far rounding errors move the output."""
        total = 0.0
        for x, fact in self._facts.items():
            v, at = plain_or_none(fact), self.run.values[x]
            if v is not None and x.type.kind == "real":
                moved = EPS * np.abs(np.asarray(at, np.float64)) * np.abs(v)
                total += float(np.sum(moved, where=np.isfinite(moved)))
        return total

    def _analysis(self, name: str) -> Any:
        x = self.problem.wrt[name]
        v = plain_or_none(self._facts.get(self.run.of[x]))
        return np.zeros(x.shape) if v is None else v

    def exact(self) -> list[Check]:
        """Without tolerance, in rational arithmetic."""
        from paramprog.verify.exact import ExactProblem, exact_checks

        problem = self.problem
        return exact_checks(
            ExactProblem(
                self.run,
                self.paths,
                {name: self.run.of[x] for name, x in problem.wrt.items()},
                self.covector,
                self.gradients,
                lambda covector: self._gradients(problem.leaves, covector),
                self.graph.real,
                self.tolerance,
                problem.max_paths,
                problem.seed,
                self.infinite,
            )
        )

    # ---- forward mode --------------------------------------------------------------------------------------

    def forward(self, sums: Mapping[str, PathSum]) -> list[Check]:
        """One name at a time on numbers, and all together by the tangent graph."""
        wrt = self.problem.wrt
        tangents = {name: self._random(x) for name, x in wrt.items()}
        checks = []
        for name, x in wrt.items():
            facts = pushed(self.run.nodes, self.run.values, {self.run.of[x]: tangents[name]})
            y = plain_or_none(facts.get(self.paths.output))
            checks.append(self._forward_check(name, [name], tangents, y, sums))
        if len(wrt) > 1:
            node = tangent(
                self.problem.output, {x: self._constant(tangents[name]) for name, x in wrt.items()}
            )
            y = None if node is None else evaluate([node], self.problem.leaves)[0]
            checks.append(self._forward_check("all together", list(wrt), tangents, y, sums))
        return checks

    def _forward_check(
        self,
        of: str,
        names: Sequence[str],
        tangents: Mapping[str, Any],
        y: Any,
        sums: Mapping[str, PathSum],
    ) -> Check:
        found = 0.0 if y is None else _inner(self.covector, y)
        expected = sum(_inner(self.gradients[n], tangents[n]) for n in names)
        size = sum(self._size(n, sums[n], tangents[n]) for n in names)
        return self._agreement(FORWARD, of, found, expected, size)

    def _size(self, name: str, found: PathSum, t: Any) -> float:
        """What <v, t> is the sum of: by paths where their sizes are known."""
        if found.magnitude is not None:
            return _inner(found.magnitude, np.abs(t))
        own = _inner(np.abs(self.gradients[name]), np.abs(t))
        return max([own, *(p.magnitude for p in found.projections)])

    # ---- differences ---------------------------------------------------------------------------------------

    def differences(self, oracle: Oracle, sums: Mapping[str, PathSum]) -> list[Check]:
        """At the point; what a kink leaves open there, at a point nearby, which has none.

        What is wrong in float32 is asked again of the same graph on numbers of float64: terms may cancel.
        """
        inputs = {n: x for n, x in self.problem.wrt.items() if x.op is LEAF}
        checks = self._differences(oracle, inputs, self.problem.leaves, self.gradients, sums)
        if self.graph.real == "float32" and any(c.ok is False for c in checks):
            wide = self._gradients(_in_float64(self.problem.leaves), self.covector.astype(np.float64))
            again = self._differences(oracle, inputs, self.problem.leaves, wide, sums)
            checks = [
                undecided(DIFFERENCES, c.of, f"{CANCELLED}: {c.detail}")
                if c.ok is False and other.ok is not False
                else c
                for c, other in zip(checks, again, strict=True)
            ]
        numbers = [self.run.values[self.paths.output], *(self.gradients[n] for n in inputs)]
        if all(c.ok and not c.detail for c in checks) or not all(np.isfinite(v).all() for v in numbers):
            return self._ordered(checks)
        found = kinks(self.run, self.problem.seed)
        if not found and all(c.ok is not False for c in checks):
            return self._ordered(checks)
        leaves = dict(self.problem.leaves)
        for x in inputs.values():
            move = NEARBY * (1.0 + np.abs(leaves[x])) * self._random(x)
            leaves[x] = (leaves[x] + move).astype(self.graph.real)
        nearby = self._differences(oracle, inputs, leaves, self._gradients(leaves, self.covector), sums)
        combine = (lambda c, other: _at_kink(c, other, found)) if found else _beside_kink
        return self._ordered(
            c if c.ok and not c.detail else combine(c, other) for c, other in zip(checks, nearby, strict=True)
        )

    def _differences(
        self,
        oracle: Oracle,
        inputs: Mapping[str, Node],
        leaves: Mapping[Node, Any],
        gradients: Mapping[str, Any],
        sums: Mapping[str, PathSum],
    ) -> list[Check]:
        def f(values: dict[str, Any]) -> float:
            return _inner(self.covector, oracle(values))

        def rounding(name: str) -> Any:
            size, known = np.abs(gradients[name]), sums[name].magnitude
            return self.tolerance * (size if known is None else np.fmax(size, known))

        return difference_check(
            f,
            {n: leaves[x] for n, x in inputs.items()},
            {n: gradients[n] for n in inputs},
            self.problem.seed,
            {n: rounding(n) for n in inputs},
            lambda: self._noise,
        )

    def _ordered(self, checks: Iterable[Check]) -> list[Check]:
        """One check for each name; points inside the program cannot be varied from outside."""
        made = {c.of: _telling(c) for c in checks}
        inner = "a point inside the program: only inputs and parameters can be varied"
        return [made.get(n) or undecided(DIFFERENCES, n, inner) for n in self.problem.wrt]


def _in_float64(values: Mapping[Node, Any]) -> dict[Node, Any]:
    return {n: v.astype(np.float64) if n.kind == "real" else v for n, v in values.items()}


def _telling(check: Check) -> Check:
    """A check whose tolerance hides any error says so instead of agreeing."""
    if check.ok and check.tolerance > TELLING:
        return undecided(check.name, check.of, f"differences are too rough here: {check.tolerance:.1e}")
    return check


def _beside_kink(here: Check, nearby: Check) -> Check:
    """Wrong here and right nearby: the steps reach over a kink. A wrong rule is wrong there too."""
    if here.ok is False and nearby.ok and nearby.tolerance <= TELLING:
        return undecided(here.name, here.of, "the steps reach over a kink; right nearby")
    return here


def _at_kink(here: Check, nearby: Check, found: Sequence[Node]) -> Check:
    """What a check that a kink left open, in part or whole, comes to, given the check at a point nearby."""
    kink = f"kink at `{found[0].name or found[0].op.spelled}`"
    if found[0].span is not None:
        kink += f", line {found[0].span.line}"
    if nearby.ok:
        return replace(nearby, detail=f"{kink}; checked nearby")
    if nearby.ok is False:
        return here if here.ok is False else replace(nearby, detail=f"{kink}; nearby: {nearby.detail}")
    return here if here.ok else undecided(here.name, here.of, f"{kink}; {here.detail}")


def _inner(a: Any, b: Any) -> float:
    return float(np.vdot(np.asarray(a, np.float64), np.asarray(b, np.float64)))
