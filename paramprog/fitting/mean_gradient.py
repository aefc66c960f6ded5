"""The mean loss of some number of rows and its gradient, prepared for being evaluated at each step of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from paramprog.fitting.layout import Vector
from paramprog.graph import Node
from paramprog.samples import Evaluation


class MeanGradient:
    """An evaluation that writes the gradient into the arrays `gradient`, one for each param.

    `columns` are the inputs that the data has. All other arguments stay as they are bound.
    """

    def __init__(
        self, evaluation: Evaluation, gradient: Sequence[NDArray[Any]], columns: Mapping[str, Node]
    ) -> None:
        self.theta: Vector | None = None
        """What is bound: as long as it is this vector, whatever it holds, the views of it are the same."""
        self._leaves, self._plan, self.chosen = evaluation.leaves, evaluation.plan, evaluation.chosen
        self._zeros = [g for g, y in zip(gradient, evaluation.outputs[1:], strict=True) if y is None]
        self._place = {leaf: k for k, leaf in enumerate(self._leaves)}
        self._columns = [(self._place[x], name) for name, x in columns.items() if x in self._place]
        self._arguments: list[Any] = []

    def bind(self, theta: Vector, values: Mapping[Node, Any]) -> None:
        """Take these values, among them the views of theta."""
        self.theta = theta
        self._arguments = [values[leaf] for leaf in self._leaves]

    def __call__(self, rows: Mapping[str, Any], noise: Mapping[Node, Any]) -> float:
        """The mean loss; the gradient is in its arrays. Raises ProgramError when an operation has no value."""
        for k, name in self._columns:
            self._arguments[k] = rows[name]
        for leaf, drawn in noise.items():
            if leaf in self._place:
                self._arguments[self._place[leaf]] = drawn
        for view in self._zeros:  # which the caller may have changed
            view.fill(0)
        return float(self._plan.compute(*self._arguments)[0])
