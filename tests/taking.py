"""What every program can be sent through, whatever comes out."""

from __future__ import annotations

from paramprog.cli.document import document
from paramprog.explain.render import render, to_json
from paramprog.program import Program


def takes(program: Program) -> str:
    """`check`, `graph --values --grads`, as text and with --json, and `grad --emit` in both languages.

    Returns the printed program.
    """
    program.check()
    point = program.point()
    real = next(name for name, n in point.compiled.built.outputs.items() if n.kind == "real")
    drawn = program.subject(point.compiled, point, values=True, grads=True, output=real)
    assert document(**to_json(drawn)).startswith('{"schema"')
    assert render(drawn)
    assert program.gradient_program(output=real, language="python")
    return program.gradient_program(output=real)
