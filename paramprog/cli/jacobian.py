"""`paramprog jacobian`: the derivative of an output of any shape."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from paramprog.cli import request
from paramprog.cli.derivatives import asked, derivative_options, entries, zero_remark
from paramprog.cli.document import document
from paramprog.cli.layout import THRESHOLD, Row, value_text, values_text
from paramprog.cli.options import output_options
from paramprog.cli.terminal import Reply

if TYPE_CHECKING:
    from paramprog.sparse import Sparse

USAGE = "FILE [options]"
SUMMARY = "compute the value and the Jacobians of an output of any shape"
DESCRIPTION = (
    "Compute a real output and its Jacobians with respect to points of the program. The Jacobian of an output of shape "
    "[m] by a point of shape [n] has the shape [m, n]: entry [i, j] is the derivative of output i by entry j. With "
    "--sparse only the entries are computed that are no structural zeros at the point, from few products with vectors."
)


def configure(parser: ArgumentParser) -> None:
    group = derivative_options(
        parser,
        "the Jacobian",
        "a run for each entry of the output, or for each entry of the points (default: auto, the fewer)",
    )
    group.add_argument(
        "--sparse",
        action="store_true",
        help="in coordinates, rows and columns counted in flat arrays; for Jacobians that are mostly structural zeros",
    )
    output_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Reply:
    """`y = value`, then `dy/dX = Jacobian` for each X. Raises ProgramError."""
    program = request.program(arguments)
    result, output = asked(arguments, program.jacobian, sparse=arguments.sparse)
    if arguments.json:
        found: Any = result.jacobians
        if arguments.sparse:
            found = {name: coordinates(entry) for name, entry in result.jacobians.items()}
        own = entries(program, result, jacobian=found)
        colours = {"colours": result.colours} if arguments.sparse else {}
        return Reply(document(**own, structural_zero=result.structural_zero, mode=result.mode, **colours))
    if arguments.sparse:
        tables = [sparse_text(f"d{output}/d{name}", found) for name, found in result.jacobians.items()]
        way = f"{result.mode}, {result.colours} {'product' if result.colours == 1 else 'products'}\n"
        return Reply(values_text([Row(output, result.value)]) + "".join(tables) + way)
    rows = [Row(output, result.value)]
    for name, jacobian in result.jacobians.items():
        rows.append(Row(f"d{output}/d{name}", jacobian, zero_remark(name in result.structural_zero)))
    return Reply(values_text(rows))


def coordinates(found: Sparse) -> dict[str, Any]:
    """For JSON: the value in `values` stands in the row and the column at the same places; both are flat numbers."""
    return {"shape": found.shape, "rows": found.rows, "columns": found.columns, "values": found.values}


def sparse_text(name: str, found: Sparse) -> str:
    """`name : 4 x 6, 9 entries`, then the entries, those in the middle of a long list left out."""
    m, n = found.shape
    lines = [f"{name} : {m} x {n}, {found.nnz} {'entry' if found.nnz == 1 else 'entries'}"]
    shown = (
        range(found.nnz) if found.nnz <= THRESHOLD else (*range(3), None, *range(found.nnz - 3, found.nnz))
    )
    cells = [
        ("...", "", "")
        if k is None
        else (str(found.rows[k]), str(found.columns[k]), value_text(found.values[k]))
        for k in shown
    ]
    cells = [("row", "column", "value"), *cells] if cells else []
    widths = [max((len(cell[c]) for cell in cells), default=0) for c in (0, 1)]
    lines += [f"  {r:>{widths[0]}}  {c:>{widths[1]}}  {v}".rstrip() for r, c, v in cells]
    return "\n".join(lines) + "\n"
