"""Derivative operators, run by the interpreter: the body is run again, on dual numbers, up to the operator.

A derivative by x is taken one unit tangent after the other: the run begins at the body that the point x belongs to,
with that point perturbed, and ends where the operator is reached with what y is then. A turn of a loop is entered
with what it carried in the first run. Slow, and it shares nothing with the gradient analysis that it checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from paramprog.lang.duals import Tag, each, tangent
from paramprog.lang.instance import Differentiation
from paramprog.lang.interpret_values import convert
from paramprog.lang.lazy import first_fault, nothing
from paramprog.lang.runs import Mark, Run, Stop, depth, owner, route
from paramprog.lang.syntax import Call
from paramprog.lang.walk import Walk
from paramprog.op import OPS

if TYPE_CHECKING:
    from paramprog.lang.interpret import Frame

Perturbation = tuple[str, Tag, Any]
"""A name, the tag of the derivative by it, and the tangent."""


class Reached(Exception):
    """A second run has come to the operator that it was made for; `value` is what is differentiated."""

    def __init__(self, value: Any) -> None:
        self.value = value


def derivatives(frame: Frame, e: Call, target: Differentiation) -> Walk[list[Any]]:
    """The results of an operator. Raises Reached in a second run that was made for it."""
    y = frame.name(target.output)
    run = frame.run
    assert run is not None
    if frame.stop is not None and frame.stop.operator is e and frame.stop.key is run.key:
        raise Reached(y)
    xs = [frame.name(x) for x in target.wrt]
    along: list[Any] = []
    for t in target.along:
        direction = yield frame.expression(t)
        along.append(convert(direction, "real"))
    if (fault := first_fault([y, *xs, *along])) is not None:
        count = len(xs) ** 2 if target.operator == "hessian" else 1 if target.operator == "jvp" else len(xs)
        return [nothing(fault)] * count
    taken = _Taken(frame, e, target, y, xs)
    found: list[Any] = yield taken.results(along)
    return found


class _Taken:
    """One operator being evaluated."""

    def __init__(self, frame: Frame, e: Call, target: Differentiation, y: Any, xs: Sequence[Any]) -> None:
        self.frame, self.e, self.target, self.y = frame, e, target, y
        self.names = [x.text for x in target.wrt]
        self.xs = dict(zip(self.names, xs, strict=True))

    def results(self, along: Sequence[Any]) -> Walk[list[Any]]:
        found: list[Any] = []
        if self.target.operator == "jvp":
            tag = Tag()
            tangents: dict[str, Any] = {}
            for x, t in zip(self.names, along, strict=True):
                tangents[x] = OPS["add"](tangents[x], t) if x in tangents else t
            value = yield self._run([(x, tag, t) for x, t in tangents.items()])
            return [tangent(value, tag)]
        if self.target.operator == "hessian":
            for a in self.names:
                for b in self.names:
                    block = yield self._second(a, b)
                    found.append(block)
            return found
        for x in self.names:
            columns: list[Any] = []
            for unit in _units(self.xs[x]):
                tag = Tag()
                value = yield self._run([(x, tag, unit)])
                column = tangent(value, tag)
                columns.append(_inner(along[0], column) if along else column)
            before = () if along else np.shape(self.y)
            found.append(_joined(columns, (*before, *np.shape(self.xs[x]))))
        return found

    def _second(self, a: str, b: str) -> Walk[Any]:
        """The derivatives by a, then by b, two tags at once."""
        found: list[Any] = []
        for u in _units(self.xs[a]):
            for v in _units(self.xs[b]):
                first, second = Tag(), Tag()
                value = yield self._run([(a, first, u), (b, second, v)])
                found.append(tangent(tangent(value, second), first))
        return _joined(found, (*np.shape(self.xs[a]), *np.shape(self.xs[b])))

    def _run(self, perturbed: Sequence[Perturbation]) -> Walk[Any]:
        """What y is when the points are perturbed."""
        run = self.frame.run
        assert run is not None
        owners = [owner(run, name) for name, _, _ in perturbed]
        start = min(owners, key=depth)
        fresh = [
            Mark(at.key, name, at.assigned.get(name, 0), tag, t)
            for at, (name, tag, t) in zip(owners, perturbed, strict=True)
        ]
        again = _again(
            self.frame, start, fresh, Stop(self.e, self.target.output.text, run.key), route(run, start)
        )
        try:
            yield again.statements()
        except Reached as reached:
            return reached.value
        raise AssertionError("a second run has taken another way")


def _again(frame: Frame, start: Run, fresh: Sequence[Mark], stop: Stop, path: list[Run]) -> Frame:
    """A frame that runs a body again from its begin, with some more points perturbed."""
    scope = dict(start.scope)
    params = dict(frame.params)
    for mark in fresh:
        if mark.key is start.key and mark.nth == 0:
            place = scope if mark.name in scope else params
            place[mark.name] = mark.on(place[mark.name])
    again = frame.call(start.instance, scope, params, frame.lanes)
    again.calls, again.turns = {}, type(frame.turns)()
    again.run = again.root = Run(
        start.statements, dict(scope), start.instance, start.loop, start.carried, start.around, start.key
    )
    again.marks, again.fresh = (*frame.marks, *fresh), fresh
    again.stop, again.path = stop, path
    return again


def _units(x: Any) -> list[Any]:
    """A tangent for each entry of x."""
    shape = np.shape(x)
    found: list[Any] = []
    for at in np.ndindex(shape):
        unit = np.zeros(shape)
        unit[at] = 1.0
        found.append(unit[()])
    return found


def _joined(values: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """The derivatives by the entries of x, one after the other, as an array `[*y, *x]`."""
    if not values:
        return np.zeros(shape)

    def join(*parts: Any) -> Any:
        return np.stack(parts, axis=-1).reshape(shape)[()]

    return each(join, *values)


def _inner(a: Any, b: Any) -> Any:
    product = OPS["mul"](a, b)
    axes = tuple(range(len(np.shape(product))))
    return OPS["sum"](product, axes=axes, sizes=np.shape(product)) if axes else product
