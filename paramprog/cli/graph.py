"""`paramprog graph`: the flow graph as text, DOT, Mermaid or a picture."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from paramprog.cli import request
from paramprog.cli.document import document
from paramprog.cli.options import output_options, program_options
from paramprog.cli.terminal import Reply, remark
from paramprog.diagnostics import fail, printable

if TYPE_CHECKING:
    from paramprog.explain.render import Format

USAGE = "FILE [options]"
SUMMARY = "draw the flow graph"
DESCRIPTION = (
    "Draw the flow graph of a program: a vertex for each operation, an arrow for each use. Branches are drawn "
    "with both their sides, unless --values, --grads or --executed ask for a run: then what was executed is drawn."
)
ENDINGS: dict[str, Format] = {
    ".svg": "svg",
    ".png": "png",
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
}
FORMATS = ("text", "dot", "mermaid", "svg", "png")
"""`explain.render.FORMATS`, which cannot be imported before it must."""


def configure(parser: ArgumentParser) -> None:
    program_options(parser)
    group = parser.add_argument_group("the drawing")
    group.add_argument(
        "--format",
        choices=FORMATS,
        help="default: text, or by the ending of --out; svg and png need Graphviz",
    )
    group.add_argument("--out", metavar="FILE", help="write the drawing into this file")
    group.add_argument("--levels", action="store_true", help="also what can be computed at the same time")
    group.add_argument("--values", action="store_true", help="also the value of each point")
    group.add_argument(
        "--grads", action="store_true", help="also the adjoint of each point, d(output)/d(point)"
    )
    group.add_argument("--executed", action="store_true", help="what was run, instead of the program")
    output_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Reply:
    """The drawing, on stdout or in a file; with --json the vertices. Raises ProgramError."""
    from paramprog.explain.render import render, to_json

    chosen: Format = arguments.format or _by_ending(arguments.out)
    if (
        chosen == "png"
        and not arguments.json
        and arguments.out is None
        and (sys.stdout is None or sys.stdout.isatty())
    ):
        raise fail(
            "binary-output", "a png is no text for a terminal", None, "write it into a file: `--out FILE.png`"
        )
    program, given = request.program(arguments), request.values(arguments)
    point = None
    if arguments.values or arguments.grads or arguments.executed:
        point = program.point(given, seed=arguments.seed)
        remark(point.notes, [], quiet=arguments.quiet)
    compiled = point.compiled if point is not None else program.compiled(given)
    remark([], compiled.checked.report.diagnostics, quiet=arguments.quiet)
    subject = program.subject(
        compiled, point, values=arguments.values, grads=arguments.grads, output=arguments.output
    )
    if arguments.json:
        return Reply(document(function=program.function, **to_json(subject, levels=arguments.levels)))
    made = render(subject, chosen, levels=arguments.levels)
    if arguments.out is not None:
        return _written(arguments.out, made)
    if isinstance(made, bytes):
        return _binary(made)
    return Reply(made)


def _by_ending(out: str | None) -> Format:
    ending = Path(out or "").suffix.lower()
    if ending not in ENDINGS and ending not in ("", ".txt"):
        known = ", ".join(["txt", *(e.removeprefix(".") for e in ENDINGS)])
        hint = f"the endings are {known}; or say what it is: `--format text`"
        message = (
            f"`{printable(out or '')}` cannot be written: `{printable(ending)}` is no format of a drawing"
        )
        raise fail("unwritable", message, None, hint)
    return ENDINGS.get(ending, "text")


def _written(out: str, made: str | bytes) -> Reply:
    try:
        Path(out).write_bytes(made if isinstance(made, bytes) else made.encode())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no name of a file"
        raise fail("unwritable", f"`{out}` cannot be written: {reason}") from None
    return Reply(f"wrote {printable(out)}\n")


def _binary(made: bytes) -> Reply:
    try:
        sys.stdout.buffer.write(made)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        pass
    except OSError as error:
        raise fail("unwritable", f"standard output cannot be written: {error.strerror}") from None
    return Reply("")
