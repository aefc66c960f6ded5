"""Graphs over samples as C that is compiled once, for any number of samples."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.compile.c_plan import entry_of, layouts_hold
from paramprog.compile.library import Library, build
from paramprog.compile.limits import usable
from paramprog.compile.merge import SAMPLES, NotMerged
from paramprog.compile.sized_entry import wide_inputs
from paramprog.compile.sized_source import OverSamples, sized_source
from paramprog.compile.source import CSource
from paramprog.compile.threads import has_chunks
from paramprog.evaluate import evaluate
from paramprog.graph.depth import deep_stack
from paramprog.transfer.source import dtype_of


class SizedPlan:
    """The values of what `make` makes for a number of samples, given those of its leaves: what `CPlan` has for each.

    With `into` results are written into these arrays, by number; no result has an axis of samples then.

    Raises NotMerged where the code depends on how many samples there are, NotLowered or NoCompiler as `CPlan` does.
    """

    def __init__(self, make: OverSamples, into: Mapping[int, NDArray[Any]] | None = None) -> None:
        self.make = make
        with deep_stack():
            self.unit_source: CSource = sized_source(make)
        unit = self.unit_source.unit
        self.real = unit.real
        self.wide = wide_inputs(self.unit_source)
        """The numbers of the inputs that have an axis of samples, in front."""
        inputs, outputs = unit.types
        self.names = tuple(name or f"argument {k}" for k, name in enumerate(unit.names))
        self._shapes = [self.unit_source.dims(b) for b in unit.inputs]
        self._made = [self.unit_source.dims(b) for b in unit.outputs]
        self.into = into or {}
        if not self.wide or any(SAMPLES in "".join(dims) for dims in (self._made if self.into else ())):
            raise NotMerged("an array that is given has an axis of samples")
        self.dtypes = [dtype_of(t, unit.real) for t in inputs]
        self.made = [dtype_of(t, unit.real) for t in outputs]
        self._rooms = [self._room(k) for k in range(len(outputs))] if self.into else []
        self.library: Library = build(self.unit_source)
        self.threads = usable() if has_chunks(self.unit_source) else 1
        self.call: Callable[..., tuple[Any, ...]] = self._fast() if layouts_hold() else _Slow(self)
        """What takes arrays of the right kind and numbers, and returns new arrays and numbers, as fast as can be."""

    def __call__(self, *values: Any) -> Sequence[Any]:
        """Raises ProgramError, with the place, when an operation has no value."""
        try:
            try:
                found = self.call(*values, *self._rooms)
            except TypeError:
                found = self.call(*self.fitting(values), *self._rooms)
        except ArithmeticError as fault:
            found = tuple(self.again(values, int(str(fault))))
        for k, array in self.into.items():
            if found[k] is not array:
                array[...] = found[k]
        return [x if dims else d.type(x) for x, dims, d in zip(found, self._made, self.made, strict=True)]

    compute = __call__

    @property
    def source(self) -> str:
        """The C text."""
        return self.library.text

    def samples(self, values: Sequence[Any]) -> int:
        """How many samples the first of the inputs that have an axis of them has."""
        return len(values[self.wide[0]])

    def shapes(self, size: int, *, outputs: bool = False) -> list[tuple[int, ...]]:
        """The shapes of the inputs, or of the outputs, for a number of samples."""
        dims = self._made if outputs else self._shapes
        return [tuple(size if n == SAMPLES else int(n) for n in shape) for shape in dims]

    def fitting(self, values: Sequence[Any]) -> list[Any]:
        """The values as the compiled code wants them. Raises ValueError where a shape is another one."""
        made = [np.require(v, d, ["C", "A"]) for v, d in zip(values, self.dtypes, strict=True)]
        for name, a, shape in zip(self.names, made, self.shapes(self.samples(made)), strict=True):
            if a.shape != shape:
                raise ValueError(f"{name} has shape {list(a.shape)}, not {list(shape)}")
        return [a if a.shape else a[()] for a in made]

    def results(self, values: Sequence[Any]) -> list[NDArray[Any]]:
        """Arrays for the results."""
        shapes = self.shapes(self.samples(values), outputs=True)
        return [np.zeros(shape, d) for shape, d in zip(shapes, self.made, strict=True)]

    def _room(self, k: int) -> Any:
        """Where an output is written: the caller's array, if compiled code can, else one that is kept."""
        array, shape = self.into.get(k), tuple(map(int, self._made[k]))
        fits = array is not None and array.dtype == self.made[k]
        fits = fits and array is not None and array.flags.c_contiguous and array.flags.aligned
        return array if fits else np.empty(shape, self.made[k])

    def _fast(self) -> Callable[..., tuple[Any, ...]]:
        return entry_of(self.library, self.unit_source.unit.real, self.names, self.threads)

    def again(self, values: Sequence[Any], fault: int) -> Sequence[Any]:
        """Node by node: this raises, with the reason and the place, unless rounding makes the difference."""
        if fault < 0:
            raise MemoryError("there is no memory for the arrays of a compiled program")
        with deep_stack():
            outputs, leaves = self.make(self.samples(values))
            return evaluate(outputs, dict(zip(leaves, values, strict=True)))


class _Slow:
    """Through ctypes: for Pythons whose layouts are not those that the fast entry relies on."""

    def __init__(self, plan: SizedPlan) -> None:
        self.plan = plan
        entry = ctypes.CDLL(str(plan.library.path)).pp_entry
        entry.restype, entry.argtypes = ctypes.c_int64, [ctypes.c_void_p, ctypes.c_int64]
        self.entry = entry

    def __call__(self, *values: Any) -> tuple[Any, ...]:
        plan, count = self.plan, len(self.plan.dtypes)
        if len(values) not in (count, count + len(plan.made)):
            raise TypeError(f"takes {count} arguments")
        given = [np.asarray(v) for v in plan.fitting(values[:count])]
        size, rooms = plan.samples(given), values[count:]
        made = [
            rooms[k] if rooms and shape else np.empty(shape, d)
            for k, (shape, d) in enumerate(zip(plan.shapes(size, outputs=True), plan.made, strict=True))
        ]
        pointers = (ctypes.c_void_p * (len(given) + len(made)))(*[a.ctypes.data for a in (*given, *made)])
        if plan.threads > 1:
            plan.library.handle.pp_use_threads(ctypes.c_int64(plan.threads))
        fault = self.entry(pointers, size)
        if fault:
            raise ArithmeticError(str(fault))
        return tuple(a if a.shape else a[()] for a in made)
