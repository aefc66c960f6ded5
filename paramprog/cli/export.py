"""`paramprog export`: value and gradient as a source that needs no paramprog."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from paramprog.cli import request
from paramprog.cli.document import document
from paramprog.cli.options import output_options, program_options, wrt_option
from paramprog.cli.terminal import Reply, remark

USAGE = "FILE --to LANGUAGE [options]"
SUMMARY = "write value and gradient as C or Python source"
DESCRIPTION = (
    "Write a real scalar output and its gradient as a source that stands alone: C99 that allocates nothing and needs "
    "math.h only, with an example main, or a NumPy function."
)


def configure(parser: ArgumentParser) -> None:
    program_options(parser)
    group = parser.add_argument_group("the source")
    group.add_argument("--to", choices=("c", "python"), required=True, help="C99, or Python with NumPy")
    group.add_argument("--out", metavar="FILE", help="write it to this file")
    wrt_option(group, "by these points")
    output_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Reply:
    """The source, on standard output or in --out. Raises ProgramError."""
    program = request.program(arguments)
    text = program.export(
        request.values(arguments),
        wrt=request.wrt(arguments),
        output=arguments.output,
        language=arguments.to,
        seed=arguments.seed,
    )
    if arguments.out is not None:
        from paramprog.cli import tables

        tables.write_file(arguments.out, text.encode())
        remark([f"{program.function} written to {arguments.out}"], [], quiet=arguments.quiet)
        return Reply(
            document(function=program.function, language=arguments.to, out=arguments.out)
            if arguments.json
            else ""
        )
    return Reply(
        document(function=program.function, language=arguments.to, program=text) if arguments.json else text
    )
