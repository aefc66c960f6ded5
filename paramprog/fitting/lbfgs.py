"""Minimisation by L-BFGS-B, which can be resumed bit for bit.

    theta_{i+1} = theta_i - t_i H_i g_i, within the bounds

H_i is an approximation of the inverse Hessian from the last ten changes of theta and of the gradient, t_i the step of
a line search (strong Wolfe conditions). R. Byrd, P. Lu, J. Nocedal and C. Zhu, A limited memory algorithm for bound
constrained optimization, SIAM J. Sci. Comput. 16 (1995), as `scipy.optimize.minimize` has it.

The state of SciPy's iteration cannot be saved. But it is a function of theta_0 and of the values and gradients that it
asked for, so these are kept on a `Tape`. A resumed run starts at theta_0 again and takes them from the tape, which
costs next to nothing, until it is where the tape was saved. That each is asked for at the point of its record, bit for
bit, is checked; ProgramError (resume-differs) is raised if not, as it happens with another version of SciPy.

SciPy works in float64; f may round. A trial point of a line search where the value or gradient is not finite makes the
step shorter (SciPy alone would walk off, or claim that it has converged). f that must not go on there raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from paramprog.diagnostics import fail

Vector: TypeAlias = "NDArray[np.float64]"
Objective: TypeAlias = Callable[[Vector], "tuple[float, NDArray[np.floating[Any]]]"]
"""theta -> (value, gradient); it may reuse the array of the gradient."""

MEMORY = 10
"""How many changes the approximation of the Hessian is made of."""

FLAT = 0.0
"""An iteration that lowers the value by no more than this share of it is the last one; the gradient decides earlier."""

TINY, LARGEST = float(np.finfo(np.float64).tiny), float(np.finfo(np.float64).max)
DIGEST = 32
POINTS, VALUES, GRADIENTS = "points", "values", "gradients"


class Evaluation(NamedTuple):
    """What f gave at the point whose bits have this SHA-256."""

    point: bytes
    value: float
    gradient: Vector

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.value) and np.isfinite(self.gradient).all())


@dataclass
class Tape:
    """All evaluations of f, in order; as arrays, what a checkpoint keeps of a run."""

    evaluations: list[Evaluation] = field(default_factory=list)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """`points` uint8 [n, 32], `values` float64 [n], `gradients` float64 [n, size]."""
        points = b"".join(e.point for e in self.evaluations)
        return {
            POINTS: np.frombuffer(points, np.uint8).reshape(-1, DIGEST).copy(),
            VALUES: np.array([e.value for e in self.evaluations], np.float64),
            GRADIENTS: np.array([e.gradient for e in self.evaluations], np.float64, ndmin=2),
        }

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Tape:
        """The tape that gave these arrays. Raises ValueError if none did."""
        if set(arrays) != {POINTS, VALUES, GRADIENTS}:
            raise ValueError(f"a tape is {POINTS}, {VALUES} and {GRADIENTS}, not {', '.join(sorted(arrays))}")
        points, values, gradients = (arrays[name] for name in (POINTS, VALUES, GRADIENTS))
        fits = points.shape == (len(values), DIGEST) and values.ndim == 1 and gradients.ndim == 2
        if not fits or (len(values) != len(gradients) and values.size + gradients.size > 0):
            raise ValueError("the arrays of a tape do not fit together")
        if [str(a.dtype) for a in (points, values, gradients)] != ["uint8", "float64", "float64"]:
            raise ValueError("the arrays of a tape have other dtypes")
        rows = zip(points, values, gradients, strict=False)
        return Tape([Evaluation(p.tobytes(), float(v), g.copy()) for p, v, g in rows])


class Iterate(NamedTuple):
    """A point where an iteration ended; number 0 is the start. theta and gradient are the reader's to keep."""

    number: int
    theta: Vector
    value: float
    gradient: Vector


class Minimum(NamedTuple):
    """The last iterate, why it is the last, and whether that is because nothing is left to gain."""

    iterate: Iterate
    converged: bool
    reason: str


class _Unusable(Exception):
    """f is not finite at the start."""


