"""What is to be fitted to what: a program and a table made into an objective, its rows, and the params at the start.

All faults of the data are found here, before the first step and before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.compile.backend import Backend, Chosen
from paramprog.data import Kind, Table
from paramprog.diagnostics import Diagnostic, ProgramError, fail
from paramprog.fitting.column_names import select
from paramprog.fitting.columns import Bound, Wanted, bind
from paramprog.fitting.faults import Places, no_value, unused
from paramprog.fitting.layout import Vector
from paramprog.fitting.loop import Data
from paramprog.fitting.objective import Objective
from paramprog.fitting.scaling import PREFIX, Scaling
from paramprog.fitting.settings import Settings
from paramprog.fitting.split import split
from paramprog.graph import Graph, Node
from paramprog.graph.graph import bodies
from paramprog.pipeline import Compiled
from paramprog.program import Program
from paramprog.types import dims_text

Values = Mapping[str, Any]


@dataclass(eq=False)
class Task:
    """`theta` are the params at the start; `settings` are resolved; `digest` is the sha256 of the program's files."""

    program: Program
    table: Table
    settings: Settings
    objective: Objective
    data: Data
    theta: Vector
    scaling: Scaling | None
    digest: str
    computing: Chosen
    notes: list[str]
    warnings: list[Diagnostic]


def prepare(
    program: Program, table: Table, settings: Settings, start: Values, backend: Backend | None = None
) -> Task:
    """The task; `start` are params (and scales) to start from, `backend` what computes if not what the settings say.

    Raises ProgramError: what `bind`, `split` and `Program.point` raise; loss-fit when the output is no loss and none is
    asked for, or does not go with it; no-params; index-range at the cell of a label that does not exist.
    """
    arguments, free = program.wanted()
    target = _target_name(arguments) if settings.target is not None else None
    bound = _bound(table, arguments, free, settings, target)
    names = [name for name in arguments if name in bound.arrays]
    params = {name: value for name, value in start.items() if not name.startswith(PREFIX)}
    point = program.point({name: bound.arrays[name][0] for name in names}, params, settings.seed)
    compiled = point.compiled
    digest = _digest(program, compiled)
    output = settings.output or next(iter(compiled.built.outputs))
    _check(compiled, output, settings)
    fixed = {name: value for name, value in point.inputs.items() if name not in names}
    seed, memory = settings.seed, settings.memory
    computing = backend or settings.backend
    objective = Objective(compiled, names, fixed, output, settings.loss, target, seed, memory, computing)
    if not objective.params:
        raise fail("no-params", f"`{program.function}` has no params, so there is nothing to fit")
    arrays = {name: bound.arrays[name] for name in names}
    if target is not None:
        arrays[target] = _as_predicted(bound, target, objective.prediction, settings)
    if not arrays:
        raise fail("data-column", f"no argument of the program takes a column of {table.called}")
    labels = arrays[target] if target is not None and settings.loss == "cross_entropy" else None
    training, validation = split(table.rows, settings.val, settings.seed, labels)
    scaling = _scaling(arguments, bound, settings, start, training)
    scaled = {
        k: _cast(k, v, settings, bound) for k, v in (scaling.apply(arrays) if scaling else arrays).items()
    }
    parts = [{name: a[part] for name, a in scaled.items()} for part in (training, validation)]
    data = Data(parts[0], parts[1] if len(validation) else None, Places(bound, training))
    theta = objective.layout.vector({name: point.params[name] for name in objective.layout.shapes})
    for rows, part in zip(parts, (training, validation), strict=True):
        if len(part):
            _check_rows(objective, theta, rows, Places(bound, part))
    notes = unused(bound, point.inputs)
    chosen = _chosen(objective, data, settings)
    if chosen.backend == "c":
        notes.append(f"steps are computed by C, compiled by {chosen.toolchain}")
    elif chosen.note:
        notes.append(f"steps are computed by NumPy: {chosen.note}")
    warnings = compiled.checked.report.diagnostics
    return Task(program, table, settings, objective, data, theta, scaling, digest, chosen, notes, warnings)


