"""The boundaries nearest to a point, and what happens across them: jumps of the value, unseen by gradients, and kinks.

c is the number that is zero at a boundary (see boundaries.py), z all that is varied. To first order a boundary is
|c| / |dc/dz| away. Which ones are near is estimated for all at once by random tangents t, E (dc/dz . t)^2 = |dc/dz|^2,
so the cost is that of a few forward sweeps; for those that are shown, Newton's method along dc/dz finds the boundary,
and value and gradient are taken on both sides of it:

    jump of the value = f(z + h u) - f(z - h u) - h u . (f'(z + h u) + f'(z - h u)),    u = dc/dz / |dc/dz|
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from paramprog.dataflow.solve import solve
from paramprog.diagnostics import ProgramError, Span
from paramprog.evaluate import Trace
from paramprog.gradient import Derivative, plain_or_none, pushed
from paramprog.graph import Node
from paramprog.verify.boundaries import Boundaries, boundaries
from paramprog.verify.crossing import Crossing, Crossings, Verdict

TANGENTS = 8
NEWTON = 20
BESIDE = {"float64": 1e-6, "float32": 1e-3}
"""h, in units of 1 + the largest entry of z."""

Key = tuple[str, Span | None, int]
"""An operation in any run: its name, its place, and how many such came before it."""


class Candidate(NamedTuple):
    """A boundary of an operation of a run, and about how far away it is."""

    distance: float
    key: Key
    node: Node
    place: int
    """Which of its boundaries."""


@dataclass(frozen=True)
class Ground:
    """A program as a function of `start`, values of leaves: how it runs, and its value with the gradients there."""

    start: Mapping[str, Any]
    run: Callable[[Mapping[str, Any]], tuple[Trace, Mapping[str, Node]]]
    """To the executed trace, and the nodes of it that hold the values that are varied."""
    value: Callable[[Mapping[str, Any]], tuple[float, Mapping[str, Any]]]
    real: str = "float64"

    def vector(self, values: Mapping[str, Any]) -> Any:
        parts = [np.ravel(np.asarray(values[k], np.float64)) for k in self.start]
        return np.concatenate(parts) if parts else np.zeros(0)

    def at(self, z: Any) -> dict[str, Any]:
        found, begin = {}, 0
        for name, value in self.start.items():
            size = np.size(value)
            found[name] = z[begin : begin + size].reshape(np.shape(value)).astype(self.real)[()]
            begin += size
        return found


def crossings(
    ground: Ground,
    most: int,
    seed: int = 0,
    wanted: Callable[[Node], bool] = lambda node: True,
    each: int | None = None,
) -> Crossings:
    """The `most` nearest boundaries of the operations that are `wanted`, with what happens there.

    With `each`, at most so many of one place in the text.

    Raises ProgramError when the program has no value at the point.
    """
    with np.errstate(all="ignore"):
        z = ground.vector(ground.start)
        trace, starts = ground.run(ground.start)
        count, near = _candidates(trace, starts, most, seed, wanted)
        if each is not None:
            near = _few(near, each)
        exact = []
        for candidate in near:
            found = _site(trace, candidate.key, candidate.place)
            assert found is not None
            slope = _slope(ground, trace, starts, *found)
            size = float(np.linalg.norm(slope))
            if size > 0.0 and np.isfinite(size):
                exact.append((abs(found[1].margins[candidate.place]) / size, candidate, slope))
        exact.sort(key=lambda item: item[0])
        return Crossings(count, [_crossing(ground, z, trace, *item) for item in exact[:most]])


# ---- which ones are near -----------------------------------------------------------------------------------------


def _sites(trace: Trace) -> Iterator[tuple[Key, Node, Boundaries]]:
    seen: dict[tuple[str, Span | None], int] = {}
    for n in trace.nodes:
        made = boundaries(n, [trace.values[a] for a in n.args])
        if made is not None:
            name = (n.op.name, n.span)
            seen[name] = seen.get(name, -1) + 1
            yield (*name, seen[name]), n, made


def _site(trace: Trace, key: Key, index: int) -> tuple[Node, Boundaries, int] | None:
    """The operation in this run, if it was executed and has so many boundaries."""
    passed = 0
    for n in trace.nodes:
        if n.op.name == key[0] and n.span == key[1] and any(a.kind == "real" for a in n.args):
            if passed == key[2]:
                made = boundaries(n, [trace.values[a] for a in n.args])
                return None if made is None or index >= np.size(made.margins) else (n, made, index)
            passed += 1
    return None


def _candidates(
    trace: Trace, starts: Mapping[str, Node], most: int, seed: int, wanted: Callable[[Node], bool]
) -> tuple[int, list[Candidate]]:
    """How many operations have boundaries, and a few times `most` of the nearest."""
    rng = np.random.default_rng(seed)
    sites = [s for s in _sites(trace) if wanted(s[1])]
    squares = [np.zeros(np.size(s[2].margins)) for s in sites]
    for _ in range(TANGENTS):
        tangents = {n: rng.standard_normal(n.shape) for n in starts.values()}
        facts = pushed(trace.nodes, trace.values, tangents) if tangents else {}
        for (_, n, made), square in zip(sites, squares, strict=True):
            slope = np.zeros(square.shape)
            for t in made.terms:
                d = plain_or_none(facts.get(n.args[t.port]))
                if d is not None:
                    slope += t.coefficient * np.ravel(d)[t.index]
            square += slope**2
    found: list[Candidate] = []
    varying = 0
    for (key, n, made), square in zip(sites, squares, strict=True):
        distance = np.abs(made.margins) / np.sqrt(square / TANGENTS)
        distance[~(square > 0)] = np.inf
        near = [int(k) for k in np.argsort(distance, kind="stable")[:most] if np.isfinite(distance[k])]
        varying += bool(near)
        found += [Candidate(float(distance[k]), key, n, k) for k in near]
    found.sort(key=lambda c: c.distance)
    # the same call made twice has the same boundaries
    once = {(c.key[:2], c.place, c.distance): c for c in reversed(found)}
    return varying, list(reversed(once.values()))[: 3 * most]


def _few(candidates: Sequence[Candidate], each: int) -> list[Candidate]:
    """The first `each` of every place."""
    found: list[Candidate] = []
    taken: dict[Any, int] = {}
    for c in candidates:
        taken[c.key[:2]] = taken.get(c.key[:2], 0) + 1
        if taken[c.key[:2]] <= each:
            found.append(c)
    return found


def _slope(
    ground: Ground, trace: Trace, starts: Mapping[str, Node], node: Node, made: Boundaries, index: int
) -> Any:
    """dc/dz."""
    seeds: dict[Node, Any] = {}
    for t in made.terms:
        a = node.args[t.port]
        seed = np.zeros(int(np.prod(a.shape)))
        seed[t.index[index]] = t.coefficient[index]
        seeds[a] = seeds.get(a, 0.0) + seed.reshape(a.shape)
    nodes = [n for n in trace.nodes if n.id <= node.id]
    facts = solve(nodes, Derivative(node.graph, trace.values, seeds, backward=True), backward=True)
    slopes = {}
    for name, value in ground.start.items():
        d = plain_or_none(facts.get(starts[name])) if name in starts else None
        slopes[name] = np.zeros(np.shape(value)) if d is None else d
    return ground.vector(slopes)


# ---- what happens there ------------------------------------------------------------------------------------------


def _crossing(
    ground: Ground, z: Any, trace: Trace, distance: float, candidate: Candidate, slope: Any
) -> Crossing:
    node, index = candidate.node, candidate.place
    site = _site(trace, candidate.key, index)
    assert site is not None
    margin = float(site[1].margins[index])
    entry = index if np.size(site[1].margins) > 1 else None
    what = node.op.spelled if node.span is None else node.span.text

    def told(verdict: Verdict, value: float | None = None, gradient: float | None = None) -> Crossing:
        return Crossing(node.span, what, entry, margin, distance, verdict, value, gradient)

    try:
        reached = _boundary(ground, z, candidate.key, index, margin, slope)
        if reached is None:
            return told("not reached")
        return told(*_across(ground, *reached))
    except ProgramError:  # an operation has no value there
        return told("not reached")


def _boundary(
    ground: Ground, z: Any, key: Key, index: int, margin: float, slope: Any
) -> tuple[Any, Any] | None:
    """A point of the boundary, and dc/dz there, by Newton's method along dc/dz; None where it is not found."""
    rounding = float(np.finfo(ground.real).eps)
    close = 4.0 * rounding * (1.0 + float(np.abs(z).max(initial=0.0))) * float(np.linalg.norm(slope))
    for _ in range(NEWTON):
        size = float(slope @ slope)
        if abs(margin) <= close or not size > 0.0:
            break
        for part in (1.0, 0.5, 0.25, 0.125):
            beside = z - part * margin / size * slope
            trace, starts = ground.run(ground.at(beside))
            site = _site(trace, key, index)
            if site is not None and abs(site[1].margins[index]) < abs(margin):
                z, margin = beside, float(site[1].margins[index])
                slope = _slope(ground, trace, starts, *site)
                break
        else:
            break
    close = max(close, 1e3 * rounding * (1.0 + float(np.abs(z).max(initial=0.0))))
    return (z, slope) if abs(margin) <= close and float(np.linalg.norm(slope)) > 0.0 else None


