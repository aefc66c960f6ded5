"""`paramprog check`: parse, check, and report the shapes of all points."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from paramprog.cli import request
from paramprog.cli.document import document
from paramprog.cli.dump import dump
from paramprog.cli.failures import FAULT
from paramprog.cli.layout import types_text
from paramprog.cli.options import output_options, program_options
from paramprog.cli.terminal import Reply, complain, remark
from paramprog.diagnostics import Diagnostic, ProgramError

if TYPE_CHECKING:
    from paramprog.graph import Node
    from paramprog.pipeline import Compiled

USAGE = "FILE [options]"
SUMMARY = "check a program and report the shapes of its points"
DESCRIPTION = "Parse and check a program, and report the shapes of all points of its entry function."


def configure(parser: ArgumentParser) -> None:
    program_options(parser)
    output_options(parser, dump=True)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Reply:
    """The signature and the shapes; with --json a document, also when there are errors.

    Raises ProgramError, but not with --json.
    """
    from paramprog import choose

    if arguments.dump:
        return dump(arguments)
    try:
        program = request.program(arguments)
        given = request.values(arguments)
        compiled = program.compiled(given)
        outputs = choose.outputs(compiled, arguments.output)
        warnings = program.check(given, seed=arguments.seed)
    except ProgramError as error:
        if not arguments.json:
            raise
        complain(error.diagnostics)
        found = [_entry(d) for d in error.diagnostics]
        return Reply(document(ok=False, diagnostics=found), FAULT)
    remark([], warnings, quiet=arguments.quiet)
    if arguments.json:
        built = compiled.built
        types = {"inputs": built.inputs, "params": built.params, "output": outputs}
        shapes = {key: _shapes(nodes) for key, nodes in types.items()}
        found = [_entry(d) for d in warnings]
        return Reply(document(ok=True, function=program.function, **shapes, diagnostics=found))
    return Reply(_summary(program.function, compiled))


def _summary(function: str, compiled: Compiled) -> str:
    built = compiled.built
    arguments = ", ".join(f"{name} : {node.type}" for name, node in built.inputs.items())
    results = ", ".join(str(node.type) for node in built.outputs.values())
    noise = {name: node for name, node in built.params.items() if compiled.checked.items[name].noise}
    params = {name: node for name, node in built.params.items() if name not in noise}
    kinds = {"param": params, "noise": noise, "point": built.points}
    rows = types_text({kind: {k: n.type for k, n in of.items()} for kind, of in kinds.items()})
    return f"function {function}({arguments}) -> {results}\n{rows}ok\n"


def _shapes(nodes: Mapping[str, Node]) -> dict[str, Any]:
    return {name: {"kind": node.kind, "shape": node.shape} for name, node in nodes.items()}


def _entry(diagnostic: Diagnostic) -> dict[str, Any]:
    span = diagnostic.span
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "file": None if span is None else span.source.name,
        "line": None if span is None else span.line,
        "column": None if span is None else span.column,
    }
