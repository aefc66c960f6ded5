"""A graph as a list of NumPy calls, for what runs many times: no search for arguments, results in reused buffers.

The code is a Python function made of generated names (v0, f0, b0, ...) only. Elementwise operations write into buffers
that are free by liveness; what is only repeated along axes is broadcast by NumPy instead of stored; products become
calls of `matmul` with the views that its operands need. The values are those of `evaluate`, up to the order of sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Any

import numpy as np

from paramprog.compile.products import product_call
from paramprog.compile.shortcuts import logsumexp_of_rows, offsets, places
from paramprog.evaluate import evaluate
from paramprog.graph import PART, Node, Region, demand
from paramprog.graph.depth import deep_stack
from paramprog.graph.region import Live, ValueFault
from paramprog.transfer.contract import CONTRACT
from paramprog.transfer.gather import GATHER, PLACES, SCATTER_ADD
from paramprog.transfer.linear import COPY, SPREAD, SUM
from paramprog.transfer.map import SECH
from paramprog.transfer.max import ALL, ANY, MAX, MIN
from paramprog.transfer.rearrange import RESHAPE, TRANSPOSE
from paramprog.transfer.reduce import LOGSUMEXP, MEAN
from paramprog.transfer.select import SLICE, where
from paramprog.transfer.source import ARRAY, FULL, LEAF, dtype_of
from paramprog.transfer.step import REAL, STOP

REDUCERS: Mapping[Any, Any] = {
    SUM: np.add.reduce,
    MAX: np.maximum.reduce,
    MIN: np.minimum.reduce,
    ANY: np.logical_or.reduce,
    ALL: np.logical_and.reduce,
}


class Plan:
    """The values of `outputs`, given those of `inputs` (leaves) in order; call it as often as needed.

    Results may lie in buffers of the plan: the next call overwrites them, and one plan is for one thread.
    """

    def __init__(self, outputs: Sequence[Node], inputs: Sequence[Node]) -> None:
        self.outputs, self.inputs = list(outputs), list(inputs)
        self.source, names = _Writer(self.outputs, self.inputs).written()
        scope: dict[str, Any] = dict(names)
        exec(compile(self.source, "<plan>", "exec"), scope)  # names are generated, never a program's
        self._run: Callable[..., tuple[Any, ...]] = scope["run"]

    def __call__(self, *values: Any) -> Sequence[Any]:
        """Raises ProgramError, with the place, when an operation has no value."""
        try:
            with np.errstate(all="ignore"):
                return self._run(*values)
        except ValueFault:
            with deep_stack():
                evaluate(self.outputs, dict(zip(self.inputs, values, strict=True)))
            raise


@dataclass
class _Value:
    """How the code refers to a node: an expression, the buffer behind it, and whether it is only to be broadcast."""

    text: str
    base: Node | None = None


@dataclass
class _Writer:
    outputs: list[Node]
    inputs: list[Node]
    names: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        graph = self.outputs[0].graph if self.outputs else None
        self.real = graph.real if graph else "float64"
        self.live: Live = demand(graph.nodes, self.outputs) if graph else {}
        self.uses: dict[Node, list[Node]] = {n: [] for n in self.live}
        for n in self.live:
            for a in n.args:
                if a in self.uses:
                    self.uses[a].append(n)
        self.text: dict[Node, str] = {}
        self.shown: dict[Node, frozenset[Node]] = {}
        """The nodes whose arrays a result may be, or be a view of; itself among them."""
        self.buffer: dict[Node, str] = {}
        self.free: dict[Any, list[str]] = {}
        self.last: dict[Node, int] = {}

    # ---- the whole -----------------------------------------------------------------------------------------------

    def written(self) -> tuple[str, Mapping[str, Any]]:
        order = list(self.live)
        self._last_uses(order)
        parameters = []
        for k, leaf in enumerate(self.inputs):
            self.text[leaf] = f"x{k}"
            parameters.append(f"x{k}")
        for k, n in enumerate(order):
            if n.op is LEAF:
                if n not in self.text:
                    raise ValueError(f"no value is given for {n!r}")
            else:
                self._write(k, n)
            self._release(k, order)
        for y in self.outputs:
            if y in self.text:
                continue
        result = ", ".join(self.text[y] for y in self.outputs)
        body = "\n".join(f"    {line}" for line in self.lines)
        code = (
            f"def run({', '.join(parameters)}):\n{body}\n    return ({result}{',' if self.outputs else ''})\n"
        )
        return code, self.names

    def _last_uses(self, order: Sequence[Node]) -> None:
        """The position after which a node's buffer is free: views keep what they show."""
        position = {n: k for k, n in enumerate(order)}
        for n in order:
            views = [a for a in n.args if a in self.live] if _may_alias(n) else []
            self.shown[n] = frozenset({n}).union(*(self.shown[a] for a in views))
        for n in order:
            end = max([position[u] for u in self.uses[n]], default=position[n])
            for base in self.shown[n]:
                self.last[base] = max(self.last.get(base, 0), end)
        for y in self.outputs:
            for base in self.shown[y]:
                self.last[base] = len(order)
        self.ends: dict[int, list[Node]] = {}
        for n, k in self.last.items():
            self.ends.setdefault(k, []).append(n)

    def _release(self, k: int, order: Sequence[Node]) -> None:
        for n in self.ends.get(k, ()):
            if n in self.buffer:
                self.free.setdefault(self._key(n), []).append(self.buffer[n])

    # ---- names ---------------------------------------------------------------------------------------------------

    def _constant(self, value: Any, prefix: str = "c") -> str:
        name = f"{prefix}{len(self.names)}"
        self.names[name] = value
        return name

    def _function(self, f: Any) -> str:
        for name, known in self.names.items():
            if known is f:
                return name
        return self._constant(f, "f")

    def _key(self, n: Node) -> Any:
        return n.shape, dtype_of(n.type, self.real).str

    def _buffer(self, n: Node, k: int, inherit: Sequence[Node] = ()) -> str:
        """A buffer for the result: that of an argument that ends here, a free one, or a new one."""
        key = self._key(n)
        for a in inherit:
            if a in self.buffer and self.last[a] == k and self._key(a) == key:
                self.buffer[n] = self.buffer.pop(a)
                return self.buffer[n]
        free = self.free.get(key)
        name = free.pop() if free else self._constant(np.empty(n.shape, key[1]), "b")
        self.buffer[n] = name
        return name

    # ---- operations ----------------------------------------------------------------------------------------------

    def _assign(self, n: Node, text: str) -> None:
        name = f"v{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        self.text[n] = name

    def _write(self, k: int, n: Node) -> None:
        if n.op is FULL or n.op is ARRAY:
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
            self._reduction(n, REDUCERS[n.op])
        elif n.op is MEAN:
            self._reduction(n, np.add.reduce)
            count = self._constant(np.asarray(prod(n.attrs["sizes"]), self.real)[()])
            self._assign(n, f"{self.text[n]} / {count}")
        elif n.op is CONTRACT and n.kind == "real":
            self._contraction(k, n)
        elif n.op is SECH and n.shape:
            buffer = self._buffer(n, k, n.args)
            self.lines.append(f"{self._function(np.cosh)}({self._of(n.args[0])}, out={buffer})")
            self.lines.append(f"{self._function(np.reciprocal)}({buffer}, out={buffer})")
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
        elif n.op is LOGSUMEXP and n.attrs["axes"] == (1,) and len(n.args[0].shape) == 2:
            self._assign(n, f"{self._function(logsumexp_of_rows)}({self._of(n.args[0])})")
        elif n.op is PART:
            self._assign(n, f"{self.text[n.args[0]]}[{self._constant(n.attrs['of'])}]")
        elif isinstance(n.op, Region):
            run = self._constant(partial(_run_region, n, self.live[n]), "f")
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

    def _ufunc(self, k: int, n: Node) -> None:
        args = ", ".join(self._of(a) for a in n.args)
        f = self._function(n.op.value)
        if not n.shape:
            self._assign(n, f"{f}({args})")
            return
        buffer = self._buffer(n, k, n.args)
        self.lines.append(f"{f}({args}, out={buffer})")
        self.text[n] = buffer

    def _reduction(self, n: Node, reduce: Any) -> None:
        axes = n.attrs["axes"]
        axis = axes[0] if len(axes) == 1 else axes if len(axes) < len(n.args[0].shape) else None
        self._assign(n, f"{self._function(reduce)}({self._of(n.args[0])}, {axis!r})")

    def _contraction(self, k: int, n: Node) -> None:
        a, b = n.args
        call = product_call(n.attrs["spec"], a.shape, b.shape)
        if call is None:
            value = partial(n.op.value, **n.attrs)
            self._assign(n, f"{self._constant(value, 'f')}({self._of(a)}, {self._of(b)})")
            return
        texts = (self._of(a), self._of(b))
        if not n.shape:
            self._assign(n, call.text(*texts, self._function(call.function)))
            return
        buffer = self._buffer(n, k)
        self.lines.append(call.text(*texts, self._function(call.function), buffer))
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


def _may_alias(n: Node) -> bool:
    """Whether the result may be (a view of) an argument. Only what is known to be new is not."""
    new = (
        isinstance(n.op.value, np.ufunc) or n.op in REDUCERS or n.op in (MEAN, CONTRACT, GATHER, SCATTER_ADD)
    )
    return not new


def _run_region(node: Node, keys: Any, *args: Any) -> Any:
    assert isinstance(node.op, Region)
    return node.op.run(node, args, keys)
