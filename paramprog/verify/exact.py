"""The checks of `--exact`: without tolerance where exact arithmetic decides, in units in the last place else.

    recursion = path sum (exact)     one pass and all paths over the same rational matrices (rationals.py)
    analysis = path sum (exact)      the gradient analysis as it is, solver and transposes, on rational numbers
    forward = path sum (exact)       the same forwards, along random tangents
    gradient = exact                 the rounding error of the float gradient
    pull, push = Jacobian (ulps)     the transposes of the primitives, edge by edge (local.py)
    Jacobian = differences           the partials of the primitives, edge by edge (local.py)
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
from paramprog.verify.paths import Paths
from paramprog.verify.rationals import WORK, ExactGradient, Rationals
from paramprog.verify.rows import Row
from paramprog.verify.table import count_text

RECURSION, ANALYSIS = "recursion = path sum (exact)", "analysis = path sum (exact)"
FORWARD, GRADIENT = "forward = path sum (exact)", "gradient = exact"

NUMBERS = 10**6
"""Multiply-adds of rational numbers, at most, when the analysis runs on them: some seconds."""


@dataclass(frozen=True)
class ExactProblem:
    """What is compared: `gradients` by the points `wrt` (names to nodes of the trace), weighed by `covector`.

    `tolerance` is that of the float gradient, relative to the size of what was added.
    """

    run: Trace
    paths: Paths
    wrt: Mapping[str, Node]
    covector: Any
    gradients: Mapping[str, Any]
    real: Real
    tolerance: float
    max_paths: int
    seed: int = 0


def exact_checks(problem: ExactProblem) -> list[Check]:
    """All checks, those of each name together."""
    rationals = Rationals(problem.paths)
    rng = np.random.default_rng(problem.seed)
    budget = WORK // max(len(problem.wrt), 1)
    found = {
        name: rationals.gradient(x, problem.max_paths, budget, rng, problem.gradients[name])
        for name, x in problem.wrt.items()
    }
    checks = [_recursion(name, g, problem.max_paths) for name, g in found.items()]
    checks += _analyses(problem, rationals, found, rng)
    checks += [_rounding(problem, name, g) for name, g in found.items()]
    local = Local(rationals, list(problem.wrt.values()), problem.real, problem.tolerance, problem.seed)
    return [*checks, local.transposes(), local.partials()]


# ---- recursion and paths -----------------------------------------------------------------------------------


def _recursion(name: str, g: ExactGradient, max_paths: int) -> Check:
    paths = f"{count_text(g.paths)} path{'s' * (g.paths != 1)}"
    if g.by_paths is None:
        if g.paths > max_paths:
            return undecided(RECURSION, name, f"{paths}: more than --max-paths {max_paths}")
        needs = f" ({g.work:.1e} multiply-adds)" if 0 < g.work < 10**300 else ""
        return undecided(RECURSION, name, f"{paths}: too much for exact arithmetic{needs}")
    assert g.value is not None
    lost = g.value.lost.intersection(g.path_entries)
    count, every = len(g.path_entries), len(g.entries)
    which = f"all {every} entries" if count == every else f"{count} entries drawn out of {every}"
    which = "the only entry" if every == 1 else which
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


# ---- the analysis on rational numbers ----------------------------------------------------------------------


def _analyses(
    problem: ExactProblem, rationals: Rationals, found: Mapping[str, ExactGradient], rng: np.random.Generator
) -> Iterator[Check]:
    """The analysis of gradient.py backward, once for all names, and forward for each."""
    sizes = {name: int(np.prod(x.shape)) for name, x in problem.wrt.items()}
    whole = [name for name, g in found.items() if g.value is not None and len(g.entries) == sizes[name]]
    nodes = {n for name in whole for n in problem.paths.between(problem.wrt[name])}
    nodes |= {problem.paths.output}
    order = [n for n in problem.run.nodes if n in nodes]
    values, output = problem.run.values, problem.paths.output
    covector = exact_array(problem.covector)

    def reverse() -> Mapping[Node, Any]:
        return pulled(order, values, output, covector)

    def forward(name: str) -> Callable[[], Any]:
        x = problem.wrt[name]
        tangent = exact_array(rng.choice([-1.5, -1.25, -1.0, 1.0, 1.25, 1.5], x.shape))

        def both() -> tuple[Any, Any]:
            y = _flat(pushed(order, values, {x: tangent}).get(output), int(covector.size))
            value = found[name].value
            assert value is not None
            by_paths = [_lost_or_number(value, k) for k in range(sizes[name])]
            return _inner(np.ravel(covector), y), _inner(np.ravel(tangent), by_paths)

        return both

    affordable = rationals.nonzeros * (1 + len(whole)) <= NUMBERS
    facts, fault = _tried(reverse) if affordable else (None, "too much for exact arithmetic")
    for name, g in found.items():
        if name not in whole or facts is None:
            yield undecided(ANALYSIS, name, fault or "too much for exact arithmetic")
            continue
        numbers = _flat(facts.get(problem.wrt[name]), sizes[name])
        yield _against(ANALYSIS, name, numbers, g, rationals.rounded)
    for name in whole:
        sides, fault = _tried(forward(name)) if affordable else (None, "too much for exact arithmetic")
        if sides is None:
            yield undecided(FORWARD, name, fault)
            continue
        yield _same(FORWARD, name, [sides], rationals.rounded)


def _tried(compute: Callable[[], Any]) -> tuple[Any, str]:
    """The result, or None and why there is none: some functions exist for floats only."""
    try:
        return compute(), ""
    except (TypeError, AttributeError) as error:
        return None, f"a primitive does not compute with rational numbers: {error}"


def _flat(fact: Any, size: int) -> list[Any]:
    """The entries of a fact as numbers, zeros for a structural zero."""
    value = plain_or_none(fact)
    return [Dyadic(0)] * size if value is None else [exactly(x) for x in np.ravel(value)]


def _inner(a: Any, b: Any) -> Any:
    total: Any = Dyadic(0)
    for x, y in zip(a, b, strict=True):
        total = total + x * y
    return total


def _lost_or_number(row: Row, k: int) -> Any:
    return float("nan") if k in row.lost else _number(row, k)


def _against(check: str, name: str, numbers: list[Any], g: ExactGradient, rounds: bool) -> Check:
    assert g.value is not None
    return _same(
        check, name, [(x, _lost_or_number(g.value, k)) for k, x in enumerate(numbers)], rounds
    )


def _same(check: str, name: str, pairs: list[tuple[Any, Any]], rounds: bool) -> Check:
    """Equality of exact numbers, or of there being none."""
    finite = [(a, b) for a, b in pairs if isinstance(a, Dyadic) and isinstance(b, Dyadic)]
    alone = [(a, b) for a, b in pairs if isinstance(a, Dyadic) != isinstance(b, Dyadic)]
    wrong = alone + [(a, b) for a, b in finite if a != b]
    if wrong and rounds and not alone:
        return undecided(check, name, "a primitive rounds inside its local Jacobian")
    if wrong:
        a, b = wrong[0]
        size = abs(float(a)) + abs(float(b)) + TINY
        error = float(abs(a - b)) / size if not alone else float("inf")
        detail = f"{len(wrong)} of {len(pairs)} differ: {float(a):.17g} against {float(b):.17g}"
        return Check(check, False, error, 0.0, detail, name)
    if pairs and not finite:
        return undecided(check, name, "not finite at this point")
    return Check(check, True, 0.0, 0.0, "", name)


# ---- rounding errors ---------------------------------------------------------------------------------------


def _rounding(problem: ExactProblem, name: str, g: ExactGradient) -> Check:
    """The float gradient against the exact one, which is exact for the float local Jacobians."""
    if g.value is None or g.size is None:
        return undecided(GRADIENT, name, "too much for exact arithmetic")
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
