"""A drawing as text: a row for each operation, bodies of regions indented, and the parallel schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paramprog.diagnostics import printable
from paramprog.explain import labels
from paramprog.explain.drawing import Close, Drawing, Levels, Open, Vertex
from paramprog.graph import Node

MAX_FORMULA = 60
ONE_LINE = 28
"""A longer definition takes two lines in a picture."""


def text(drawing: Drawing, levels: Levels | None = None) -> str:
    """Point, type, line, value and adjoint if known, and what uses it; then the schedule, if `levels` are given."""
    title = printable(drawing.subject.title)
    shown = [title, "", *_table(drawing)]
    if levels is not None:
        shown += ["", *schedule(drawing, levels)]
    return "\n".join(shown) + "\n"


def _table(drawing: Drawing) -> list[str]:
    subject = drawing.subject
    names = {v.key: v.name for v in drawing.vertices}
    users: dict[str, list[str]] = {}
    for arrow in drawing.arrows:
        users.setdefault(arrow.start, []).append(names[arrow.end])
    head = ["point", "type", "line"]
    head += ["value"] if subject.values is not None else []
    head += ["adjoint"] if subject.adjoints is not None else []
    rows, indent = [[*head, "used by"]], ""
    for item in drawing.items:
        if isinstance(item, Open):
            rows.append([f"{indent}{item.label}:"])
            indent += "  "
        elif isinstance(item, Close):
            indent = indent[2:]
        else:
            row = [indent + _definition(item), item.type, "" if item.span is None else str(item.span.line)]
            row += notes(drawing, item)
            rows.append([*row, ", ".join(users.get(item.key, []))])
    widths = [max((len(row[k]) for row in rows if k < len(row)), default=0) for k in range(len(rows[0]))]
    return ["  ".join(f"{x:<{w}}" for x, w in zip(row, widths, strict=False)).rstrip() for row in rows]


def _definition(vertex: Vertex) -> str:
    if vertex.kind in ("input", "param"):
        return f"{vertex.name}  ({vertex.kind})"
    return f"{vertex.name} = {labels.shortened(printable(vertex.text), MAX_FORMULA)}"


def notes(drawing: Drawing, vertex: Vertex) -> list[str]:
    """The value and the adjoint, as far as they were asked for."""
    subject, found = drawing.subject, []
    if subject.values is not None:
        found.append(labels.value(subject.values[vertex.node]))
    if subject.adjoints is not None:
        adjoint = subject.adjoints.get(vertex.node)
        found.append("-" if adjoint is None else labels.value(adjoint))
    return found


def schedule(drawing: Drawing, levels: Levels) -> list[str]:
    """The points that can be computed together, level after level, and in the backward sweep."""
    lines = _sweep("forward", drawing, levels.forward)
    return (
        [*lines, "", *_sweep("backward", drawing, levels.backward)] if levels.backward is not None else lines
    )


def _sweep(name: str, drawing: Drawing, levels: Mapping[Node, int]) -> list[str]:
    by_level: dict[int, list[str]] = {}
    for vertex in drawing.vertices:
        if vertex.node in levels:
            by_level.setdefault(levels[vertex.node], []).append(vertex.name)
    widest = max(map(len, by_level.values()), default=0)
    points = sum(map(len, by_level.values()))
    lines = [f"{name}: {points} points in {_counted(len(by_level), 'level')}, up to {widest} at once"]
    width = len(str(max(by_level, default=0)))
    return [*lines, *(f"  {k:>{width}}  {', '.join(by_level[k])}" for k in sorted(by_level))]


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n != 1)}"


def lines_of(drawing: Drawing, vertex: Vertex, levels: Levels | None) -> Sequence[str]:
    """What a vertex says in a picture: name, formula, type of an array, value, adjoint, level."""
    formula = labels.shortened(vertex.text, MAX_FORMULA)
    if vertex.kind in ("input", "param"):
        lines = [vertex.name]
    elif len(vertex.name) + len(formula) < ONE_LINE:
        lines = [f"{vertex.name} = {formula}"]
    else:
        lines = [f"{vertex.name} =", formula]
    if vertex.node.shape:
        lines.append(vertex.type)
    marks = []
    if drawing.subject.values is not None:
        marks.append("=")
    if drawing.subject.adjoints is not None:
        marks.append("v =")
    lines += [f"{mark} {note}" for mark, note in zip(marks, notes(drawing, vertex), strict=True)]
    if levels is not None and vertex.node in levels.forward:
        back = (
            ""
            if levels.backward is None or vertex.node not in levels.backward
            else f", back {levels.backward[vertex.node]}"
        )
        lines.append(f"level {levels.forward[vertex.node]}{back}")
    return [printable(line) for line in lines]
