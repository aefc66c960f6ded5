"""`paramprog paths`: how many paths carry the gradient, and which of them carry most."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from paramprog.cli import request
from paramprog.cli.document import document
from paramprog.cli.options import output_options, positive, program_options, wrt_option
from paramprog.cli.terminal import Reply, remark
from paramprog.diagnostics import printable

USAGE = "FILE [options]"
SUMMARY = "count the paths to the output and list the heaviest"
DESCRIPTION = (
    "Count the paths from points of the program to a real scalar output, exactly, and list those that contribute "
    "most to the gradient. Between scalars a path contributes the product of its derivatives. Between arrays it "
    "contributes an array, whose Euclidean norm is its weight; candidates are chosen by upper bounds of the weight, "
    "and what the bounds leave open is said. The share is the part of the gradient that a path makes up."
)


def configure(parser: ArgumentParser) -> None:
    program_options(parser)
    group = parser.add_argument_group("the paths")
    wrt_option(group, "from these points")
    group.add_argument("--top", metavar="N", type=positive, default=10, help="how many to list (default: 10)")
    output_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Reply:
    """The counts and the table of the heaviest. Raises ProgramError."""
    from paramprog.explain.paths import table, to_json

    program = request.program(arguments)
    point = program.point(request.values(arguments), seed=arguments.seed)
    remark(point.notes, point.compiled.checked.report.diagnostics, quiet=arguments.quiet)
    found = program.paths(
        point.inputs,
        point.params,
        request.wrt(arguments),
        arguments.top,
        seed=arguments.seed,
        output=arguments.output,
    )
    if arguments.json:
        return Reply(document(function=program.function, output=found.output, **to_json(found)))
    return Reply("".join(f"{printable(line)}\n" for line in table(found).splitlines()))
