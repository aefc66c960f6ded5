"""A graph as text, one line a node, for `--dump` and for reading while debugging."""

from __future__ import annotations

from paramprog.graph.graph import Graph, bodies
from paramprog.graph.node import Node


def listing(graph: Graph, indent: str = "") -> str:
    """`%3 B = f0(%1, %2) : real`, the bodies of a region indented below it."""
    lines = []
    for n in graph.nodes:
        lines.append(indent + line(n))
        lines += [listing(body, indent + "    ") for body in bodies(n)]
    return "\n".join(lines)


def line(node: Node) -> str:
    """One node without its bodies."""
    args = [f"%{a.id}" for a in node.args]
    args += [
        f"{k}={v}" for k, v in node.attrs.items() if k not in ("bodies", "ports", "results", "type", "real")
    ]
    name = f"{node.name} = " if node.name else ""
    return f"%{node.id} {name}{node.op.name}({', '.join(args)}) : {', '.join(map(str, node.results))}"