def _chosen(objective: Objective, data: Data, settings: Settings) -> Chosen:
    """What computes the steps, of which there are about as many as batches in all epochs."""
    size = data.size if settings.batch in (None, "full") else min(int(settings.batch or 1), data.size)
    objective.runs = max(1, (settings.epochs or 1) * (data.size // max(size, 1)))
    return objective.chosen(size)


# ---- columns -----------------------------------------------------------------------------------------------------


def _target_name(arguments: Mapping[str, Wanted]) -> str:
    """What the target is called among the arguments, all of which have other names."""
    name = "target"
    while name in arguments:
        name += "_"
    return name


def _bound(
    table: Table,
    arguments: Mapping[str, Wanted],
    free: Mapping[str, int | None],
    settings: Settings,
    target: str | None,
) -> Bound:
    bindings = list(settings.bind.items())
    wanted = dict(arguments)
    if target is not None:
        assert settings.target is not None
        kind: Kind = "int" if settings.loss == "cross_entropy" else "real"
        first, *others = select(table, target, settings.target)
        cell = table.numbers(first, kind).shape[1:]
        wanted[target] = Wanted(kind, (None,) if others or not cell else cell, False)
        bindings.append((target, settings.target))
    return bind(table, wanted, bindings, free)


def _as_predicted(bound: Bound, target: str, prediction: Node, settings: Settings) -> NDArray[Any]:
    """The target's rows in the shape that the loss compares with the prediction."""
    found = bound.arrays[target]
    shape = () if settings.loss == "cross_entropy" else prediction.shape
    if found[0].size != np.prod(shape, dtype=int) or (found.ndim > 2 and found.shape[1:] != shape):
        columns = bound.columns[target]
        what = f"{len(columns)} columns" if len(columns) > 1 else f"one column, `{columns[0]}`,"
        inside = (
            f" with cells of shape {dims_text(found.shape[1:])}"
            if len(columns) == 1 and found[0].size > 1
            else ""
        )
        wanted = "one label" if settings.loss == "cross_entropy" else f"a target for {prediction.type}"
        message = f"{what}{inside} cannot be {wanted} in each row"
        count = int(np.prod(shape, dtype=int))
        hint = f"name {count} columns" if count > 1 else "name one column"
        raise fail("data-width", message, bound.table.header(), f"{hint}: --target COLUMNS")
    return found.reshape(len(found), *shape)


def _scaling(
    arguments: Mapping[str, Wanted],
    bound: Bound,
    settings: Settings,
    start: Values,
    training: NDArray[np.int64],
) -> Scaling | None:
    """The scales that the params at the start were fitted with, if any, else new ones if they are asked for."""
    known = Scaling.from_arrays({k: np.asarray(v) for k, v in start.items() if k.startswith(PREFIX)})
    if known.shift:
        for name in known.shift.keys() & bound.arrays.keys():
            if known.shift[name].shape != bound.arrays[name].shape[1:]:
                message = f"`{name}` has the shape {dims_text(bound.arrays[name].shape[1:])}"
                scale = f"the params to start from have a scale for {dims_text(known.shift[name].shape)}"
                raise fail("values-file", f"{message}, and {scale}")
        return known
    if settings.scale is None:
        return None
    names = [name for name, wanted in arguments.items() if wanted.kind == "real" and name in bound.arrays]
    return Scaling.fit(settings.scale, bound.arrays, names, training)


def _cast(name: str, array: NDArray[Any], settings: Settings, bound: Bound) -> NDArray[Any]:
    """In the precision of the run. Raises ProgramError at a cell that is too large for it."""
    if array.dtype.kind != "f":
        return array
    with np.errstate(over="ignore"):
        found = array.astype(settings.dtype, copy=False)
    lost = np.argwhere(np.isinf(found).reshape(len(found), -1))
    if len(lost):
        row, entry = map(int, lost[0])
        value = array.reshape(len(array), -1)[row, entry]
        message = f"{value:g} is too large for a {settings.dtype}"
        raise fail("data-nonfinite", message, bound.place(row, name, entry), "use --dtype float64")
    return found


# ---- checks ------------------------------------------------------------------------------------------------------


def _check(compiled: Compiled, output: str, settings: Settings) -> None:
    """A loss is a real scalar."""
    node = compiled.built.outputs.get(output)
    if node is None or settings.loss is not None:  # the objective says what is wrong
        return
    if node.kind != "real" or node.shape:
        message = f"training minimises a real scalar, and `{output}` is {node.type}"
        hint = "compare it with a column: --loss squared --target COLUMN (or cross_entropy, for labels)"
        raise fail("loss-fit", message, node.span, hint)


def _check_rows(objective: Objective, theta: Vector, rows: Mapping[str, Any], places: Places) -> None:
    """Every row has a loss; whether it is finite, the steps will see."""
    try:
        objective.measure(theta, rows)
    except ProgramError:
        error = no_value(objective, theta, rows, places)
        if error is None:
            raise
        raise error from None


# ---- identity ----------------------------------------------------------------------------------------------------


def _digest(program: Program, compiled: Compiled) -> str:
    """The sha256 of the name of the function and of the text of every file that the graph comes from."""
    texts = {program.source.text} | {item.name.span.source.text for item in compiled.checked.items.values()}
    texts |= {n.span.source.text for n in _nodes(compiled.built.graph) if n.span is not None}
    found = sha256(program.function.encode())
    for text in sorted(texts):
        found.update(sha256(text.encode()).digest())
    return found.hexdigest()


def _nodes(graph: Graph) -> Iterator[Node]:
    """All nodes, those of regions included."""
    pending = [graph]
    while pending:
        for node in pending.pop().nodes:
            yield node
            pending += bodies(node)
