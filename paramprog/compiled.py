"""`Program.compile`: value and gradient of a program as functions that are called very often.

    fast = program.compile()
    fast(P=0.5, Q=0.3)                            # the value
    value, gradients = fast.value_and_gradient(P=0.5, Q=0.3)
    fast.call(0.5, 0.3, 0.1, 0.2, 0.3)            # (value, *gradients), the arguments in the order of fast.names
    fast.bound().run()                            # from arrays into arrays, which are given once

Names that are not given keep the values of the point that it was made at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from paramprog.compile.backend import Backend, Chosen, choose
from paramprog.compile.limits import limited
from paramprog.compile.numpy_plan import Plan
from paramprog.diagnostics import did_you_mean, fail
from paramprog.graph import Node
from paramprog.graph.depth import deep_stack
from paramprog.lang.arguments import as_value
from paramprog.results import Point
from paramprog.samples import Samples
from paramprog.types import Type

if TYPE_CHECKING:
    from paramprog.compile.c_plan import CPlan
    from paramprog.compile.sized_plan import SizedPlan


class BoundProgram:
    """The value and the gradient, from arrays into arrays.

        bound = program.compile().bound(P=0.5)
        bound.arguments["P"][...] = 0.7
        bound()
        bound.value, bound.gradients["W0"]

    A call writes into `value` and `gradients` (structural zeros stay zeros). Two threads must not call it at once.
    """

    def __init__(
        self, plan: Plan | CPlan | SizedPlan, given: Mapping[str, Any], wrt: Sequence[str], samples: int
    ) -> None:
        self._plan = plan
        dtypes = [np.asarray(v).dtype for v in given.values()] if isinstance(plan, Plan) else plan.dtypes
        arguments = {
            name: np.array(v, d, order="C") for (name, v), d in zip(given.items(), dtypes, strict=True)
        }
        self.arguments: Mapping[str, NDArray[Any]] = MappingProxyType(arguments)
        """Of this call's own; what is written into them is what the next call computes with."""
        values = list(self.arguments.values())
        if isinstance(plan, Plan):
            self._results = [np.array(y) for y in plan(*values)]
            self.run: Callable[[], None] = partial(self._write, lambda: plan(*values))
            """The call itself, as fast as can be; compiled, it raises ArithmeticError where there is no value."""
        else:
            from paramprog.compile.bound import bound

            self._results = plan.results(values)
            self.run = bound(plan, values, self._results, samples)
        self.value, *found = self._results
        self.gradients: dict[str, NDArray[Any]] = dict(zip(wrt, found, strict=True))
        """By name, in the order in which they were asked for."""

    def __call__(self) -> None:
        """Raises ProgramError, with the place, when an operation has no value."""
        try:
            self.run()
        except ArithmeticError as fault:
            if isinstance(self._plan, Plan):
                raise
            plan, number = self._plan, int(str(fault))
            self._write(lambda: plan.again([a[()] for a in self.arguments.values()], number))

    def _write(self, compute: Callable[[], Sequence[Any]]) -> None:
        for array, value in zip(self._results, compute(), strict=True):
            array[...] = value


OFTEN = 1_000_000
"""What is compiled by hand is taken to be called so many times."""


