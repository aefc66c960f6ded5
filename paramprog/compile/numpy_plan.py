"""A graph as a list of NumPy calls, for what runs many times: no search for arguments, results in reused buffers.

The code is a Python function made of generated names (v0, f0, b0, ...) only. Elementwise operations write into buffers
that are free by liveness; what is only repeated along axes is broadcast by NumPy instead of stored; products become
calls of `dot` with the views that they need of their operands; some groups of nodes are computed together
(`fusions`). The values are those of `evaluate`, up to the order of sums and the rounding of fused operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.compile.lifetimes import Lifetimes
from paramprog.compile.products import product_call
from paramprog.compile.shortcuts import (
    REDUCERS,
    logsumexp_of_rows,
    offsets,
    over_rows,
    places,
    square_of_sech,
    step,
)
from paramprog.evaluate import evaluate
from paramprog.graph import PART, Node, Region
from paramprog.graph.depth import deep_stack
from paramprog.graph.region import ValueFault
from paramprog.transfer.contract import CONTRACT
from paramprog.transfer.gather import GATHER, PLACES, SCATTER_ADD
from paramprog.transfer.linear import COPY, SPREAD, SUM
from paramprog.transfer.map import RELU, SECH
from paramprog.transfer.rearrange import RESHAPE, TRANSPOSE
from paramprog.transfer.reduce import MEAN
from paramprog.transfer.select import SLICE, where
from paramprog.transfer.source import ARRAY, FULL, LEAF, dtype_of
from paramprog.transfer.step import REAL, STEP, STOP
from paramprog.types import Size


class Plan:
    """The values of `outputs`, given those of `inputs` (leaves) in order; call it as often as needed.

    Results may lie in buffers of the plan: the next call overwrites them, and one plan is for one thread. `into` has
    arrays (contiguous, of its shape and dtype) for some of the outputs, by position, into which these are written.
    """

    def __init__(
        self,
        outputs: Sequence[Node],
        inputs: Sequence[Node],
        into: Mapping[int, NDArray[Any]] = MappingProxyType({}),
    ) -> None:
        self.outputs, self.inputs, self.into = list(outputs), list(inputs), into
        self.source, names = _Writer(self.outputs, self.inputs, into).written()
        scope: dict[str, Any] = dict(names)
        exec(compile(self.source, "<plan>", "exec"), scope)  # names are generated, never a program's
        self._run: Callable[..., tuple[Any, ...]] = scope["run"]

    def __call__(self, *values: Any) -> Sequence[Any]:
        """Raises ProgramError, with the place, when an operation has no value."""
        with np.errstate(all="ignore"):
            return self.compute(*values)

    def compute(self, *values: Any) -> Sequence[Any]:
        """The same under the `np.errstate` of the caller, which takes as long as several operations to change."""
        try:
            return self._run(*values)
        except (ValueFault, ValueError) as problem:
            with deep_stack():
                found = evaluate(self.outputs, dict(zip(self.inputs, values, strict=True)))
            if isinstance(problem, ValueFault):
                raise
        for k, array in self.into.items():  # of histories that differ in length, NumPy has no arrays
            array[...] = found[k]
        return found


@dataclass
class _Writer:
    outputs: list[Node]
    inputs: list[Node]
    into: Mapping[int, NDArray[Any]]
    names: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        graph = self.outputs[0].graph if self.outputs else None
        self.real = graph.real if graph else "float64"
        self.lifetimes = Lifetimes(self.outputs)
        self.uses, self.fused = self.lifetimes.uses, self.lifetimes.fused
        self.functions: dict[int, str] = {}
        """The names of functions, by their identities."""
        self.sums: dict[Node, tuple[str, str]] = {}
        """Of each logsumexp: where its exponentials are, and their sums."""
        self.target: dict[Node, str] = {}
        """The array that an output is to be written into; of equal outputs the first one's."""
        self.copies: list[tuple[str, Node]] = []
        for k, array in self.into.items():
            name = self._constant(array, "b")
            self.copies.append((name, self.outputs[k]))
            if self.outputs[k].op is not LEAF:
                self.target.setdefault(self.outputs[k], name)
        self.text: dict[Node, str] = {}
        self.buffer: dict[Node, str] = {}
        self.free: dict[Any, list[str]] = {}

    # ---- the whole -----------------------------------------------------------------------------------------------

    def written(self) -> tuple[str, Mapping[str, Any]]:
        parameters = []
        for k, leaf in enumerate(self.inputs):
            self.text[leaf] = f"x{k}"
            parameters.append(f"x{k}")
        for k, n in enumerate(self.lifetimes.order):
            if n.op is LEAF:
                if n not in self.text:
                    raise ValueError(f"no value is given for {n!r}")
            else:
                self._write(k, n)
            self._release(k)
        for name, y in self.copies:
            if self.text[y] != name:
                self.lines.append(f"{name}[...] = {self.text[y]}")
        result = ", ".join(self.text[y] for y in self.outputs)
        body = "\n".join(f"    {line}" for line in self.lines)
        code = (
            f"def run({', '.join(parameters)}):\n{body}\n    return ({result}{',' if self.outputs else ''})\n"
        )
        return code, self.names

    def _release(self, k: int) -> None:
        for n in self.lifetimes.ends.get(k, ()):
            if n in self.buffer:
                self.free.setdefault(self._key(n), []).append(self.buffer[n])

    # ---- names ---------------------------------------------------------------------------------------------------

    def _constant(self, value: Any, prefix: str = "c") -> str:
        name = f"{prefix}{len(self.names)}"
        self.names[name] = value
        return name

    def _function(self, f: Any) -> str:
        if id(f) not in self.functions:
            self.functions[id(f)] = self._constant(f, "f")
        return self.functions[id(f)]

    def _key(self, n: Node) -> Any:
        return n.shape, dtype_of(n.type, self.real).str

    def _buffer(self, n: Node, k: int, inherit: Sequence[Node] = ()) -> str:
        """A buffer for the result: its own, that of an argument that ends here, a free one, or a new one."""
        if n in self.target:
            return self.target[n]
        key = self._key(n)
        for a in inherit:
            if a in self.buffer and self.lifetimes.last[a] == k and self._key(a) == key:
                self.buffer[n] = self.buffer.pop(a)
                return self.buffer[n]
        free = self.free.get(key)
        name = free.pop() if free else self._constant(np.empty(n.shape, key[1]), "b")
        self.buffer[n] = name
        return name

    # ---- operations ----------------------------------------------------------------------------------------------

    def _assign(self, n: Node, text: str, more: str = "") -> None:
        name = f"v{len(self.lines)}"
        self.lines.append(f"{name}{more} = {text}")
        self.text[n] = name

    def _write(self, k: int, n: Node) -> None:
        if n in self.fused:
            self._fused(k, n)
        elif n.op is FULL or n.op is ARRAY:
            value = n.op.value(**n.attrs)
            broadcast = n.op is FULL and n.shape and all(u.op.elementwise for u in self.uses[n])
            if broadcast and n not in self.outputs and self._broadcasts(n):
                value = np.asarray(n.attrs["value"], dtype_of(n.type, self.real))[()]
            self.text[n] = self._constant(value)
        elif n.op is SPREAD:
            self._spread(n)
        elif n.op is COPY or n.op is STOP:
            self.text[n] = self.text[n.args[0]]
        elif n.op is RESHAPE:
            self._assign(n, f"{self._of(n.args[0])}.reshape({n.attrs['to']!r})")
        elif n.op is TRANSPOSE:
            self._assign(n, f"{self._of(n.args[0])}.transpose({n.attrs['axes']!r})")
        elif n.op is SLICE:
            index = self._constant(where(len(n.args[0].shape), n.attrs["cuts"]))
            self._assign(n, f"{self._of(n.args[0])}[{index}]")
        elif n.op in REDUCERS:
            self._reduction(k, n, REDUCERS[n.op])
        elif n.op is MEAN:
            self._reduction(k, n, np.add.reduce)
            count = self._constant(np.asarray(prod(n.attrs["sizes"]), self.real)[()])
            self._assign(n, f"{self.text[n]} / {count}")
        elif n.op is CONTRACT and n.kind == "real":
            self._contraction(k, n)
        elif n.op is SECH and n.shape:
            buffer = self._buffer(n, k, n.args)
            self.lines.append(f"{self._function(np.cosh)}({self._of(n.args[0])}, out={buffer})")
            self.lines.append(f"{self._function(np.reciprocal)}({buffer}, out={buffer})")
            self.text[n] = buffer
        elif n.op is RELU and n.shape:
            buffer = self._buffer(n, k, n.args)
            self.lines.append(f"{self._function(np.maximum)}({self._of(n.args[0])}, 0.0, out={buffer})")
            self.text[n] = buffer
        elif n.op is STEP and n.shape and 0 not in n.shape:
            buffer = self._buffer(n, k, n.args)
            self.lines.append(f"{self._function(step)}({self._of(n.args[0])}, {buffer})")
            self.text[n] = buffer
        elif n.op is PLACES and "outer" not in n.attrs:
            size, begin = n.attrs["size"], self._constant(offsets(n.shape, n.attrs["size"]))
            self._assign(n, f"{self._function(places)}({self._of(n.args[0])}, {begin}, {size})")
        elif n.op is GATHER and n.args[1].op is PLACES:  # which has checked the indices
            x, i = (self._of(a) for a in n.args)
            self._assign(n, f"{x}.take({i}, {n.attrs['axis']})")
        elif (
            n.op is SCATTER_ADD
            and n.args[0].op is PLACES
            and len(n.args[0].shape) == 1
            and n.attrs["axis"] == 0
        ):
            buffer = self._buffer(n, k)  # one index in each lane: no two are the same
            self.lines.append(f"{buffer}.fill(0)")
            self.lines.append(f"{buffer}[{self._of(n.args[0])}] = {self._of(n.args[1])}")
            self.text[n] = buffer
        elif over_rows(n):
            e, s = self._constant(np.empty(n.args[0].shape, self._key(n)[1]), "b"), f"s{len(self.lines)}"
            self._assign(n, f"{self._function(logsumexp_of_rows)}({self._of(n.args[0])}, {e})", f", {s}")
            self.sums[n] = e, s
        elif n.op is PART:
            self._assign(n, f"{self.text[n.args[0]]}[{self._constant(n.attrs['of'])}]")
        elif isinstance(n.op, Region):
            run = self._constant(partial(_run_region, n, self.lifetimes.live[n]), "f")
            self._assign(n, f"{run}({', '.join(self.text.get(a, 'None') for a in n.args)})")
        elif isinstance(n.op.value, np.ufunc) and not n.attrs:
            self._ufunc(k, n)
        elif n.op is REAL:
            self._assign(n, f"{self._of(n.args[0])}.astype({self._constant(np.dtype(self.real))})")
        else:
            value = partial(n.op.value, **n.attrs) if n.attrs else n.op.value
            name = self._constant(value, "f") if n.attrs else self._function(value)
            self._assign(n, f"{name}({', '.join(self._of(a) for a in n.args)})")

    def _of(self, n: Node) -> str:
        return self.text[n]

    def _fused(self, k: int, n: Node) -> None:
        fusion = self.fused[n]
        if fusion.kind == "shares":
            e, s = self.sums[fusion.args[0]]
            wide = self._constant((slice(None), None))
            buffer = self._buffer(n, k)
            self.lines.append(f"{self._function(np.divide)}({e}, {s}[{wide}], out={buffer})")
        else:
            x, h = fusion.args
            buffer = self._buffer(n, k, [h])
            self.lines.append(f"{self._function(square_of_sech)}({self._of(x)}, {self._of(h)}, {buffer})")
        self.text[n] = buffer

    def _ufunc(self, k: int, n: Node) -> None:
        args = ", ".join(self._of(a) for a in n.args)
        f = self._function(n.op.value)
        # a history is as long as a run makes it
        if not n.shape or any(isinstance(size, Size) for size in n.shape):
            self._assign(n, f"{f}({args})")
            return
        buffer = self._buffer(n, k, n.args)
        self.lines.append(f"{f}({args}, out={buffer})")
        self.text[n] = buffer

    def _reduction(self, k: int, n: Node, reduce: Any) -> None:
        axes, (x,) = n.attrs["axes"], n.args
        if n.op is SUM and n.kind == "real" and len(x.shape) == 2 and axes == (0,) and 0 not in x.shape:
            buffer, ones = self._buffer(n, k), self._constant(np.ones(x.shape[0], self._key(n)[1]))
            self.lines.append(f"{ones}.dot({self._of(x)}, {buffer})")
            self.text[n] = buffer
            return
        axis = axes[0] if len(axes) == 1 else axes if len(axes) < len(n.args[0].shape) else None
        call = f"{self._function(reduce)}({self._of(x)}, {axis!r}"
        if n.shape and n in self.target and n.op is not MEAN:
            self.lines.append(f"{call}, None, {self.target[n]})")
            self.text[n] = self.target[n]
        else:
            self._assign(n, f"{call})")

    def _contraction(self, k: int, n: Node) -> None:
        a, b = n.args
        call = product_call(n.attrs["spec"], a.shape, b.shape)
        if call is None:
            value = partial(n.op.value, **n.attrs)
            self._assign(n, f"{self._constant(value, 'f')}({self._of(a)}, {self._of(b)})")
            return
        texts = (self._of(a), self._of(b), None if call.function is None else self._function(call.function))
        if not n.shape:
            self._assign(n, call.text(*texts))
            return
        buffer = self._buffer(n, k)
        self.lines.append(call.text(*texts, buffer))
        self.text[n] = buffer

    # ---- broadcasting --------------------------------------------------------------------------------------------

    def _broadcasts(self, n: Node) -> bool:
        """Whether every use is an elementwise call into a buffer, which repeats its arguments by itself."""
        return bool(self.uses[n]) and all(
            isinstance(u.op.value, np.ufunc) and not u.attrs and u.shape == n.shape for u in self.uses[n]
        )

    def _spread(self, n: Node) -> None:
        (x,), axes, sizes = n.args, n.attrs["axes"], n.attrs["sizes"]
        if n not in self.outputs and self._broadcasts(n):
            leading = axes == tuple(range(len(axes)))
            if leading:
                self.text[n] = self._of(x)
            else:
                index = tuple(None if k in axes else slice(None) for k in range(len(n.shape)))
                self._assign(n, f"{self._of(x)}[{self._constant(index)}]")
            return
        value = partial(SPREAD.value, axes=axes, sizes=sizes)
        self._assign(n, f"{self._constant(value, 'f')}({self._of(x)})")


def _run_region(node: Node, keys: Any, *args: Any) -> Any:
    assert isinstance(node.op, Region)
    return node.op.run(node, args, keys)