def _across(ground: Ground, z: Any, slope: Any) -> tuple[Verdict, float | None, float | None]:
    """The verdict, the jump of the value, and the norm of that of the gradient, from two distances."""
    u = slope / np.linalg.norm(slope)
    h = BESIDE[ground.real] * (1.0 + float(np.abs(z).max(initial=0.0)))
    values, gradients, sizes = [], [], (0.0, 0.0)
    for step in (h, h / 2, h / 4):
        (above, up), (below, down) = (ground.value(ground.at(z + s * step * u)) for s in (1.0, -1.0))
        g, k = ground.vector(up), ground.vector(down)
        values.append(above - below - step * float(u @ (g + k)))
        gradients.append(float(np.linalg.norm(g - k)))
        sizes = (abs(above) + abs(below), float(np.linalg.norm(g) + np.linalg.norm(k)))
    if not np.isfinite([*values, *gradients]).all():
        return "unbounded", None, None
    noise = 256.0 * float(np.finfo(ground.real).eps)
    jump = _limit(values, noise * (1e-3 + sizes[0]), 1.01)
    kink = _limit(gradients, 1e-5 * sizes[1] + noise, 1.3)
    if jump is None:
        return "unbounded", None, None
    if jump:
        return "jump", jump, kink
    if kink is None:
        return "unbounded", 0.0, None
    return ("kink", 0.0, kink) if kink else ("smooth", 0.0, 0.0)


def _limit(found: Sequence[float], noise: float, growth: float) -> float | None:
    """What is left as the distance is halved: 0 for what shrinks with it, None for what grows by more than `growth`.

    A logarithm grows by little, so a value is bounded only if it hardly changes; 1/x doubles.
    """
    far, near, nearest = map(abs, found)
    if nearest <= noise or nearest < 0.75 * near:
        return 0.0
    if nearest > growth * near + noise and near > growth * far + noise:
        return None
    return found[-1]
