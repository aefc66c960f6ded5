"""`paramprog grad`: the value and the gradients."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from paramprog.cli import request
from paramprog.cli.document import document
from paramprog.cli.dump import dump
from paramprog.cli.layout import Row, indented, values_text
from paramprog.cli.options import gradient_options, output_options, program_options
from paramprog.cli.terminal import Reply, remark

if TYPE_CHECKING:
    from paramprog.analyses.uses import Use

USAGE = "FILE [options]"
SUMMARY = "compute the value and the gradients"
DESCRIPTION = "Compute a real scalar output and its gradient with respect to points of the program."


def configure(parser: ArgumentParser) -> None:
    program_options(parser)
    gradient_options(parser, modes=("reverse", "forward", "paths"))
    output_options(parser, dump=True)
    parser.add_argument_group("the program of the gradient").add_argument(
        "--emit",
        choices=("pp", "python"),
        help="print the gradient as a program: in the language itself, or as a NumPy function",
    )
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Reply:
    """`R = value`, then `dR/dX = gradient` for each X; or the program of both. Raises ProgramError."""
    if arguments.dump:
        return dump(arguments)
    program = request.program(arguments)
    if arguments.emit:
        given = request.values(arguments)
        wrt, output = request.wrt(arguments), arguments.output
        return Reply(program.gradient_program(given, wrt=wrt, output=output, language=arguments.emit))
    result = program.grad(
        request.values(arguments),
        wrt=request.wrt(arguments),
        mode=arguments.mode,
        seed=arguments.seed,
        output=arguments.output,
        max_paths=arguments.max_paths,
        by_use=arguments.by_use,
    )
    compiled = result.point.compiled
    remark(
        result.point.notes, [*compiled.checked.report.diagnostics, *result.warnings], quiet=arguments.quiet
    )
    if arguments.json:
        entries = {
            "function": program.function,
            "value": result.value,
            "gradients": result.gradients,
            "inputs": result.point.inputs,
            "params": result.point.params,
            "structural_zero": result.structural_zero,
        }
        if result.by_use is not None:
            from paramprog.explain.uses import to_json

            entries["by_use"] = to_json(result.by_use)
        return Reply(document(**entries))
    output = arguments.output or next(iter(compiled.built.outputs))
    rows = [Row(output, result.value)]
    for name, gradient in result.gradients.items():
        zero = "structurally zero" if name in result.structural_zero else ""
        rows.append(Row(f"d{output}/d{name}", gradient, zero))
    return Reply(values_text(rows) + _uses_text(result.by_use or {}))


def _uses_text(by_use: Mapping[str, Sequence[Use]]) -> str:
    """For each name, `line:column source = what the use adds`."""
    from paramprog.explain.uses import place, remark

    return "".join(
        f"\nuses of {name}:\n" + indented(values_text([Row(place(u), u.value, remark(u)) for u in uses]))
        for name, uses in by_use.items()
    )
