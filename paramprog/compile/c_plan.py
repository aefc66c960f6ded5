"""A graph as compiled C: the values of `numpy_plan.Plan`, by a shared library made for it."""

from __future__ import annotations

import ctypes
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.compile.library import Library, build
from paramprog.compile.limits import usable
from paramprog.compile.source import CSource, c_source, lower, prepared
from paramprog.compile.threads import has_chunks
from paramprog.evaluate import evaluate
from paramprog.graph import Node
from paramprog.graph.depth import deep_stack
from paramprog.transfer.source import dtype_of

NUMPY = "numpy._core._multiarray_umath"
"""NumPy's own compiled module."""


class CPlan:
    """The values of `outputs`, given those of `inputs` (leaves) in order; results are new arrays and NumPy scalars.

    It may be called by several threads at once, unless `into` has arrays for outputs, by number, into which these are
    written. Raises NotLowered or NoCompiler when it cannot be made.
    """

    def __init__(
        self,
        outputs: Sequence[Node],
        inputs: Sequence[Node],
        into: Mapping[int, NDArray[Any]] | None = None,
    ) -> None:
        self.outputs, self.inputs = list(outputs), list(inputs)
        with deep_stack():
            self.unit_source: CSource = c_source(lower(*prepared(outputs, inputs)))
        self.library: Library = build(self.unit_source)
        self.real = real = self.unit_source.unit.real
        self.dtypes = [dtype_of(x.type, real) for x in self.inputs]
        self.made = [dtype_of(y.type, real) for y in self.outputs]
        self.into = into or {}
        self._rooms: list[Any] = []
        if self.into:
            self._rooms = [
                self._room(k, y, d) for k, (y, d) in enumerate(zip(self.outputs, self.made, strict=True))
            ]
        self.threads = usable() if has_chunks(self.unit_source) else 1
        """How many compute, at most; results are the same for any number."""
        self.call: Callable[..., tuple[Any, ...]] = (
            entry_of(self.library, real, (), self.threads) if layouts_hold() else _Slow(self)
        )
        """What takes arrays of the right kind and numbers, and returns new arrays and numbers, as fast as can be."""

    def __call__(self, *values: Any) -> Sequence[Any]:
        """Raises ProgramError, with the place, when an operation has no value."""
        try:
            try:
                found = self.call(*values, *self._rooms)
            except TypeError:
                found = self.call(*map(self._fitting, values, self.inputs, self.dtypes), *self._rooms)
        except ArithmeticError as fault:
            found = tuple(self.again(values, int(str(fault))))
        for k, array in self.into.items():
            if found[k] is not array:
                array[...] = found[k]
        return [x if y.shape else d.type(x) for x, y, d in zip(found, self.outputs, self.made, strict=True)]

    compute = __call__

    @property
    def source(self) -> str:
        """The C text."""
        return self.library.text

    def again(self, values: Sequence[Any], fault: int) -> Sequence[Any]:
        """Node by node: this raises, with the reason and the place, unless rounding makes the difference."""
        if fault < 0:
            raise MemoryError("there is no memory for the arrays of a compiled program")
        with deep_stack():
            return evaluate(self.outputs, dict(zip(self.inputs, values, strict=True)))

    def results(self, values: Sequence[Any]) -> list[NDArray[Any]]:
        """Arrays for the results."""
        return [np.zeros(y.shape, d) for y, d in zip(self.outputs, self.made, strict=True)]

    def _room(self, k: int, y: Node, dtype: Any) -> Any:
        """Where an output is written: the caller's array, if compiled code can, else one that is kept."""
        array = self.into.get(k)
        fits = array is not None and array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned
        return array if fits else np.empty(y.shape, dtype)

    @staticmethod
    def _fitting(value: Any, leaf: Node, dtype: Any) -> Any:
        """The value as the compiled code wants it."""
        made = np.require(value, dtype, ["C", "A"])
        if made.shape != leaf.shape:
            raise ValueError(
                f"{leaf.name or leaf!r} has shape {list(leaf.shape)}, not {list(np.shape(value))}"
            )
        return made if leaf.shape else made[()]


