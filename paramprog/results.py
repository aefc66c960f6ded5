"""What a program answers with: points, values, gradients, Jacobians."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from paramprog.analyses.budget import Fitted
from paramprog.analyses.uses import Use
from paramprog.diagnostics import Diagnostic
from paramprog.graph import Node
from paramprog.jacobian import Mode as JacobianMode
from paramprog.pipeline import Compiled


@dataclass(frozen=True)
class Point:
    """Where a program is evaluated: a value for each input and param; `notes` say which were drawn, and how.

    The inputs in `batch` have one value for each of many samples, [n, *shape].
    """

    compiled: Compiled = field(repr=False)
    inputs: dict[str, Any]
    params: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    batch: tuple[str, ...] = ()

    @property
    def leaves(self) -> dict[Node, Any]:
        """The values by leaf of the graph."""
        built = self.compiled.built
        return {built.inputs[k]: v for k, v in self.inputs.items()} | {
            built.params[k]: v for k, v in self.params.items()
        }


@dataclass(frozen=True)
class Result:
    """The values of all outputs by name."""

    outputs: dict[str, Any]
    point: Point = field(repr=False)
    warnings: list[Diagnostic] = field(default_factory=list)


@dataclass(frozen=True)
class Gradient:
    """The value of the output, and its gradient with respect to each name asked for.

    `structural_zero` lists the names that the output does not depend on; `warnings` say where values or gradients stop
    being finite. `by_use`, if asked for, lists what each use of a name adds to its gradient; `memory` how loops keep to
    a budget that was given.
    """

    value: Any
    gradients: dict[str, Any]
    structural_zero: list[str]
    point: Point = field(repr=False)
    warnings: list[Diagnostic] = field(default_factory=list)
    by_use: dict[str, list[Use]] | None = None
    memory: Fitted | None = None

    def __getitem__(self, name: str) -> Any:
        return self.gradients[name]


@dataclass(frozen=True)
class Jacobian:
    """The value of the output, and d(output)/d(name), of shape [*output, *name], for each name asked for.

    `mode` is how they were computed; the rest is as in `Gradient`. Sparse ones are `paramprog.sparse.Sparse`; `colours`
    is by how many products they were found.
    """

    value: Any
    jacobians: dict[str, Any]
    structural_zero: list[str]
    point: Point = field(repr=False)
    mode: JacobianMode
    warnings: list[Diagnostic] = field(default_factory=list)
    colours: int | None = None

    def __getitem__(self, name: str) -> Any:
        return self.jacobians[name]


@dataclass(frozen=True)
class Hessian:
    """The value of the output, its gradient, and d2(output)/d(a)d(b), of shape [*a, *b], as `hessians[a][b]`.

    `structural_zero` lists the pairs for which there is nothing but structural zeros; the rest is as in `Gradient`.
    """

    value: Any
    gradients: dict[str, Any]
    hessians: dict[str, dict[str, Any]]
    structural_zero: list[tuple[str, str]]
    point: Point = field(repr=False)
    warnings: list[Diagnostic] = field(default_factory=list)

    def __getitem__(self, name: str) -> dict[str, Any]:
        return self.hessians[name]


@dataclass(frozen=True)
class Optimum:
    """The smallest (or largest) value found, and where: `found` has the inputs and params that were varied.

    `reason` says why the search ended after `steps` steps, `converged` whether because nothing is left to gain. `point`
    has the values of everything else too.
    """

    value: Any
    found: dict[str, Any]
    steps: int
    converged: bool
    reason: str
    point: Point = field(repr=False)
    warnings: list[Diagnostic] = field(default_factory=list)
    memory: Fitted | None = None

    def __getitem__(self, name: str) -> Any:
        return self.found[name]
