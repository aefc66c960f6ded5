"""`paramprog grad`: the value and the gradients."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from paramprog.cli import request
from paramprog.cli.data_options import data_options, need_data, read_rows
from paramprog.cli.document import document
from paramprog.cli.dump import dump
from paramprog.cli.layout import Row, indented, values_text
from paramprog.cli.options import gradient_options, output_options, program_options
from paramprog.cli.terminal import Reply, remark
from paramprog.diagnostics import fail

if TYPE_CHECKING:
    from paramprog.analyses.uses import Use
    from paramprog.results import Gradient

USAGE = "FILE [options]"
SUMMARY = "compute the value and the gradients"
DESCRIPTION = (
    "Compute a real scalar output and its gradient with respect to points of the program. With --data it is the mean "
    "over the rows of a file."
)


def configure(parser: ArgumentParser) -> None:
    program_options(parser)
    gradient_options(parser, modes=("reverse", "forward", "paths"))
    data_options(parser, "write value and gradients to a .npz file")
    parser.add_argument("--per-sample", action="store_true", help="those of each row, not of the mean")
    output_options(parser, dump=True)
    parser.add_argument_group("the program of the gradient").add_argument(
        "--emit",
        choices=("pp", "c", "python"),
        help="print the gradient as a program: in the language itself, in C99, or as a NumPy function",
    )
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Reply:
    """`R = value`, then `dR/dX = gradient` for each X; or the program of both. Raises ProgramError."""
    if arguments.dump:
        return dump(arguments)
    if arguments.data is not None:
        return on_rows(arguments)
    need_data(arguments, "per_sample")
    program = request.program(arguments)
    if arguments.emit:
        given = request.values(arguments)
        wrt, output = request.wrt(arguments), arguments.output
        if arguments.emit == "c":
            text = program.export(given, wrt=wrt, output=output, seed=arguments.seed)
        else:
            text = program.gradient_program(given, wrt=wrt, output=output, language=arguments.emit)
        if arguments.json:
            return Reply(document(function=program.function, language=arguments.emit, program=text))
        return Reply(text)
    result = program.grad(
        request.values(arguments),
        wrt=request.wrt(arguments),
        mode=arguments.mode,
        seed=arguments.seed,
        output=arguments.output,
        max_paths=arguments.max_paths,
        by_use=arguments.by_use,
        memory=arguments.memory,
        backend=arguments.backend,
    )
    compiled = result.point.compiled
    remark(_notes(result), [*compiled.checked.report.diagnostics, *result.warnings], quiet=arguments.quiet)
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
        return Reply(document(**entries, **_memory(result)))
    return Reply(_text(result, arguments) + _uses_text(result.by_use or {}))


def on_rows(arguments: Namespace) -> Reply:
    """The mean over the rows of --data and its gradients, or with --per-sample those of each. Raises ProgramError."""
    from paramprog.cli import tables
    from paramprog.fitting.archive import pack

    if arguments.emit:
        raise fail("batch-mode", "`--emit` prints the program of one sample", None, "leave out `--data`")
    if arguments.out is not None:
        tables.check_suffix(arguments.out, (".npz",))
    program = request.program(arguments)
    from paramprog.fitting.threads import one_thread

    with one_thread():
        rows, given = read_rows(arguments, program)
        with rows.places():
            result = rows.program.grad(
                rows.inputs,
                given,
                request.wrt(arguments),
                arguments.mode,
                arguments.seed,
                arguments.output,
                by_use=arguments.by_use,
                batch=rows.names,
                per_sample=arguments.per_sample,
                memory=arguments.memory,
                backend=arguments.backend,
            )
    warnings = [*result.point.compiled.checked.report.diagnostics, *map(rows.of_row, result.warnings)]
    remark(_notes(result), warnings, quiet=arguments.quiet)
    if arguments.out is not None:
        found = {"value": result.value} | {f"gradient/{k}": g for k, g in result.gradients.items()}
        tables.write_file(arguments.out, pack(found))
        remark([f"value and gradients written to {arguments.out}"], [], quiet=arguments.quiet)
        return Reply(document(rows=rows.bound.rows, out=arguments.out) if arguments.json else "")
    if arguments.json:
        entries = {
            "function": program.function,
            "rows": rows.bound.rows,
            "value": result.value,
            "gradients": result.gradients,
            "inputs": {k: v for k, v in result.point.inputs.items() if k not in rows.names},
            "params": result.point.params,
            "structural_zero": result.structural_zero,
        }
        return Reply(document(**entries, **_memory(result)))
    return Reply(_text(result, arguments))


def _notes(result: Gradient) -> list[str]:
    """What was drawn, and how loops keep to the memory that they may hold."""
    from paramprog.analyses.budget import note

    return [*result.point.notes, *([] if result.memory is None else [note(result.memory)])]


def _memory(result: Gradient) -> dict[str, object]:
    from paramprog.analyses.budget import to_json

    return {} if result.memory is None else {"memory": to_json(result.memory)}


def _text(result: Gradient, arguments: Namespace) -> str:
    output = arguments.output or next(iter(result.point.compiled.built.outputs))
    rows = [Row(output, result.value)]
    for name, gradient in result.gradients.items():
        zero = "structurally zero" if name in result.structural_zero else ""
        rows.append(Row(f"d{output}/d{name}", gradient, zero))
    return values_text(rows)


def _uses_text(by_use: Mapping[str, Sequence[Use]]) -> str:
    """For each name, `line:column source = what the use adds`."""
    from paramprog.explain.uses import place, remark

    return "".join(
        f"\nuses of {name}:\n" + indented(values_text([Row(place(u), u.value, remark(u)) for u in uses]))
        for name, uses in by_use.items()
    )