class _Slow:
    """Through ctypes: for Pythons whose layouts are not those that the fast entry relies on."""

    def __init__(self, plan: CPlan) -> None:
        self.plan = plan
        entry = ctypes.CDLL(str(plan.library.path)).pp_entry
        entry.restype, entry.argtypes = ctypes.c_int64, [ctypes.c_void_p]
        self.entry = entry

    def __call__(self, *values: Any) -> tuple[Any, ...]:
        plan = self.plan
        if len(values) not in (len(plan.inputs), len(plan.inputs) + len(plan.outputs)):
            raise TypeError(f"takes {len(plan.inputs)} arguments")
        given = [
            plan._fitting(v, leaf, d) if leaf.shape else np.asarray(v, d)
            for v, leaf, d in zip(values, plan.inputs, plan.dtypes, strict=False)
        ]
        rooms = values[len(plan.inputs) :]
        made = [
            rooms[k] if rooms and y.shape else np.empty(y.shape, d)
            for k, (y, d) in enumerate(zip(plan.outputs, plan.made, strict=True))
        ]
        pointers = (ctypes.c_void_p * (len(given) + len(made)))(*[a.ctypes.data for a in (*given, *made)])
        if plan.threads > 1:
            plan.library.handle.pp_use_threads(ctypes.c_int64(plan.threads))
        fault = self.entry(pointers)
        if fault:
            raise ArithmeticError(str(fault))
        return tuple(a if a.shape else a[()] for a in made)


def entry_of(
    library: Library, real: str, names: tuple[str, ...], threads: int
) -> Callable[..., tuple[Any, ...]]:
    """The built-in function of a library, where `layouts_hold`; `names` of its arguments are for what it has to say."""
    return built_in(library, real, "pp_method", (*names, threads))


def built_in(library: Library, real: str, name: str, given: Any) -> Callable[..., Any]:
    """The built-in function that a library defines under this name, with its `self`."""
    _connect(library.handle, real)
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p] * 3
    method = ctypes.addressof(ctypes.c_char.in_dll(library.handle, name))
    made: Callable[..., Any] = make(method, id(given), None)
    return made


def _connect(handle: ctypes.PyDLL, real: str) -> None:
    use = handle.pp_use_numpy
    use.restype, use.argtypes = None, [ctypes.c_void_p] * 4
    use(_table(), *(id(np.dtype(t)) for t in (real, np.int64, np.bool_)))


@cache
def _table() -> int:
    """The address of NumPy's table of C functions."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address: int = pointer(import_module(NUMPY)._ARRAY_API, None)
    return address


@cache
def layouts_hold() -> bool:
    """Whether objects and arrays look as python_entry.py says."""
    if sys.implementation.name != "cpython" or sys.platform not in ("linux", "darwin"):
        return False
    if sysconfig.get_config_var("Py_GIL_DISABLED") or hasattr(sys, "getobjects"):
        return False
    if np.lib.NumpyVersion(np.__version__) < "2.0.0" or np.lib.NumpyVersion(np.__version__) >= "3.0.0":
        return False
    pair = (1.5, 2.5)
    number = ctypes.c_double.from_address(id(pair[0]) + HEAD_BYTES)
    items = (ctypes.c_void_p * 2).from_address(id(pair) + HEAD_BYTES + ctypes.sizeof(ctypes.c_ssize_t))
    if number.value != pair[0] or list(items) != [id(x) for x in pair]:
        return False
    return _array_looks_right(np.arange(6.0).reshape(2, 3))


HEAD_BYTES = ctypes.sizeof(ctypes.c_ssize_t) + ctypes.sizeof(ctypes.c_void_p)
"""The count of references and the type, with which every object begins."""


class _Array(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_ssize_t),
        ("type", ctypes.c_void_p),
        ("data", ctypes.c_void_p),
        ("rank", ctypes.c_int),
        ("dims", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)),
        ("base", ctypes.c_void_p),
        ("descr", ctypes.c_void_p),
        ("flags", ctypes.c_int),
    )


def _array_looks_right(a: Any) -> bool:
    try:
        table = ctypes.cast(_table(), ctypes.POINTER(ctypes.c_void_p))
    except (AttributeError, ValueError):
        return False
    seen = _Array.from_address(id(a))
    return bool(
        seen.type == id(np.ndarray)
        and table[2] == id(np.ndarray)
        and seen.data == a.ctypes.data
        and seen.rank == 2
        and seen.descr == id(np.dtype(np.float64))
        and (seen.dims[0], seen.dims[1]) == (2, 3)
        and seen.flags & 0x101 == 0x101
        and seen.flags & 0x400
    )
