"""A drawing in the DOT language of Graphviz. Everything that came from a program is quoted."""

from __future__ import annotations

from paramprog.diagnostics import Span, printable
from paramprog.explain import labels
from paramprog.explain.drawing import Close, Drawing, Levels, Open, Vertex
from paramprog.explain.text import lines_of

STYLES = {
    "input": 'shape=box, style="rounded,filled", fillcolor="#e8f0fe", color="#4a6fa5"',
    "param": 'shape=box, style="rounded,filled", fillcolor="#fff4d6", color="#b8860b"',
    "output": 'shape=box, style="rounded,filled,bold", fillcolor="#e3f4e3", color="#3c7a3c"',
    "operation": 'shape=box, style="rounded,filled", fillcolor="white", color="#777777"',
}


def dot(drawing: Drawing, levels: Levels | None = None) -> str:
    """The text of a digraph, arrows leading from what is used to what uses it. With `levels`, each level is a row."""
    title = quoted(drawing.subject.title)
    lines = [
        f"digraph {title} {{",
        f'  graph [label={title}, labelloc=t, fontname="Helvetica", fontsize=12, ordering=in]',
        "  graph [nodesep=0.3, ranksep=0.4]",
        '  node [fontname="Helvetica", fontsize=11, margin="0.12,0.06", height=0.3]',
        '  edge [fontname="Helvetica", fontsize=9, color="#555555", arrowsize=0.7]',
    ]
    indent = "  "
    for item in drawing.items:
        if isinstance(item, Open):
            lines.append(f"{indent}subgraph cluster_{item.key} {{")
            indent += "  "
            lines.append(
                f'{indent}label={quoted(item.label)}; labeljust=l; fontsize=10; style="rounded,dashed"; color="#999999"'
            )
        elif isinstance(item, Close):
            indent = indent[2:]
            lines.append(f"{indent}}}")
        else:
            lines.append(indent + _vertex(drawing, item, levels))
    for arrow in drawing.arrows:
        style = (
            f" [label={quoted(arrow.label)}{', style=dashed' if arrow.label == 'if' else ''}]"
            if arrow.label
            else ""
        )
        lines.append(f"  {arrow.start} -> {arrow.end}{style}")
    if levels is not None and not any(isinstance(item, Open) for item in drawing.items):
        lines += _rows(drawing, levels)
    return "\n".join([*lines, "}"]) + "\n"


def _vertex(drawing: Drawing, vertex: Vertex, levels: Levels | None) -> str:
    text = "\\n".join(escaped(line) for line in lines_of(drawing, vertex, levels))
    return f'{vertex.key} [label="{text}", tooltip={quoted(place(vertex.span))}, {STYLES[vertex.kind]}]'


def _rows(drawing: Drawing, levels: Levels) -> list[str]:
    rows: dict[int, list[str]] = {}
    for vertex in drawing.vertices:
        if vertex.node in levels.forward:
            rows.setdefault(levels.forward[vertex.node], []).append(vertex.key)
    return [f"  {{ rank=same; {'; '.join(row)} }}" for _, row in sorted(rows.items())]


def place(span: Span | None) -> str:
    """`file.pp:3:9: source`."""
    return "" if span is None else f"{span!r}: {labels.excerpt(span)}"


def escaped(text: str) -> str:
    """For the inside of a quoted string: Graphviz gives a backslash a meaning of its own."""
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')


def quoted(text: str) -> str:
    """As a quoted string."""
    return f'"{escaped(text)}"'
