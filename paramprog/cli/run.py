"""`paramprog run`: the values of the outputs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from paramprog.cli import request
from paramprog.cli.document import document
from paramprog.cli.dump import dump
from paramprog.cli.layout import Row, values_text
from paramprog.cli.options import output_options, program_options
from paramprog.cli.terminal import Reply, remark

USAGE = "FILE [options]"
SUMMARY = "compute the value of a program"
DESCRIPTION = "Compute the value of a program. What is not given has its default, its init, or is drawn."


def configure(parser: ArgumentParser) -> None:
    program_options(parser)
    output_options(parser, dump=True)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Reply:
    """`name = value` for each output, or for the one chosen. Raises ProgramError."""
    from paramprog import choose

    if arguments.dump:
        return dump(arguments)
    program = request.program(arguments)
    result = program.run(request.values(arguments), seed=arguments.seed)
    checked = result.point.compiled.checked.report.diagnostics
    outputs = {name: result.outputs[name] for name in choose.outputs(result.point.compiled, arguments.output)}
    remark(result.point.notes, [*checked, *result.warnings], quiet=arguments.quiet)
    if arguments.json:
        return Reply(document(value=outputs if len(outputs) > 1 else next(iter(outputs.values()))))
    return Reply(values_text([Row(name, value) for name, value in outputs.items()]))
