"""`paramprog jacobian`: the derivative of an output of any shape."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from paramprog.cli import request
from paramprog.cli.document import document
from paramprog.cli.layout import Row, values_text
from paramprog.cli.options import output_options, program_options, wrt_option
from paramprog.cli.terminal import Reply, remark

USAGE = "FILE [options]"
SUMMARY = "compute the value and the Jacobians of an output of any shape"
DESCRIPTION = (
    "Compute a real output and its Jacobians with respect to points of the program. The Jacobian of an output of shape "
    "[m] by a point of shape [n] has the shape [m, n]: entry [i, j] is the derivative of output i by entry j."
)


def configure(parser: ArgumentParser) -> None:
    program_options(parser)
    group = parser.add_argument_group("the Jacobian")
    wrt_option(group, "by these points")
    group.add_argument(
        "--mode",
        choices=("auto", "reverse", "forward"),
        default="auto",
        help="a run for each entry of the output, or for each entry of the points (default: auto, the fewer)",
    )
    output_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Reply:
    """`y = value`, then `dy/dX = Jacobian` for each X. Raises ProgramError."""
    program = request.program(arguments)
    result = program.jacobian(
        request.values(arguments),
        wrt=request.wrt(arguments),
        mode=arguments.mode,
        seed=arguments.seed,
        output=arguments.output,
    )
    compiled = result.point.compiled
    found = [*compiled.checked.report.diagnostics, *result.warnings]
    remark(result.point.notes, found, quiet=arguments.quiet)
    if arguments.json:
        entries = {
            "function": program.function,
            "value": result.value,
            "jacobian": result.jacobians,
            "inputs": result.point.inputs,
            "params": result.point.params,
            "structural_zero": result.structural_zero,
            "mode": result.mode,
        }
        return Reply(document(**entries))
    output = arguments.output or next(iter(compiled.built.outputs))
    rows = [Row(output, result.value)]
    for name, jacobian in result.jacobians.items():
        zero = "structurally zero" if name in result.structural_zero else ""
        rows.append(Row(f"d{output}/d{name}", jacobian, zero))
    return Reply(values_text(rows))
