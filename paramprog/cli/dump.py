"""`--dump STAGE`: what a stage of the pipeline makes of the program."""

from __future__ import annotations

from argparse import Namespace

from paramprog.cli import request
from paramprog.cli.layout import types_text
from paramprog.cli.terminal import Reply
from paramprog.diagnostics import printable


def dump(arguments: Namespace) -> Reply:
    """The tree as canonical text, the types of all points, the graph, or the graph with its adjoint.

    Raises ProgramError.
    """
    text = _tree(arguments) if arguments.dump == "tree" else _compiled(arguments)
    return Reply("".join(f"{printable(line)}\n" for line in text.splitlines()))


def _tree(arguments: Namespace) -> str:
    from paramprog.lang.pretty import pretty
    from paramprog.pipeline import read

    return pretty(read(request.source(arguments)))


def _compiled(arguments: Namespace) -> str:
    from paramprog import choose

    program = request.program(arguments)
    compiled = program.compiled(request.values(arguments))
    built = compiled.built
    if arguments.dump == "types":
        kinds = {"input": built.inputs, "param": built.params, "point": built.points}
        return types_text({kind: {k: n.type for k, n in of.items()} for kind, of in kinds.items()})
    if arguments.dump == "graph":
        return str(built.graph)
    output = choose.output(compiled, arguments.output)
    nodes = choose.wrt(compiled, request.wrt(arguments))
    adjoints = compiled.gradient(output, tuple(nodes.values()))
    found = [
        f"d/d{name} = {'0 (structurally zero)' if node is None else f'%{node.id}'}"
        for name, node in zip(nodes, adjoints, strict=True)
    ]
    return "\n".join([str(built.graph), *found])
