"""`paramprog verify`: the gradient against its definition and against independent oracles."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from paramprog.cli import request
from paramprog.cli.document import document
from paramprog.cli.dump import dump
from paramprog.cli.failures import FAULT
from paramprog.cli.options import gradient_options, output_options, positive, program_options
from paramprog.cli.terminal import Reply, remark

USAGE = "FILE [options]"
SUMMARY = "check the gradients against the sum over all paths and other oracles"
DESCRIPTION = "Compute the gradients by several means and say how far they agree; exit 1 if they do not."


def configure(parser: ArgumentParser) -> None:
    program_options(parser)
    gradient_options(parser)
    text = "also compute exactly, in rational arithmetic, and check the rule of every operation at its place"
    parser.add_argument("--exact", action="store_true", help=text)
    text = "also the N nearest boundaries of branches, roundings, max and the like, and what jumps there (default: 10)"
    parser.add_argument("--kinks", metavar="N", nargs="?", type=positive, const=10, default=0, help=text)
    output_options(parser, dump=True)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Reply:
    """The table of all checks. Raises ProgramError."""
    if arguments.dump:
        return dump(arguments)
    from paramprog.verify.report import table, to_json

    program = request.program(arguments)
    point = program.point(request.values(arguments), seed=arguments.seed)
    remark(point.notes, point.compiled.checked.report.diagnostics, quiet=arguments.quiet)
    report = program.verify(
        point.inputs,
        point.params,
        request.wrt(arguments),
        seed=arguments.seed,
        output=arguments.output,
        max_paths=arguments.max_paths,
        exact=arguments.exact,
        kinks=arguments.kinks,
    )
    text = document(**to_json(report)) if arguments.json else f"{table(report)}\n"
    return Reply(text, 0 if report.ok else FAULT)
