"""The checks of `--exact`: without tolerance where exact arithmetic decides, in units in the last place else.

recursion = path sum (exact)     one pass and all paths over the same rational matrices (rationals.py)
reverse = path sum (exact)       the adjoint graph as it is, run with a rational cotangent
analysis = path sum (exact)      the gradient analysis as it is, solver and transposes, on rational numbers
forward = path sum (exact)       the same forwards, along random tangents
gradient = exact                 the rounding error of the float gradient
pull, push = Jacobian (ulps)     the transposes of the primitives, edge by edge (local.py)
Jacobian = differences           the partials of the primitives, edge by edge (partials.py)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from paramprog.evaluate import Trace
from paramprog.gradient import plain_or_none, pulled, pushed
from paramprog.graph import Node
from paramprog.types import Real
from paramprog.verify.check import TINY, Check, undecided
from paramprog.verify.dyadic import Dyadic, exact_array, exactly, rounded, ulps
from paramprog.verify.local import Local
from paramprog.verify.partials import partials
from paramprog.verify.paths import Paths
from paramprog.verify.rationals import WORK, ExactGradient, Rationals
from paramprog.verify.rows import Row
from paramprog.verify.table import count_text

RECURSION, REVERSE = "recursion = path sum (exact)", "reverse = path sum (exact)"
ANALYSIS, FORWARD = "analysis = path sum (exact)", "forward = path sum (exact)"
GRADIENT = "gradient = exact"

NUMBERS = 10**6
"""Multiply-adds of rational numbers, at most, when the analysis runs on them: some seconds."""


@dataclass(frozen=True)
class ExactProblem:
    """What is compared: `gradients` by the points `wrt` (names to nodes of the trace), weighed by `covector`.

    `reverse` computes the gradients for a covector, which may be one of rational numbers. `tolerance`
    is that of the float gradient, relative to the size of what was added.
    """

    run: Trace
    paths: Paths
    wrt: Mapping[str, Node]
    covector: Any
    gradients: Mapping[str, Any]
    reverse: Callable[[Any], Mapping[str, Any]]
    real: Real
    tolerance: float
    max_paths: int
    seed: int = 0
    infinite: str = ""
    """Which value of the program is not finite, if any is."""


def exact_checks(problem: ExactProblem) -> list[Check]:
    """All checks, those of each name together."""
    rationals = Rationals(problem.paths)
    rng = np.random.default_rng(problem.seed)
    budget = WORK // max(len(problem.wrt), 1)
    found = {
        name: rationals.gradient(x, problem.max_paths, budget, rng, problem.gradients[name])
        for name, x in problem.wrt.items()
    }
    checks = [
        _recursion(name, g, int(np.prod(problem.wrt[name].shape)), problem.max_paths)
        for name, g in found.items()
    ]
    checks += _OnRationals(problem, rationals, found).checks(rng)
    checks += [_rounding(problem, name, g) for name, g in found.items()]
    local = Local(rationals, list(problem.wrt.values()), problem.real, problem.tolerance, problem.seed)
    return [*checks, local.transposes(), partials(local)]


# ---- recursion and paths -----------------------------------------------------------------------------------


def _recursion(name: str, g: ExactGradient, size: int, max_paths: int) -> Check:
    paths = f"{count_text(g.paths)} path{'s' * (g.paths != 1)}"
    if g.by_paths is None:
        if g.paths > max_paths:
            return undecided(RECURSION, name, f"{paths}: more than --max-paths {max_paths}")
        needs = f" ({g.work:.1e} multiply-adds)" if 0 < g.work < 10**300 else ""
        return undecided(RECURSION, name, f"{paths}: too much for exact arithmetic{needs}")
    assert g.value is not None
    lost = g.value.lost.intersection(g.path_entries)
    count = len(g.path_entries)
    which = f"all {size} entries" if count == size else f"{count} entries drawn out of {size}"
    which = "the only entry" if size == 1 else which
    if g.unequal:
        k = g.unequal[0]
        a, b = (_text(row, k) for row in (g.value, g.by_paths))
        detail = f"{paths}; {len(g.unequal)} of {which} differ: {a} against {b} in entry {k}"
        return Check(RECURSION, False, _gap(g, k), 0.0, detail, name)
    if len(lost) == count > 0:
        return undecided(RECURSION, name, f"{paths}; not finite at this point")
    some = f"; {len(lost)} not finite" if lost else ""
    return Check(RECURSION, True, 0.0, 0.0, f"{paths}; {which} equal{some}", name)


def _gap(g: ExactGradient, k: int) -> float:
    """The difference relative to what was added."""
    assert g.value is not None and g.by_paths is not None and g.size is not None
    if k in g.value.lost or k in g.by_paths.lost:
        return float("inf")
    difference = abs(_number(g.value, k) - _number(g.by_paths, k))
    return float(difference) / (float(_number(g.size, k)) + TINY)


def _number(row: Row, k: int) -> Dyadic:
    return Dyadic(row.values.get(k, 0), row.power)


def _text(row: Row, k: int) -> str:
    return "not finite" if k in row.lost else f"{float(_number(row, k)):.17g}"


# ---- gradient.py on rational numbers ------------------------------------------------------------------------


class _OnRationals:
    """The adjoint graph and the analysis, run on rational numbers, against the recursion."""

    def __init__(
        self, problem: ExactProblem, rationals: Rationals, found: Mapping[str, ExactGradient]
    ) -> None:
        self.problem, self.rationals, self.found = problem, rationals, found
        self.covector = exact_array(problem.covector)
        self.sizes = {name: int(np.prod(x.shape)) for name, x in problem.wrt.items()}
        self.whole = [
            name for name, g in found.items() if g.value is not None and len(g.entries) == self.sizes[name]
        ]
        nodes = {n for name in self.whole for n in problem.paths.between(problem.wrt[name])}
        nodes.add(problem.paths.output)
        self.nodes = [n for n in problem.run.nodes if n in nodes]

    def checks(self, rng: np.random.Generator) -> Iterator[Check]:
        """Undecided where this would take too long, and where a primitive computes with floats only."""
        values, output = self.problem.run.values, self.problem.paths.output
        if self.rationals.nonzeros * (2 + len(self.whole)) > NUMBERS:
            self.whole = []
        reverse = lambda: self.problem.reverse(self.covector)
        yield from self._backward(REVERSE, reverse, lambda found, name: found[name])
        analysis = lambda: pulled(self.nodes, values, output, self.covector)
        yield from self._backward(
            ANALYSIS, analysis, lambda facts, name: plain_or_none(facts.get(self.problem.wrt[name]))
        )
        for name in self.found:
            yield self._forward(name, rng)

    def _backward(
        self, check: str, compute: Callable[[], Any], of: Callable[[Any, str], Any]
    ) -> Iterator[Check]:
        found, fault = _tried(compute) if self.whole else (None, TOO_MUCH)
        for name in self.found:
            if name not in self.whole or found is None:
                yield undecided(check, name, fault or TOO_MUCH)
                continue
            numbers = _flat(of(found, name), self.sizes[name])
            pairs = zip(numbers, self._expected(name), strict=True)
            yield self._same(check, name, list(pairs), self._size(name))

    def _forward(self, name: str, rng: np.random.Generator) -> Check:
        """<w, J t> = <v, t>."""
        if name not in self.whole:
            return undecided(FORWARD, name, TOO_MUCH)
        x, output = self.problem.wrt[name], self.problem.paths.output
        t = exact_array(rng.choice([-1.5, -1.25, -1.0, 1.0, 1.25, 1.5], x.shape))
        facts, fault = _tried(lambda: pushed(self.nodes, self.problem.run.values, {x: t}))
        if facts is None:
            return undecided(FORWARD, name, fault)
        y = _flat(plain_or_none(facts.get(output)), self.covector.size)
        sides = _inner(self.covector.ravel(), y), _inner(t.ravel(), self._expected(name))
        return self._same(FORWARD, name, [sides], self._size(name))

    def _expected(self, name: str) -> list[Any]:
        value = self.found[name].value
        assert value is not None
        return [float("nan") if k in value.lost else _number(value, k) for k in range(self.sizes[name])]

    def _size(self, name: str) -> float:
        size = self.found[name].size
        assert size is not None
        return max((float(_number(size, k)) for k in range(self.sizes[name])), default=0.0) + TINY

    def _same(self, check: str, name: str, pairs: list[tuple[Any, Any]], size: float) -> Check:
        """Equality of exact numbers, or of there being none.

        A number that is rounded on the way, as in lanes of a branch, is no fault: where there may be one, nothing is
        decided.
        """
        finite = [(a, b) for a, b in pairs if isinstance(a, Dyadic) and isinstance(b, Dyadic)]
        alone = [(a, b) for a, b in pairs if isinstance(a, Dyadic) != isinstance(b, Dyadic)]
        wrong = alone + [(a, b) for a, b in finite if a != b]
        if not wrong:
            if pairs and not finite:
                return undecided(check, name, "not finite at this point")
            return Check(check, True, 0.0, 0.0, "", name)
        a, b = wrong[0]
        error = float("inf") if alone else max(float(abs(a - b)) for a, b in wrong) / size
        detail = f"{len(wrong)} of {len(pairs)} differ: {float(a):.17g} against {float(b):.17g}"
        rest = [float(abs(a - b)) for a, b in finite if a != b]
        if alone and self.problem.infinite and max(rest, default=0.0) <= self.problem.tolerance * size:
            return undecided(check, name, f"{detail}; {self.problem.infinite}")
        if error <= self.problem.tolerance and (check == REVERSE or self.rationals.rounded):
            return undecided(check, name, f"rounded on the way; {detail}")
        return Check(check, False, error, 0.0, detail, name)


TOO_MUCH = "too much for exact arithmetic"


def _tried(compute: Callable[[], Any]) -> tuple[Any, str]:
    """The result, or None and why there is none."""
    try:
        return compute(), ""
    except (TypeError, AttributeError) as error:
        return None, f"a primitive does not compute with rational numbers: {error}"


def _flat(value: Any, size: int) -> list[Any]:
    """The entries as numbers, zeros for a structural zero."""
    return [Dyadic(0)] * size if value is None else [exactly(x) for x in np.ravel(value)]


def _inner(a: Any, b: Any) -> Any:
    total: Any = Dyadic(0)
    for x, y in zip(a, b, strict=True):
        total = total + x * y
    return total


# ---- rounding errors ---------------------------------------------------------------------------------------


def _rounding(problem: ExactProblem, name: str, g: ExactGradient) -> Check:
    """The float gradient against the exact one, which is exact for the float local Jacobians."""
    if g.value is None or g.size is None:
        return undecided(GRADIENT, name, TOO_MUCH)
    gradient = np.ravel(problem.gradients[name]).astype(np.float64).tolist()
    worst, at, units, beyond, alone = 0.0, 0, 0.0, 0, []
    for k in g.entries:
        x, whole = gradient[k], g.value.values.get(k, 0)
        if k in g.value.lost or not np.isfinite(x):
            beyond += 1
            if np.isfinite(x):
                alone.append(k)
            continue
        if x == rounded(whole, g.value.power) == 0.0:
            continue
        unit = ulps(x, whole, g.value.power, problem.real)
        if not unit:
            continue
        units = max(units, unit)
        relative = float(abs(_number(g.value, k) - exactly(x))) / (float(_number(g.size, k)) + TINY)
        if relative > worst:
            worst, at = relative, k
    if alone:
        detail = f"{gradient[alone[0]]:.6g} in entry {alone[0]}, exactly it is not finite"
        if problem.infinite and worst <= problem.tolerance:
            return undecided(GRADIENT, name, f"{detail}; {problem.infinite}")
        return Check(GRADIENT, False, float("inf"), problem.tolerance, detail, name)
    total = int(np.prod(problem.wrt[name].shape))
    some = f"; {len(g.entries)} entries drawn out of {total}" if len(g.entries) < total else ""
    if beyond == len(g.entries) > 0:
        return undecided(GRADIENT, name, "not finite at this point")
    some += f"; {beyond} not finite" if beyond else ""
    within = "equal" if not units else f"within {_units(units)}"
    if not worst <= problem.tolerance:
        within = f"{gradient[at]:.8g} against {_text(g.value, at)} in entry {at}"
    return Check(GRADIENT, worst <= problem.tolerance, worst, problem.tolerance, within + some, name)


def _units(units: float) -> str:
    if units == float("inf"):
        return "any number of ulps, where terms cancel to 0"
    return f"{units:.2g} ulp" if units < 1000 else f"{units:.1e} ulp, where terms cancel"
