"""`paramprog hessian`: all second derivatives of a scalar output."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from paramprog.cli import request
from paramprog.cli.derivatives import asked, derivative_options, entries, zero_remark
from paramprog.cli.document import document
from paramprog.cli.layout import Row, values_text
from paramprog.cli.options import output_options
from paramprog.cli.terminal import Reply

USAGE = "FILE [options]"
SUMMARY = "compute the value, the gradient and the Hessian of a scalar output"
DESCRIPTION = (
    "Compute a real scalar output and its second derivatives with respect to points of the program. The block by "
    "points of shapes [m] and [n] has the shape [m, n]: entry [i, j] is the derivative by entry j of the second point "
    "of the derivative by entry i of the first one."
)


def configure(parser: ArgumentParser) -> None:
    derivative_options(
        parser,
        "the Hessian",
        "how the gradient is differentiated: a run for each entry of the points, or of the gradients "
        "(default: auto, which is forward)",
    )
    output_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Reply:
    """`y = value`, `dy/dA = gradient` for each A, then `d2y/dA dB = block` for each pair. Raises ProgramError."""
    program = request.program(arguments)
    result, output = asked(arguments, program.hessian)
    if arguments.json:
        own = entries(program, result, gradients=result.gradients, hessian=result.hessians)
        return Reply(document(**own, structural_zero=[list(pair) for pair in result.structural_zero]))
    rows = [Row(output, result.value)]
    rows += [Row(f"d{output}/d{name}", gradient) for name, gradient in result.gradients.items()]
    for a, blocks in result.hessians.items():
        for b, block in blocks.items():
            zero = zero_remark((a, b) in result.structural_zero)
            rows.append(Row(f"d2{output}/d{a} d{b}", block, zero))
    return Reply(values_text(rows))