def minimise(
    f: Objective,
    theta0: NDArray[np.floating[Any]],
    *,
    bounds: tuple[Vector, Vector] | None = None,
    max_iterations: int = 1000,
    tolerance: float = 1e-8,
    callback: Callable[[Iterate], bool] | None = None,
    tape: Tape | None = None,
) -> Minimum:
    """Minimise f from theta0, clipped into `bounds` (lower, upper; infinite where there is none).

    It ends when no entry of the projected gradient exceeds `tolerance`, when the value no longer gets smaller, after
    `max_iterations` >= 1, or when `callback`, which sees each iterate from number 1 on, returns True. New evaluations
    are added to `tape`; those on it are replayed (the callback sees their iterates again, with the same numbers).
    """
    from scipy.optimize import Bounds, OptimizeResult, minimize

    run = _Run(f, tape if tape is not None else Tape())
    theta = np.array(theta0, np.float64)
    if bounds is not None:
        theta = np.clip(theta, *bounds)
    stopped = False

    def on_iterate(intermediate_result: OptimizeResult) -> None:
        nonlocal stopped
        run.accept(np.array(intermediate_result.x))
        if callback is not None and callback(run.iterate):
            stopped = True
            raise StopIteration

    try:
        result = minimize(
            run.evaluate,
            theta,
            jac=True,
            method="L-BFGS-B",
            bounds=None if bounds is None else Bounds(*bounds),
            callback=on_iterate,
            options={
                "maxiter": max_iterations,
                "maxfun": 2**31 - 1,
                "maxcor": MEMORY,
                "gtol": tolerance,
                "ftol": FLAT,
            },
        )
    except _Unusable:
        return Minimum(run.iterate, False, "the value or gradient at the start is not finite")
    if stopped:
        return Minimum(run.iterate, False, "stopped")
    if result.status == 1:
        return Minimum(run.iterate, False, f"{max_iterations} iterations")
    if result.status == 2:
        return Minimum(run.iterate, False, "the line search found no better value")
    if _largest(run.iterate, bounds) <= tolerance:
        return Minimum(run.iterate, True, f"no entry of the gradient exceeds {tolerance:g}")
    return Minimum(run.iterate, True, "the value no longer changes")


@dataclass
class _Run:
    """f as SciPy is given it: recorded or replayed, and finite."""

    f: Objective
    tape: Tape
    asked: int = 0
    iterate: Iterate = field(init=False)

    def evaluate(self, theta: Vector) -> tuple[float, Vector]:
        """What SciPy is told of f at theta."""
        found = self._recorded(theta)
        if self.asked == 1:
            self.iterate = Iterate(0, theta.copy(), found.value, found.gradient)
            if not found.finite:
                raise _Unusable
        return (found.value, found.gradient) if found.finite else self._barrier(theta)

    def accept(self, theta: Vector) -> None:
        """The line search ended at theta, which is mostly the last point evaluated."""
        point = _digest(theta)
        found = next(e for e in reversed(self.tape.evaluations[: self.asked]) if e.point == point)
        self.iterate = Iterate(self.iterate.number + 1, theta, found.value, found.gradient)

    def _recorded(self, theta: Vector) -> Evaluation:
        """The next evaluation, off the tape as long as it lasts."""
        point = _digest(theta)
        if self.asked < len(self.tape.evaluations):
            found = self.tape.evaluations[self.asked]
            if found.point != point or found.gradient.shape != theta.shape:
                raise fail(
                    "resume-differs",
                    f"this run differs from the recorded one: L-BFGS asks for evaluation {self.asked + 1} "
                    "at another point",
                    None,
                    "resume with the versions of NumPy and SciPy that the run began with",
                )
        else:
            value, gradient = self.f(theta)
            found = Evaluation(point, float(value), np.array(gradient, np.float64))
            self.tape.evaluations.append(found)
        self.asked += 1
        return found

    def _barrier(self, theta: Vector) -> tuple[float, Vector]:
        """A finite value and gradient in the place of those at theta, such that the line search comes back.

        With the step s from the iterate and its slope d = g.s < 0, they are those of the parabola along s that starts
        as f does and is as far above at the end as the tangent is below: f + d t - 2 d t^2. Its minimum is at t = 1/4.
        Of a function without minimum s may be so long that s.s is too large for a float: s = `far` u, and u.u is not.
        """
        with np.errstate(over="ignore"):
            step = np.nan_to_num(theta - self.iterate.theta)
            far = max(float(np.max(np.abs(step), initial=0.0)), TINY)
            unit = step / far
            slope = min(abs(float(np.sum(self.iterate.gradient * unit))), LARGEST / 3)
        height = min(self.iterate.value + slope * far, LARGEST)
        return height, unit * (3 * slope / max(float(np.sum(unit * unit)), TINY))


def _digest(theta: Vector) -> bytes:
    return sha256(theta.tobytes()).digest()


def _largest(iterate: Iterate, bounds: tuple[Vector, Vector] | None) -> float:
    """The largest entry of the projected gradient: how far a step of length 1 would go within the bounds."""
    step = iterate.gradient
    if bounds is not None:
        step = np.clip(iterate.theta - step, *bounds) - iterate.theta
    return float(np.max(np.abs(step), initial=0.0))
