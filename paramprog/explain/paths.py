"""How many paths lead from points of a program to its output, and which carry most of the gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from paramprog.analyses.heaviest import Heaviest, Path, heaviest
from paramprog.diagnostics import Span
from paramprog.evaluate import trace
from paramprog.explain import labels
from paramprog.gradient import plain_or_none, pulled
from paramprog.graph import Node
from paramprog.verify.table import count_text, exact

TOP = 10
SHOWN = 16
"""A longer path is shown by its two ends."""


@dataclass(frozen=True)
class HeavyPath:
    """One path: the labels of its points from X to the output, and their places.

    Where a point takes another twice, as in `x * x`, its label says by which argument the path enters: `mul:3[2]`.

    `contribution` is what it adds to the gradient at X, of X's shape: for scalars the signed product of its Jacobians.
    `weight` is the size of that, the Euclidean norm. `share` is the part of the gradient that it makes up, by the
    inner product: the shares of all paths from X sum to 1. It is None where the gradient is zero or not finite.
    """

    points: Sequence[str]
    places: Sequence[Span | None]
    contribution: Any
    weight: float
    share: float | None
    log_weight: float
    """The logarithm (base 2) of the weight between scalars, also where floats end; elsewhere of a bound of it."""

    def __str__(self) -> str:
        return " > ".join(self.points)


@dataclass(frozen=True)
class PathList:
    """`counts` of the paths by name, exact, and the heaviest of them all, the heaviest first.

    The first `proved` of `paths` are the heaviest there are (between scalars, all). Paths between arrays are chosen by
    an upper bound of their weight, the product over their edges of bounds of the Jacobians' norms; those not weighed
    have no more than `rest`. With `scalar`, all points on them are scalars.
    """

    output: str
    counts: Mapping[str, int]
    paths: Sequence[HeavyPath]
    proved: int
    rest: float
    scalar: bool

    @property
    def count(self) -> int:
        """How many paths there are from all the points together."""
        return sum(self.counts.values())

    def __str__(self) -> str:
        return table(self)


def list_paths(
    target: Node, output: str, wrt: Mapping[str, Node], leaves: Mapping[Node, Any], top: int = TOP
) -> PathList:
    """The paths of the executed trace from each of `wrt` to the real scalar `target`.

    Raises ProgramError when the program has no value at this point.
    """
    recorded = trace([target], leaves, keep=wrt.values())
    end = recorded.of[target]
    starts = {name: recorded.of[x] for name, x in wrt.items()}
    facts = pulled(recorded.nodes, recorded.values, end, np.ones_like(recorded.values[end]))
    found: Heaviest = heaviest(recorded, list(starts.values()), end, top)
    names = {x: name for name, x in reversed(starts.items())}
    paths = [_described(p, names[p.nodes[0]], plain_or_none(facts.get(p.nodes[0]))) for p in found.paths]
    return PathList(
        output, {k: found.counts[x] for k, x in starts.items()}, paths, found.proved, found.rest, found.scalar
    )


def _described(path: Path, start: str, gradient: Any) -> HeavyPath:
    points = [
        start,
        *(_entered(a, n, port) for a, n, port in zip(path.nodes, path.nodes[1:], path.ports, strict=False)),
    ]
    return HeavyPath(
        points,
        [n.span for n in path.nodes],
        path.contribution,
        path.weight,
        _share(path.contribution, gradient),
        path.log_bound,
    )


def _entered(before: Node, node: Node, port: int) -> str:
    label = labels.point(node)
    return f"{label}[{port + 1}]" if node.args.count(before) > 1 else label


def _share(part: Any, whole: Any) -> float | None:
    """<part, whole> / <whole, whole>, scaled so that squares neither overflow nor vanish."""
    part, whole = (np.ravel(np.asarray(0.0 if v is None else v, np.float64)) for v in (part, whole))
    size = float(np.max(np.abs(whole), initial=0.0))
    if size == 0.0 or not np.isfinite(size) or not np.all(np.isfinite(part)):
        return None
    unit = whole / size
    return float(np.vdot(part / size, unit) / np.vdot(unit, unit))


# ---- as text and as JSON -----------------------------------------------------------------------------------------


def table(found: PathList) -> str:
    """The counts, then a line for each path: weight, share of the gradient, points."""
    lines = [f"{_paths(n)} from {name} to {found.output}" for name, n in found.counts.items()]
    if len(lines) > 1:
        lines.append(f"{_paths(found.count)} in all")
    if not found.paths:
        return "\n".join(lines)
    head = ("", "product" if found.scalar else "weight", "share", "path")
    rows = [head] + [
        (
            f"{k}.",
            _weight(p, scalar=found.scalar),
            _percent(p.share),
            _points(p.points, found.paths[0].points),
        )
        for k, p in enumerate(found.paths, 1)
    ]
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    lines += [""] + [f"{a:>{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}  {d}" for a, b, c, d in rows]
    if found.proved < len(found.paths):
        first = (
            f"the first {found.proved} are"
            if found.proved > 1
            else "the first is"
            if found.proved
            else "none is"
        )
        lines += [
            "",
            f"{first} proved to be the heaviest; a path not weighed here has at most {labels.number(found.rest)}",
        ]
    return "\n".join(lines)


def _paths(count: int) -> str:
    return f"{count_text(count)} path{'s' * (count != 1)}"


def _weight(path: HeavyPath, *, scalar: bool) -> str:
    if scalar and abs(path.log_weight) > 1000 and isfinite(path.log_weight):
        return f"+-{labels.power_of_two(path.log_weight)}"  # beyond floats, where the sign is lost too
    return labels.number(path.contribution if scalar else path.weight)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share + 0.0:.3g}%" if abs(share) < 100 else f"{share:.1e}"


def _points(points: Sequence[str], first: Sequence[str]) -> str:
    """The points of a path; of a long one its ends, or where it differs from the first path of the table."""
    if len(points) <= SHOWN or points[0] != first[0] or points == first:
        return _ends(points)
    shorter = min(len(points), len(first))
    start = next((k for k in range(shorter) if points[k] != first[k]), shorter)
    most = shorter - start
    end = next((k for k in range(most) if points[-1 - k] != first[-1 - k]), most)
    return f"as 1. up to {_ends(points[start - 1 : len(points) - max(end - 1, 0)])}, then as 1."


def _ends(points: Sequence[str]) -> str:
    if len(points) > SHOWN:
        half = SHOWN // 2
        points = [*points[:half], f"... {len(points) - 2 * half} more ...", *points[-half:]]
    return " > ".join(points)


def to_json(found: PathList) -> dict[str, Any]:
    """`{count, counts, paths: [{points, weight, share, contribution, places}], proved, rest}`.

    Counts beyond 2^53 are strings. `rest` bounds the weight of all paths that were not weighed.
    """
    return {
        "count": _number(found.count),
        "counts": {name: _number(n) for name, n in found.counts.items()},
        "paths": [
            {
                "points": list(p.points),
                "weight": p.weight,
                "contribution": p.contribution,
                "share": p.share,
                "places": [labels.line_and_column(span) for span in p.places],
            }
            for p in found.paths
        ],
        "proved": found.proved,
        "rest": found.rest,
    }


def _number(count: int) -> int | str:
    return count if count <= 2**53 else exact(count)