class CompiledProgram:
    """One output and its gradient by `nodes`.

    With `point.batch` they are means over samples, compiled once for any number of them (compile/sized_plan.py), or,
    where the code depends on how many there are, once for each.

    Raises ProgramError "no-c-backend" when C is asked for and cannot be had.
    """

    def __init__(
        self,
        point: Point,
        target: Node,
        nodes: Mapping[str, Node],
        backend: Backend,
        threads: int | None = None,
    ) -> None:
        self.point, self._target, self._nodes = point, target, dict(nodes)
        self._asked: Backend = backend
        self._threads = threads
        built = point.compiled.built
        self._leaves: dict[str, Node] = {**built.inputs, **built.params}
        self.names = tuple(self._leaves)
        """The arguments of `call`, in order."""
        self._values: dict[str, Any] = {**point.inputs, **point.params}
        self._rows = Samples([built.inputs[name] for name in point.batch])
        self._made: dict[tuple[bool, int | None], tuple[Chosen, list[Node | None]]] = {}
        """By whether the gradient is wanted, and the number of samples: None for what is for any."""
        self._whole()

    def __repr__(self) -> str:
        return f"<compiled {', '.join(self.names)} -> value, gradients of {', '.join(self._nodes)}: {self.backend}>"

    # ---- calling -------------------------------------------------------------------------------------------------

    def __call__(self, **values: Any) -> Any:
        """The value (the mean over samples, with `batch`). Raises ProgramError when an operation has no value."""
        given = self._given(values)
        chosen, _ = self._for(given, gradient=False)
        return chosen.plan(*given.values())[0]

    def value_and_gradient(self, **values: Any) -> tuple[Any, dict[str, Any]]:
        """The value and its gradient by name. Raises ProgramError when an operation has no value."""
        given = self._given(values)
        chosen, made = self._for(given, gradient=True)
        value, *found = chosen.plan(*given.values())
        rest = iter(found)
        return value, {
            name: np.array(next(rest))[()] if g is not None else self._zeros(name, given)[()]
            for name, g in zip(self._nodes, made, strict=True)
        }

    @property
    def call(self) -> Callable[..., Sequence[Any]]:
        """(value, *gradients) of positional arguments of the right kind and shape, as fast as can be.

        Compiled, it is a built-in function; structural zeros are left out.
        """
        plan = self._whole()[0].plan
        return plan if isinstance(plan, Plan) else plan.call

    def bound(self, **values: Any) -> BoundProgram:
        """Value and gradient on arrays that are given once: what costs least for a program that is called often."""
        given = self._given(values)
        chosen, made = self._for(given, gradient=True)
        names = [name for name, g in zip(self._nodes, made, strict=True) if g is not None]
        found = BoundProgram(chosen.plan, given, names, self._size(given))
        found.gradients = {
            name: found.gradients[name] if name in names else self._zeros(name, given) for name in self._nodes
        }
        return found

    def _zeros(self, name: str, given: Mapping[str, Any]) -> NDArray[Any]:
        """What is known to be zero without a computation: for each sample, if the input has samples."""
        samples = (self._size(given),) if name in self.point.batch else ()
        return np.zeros((*samples, *self._nodes[name].shape), self._dtype)

    # ---- what it is ----------------------------------------------------------------------------------------------

    @property
    def backend(self) -> str:
        """ "c" or "numpy"."""
        return self._whole()[0].backend

    @property
    def note(self) -> str:
        """Why it is not compiled, "" if it is."""
        return self._whole()[0].note

    @property
    def toolchain(self) -> str:
        """The C compiler, "" if none was used."""
        return self._whole()[0].toolchain

    @property
    def source(self) -> str:
        """The code that is run, in C or in Python."""
        return self._whole()[0].plan.source

    # ---- making --------------------------------------------------------------------------------------------------

    @property
    def _dtype(self) -> str:
        return self._target.graph.real

    def _whole(self) -> tuple[Chosen, list[Node | None]]:
        """Value and gradient at the number of samples of the point."""
        return self._for(self._values, gradient=True)

    def _given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A value for each leaf. Raises ProgramError for an unknown name and for a value that does not fit."""
        found = dict(self._values)
        for name, value in values.items():
            leaf = self._leaves.get(name)
            if leaf is None:
                hint = did_you_mean(name, self.names) or f"known are {', '.join(self.names) or 'none'}"
                raise fail("unknown-input", f"`{name}` is neither an input nor a param", None, hint)
            type = leaf.type
            if name in self.point.batch:
                if not np.ndim(value):
                    raise fail(
                        "batch-axis", f"`{name}` is in `batch`: it has a value for each sample, in an array"
                    )
                type = Type(leaf.kind, (len(value), *leaf.shape))
            found[name] = as_value(value, type, self._target.graph.real, name, leaf.span)
        return found

    def _size(self, given: Mapping[str, Any]) -> int:
        """The number of samples, 0 without `batch`. Raises ProgramError batch-size."""
        if not self.point.batch:
            return 0
        first, *rest = self.point.batch
        size = len(given[first])
        for name in rest:
            if len(given[name]) != size:
                message = f"`{first}` has {size} samples, and `{name}` has {len(given[name])}"
                raise fail("batch-size", message)
        if size == 0:
            raise fail("batch-size", f"`{first}` has no samples")
        return size

    def _for(self, given: Mapping[str, Any], *, gradient: bool) -> tuple[Chosen, list[Node | None]]:
        size = self._size(given)
        found = self._made.get((gradient, None)) or self._made.get((gradient, size))
        if found is None:
            with deep_stack(), limited(self._threads):
                found = self._making(gradient, size)
            self._made[gradient, None if found[0].for_any else size] = found
        return found

    def _making(self, gradient: bool, size: int) -> tuple[Chosen, list[Node | None]]:
        if size:
            outputs, leaves, found = self._over(gradient, size)
            return choose(
                outputs,
                leaves,
                backend=self._asked,
                runs=OFTEN,
                over=lambda n: self._over(gradient, n)[:2],
            ), found
        found = (
            list(self.point.compiled.gradient(self._target, tuple(self._nodes.values()))) if gradient else []
        )
        outputs = [self._target, *(g for g in found if g is not None)]
        return choose(outputs, list(self._leaves.values()), backend=self._asked, runs=OFTEN), found

    def _over(self, gradient: bool, size: int) -> tuple[list[Node], list[Node], list[Node | None]]:
        """(the mean and its gradients, the leaves, the gradients with None for zeros) over so many samples."""
        wrt = tuple(self._nodes.values()) if gradient else ()
        value, *found = self._rows.mean_nodes(self._target, wrt, size)
        assert value is not None
        wide = self._rows.leaves(size)
        leaves = [wide.get(leaf, leaf) for leaf in self._leaves.values()]
        return [value, *(g for g in found if g is not None)], leaves, found
