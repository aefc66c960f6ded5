"""A drawing in any format."""

from __future__ import annotations

from typing import Any, Literal, get_args

from paramprog.explain import labels
from paramprog.explain.dot import dot
from paramprog.explain.drawing import Drawing, Levels, Subject, draw
from paramprog.explain.drawing import levels as levels_of
from paramprog.explain.mermaid import mermaid
from paramprog.explain.picture import picture
from paramprog.explain.text import text
from paramprog.transfer.stack import Tape

Format = Literal["text", "dot", "mermaid", "svg", "png"]
FORMATS: tuple[Format, ...] = get_args(Format)


def render(subject: Subject, format: Format = "text", *, levels: bool = False) -> str | bytes:
    """The drawing of `subject`; bytes for png, else text. With `levels` also the parallel schedule.

    Raises ProgramError when a picture cannot be made.
    """
    drawing = draw(subject)
    schedule = levels_of(subject) if levels else None
    if format == "text":
        return text(drawing, schedule)
    if format == "mermaid":
        return mermaid(drawing, schedule)
    source = dot(drawing, schedule)
    if format == "dot":
        return source
    if format not in FORMATS:
        raise ValueError(f"format is one of {', '.join(FORMATS)}, not {format!r}")
    made = picture(source, format, len(drawing.vertices))
    return made if format == "png" else made.decode()


def to_json(subject: Subject, *, levels: bool = False) -> dict[str, Any]:
    """`{nodes: [{name, formula, kind, type, line, col, uses}], levels: {forward, backward}}`.

    `uses` are the names of the operands. Values, adjoints (null for a structural zero) and levels stand where they are
    known; of a tape how much lies on it.
    """
    drawing = draw(subject)
    names = {v.key: v.name for v in drawing.vertices}
    uses: dict[str, list[str]] = {v.key: [] for v in drawing.vertices}
    for arrow in drawing.arrows:
        uses[arrow.end].append(names[arrow.start])
    nodes = []
    for v in drawing.vertices:
        entry: dict[str, Any] = {"name": v.name, "formula": v.text, "kind": v.kind, "type": v.type}
        entry |= {**labels.line_and_column(v.span), "uses": uses[v.key]}
        if subject.values is not None:
            entry["value"] = _plain(subject.values[v.node])
        if subject.adjoints is not None:
            entry["adjoint"] = _plain(subject.adjoints.get(v.node))
        nodes.append(entry)
    return (
        {"nodes": nodes, "levels": _levels_json(drawing, levels_of(subject))} if levels else {"nodes": nodes}
    )


def _plain(value: Any) -> Any:
    return labels.tape(value) if isinstance(value, Tape) else value


def _levels_json(drawing: Drawing, levels: Levels) -> dict[str, Any]:
    def by_level(of: Any) -> list[list[str]]:
        found: list[list[str]] = [[] for _ in range(1 + max(of.values(), default=-1))]
        for v in drawing.vertices:
            if v.node in of:
                found[of[v.node]].append(v.name)
        return found

    backward = None if levels.backward is None else by_level(levels.backward)
    return {"forward": by_level(levels.forward), "backward": backward}
