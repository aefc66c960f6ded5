"""What training minimises: the mean of a loss over rows of data, as a function of one vector of parameters.

L(theta) = 1/n sum over rows of loss(row, theta)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from paramprog import choose
from paramprog.analyses.budget import Fitted
from paramprog.analyses.nonfinite import finite, first_adjoint, first_value
from paramprog.compile.backend import Backend, Chosen
from paramprog.diagnostics import Diagnostic, ProgramError
from paramprog.evaluate import evaluate, trace
from paramprog.fitting.layout import Layout, Vector
from paramprog.fitting.losses import LOSSES
from paramprog.fitting.mean_gradient import MeanGradient
from paramprog.gradient import plain_or_none, pulled
from paramprog.graph import Node
from paramprog.lang.inits import DRAWS, Draw
from paramprog.pipeline import Compiled
from paramprog.samples import Samples

Rows = Mapping[str, Any]
"""For each input that comes from the data (and the target) its values, `[n, *shape]`."""

CHUNK = 1024
"""Rows evaluated at once where no gradient is wanted."""


class Blame(NamedTuple):
    """The first row of a batch for which something is wrong, and what."""

    row: int
    diagnostic: Diagnostic


@dataclass(eq=False)
class Objective:
    """The loss of a compiled program: its own real scalar output, or `loss` of an output and the input `target`.

    `rows` names the inputs that the data has; `fixed` holds the values of all others. Noise is drawn for each row.
    """

    compiled: Compiled
    rows: Sequence[str]
    fixed: Mapping[str, Any]
    output: str | None = None
    loss: str | None = None
    target: str | None = None
    seed: int = 0
    memory: int | None = None
    """Bytes that loops may hold for the gradient."""
    backend: Backend = "numpy"
    runs: int = 1
    """What computes, and about how many gradients are going to be wanted: see compile/backend.py."""
    figures: dict[str, Node] = field(init=False)
    """Further scalar outputs (and the accuracy of `cross_entropy`): their means are told beside the loss."""

    def __post_init__(self) -> None:
        built, items = self.compiled.built, self.compiled.checked.items
        prediction = choose.output(self.compiled, self.output, scalar=self.loss is None)
        self.prediction = prediction
        self.inputs = {name: built.inputs[name] for name in self.rows if name in built.inputs}
        self.figures = {
            name: n
            for name, n in built.outputs.items()
            if n is not prediction and not n.shape and n.kind == "real"
        }
        self.node = prediction
        if self.loss is not None:
            assert self.target is not None
            wrapped = LOSSES[self.loss](built.graph, prediction, self.target)
            self.node = wrapped.loss
            self.inputs[self.target] = wrapped.target
            self.figures |= wrapped.figures
        self.noise = {k: n for k, n in built.params.items() if k in items and items[k].noise}
        self.params = {k: n for k, n in built.params.items() if k not in self.noise}
        self.layout = Layout({k: n.shape for k, n in self.params.items()}, built.graph.real)
        rows = [*self.inputs.values(), *self.noise.values()]
        self._samples = Samples(rows, self.memory)
        self._gradient = np.zeros(self.layout.size, self.layout.real)
        self._gradients: dict[int, MeanGradient] = {}
        """By the number of rows; one that is for any number of them is there by each that there was."""
        self._constants = {built.inputs[k]: v for k, v in self.fixed.items() if k in built.inputs}

    @property
    def fitted(self) -> Fitted | None:
        """How loops keep to `memory`, once a gradient was computed."""
        return self._samples.fitted

    # ---- values and gradients ------------------------------------------------------------------------------------

    def value_and_gradient(self, theta: Vector, rows: Rows, step: int = 0) -> tuple[float, Vector]:
        """L and dL/dtheta on these rows; `step` numbers the draws of noise.

        The gradient is one vector, which the next call overwrites; until then the caller may change it. The caller's
        `np.errstate` holds. Raises ProgramError when an operation has no value for a row.
        """
        size = self._size(rows)
        evaluation = self._gradients.get(size)
        if evaluation is None:
            evaluation = self._made(size)
        if evaluation.theta is not theta:
            evaluation.bind(theta, self._values(theta, rows, size, step))
        return evaluation(rows, self._noise(size, step, 0) if self.noise else {}), self._gradient

    def _made(self, size: int) -> MeanGradient:
        """The gradient of so many rows, made, if there is none yet for any number of them."""
        for known in self._gradients.values():
            if known.chosen.for_any:
                self._gradients[size] = known
                return known
        parts = list(self.layout.views(self._gradient).values())
        wrt = list(self.params.values())
        made = self._samples.mean_gradient_into(
            self.node, wrt, size, parts, backend=self.backend, runs=self.runs
        )
        self._gradients[size] = MeanGradient(made, parts, self.inputs)
        return self._gradients[size]

    def chosen(self, size: int) -> Chosen:
        """What computes the gradient of so many rows. Raises ProgramError when that cannot be had."""
        return (self._gradients.get(size) or self._made(size)).chosen

    def measure(self, theta: Vector, rows: Rows) -> dict[str, float]:
        """The mean loss and the means of `figures` over all rows, in chunks; with `loss = "squared"` also r2.

        r2 = 1 - sum of (y - t)^2 / sum of (t - mean of t)^2, over all rows and entries.
        """
        names = ["loss", *self.figures]
        nodes = [self.node, *self.figures.values()]
        totals = np.zeros(len(nodes))
        for start, part in self._chunks(rows):
            size = self._size(part)
            found = self._samples.means(nodes, size)(self._values(theta, part, size, 0, start))
            totals += size * np.array([float(v) for v in found])
        figures = dict(zip(names, (totals / self._size(rows)).tolist(), strict=True))
        if self.loss == "squared":
            t = np.asarray(rows[self.target or ""], np.float64)
            with np.errstate(all="ignore"):
                spread = float(np.mean(np.square(t - t.mean(axis=0)))) if t.size else 0.0
            figures["r2"] = 1.0 - figures["loss"] / spread if spread > 0 else float("nan")
        return figures

    def outputs(self, theta: Vector, rows: Rows) -> dict[str, Any]:
        """Every output of the program for each row, `[n, *shape]`; the target is not needed."""
        built = self.compiled.built
        nodes = list(built.outputs.values())
        parts = []
        for start, part in self._chunks(rows):
            size = self._size(part)
            found = self._samples.values(nodes, size)(self._values(theta, part, size, 0, start))
            parts.append([np.array(v) for v in found])
        return {name: np.concatenate([p[k] for p in parts]) for k, name in enumerate(built.outputs)}

    # ---- what is wrong, and where --------------------------------------------------------------------------------

    def faults(self, theta: Vector, rows: Rows) -> Iterator[tuple[int, ProgramError]]:
        """The rows for which an operation has no value, such as an index out of range."""
        for k in range(self._size(rows)):
            try:
                evaluate([self.node], self._one(theta, rows, k, 0))
            except ProgramError as error:
                yield k, error

    def not_finite(self, theta: Vector, rows: Rows, step: int = 0) -> list[int]:
        """The rows of a batch whose loss is not finite."""
        size = self._size(rows)
        (found,) = self._samples.values([self.node], size)(self._values(theta, rows, size, step))
        return [int(k) for k in np.flatnonzero(~np.isfinite(found))]

    def blame(
        self, theta: Vector, rows: Rows, step: int = 0, among: Sequence[int] | None = None
    ) -> Blame | None:
        """The first row whose loss or gradient is not finite, and the first point of the program to blame for it.

        `among` are the rows to look at, by default all.
        """
        wrt = list(self.params.values())
        for k in range(self._size(rows)) if among is None else among:
            recorded = trace([self.node], self._one(theta, rows, k, step), keep=wrt)
            out = recorded.of[self.node]
            found = first_value(recorded.nodes, recorded.values)
            if finite(recorded.values[out]):
                facts = pulled(recorded.nodes, recorded.values, out, np.ones((), self.layout.real))
                adjoints = {n: plain_or_none(facts.get(n)) for n in recorded.nodes}
                if all(finite(adjoints.get(recorded.of[w])) for w in wrt):
                    continue
                found = first_adjoint(recorded.nodes, recorded.values, adjoints) or found
            if found is not None:
                return Blame(k, found)
        return None

    # ---- arguments -----------------------------------------------------------------------------------------------

    def _values(self, theta: Vector, rows: Rows, size: int, step: int, start: int = 0) -> dict[Node, Any]:
        values: dict[Node, Any] = dict(self._constants)
        for name, view in self.layout.views(theta).items():
            values[self.params[name]] = view
        for name, node in self.inputs.items():
            if name in rows:
                values[node] = rows[name]
        return values | self._noise(size, step, start)

    def _noise(self, size: int, step: int, start: int) -> dict[Node, Any]:
        return {
            node: self._drawn(name, node, size, step, start, number)
            for number, (name, node) in enumerate(self.noise.items())
        }

    def _one(self, theta: Vector, rows: Rows, k: int, step: int) -> dict[Node, Any]:
        values = self._values(theta, rows, self._size(rows), step)
        wide = {*self.inputs.values(), *self.noise.values()}
        return {n: v[k] if n in wide else v for n, v in values.items()}

    def _drawn(self, name: str, node: Node, size: int, step: int, start: int, number: int) -> Any:
        """Noise of a step: a function of seed, step and name alone, so a resumed run draws the same."""
        how = self.compiled.checked.inits.get(name, Draw("normal", (0.0, 1.0)))
        rng = np.random.default_rng([self.seed, 2, step, start, number])
        return DRAWS[how.init].draw(rng, (size, *node.shape), *how.arguments).astype(self.layout.real)

    def _size(self, rows: Rows) -> int:
        return len(next(iter(rows.values())))

    def _chunks(self, rows: Rows) -> Iterator[tuple[int, dict[str, Any]]]:
        for start in range(0, self._size(rows), CHUNK):
            yield start, {name: v[start : start + CHUNK] for name, v in rows.items()}
