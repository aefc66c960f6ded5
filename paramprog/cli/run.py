"""`paramprog run`: the values of the outputs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from paramprog.cli import request
from paramprog.cli.data_options import data_options, need_data, read_rows
from paramprog.cli.document import document
from paramprog.cli.dump import dump
from paramprog.cli.layout import Row, values_text
from paramprog.cli.options import output_options, program_options
from paramprog.cli.terminal import Reply, remark

USAGE = "FILE [options]"
SUMMARY = "compute the value of a program"
DESCRIPTION = (
    "Compute the value of a program. What is not given has its default, its init, or is drawn. With --data it is "
    "computed for each row of a file."
)


def configure(parser: ArgumentParser) -> None:
    program_options(parser)
    data_options(
        parser, "write the outputs for all rows to a .csv, .npz or .parquet file (default: CSV on stdout)"
    )
    output_options(parser, dump=True)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Reply:
    """`name = value` for each output, or for the one chosen; with --data a table of them. Raises ProgramError."""
    if arguments.dump:
        return dump(arguments)
    if arguments.data is not None:
        return on_rows(arguments)
    need_data(arguments)
    program = request.program(arguments)
    result = program.run(
        request.values(arguments), seed=arguments.seed, output=arguments.output, backend=arguments.backend
    )
    checked = result.point.compiled.checked.report.diagnostics
    outputs = result.outputs
    remark(result.point.notes, [*checked, *result.warnings], quiet=arguments.quiet)
    if arguments.json:
        return Reply(document(value=outputs if len(outputs) > 1 else next(iter(outputs.values()))))
    return Reply(values_text([Row(name, value) for name, value in outputs.items()]))


def on_rows(arguments: Namespace) -> Reply:
    """The outputs for each row of --data, in the order of the file. Raises ProgramError."""
    from paramprog import choose
    from paramprog.cli import tables

    if arguments.out is not None:
        tables.check_suffix(arguments.out, tables.WRITERS)
    program = request.program(arguments)
    from paramprog.fitting.threads import one_thread

    with one_thread():
        rows, given = read_rows(arguments, program)
        many = rows.many(given, arguments.seed, arguments.output, arguments.backend)
        compiled = many.point.compiled
        remark(many.point.notes, compiled.checked.report.diagnostics, quiet=arguments.quiet)
        with rows.places():
            result = many.run(choose.outputs(compiled, arguments.output))
    remark([], map(rows.of_row, result.warnings), quiet=arguments.quiet)
    outputs = result.outputs
    if arguments.out is not None:
        tables.write_table(arguments.out, outputs)
        remark([f"{many.size} rows written to {arguments.out}"], [], quiet=arguments.quiet)
        return Reply(document(rows=many.size, out=arguments.out) if arguments.json else "")
    if arguments.json:
        return Reply(document(value=outputs if len(outputs) > 1 else next(iter(outputs.values()))))
    return Reply(tables.csv_text(outputs))
