"""A drawing as a Mermaid flowchart, for Markdown pages. Everything that came from a program is escaped."""

from __future__ import annotations

from paramprog.diagnostics import printable
from paramprog.explain.drawing import Close, Drawing, Levels, Open
from paramprog.explain.text import lines_of

PLAIN = frozenset(" .,:+-/=()[]_")
"""Besides letters and digits; all else is written as `#code;`, so that nothing is markup, HTML or Markdown."""

CLASSES = {
    "input": "fill:#e8f0fe,stroke:#4a6fa5,color:#000",
    "param": "fill:#fff4d6,stroke:#b8860b,color:#000",
    "output": "fill:#e3f4e3,stroke:#3c7a3c,stroke-width:2px,color:#000",
    "operation": "fill:#fff,stroke:#777,color:#000",
}


def mermaid(drawing: Drawing, levels: Levels | None = None) -> str:
    """The text of a flowchart, arrows leading from what is used to what uses it."""
    lines, indent = ["flowchart TD"], "  "
    for item in drawing.items:
        if isinstance(item, Open):
            lines.append(f'{indent}subgraph {item.key}["{escaped(item.label)}"]')
            indent += "  "
        elif isinstance(item, Close):
            indent = indent[2:]
            lines.append(f"{indent}end")
        else:
            text = "<br/>".join(escaped(line) for line in lines_of(drawing, item, levels))
            lines.append(f'{indent}{item.key}("{text}"):::{item.kind}')
    for arrow in drawing.arrows:
        line = "-.->" if arrow.label == "if" else "-->"
        label = f'|"{escaped(arrow.label)}"|' if arrow.label else ""
        lines.append(f"  {arrow.start} {line}{label} {arrow.end}")
    lines += [f"  classDef {name} {style}" for name, style in CLASSES.items()]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """For the inside of a quoted label."""
    return "".join(
        c if (c.isascii() and c.isalnum()) or c in PLAIN else f"#{ord(c)};" for c in printable(text)
    )
