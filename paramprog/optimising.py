"""Inputs or params that make an output smallest or largest: min or max over x in [lo, hi] of y(x), from one start.

By L-BFGS-B, or by the first-order rules of `fitting.optimisers`, each step of which is followed by the projection onto
the bounds, x <- min(max(x, lo), hi). Of a first-order run the best point seen is the result, as such a run may end
beside the optimum. It ends after `steps` steps, or when no entry of the projected gradient x - P(x - g) exceeds
`tolerance`, which holds at a stationary point and nowhere else.

Raises ProgramError: optimise-wrt for what cannot be varied, optimise-bounds, optimise-start where the value or gradient
is not finite at the start, settings for an unknown optimiser. Warns: non-finite, optimise-unbounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog import modes
from paramprog.analyses.budget import Fitted
from paramprog.compile.numpy_plan import Plan
from paramprog.diagnostics import Diagnostic, did_you_mean, fail
from paramprog.fitting.layout import Layout
from paramprog.fitting.lbfgs import Iterate, minimise
from paramprog.fitting.optimisers import OPTIMISERS, make
from paramprog.graph import Node
from paramprog.results import Optimum, Point
from paramprog.simplify import simplify

LBFGS = "lbfgs"
STEPS = 1000
TOLERANCE = 1e-8
ENDLESS = 1e9
"""A value that got better by so many times what it was, and is not at an optimum, has perhaps none."""

Vector = NDArray[np.float64]
Bounds = Mapping[str, tuple[Any, Any]]
"""Name -> (lo, hi), numbers or arrays of its shape; None stands for no bound."""
Watch = Callable[[int, float], None]
"""Is told the number of each step, from 0, and the value there."""


@dataclass(frozen=True)
class How:
    """By which means; `rate` None is the optimiser's own, `memory` the bytes that loops may hold for the gradient."""

    optimizer: str = LBFGS
    steps: int = STEPS
    rate: float | None = None
    tolerance: float = TOLERANCE
    maximise: bool = False
    memory: int | None = None


def optimise(
    point: Point, target: Node, wrt: Mapping[str, Node], bounds: Bounds, how: How, watch: Watch
) -> Optimum:
    """The optimum of `target`, a real scalar, over the leaves `wrt`, from their values at `point`."""
    if how.optimizer == LBFGS and how.rate is not None:
        raise fail(
            "settings", "`lr` has no meaning here", None, "lbfgs chooses its steps itself; it has tolerance"
        )
    problem = _Problem(point, target, wrt, -1.0 if how.maximise else 1.0, how.memory)
    limits = problem.limits(bounds)
    start = np.clip(problem.start, *limits)
    _check_start(problem, start)
    run = _by_lbfgs if how.optimizer == LBFGS else _by_steps
    found = run(problem, start, limits, how, lambda step, value: watch(step, problem.sign * value))
    best = problem.at(found.theta)
    value, _ = problem.value(found.theta)
    if not found.converged:
        found.warnings += _no_end_in_sight(problem, start, found, value, limits)
    return Optimum(
        np.asarray(problem.sign * value, point.compiled.built.graph.real)[()],
        {name: best.inputs.get(name, best.params.get(name)) for name in wrt},
        found.steps,
        found.converged,
        found.reason,
        best,
        found.warnings,
        problem.fitted,
    )


def check_wrt(point: Point, wrt: Mapping[str, Node]) -> None:
    """Only what is given from outside can be varied."""
    built = point.compiled.built
    known = {**built.inputs, **built.params}
    for name, node in wrt.items():
        if node not in known.values():
            hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
            raise fail(
                "optimise-wrt", f"`{name}` is computed; inputs and params can be varied", node.span, hint
            )


@dataclass
class _Found:
    theta: Vector
    steps: int
    converged: bool
    reason: str
    warnings: list[Diagnostic] = field(default_factory=list)


class _Problem:
    """sign * target as a function of one vector of float64."""

    def __init__(
        self, point: Point, target: Node, wrt: Mapping[str, Node], sign: float, memory: int | None
    ) -> None:
        check_wrt(point, wrt)
        self.point, self.target, self.wrt, self.sign = point, target, wrt, sign
        self.layout = Layout({k: n.shape for k, n in wrt.items()}, point.compiled.built.graph.real)
        leaves = point.leaves
        self.start: Vector = self.layout.vector({k: leaves[n] for k, n in wrt.items()}).astype(np.float64)
        compiled, nodes = point.compiled, tuple(wrt.values())
        self.fitted: Fitted | None = None
        if memory is None:
            adjoints, made = compiled.gradient(target, nodes), compiled.simplified_gradient(target, nodes)
        else:
            adjoints, self.fitted = compiled.fitted_gradient(target, nodes, leaves, memory)
            made = simplify([target, *(n for n in adjoints if n is not None)])
        self.depends = [k for k, n in zip(wrt, adjoints, strict=True) if n is not None]
        self.given = [old for old in leaves if old in made.of]
        self.plan = Plan(made.outputs, [made.of[old] for old in self.given])

    def value(self, theta: Vector) -> tuple[float, Vector]:
        """Raises ProgramError when an operation has no value there."""
        real = self.layout.views(theta.astype(self.layout.real))
        leaves = self.point.leaves | {self.wrt[name]: view for name, view in real.items()}
        value, *parts = self.plan(*[leaves[leaf] for leaf in self.given])
        gradient = np.zeros(theta.shape)
        views = self.layout.views(gradient)
        for name, part in zip(self.depends, parts, strict=True):
            views[name][...] = part
        return self.sign * float(value), self.sign * gradient

    def at(self, theta: Vector) -> Point:
        """The point with these values."""
        views = self.layout.views(theta.astype(self.layout.real))
        built, point = self.point.compiled.built, self.point
        by_node = {self.wrt[name]: np.array(view)[()] for name, view in views.items()}
        inputs = {k: by_node.get(built.inputs[k], v) for k, v in point.inputs.items()}
        params = {k: by_node.get(built.params[k], v) for k, v in point.params.items()}
        return Point(point.compiled, inputs, params, point.notes)

    def limits(self, bounds: Bounds) -> tuple[Vector, Vector]:
        """The bounds as vectors, infinite where there is none."""
        lower, upper = (np.full(self.layout.size, b) for b in (-np.inf, np.inf))
        low, high = self.layout.views(lower), self.layout.views(upper)
        for name, (lo, hi) in bounds.items():
            if name not in self.wrt:
                hint = did_you_mean(name, self.wrt) or f"varied are {', '.join(self.wrt)}"
                raise fail(
                    "optimise-bounds", f"bounds are given for `{name}`, which is not varied", None, hint
                )
            try:
                low[name][...] = -np.inf if lo is None else lo
                high[name][...] = np.inf if hi is None else hi
            except ValueError:
                shape = list(self.wrt[name].shape)
                message = f"the bounds of `{name}` are neither numbers nor arrays of its shape {shape}"
                raise fail("optimise-bounds", message) from None
            if not np.all(low[name] <= high[name]):
                raise fail("optimise-bounds", f"no value of `{name}` lies within its bounds {lo} to {hi}")
        return lower, upper


