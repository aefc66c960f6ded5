"""One program at many samples: what `batch` of `Program.run` and `Program.grad` does.

With values [n, *shape] for the inputs in `batch` and one value for everything else, the outputs are [n, *shape], and

    mean      L = 1/n sum_k y_k;  v_X = dL/dX, for X that differ from sample to sample [n, *shape]
    each      y_k and dy_k/dX, [n, *shape]

Samples are evaluated in chunks of `CHUNK`, so memory is bounded by the results. Raises ProgramError: batch-axis for a
value without an axis of samples, batch-size for different numbers of samples or none, unknown-input for a name that is
no input; what an operation without a value has to say, as `OfSample`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from paramprog import modes
from paramprog.analyses.nonfinite import finite, first_value
from paramprog.diagnostics import Diagnostic, ProgramError, did_you_mean, fail
from paramprog.evaluate import evaluate, trace
from paramprog.graph import Node
from paramprog.results import Gradient, Point, Result
from paramprog.samples import Evaluation, Samples
from paramprog.types import dims_text

CHUNK = 1024
"""Samples evaluated at once."""

SIZES = 16
"""For so many different numbers of samples a program keeps what it made for them."""

Gradients = dict[str, Any]


@dataclass(frozen=True)
class OfSample(Diagnostic):
    """A finding about one of many samples: number `sample`, from 0. `bare` is the message without it."""

    sample: int = 0
    bare: str = ""

    @classmethod
    def of(cls, d: Diagnostic, sample: int) -> OfSample:
        message = f"{d.message}, in sample {sample}"
        return cls(d.code, message, d.span, d.hint, d.severity, sample, d.message)


def batched_names(
    given: Mapping[str, Any], batch: Iterable[str] | bool, ranks: Mapping[str, int]
) -> tuple[str, ...]:
    """The inputs whose values have an axis of samples; `ranks` are the numbers of axes declared.

    True stands for every given input with one axis more than declared.
    """
    found: Mapping[str, int] = {k: np.ndim(v) for k, v in given.items() if k in ranks and _regular(v)}
    if batch is True:
        names = tuple(k for k, rank in found.items() if rank == ranks[k] + 1)
        if not names:
            message = "no value that is given has one axis more than its input, an axis of samples"
            raise fail("batch-axis", message, None, "give an input [n, *shape]")
    else:
        assert batch is not False
        names = tuple(dict.fromkeys(batch.split(",") if isinstance(batch, str) else batch))
        if not names:
            raise fail("batch-axis", "`batch` names no input")
    for name in names:
        if name not in ranks:
            hint = did_you_mean(name, ranks) or f"inputs are {', '.join(ranks) or 'none'}"
            raise fail("unknown-input", f"`{name}`, in `batch`, is not an input", None, hint)
        if name not in given:
            raise fail("batch-axis", f"`{name}` is in `batch`, and no values are given for it")
        if found.get(name) != ranks[name] + 1:
            wanted = f"an array with {ranks[name] + 1} {'axes' if ranks[name] else 'axis'}, the samples first"
            shape = f"has shape {dims_text(np.shape(given[name]))}" if name in found else "is not rectangular"
            shape = "is a scalar" if found.get(name) == 0 else shape
            raise fail(
                "batch-axis", f"`{name}` is in `batch`, so {wanted}, is needed; the given value {shape}"
            )
    return names


def number_of_samples(given: Mapping[str, Any], names: Sequence[str]) -> int:
    """The common length of the values."""
    first, *_ = sizes = [len(given[name]) for name in names]
    for name, size in zip(names, sizes, strict=True):
        if size != first:
            message = f"`{names[0]}` has {first} samples, and `{name}` has {size}"
            raise fail("batch-size", message)
    if first == 0:
        raise fail("batch-size", f"`{names[0]}` has no samples")
    return first


def _regular(value: Any) -> bool:
    """Whether it is a number or a rectangular array; the others are refused where values are converted."""
    try:
        np.shape(value)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, eq=False)
class Many:
    """A point, in which the values of the inputs in `point.batch` are those of `size` samples."""

    point: Point
    size: int
    samples: Samples

    def run(self, nodes: Mapping[str, Node]) -> Result:
        """The values of these outputs for each sample."""
        found = self.values(list(nodes.values()))
        warnings = self.first_not_finite(list(nodes.values()), found)
        return Result(dict(zip(nodes, found, strict=True)), self.point, warnings)

    def gradient(self, target: Node, nodes: Mapping[str, Node], *, per_sample: bool) -> Gradient:
        """The gradient of the mean of `target`, or of each sample; zeros where it is structurally zero."""
        value, found, warnings = (self.each_gradient if per_sample else self.mean_gradient)(target, nodes)
        wide = set(nodes.values()) if per_sample else self.varying([target, *nodes.values()])
        shapes = {k: (self.size, *n.shape) if n in wide else n.shape for k, n in nodes.items()}
        real = target.graph.real
        zeros = {k: np.zeros(shapes[k], real)[()] for k, v in found.items() if v is None}
        gradients = {k: zeros[k] if v is None else v[()] for k, v in found.items()}
        return Gradient(value, gradients, list(zeros), self.point, warnings, memory=self.samples.fitted)

    # ---- parts, which are copies: plans reuse their buffers ------------------------------------------------------

    def values(self, nodes: Sequence[Node]) -> list[Any]:
        """[n, *shape] of each node."""
        parts = self._parts(nodes, lambda size: self.samples.values(nodes, size))
        return [np.concatenate(part) for part in zip(*(found for _, _, found in parts), strict=True)]

    def mean_gradient(
        self, target: Node, nodes: Mapping[str, Node]
    ) -> tuple[Any, Gradients, list[Diagnostic]]:
        """The mean, its gradients (None: structurally zero), and where they stop being finite."""
        varying = self.varying([target, *nodes.values()])
        shared = {k: n for k, n in nodes.items() if n not in varying}
        wrt = list(shared.values())
        value, sums = 0.0, dict[str, Any]()
        warnings: list[Diagnostic] = []
        for start, size, (mean, *parts) in self._parts(
            [target], lambda size: self.samples.mean_gradient(target, wrt, size)
        ):
            weight = size / self.size
            value += weight * float(mean)
            for name, part in zip(shared, parts, strict=True):
                if part is not None:
                    sums[name] = sums.get(name, 0.0) + weight * np.asarray(part, np.float64)
            if not warnings and not all(finite(v) for v in (mean, *parts) if v is not None):
                warnings = self._blame(target, nodes, range(start, start + size))
        real = target.graph.real
        found: Gradients = {k: np.asarray(sums[k], real) if k in sums else None for k in shared}
        own = {k: n for k, n in nodes.items() if n in varying}
        if own:
            _, each, more = self.each_gradient(target, own)
            found |= {k: None if v is None else v / self.size for k, v in each.items()}
            warnings = warnings or more
        return np.asarray(value, real)[()], {k: found[k] for k in nodes}, warnings

    def each_gradient(
        self, target: Node, nodes: Mapping[str, Node]
    ) -> tuple[Any, Gradients, list[Diagnostic]]:
        """The values [n], the gradients [n, *shape] (None: structurally zero), and where they stop being finite."""
        wrt = list(nodes.values())
        parts = [
            found
            for _, _, found in self._parts(
                [target], lambda size: self.samples.each_gradient(target, wrt, size)
            )
        ]
        value, *each = (
            None if part[0] is None else np.concatenate(part) for part in zip(*parts, strict=True)
        )
        bad = np.zeros(self.size, np.bool_)
        for v in (value, *each):
            if v is not None:
                bad |= ~np.isfinite(v).reshape(self.size, -1).all(axis=1)
        warnings = self._blame(target, nodes, [int(np.argmax(bad))]) if bad.any() else []
        return value, dict(zip(nodes, each, strict=True)), warnings

    def first_not_finite(self, nodes: Sequence[Node], values: Sequence[Any]) -> list[Diagnostic]:
        """The first point that is not finite in the first sample whose `values` are not."""
        bad = np.zeros(self.size, np.bool_)
        for v in values:
            if v.dtype.kind == "f":
                bad |= ~np.isfinite(v).reshape(self.size, -1).all(axis=1)
        if not bad.any():
            return []
        k = int(np.argmax(bad))
        recorded = trace(nodes, self.one(k).leaves)
        found = first_value(recorded.nodes, recorded.values)
        return [] if found is None else [OfSample.of(found, k)]

    # ---- samples -------------------------------------------------------------------------------------------------

    def one(self, k: int) -> Point:
        """The point of sample k."""
        point = self.point
        inputs = {name: v[k] if name in point.batch else v for name, v in point.inputs.items()}
        return Point(point.compiled, inputs, point.params)

    def _parts(
        self, nodes: Sequence[Node], evaluation: Callable[[int], Evaluation]
    ) -> Iterator[tuple[int, int, list[Any]]]:
        """(first sample, how many, copies of what the evaluation gives), chunk by chunk."""
        batch = {self.point.compiled.built.inputs[name] for name in self.point.batch}
        leaves = self.point.leaves
        for start in range(0, self.size, CHUNK):
            size = min(CHUNK, self.size - start)
            part = {n: v[start : start + size] if n in batch else v for n, v in leaves.items()}
            try:
                found = evaluation(size)(part)
            except ProgramError:
                self._name_sample(nodes, range(start, start + size))
                raise
            yield start, size, [None if v is None else np.array(v) for v in found]

    def _name_sample(self, nodes: Sequence[Node], samples: Iterable[int]) -> None:
        """Raise ProgramError for the first of these samples in which an operation has no value."""
        for k in samples:
            try:
                evaluate(nodes, self.one(k).leaves)
            except ProgramError as error:
                raise ProgramError(OfSample.of(d, k) for d in error.diagnostics) from None

    def _blame(self, target: Node, nodes: Mapping[str, Node], samples: Iterable[int]) -> list[Diagnostic]:
        for k in samples:
            point = self.one(k)
            value, found = modes.reverse(point, target, nodes)
            blamed = modes.blame(point, target, value, {n: g for n, g in found.items() if g is not None})
            if blamed:
                return [OfSample.of(d, k) for d in blamed]
        return []

    def varying(self, nodes: Sequence[Node]) -> set[Node]:
        """All nodes whose values differ from sample to sample, up to the last of `nodes`."""
        found = {self.point.compiled.built.inputs[name] for name in self.point.batch}
        last = max(n.id for n in nodes)
        for n in self.point.compiled.built.graph.nodes[: last + 1]:
            if any(a in found for a in n.args):
                found.add(n)
        return found
