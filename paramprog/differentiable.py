"""`Differentiable`: a program that runs, and its derivatives at a point: gradients, Jacobians, Hessians."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from paramprog import choose, modes
from paramprog.analyses.budget import Fitted, parse_bytes
from paramprog.analyses.nonfinite import finite, first_value
from paramprog.binding import Batch, Binding, Values
from paramprog.diagnostics import fail
from paramprog.evaluate import evaluate, trace
from paramprog.jacobian import Mode as JacobianMode
from paramprog.jacobian import jacobians
from paramprog.results import Gradient, Hessian, Jacobian, Result

if TYPE_CHECKING:
    from paramprog.compile.backend import Backend

Mode = Literal["reverse", "forward", "paths"]


class Differentiable(Binding):
    """A bound program with its value and its derivatives."""

    def __call__(
        self, *, params: Values | None = None, seed: int = 0, batch: Batch = False, **inputs: Any
    ) -> Any:
        """The value at a point; a dict of values when there are several outputs. `batch` is as in `run`."""
        outputs = self.run(inputs, params, seed, batch).outputs
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    def run(
        self,
        inputs: Values | None = None,
        params: Values | None = None,
        seed: int = 0,
        batch: Batch = False,
        output: str | None = None,
        backend: Backend = "auto",
        **by_name: Any,
    ) -> Result:
        """The values of all outputs at a point; with `batch` (see `many`) at many samples, [n, *shape] each.

        With `output` that one alone; inputs that it does not need may be missing. `backend` is as in `grad`.
        """
        if batch is not False:
            each = self.many(inputs, params, seed, batch, output, backend=backend, **by_name)
            return each.run(choose.outputs(each.point.compiled, output))
        point = self._point({**(inputs or {}), **(params or {}), **by_name}, seed, (), output)
        outputs = choose.outputs(point.compiled, output)
        values = modes.values(point, list(outputs.values()), backend)
        warnings = []
        if not all(finite(v) for v in values):
            recorded = trace(list(outputs.values()), point.leaves)
            warnings = [w for w in [first_value(recorded.nodes, recorded.values)] if w is not None]
        return Result(dict(zip(outputs, values, strict=True)), point, warnings)

    def grad(
        self,
        inputs: Values | None = None,
        params: Values | None = None,
        wrt: Iterable[str] | None = None,
        mode: Mode = "reverse",
        seed: int = 0,
        output: str | None = None,
        max_paths: int = 100_000,
        by_use: bool = False,
        batch: Batch = False,
        per_sample: bool = False,
        memory: str | int | None = None,
        backend: Backend = "auto",
        **by_name: Any,
    ) -> Gradient:
        """The gradient of a real scalar output with respect to `wrt`: all params, else all real inputs.

        v_X = d(output)/dX, for params, inputs and named points of the entry function. `mode` is how: "reverse" runs the
        adjoint graph (of scalars without loops the same operations, without the graph), "forward" pushes every unit
        tangent, "paths" sums over all paths. With `by_use` the result also has what each use of a name adds, with its
        place in the text.

        With `batch` (see `many`) it is the mean of the output over samples and the gradient of this mean; with
        `per_sample` as well the output [n] and the gradient [n, *shape] of each sample.

        `memory` ("64MB", or bytes) is what loops may hold for their derivatives: those that would record more keep as
        many states as fit and run turns again, whatever `checkpoint` says. The result's `memory` tells how.

        `backend` is what computes in mode "reverse": "c" compiles first; "auto" does not, for one gradient (see
        `compile`).

        Raises ProgramError when the output is not a real scalar, a name in `wrt` is unknown, too little memory is
        allowed, or C is asked for and cannot be had.
        """
        if backend == "c" and mode != "reverse":
            raise fail("no-c-backend", f'the back end "c" computes mode "reverse", not "{mode}"')
        budget = None if memory is None else parse_bytes(memory)
        if budget is not None and mode != "reverse":
            message = f'`memory` is for mode "reverse"; mode "{mode}" keeps nothing of loops for later'
            raise fail("memory-mode", message)
        if batch is not False:
            if mode != "reverse" or by_use:
                what = "`by_use`" if mode == "reverse" else f'mode "{mode}"'
                raise fail(
                    "batch-mode", f'{what} is for one sample; many are differentiated in mode "reverse"'
                )
            samples = self.many(inputs, params, seed, batch, output, budget, backend, **by_name)
            compiled = samples.point.compiled
            target, nodes = choose.output(compiled, output), choose.wrt(compiled, wrt)
            return samples.gradient(target, nodes, per_sample=per_sample)
        if per_sample:
            raise fail(
                "batch-mode", "`per_sample` needs `batch`, the inputs that have a value for each sample"
            )
        point = self.point(inputs, params, seed, **by_name)
        target = choose.output(point.compiled, output)
        nodes = choose.wrt(point.compiled, wrt)
        fitted: Fitted | None = None
        if mode == "reverse":
            adjoints = None
            if budget is not None:
                wanted = tuple(nodes.values())
                adjoints, fitted = point.compiled.fitted_gradient(target, wanted, point.leaves, budget)
            value, found = modes.reverse(point, target, nodes, adjoints, backend)
        elif mode == "forward":
            value, found = modes.forward(point, target, nodes)
        elif mode == "paths":
            value, found = modes.by_paths(point, target, nodes, max_paths)
        else:
            raise ValueError(f"mode is reverse, forward or paths, not {mode!r}")
        zeros = {k: np.zeros(nodes[k].shape, self.dtype)[()] for k, v in found.items() if v is None}
        gradients = {k: zeros[k] if v is None else np.asarray(v)[()] for k, v in found.items()}
        warnings = modes.blame(point, target, value, gradients)
        each = modes.by_use(point, target, nodes) if by_use else None
        return Gradient(value, gradients, list(zeros), point, warnings, each, fitted)

    def jacobian(
        self,
        inputs: Values | None = None,
        params: Values | None = None,
        wrt: Iterable[str] | None = None,
        mode: JacobianMode = "auto",
        seed: int = 0,
        output: str | None = None,
        sparse: bool = False,
        **by_name: Any,
    ) -> Jacobian:
        """The Jacobian of a real output of any shape with respect to `wrt`: all params, else all real inputs.

        Each has the shape [*output, *name]. `mode` is how: "reverse" runs the adjoint graph for each entry of the
        output, "forward" the tangent graph for each entry of the names, "auto" whichever takes fewer runs.

        With `sparse` they are found in coordinates, from one run for each colour of the sparsity pattern at this point
        (see `paramprog.sparse`), and never formed as arrays.

        Raises ProgramError when the output is not real, a name in `wrt` is unknown, or a Jacobian has too many entries.
        """
        point = self.point(inputs, params, seed, **by_name)
        target = choose.output(point.compiled, output, scalar=False)
        nodes = choose.wrt(point.compiled, wrt)
        if sparse:
            return modes.sparse_jacobian(point, target, nodes, mode)
        made = jacobians(target, nodes, point.leaves, mode, point.compiled.products)
        zeros = [k for k, v in made.found.items() if v is None]
        full = {
            k: np.zeros((*target.shape, *nodes[k].shape), self.dtype) if v is None else v
            for k, v in made.found.items()
        }
        value = evaluate([target], point.leaves)[0]
        warnings = modes.blame(point, target, value, full)
        return Jacobian(value, {k: v[()] for k, v in full.items()}, zeros, point, made.mode, warnings)

    def hessian(
        self,
        inputs: Values | None = None,
        params: Values | None = None,
        wrt: Iterable[str] | None = None,
        mode: JacobianMode = "auto",
        seed: int = 0,
        output: str | None = None,
        **by_name: Any,
    ) -> Hessian:
        """All second derivatives of a real scalar output with respect to `wrt`: all params, else all real inputs.

        `.hessians[a][b]` has the shape [*a, *b]: the Jacobian by b of the gradient by a. `mode` is how the gradient, an
        adjoint graph, is differentiated: "forward" ("auto") by a run for each entry of the names, "reverse" by its own
        adjoint, with a run for each entry of the gradients.

        Raises ProgramError when the output is not a real scalar, a name in `wrt` is unknown, or there are too many
        entries.
        """
        point = self.point(inputs, params, seed, **by_name)
        target = choose.output(point.compiled, output)
        return modes.hessian(point, target, choose.wrt(point.compiled, wrt), mode)