def _no_end_in_sight(
    problem: _Problem, start: Vector, found: _Found, value: float, limits: tuple[Vector, Vector]
) -> list[Diagnostic]:
    """A warning where the value went on and on, by something that has no limits."""
    first, _ = problem.value(start)
    if not (np.isfinite(value) and first - value > ENDLESS * (1.0 + abs(first))):
        return []
    moved = found.theta - start
    endless = (moved < 0) & np.isinf(limits[0]) | (moved > 0) & np.isinf(limits[1])
    names = [name for name, entries in problem.layout.views(endless).items() if np.any(entries)]
    if not names:
        return []
    fell, end = ("fell", "smallest") if problem.sign > 0 else ("rose", "largest")
    steps = "1 step" if found.steps == 1 else f"{found.steps} steps"
    message = f"the value {fell} to {problem.sign * value:.4g} in {steps}, with no end in sight: has it a {end} value?"
    hint = f"give limits: {' '.join(f'--bounds {name}=LO,HI' for name in names)}"
    return [Diagnostic("optimise-unbounded", message, problem.target.span, hint, "warning")]


def _check_start(problem: _Problem, start: Vector) -> None:
    value, gradient = problem.value(start)
    if np.isfinite(value) and np.isfinite(gradient).all():
        return
    point, wrt = problem.at(start), problem.wrt
    value, found = modes.reverse(point, problem.target, wrt)
    blamed = modes.blame(point, problem.target, value, {k: g for k, g in found.items() if g is not None})
    what = "gradient" if np.isfinite(value) else "value"
    why = f": {blamed[0].message}" if blamed else ""
    names = " ".join(f"--at {name}=..." for name in wrt)
    hint = f"give another start: {names}"
    raise fail(
        "optimise-start",
        f"the {what} at the start is not finite{why}",
        blamed[0].span if blamed else None,
        hint,
    )


def _by_lbfgs(
    problem: _Problem, start: Vector, limits: tuple[Vector, Vector], how: How, watch: Watch
) -> _Found:
    def on_iterate(iterate: Iterate) -> bool:
        watch(iterate.number, iterate.value)
        return False

    bounds = limits if any(np.isfinite(b).any() for b in limits) else None
    found = minimise(
        problem.value,
        start,
        bounds=bounds,
        max_iterations=how.steps,
        tolerance=how.tolerance,
        callback=on_iterate,
    )
    return _Found(found.iterate.theta, found.iterate.number, found.converged, found.reason)


def _by_steps(
    problem: _Problem, start: Vector, limits: tuple[Vector, Vector], how: How, watch: Watch
) -> _Found:
    if how.optimizer not in OPTIMISERS:
        names = (*OPTIMISERS, LBFGS)
        hint = did_you_mean(how.optimizer, names) or f"there are {', '.join(names)}"
        raise fail("settings", f"there is no optimizer `{how.optimizer}`", None, hint)
    optimiser = make(how.optimizer, start.size, np.float64, weight_decay=0.0)
    rate = optimiser.rate if how.rate is None else how.rate
    theta, best = start.copy(), (np.inf, start)
    for step in range(how.steps + 1):
        value, gradient = problem.value(theta)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            reason = f"the value or gradient is not finite after step {step}; a smaller --lr may prevent it"
            return _Found(
                best[1], step, False, reason, [Diagnostic("non-finite", reason, severity="warning")]
            )
        watch(step, value)
        if value < best[0]:
            best = value, theta.copy()
        projected = theta - np.clip(theta - gradient, *limits)
        if np.max(np.abs(projected), initial=0.0) <= how.tolerance:
            return _Found(theta, step, True, f"no entry of the gradient exceeds {how.tolerance:g}")
        if step < how.steps:
            optimiser.step(theta, gradient, rate)
            np.clip(theta, *limits, out=theta)
    return _Found(best[1], how.steps, False, f"{how.steps} steps")
