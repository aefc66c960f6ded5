"""Rows of a data file as samples of a program that is fitted: what `run --data` and `grad --data` evaluate.

An argument of the entry function takes columns as in training (`fitting.columns`); one whose value is given otherwise,
or that the chosen output does not need, takes none. Inputs that were scaled in training are scaled in the same way.
Findings about a sample are told with its place in the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from paramprog import choose
from paramprog.compile.backend import Backend
from paramprog.data import Table
from paramprog.diagnostics import Diagnostic, ProgramError, fail
from paramprog.fitting.columns import Bound, bind
from paramprog.fitting.scaling import Scaling
from paramprog.many import Many, OfSample
from paramprog.pipeline import Compiled
from paramprog.program import Program
from paramprog.types import dims_text

Values = Mapping[str, Any]
Bindings = Sequence[tuple[str, str]]


@dataclass(frozen=True, eq=False)
class Rows:
    """A table bound to the arguments of a program; `inputs` [rows, *shape] are those that it gives, scaled.

    `program` is the one that was asked for, with the sizes that the table gives.
    """

    program: Program
    bound: Bound
    inputs: dict[str, NDArray[Any]]
    scaled: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.inputs)

    def many(self, given: Values, seed: int, output: str | None, backend: Backend = "auto") -> Many:
        """The rows as samples; `given` are the values of everything else."""
        return self.program.many(self.inputs, given, seed, self.names, output, backend=backend)

    @contextmanager
    def places(self) -> Iterator[None]:
        """Faults of samples raised inside are told with their place in the file."""
        try:
            yield
        except ProgramError as error:
            raise ProgramError(self.at_cell(d) for d in error.diagnostics) from None

    def at_cell(self, d: Diagnostic) -> Diagnostic:
        """A fault of a sample at the int in the file that the message names, else at the row."""
        if not isinstance(d, OfSample):
            return d
        at = "" if d.span is None else f" (at {d.span!r} of the program)"
        for name, values in self.bound.arrays.items():
            if values.dtype.kind == "i":
                for entry, value in enumerate(values[d.sample].ravel().tolist()):
                    if f" {value} " in f" {d.bare} ":
                        cell = self.bound.place(d.sample, name, entry)
                        return Diagnostic(d.code, f"`{name}` is {value}: {d.bare}{at}", cell, d.hint)
        cell = self.bound.place(d.sample, next(iter(self.bound.arrays)))
        return Diagnostic(d.code, f"this row has no value: {d.bare}{at}", cell, d.hint)

    def of_row(self, d: Diagnostic) -> Diagnostic:
        """A warning about a sample, with its line in the file."""
        if not isinstance(d, OfSample):
            return d
        table = self.bound.table
        return replace(d, message=f"{d.bare}, for {table.path}:{table.line(d.sample)}")


def rows(
    program: Program,
    table: Table,
    given: Values,
    bindings: Bindings = (),
    output: str | None = None,
    scaling: Scaling | None = None,
) -> Rows:
    """The columns of the table for the arguments that `output` (None: all outputs) needs and `given` has not.

    Raises ProgramError as `columns.bind` does; data-column when no argument takes a column.
    """
    for name, text in bindings:
        if name in given:
            message = f"`{name}` is bound to the columns `{text}`, and a value is given for it too"
            raise fail("data-column", message, None, "leave out one of them")
    compiled = _compiled(program, given)
    arguments, free = program.wanted(given)
    if compiled is None:  # sizes first, from the arguments that have open ones
        sized = {
            k: w._replace(has_default=True)
            for k, w in arguments.items()
            if k not in given and any(d in free for d in w.dims)
        }
        sizes = bind(table, sized, [b for b in bindings if b[0] in sized], free).sizes
        dims = {**program.dims, **sizes}
        program = Program(program.source, program.function, dims, program.dtype, program.max_nodes)
        compiled = program.compiled(given)
        arguments, free = program.wanted(given)
    needed = choose.inputs(compiled, output)
    taken = {k: w for k, w in arguments.items() if k in needed and k not in given}
    if not taken:
        which = f"the output `{output}` needs" if output else "the outputs need"
        message = f"{which} no argument that could take a column: it would be the same for all rows"
        raise fail("data-column", message)
    known = [(name, text) for name, text in bindings if name in taken or name not in arguments]
    bound = bind(table, taken, known, free)
    inputs, scaled = _scaled(bound.arrays, scaling)
    return Rows(program, bound, inputs, scaled)


def _compiled(program: Program, given: Values) -> Compiled | None:
    """The program with the sizes that are known without the data, if they are enough."""
    try:
        return program.compiled(given)
    except ProgramError as error:
        if any(d.code != "dim-unbound" for d in error.diagnostics):
            raise
    return None


def _scaled(
    arrays: Mapping[str, NDArray[Any]], scaling: Scaling | None
) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """The arrays with those scaled that have a scale, and their names."""
    if scaling is None:
        return dict(arrays), ()
    names = tuple(name for name in arrays if name in scaling.shift)
    for name in names:
        shape, fitted = arrays[name].shape[1:], scaling.shift[name].shape
        if shape != fitted:
            message = f"`{name}` was scaled with the shape {dims_text(fitted)}; in the data it has {dims_text(shape)}"
            raise fail("data-width", message, None, "give data as wide as those that it was trained on")
    return scaling.apply(arrays), names
