"""Local Jacobians as matrices: a chain of `Linear`s becomes a chain of factors, each a diagonal or a matrix.

Every entry of a factor is what `push` does to a vector of the basis. The primitives whose structure is known
need no basis: a diagonal is one push of ones, a selection one push of entry numbers, a contraction a
rearrangement of its frozen operand. Transpose rules are never used: they are what the path sum checks.

A row vector times a factor has two parts: the row, and where it is not a structural zero (None: nowhere).
What lanes without a derivative hold is multiplied by nothing, so 0 * infinity cannot turn it into NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from paramprog.op import Chain, Linear
from paramprog.transfer.contract import CONTRACT
from paramprog.transfer.dependence import LANES, dependence
from paramprog.transfer.gather import GATHER, SCATTER_ADD
from paramprog.transfer.linear import MASK, SPREAD, SUM
from paramprog.transfer.rearrange import RESHAPE, TRANSPOSE
from paramprog.transfer.select import COMPRESS, EMBED, EXPAND, SLICE
from paramprog.transfer.systems import SOLVE, SOLVE_TRIANGULAR
from paramprog.types import Shape

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Lanes = npt.NDArray[np.bool_] | None

DENSE = 4096
"""A matrix of at most so many entries is stored with its zeros."""

BASIS = 5 * 10**7
"""A primitive of unknown structure is pushed over a basis if that touches at most so many numbers."""

_COPIES = (SLICE, EMBED, EXPAND, COMPRESS, RESHAPE, TRANSPOSE, SPREAD)
"""Every entry of the result is one entry of the argument, or zero."""


class TooLargeError(Exception):
    """The matrix is not worth forming."""


class Factor(Protocol):
    """A matrix J; `sparse` says that it is stored without its zeros."""

    nonzeros: int
    sparse: bool

    def row(self, v: Floats, lanes: Lanes, *, size: bool = False) -> tuple[Floats, Lanes]:
        """v^T J (v^T |J| for a `size`), and where it is not a structural zero."""


class Diagonal:
    """y_i = d_i x_i, where `lanes` holds."""

    def __init__(self, d: Floats, lanes: Lanes) -> None:
        self.d, self.lanes = d, lanes
        self.nonzeros, self.sparse = d.size, d.size**2 > DENSE

    def row(self, v: Floats, lanes: Lanes, *, size: bool = False) -> tuple[Floats, Lanes]:
        out = v * (np.abs(self.d) if size else self.d)
        if self.lanes is not None:
            lanes = self.lanes if lanes is None else lanes & self.lanes
        return (out, None) if lanes is None else (np.where(lanes, out, 0.0), lanes)


class Matrix:
    """Entries (row, column, value); `selects` says that columns without an entry are structural zeros."""

    def __init__(
        self, shape: tuple[int, int], rows: Ints, columns: Ints, values: Floats, *, selects: bool = False
    ) -> None:
        self.shape, self.rows, self.columns, self.values, self.selects = shape, rows, columns, values, selects
        self.nonzeros, self.sparse = values.size, prod(shape) > DENSE
        self._times = self._product(values)

    def _product(self, values: Floats) -> Callable[[Floats], Floats]:
        m, n = self.shape
        if not self.sparse:
            dense = np.zeros((m, n))
            np.add.at(dense, (self.rows, self.columns), values)
            return lambda v: np.asarray(v @ dense)
        from scipy.sparse import csr_array

        transposed = csr_array((values, (self.columns, self.rows)), shape=(n, m))
        return lambda v: np.asarray(transposed @ v)

    def row(self, v: Floats, lanes: Lanes, *, size: bool = False) -> tuple[Floats, Lanes]:
        if size:
            return self._entries(v, lanes, np.abs(self.values))
        if lanes is None and not self.selects:
            out = self._times(v)
            if self.sparse or np.isfinite(out).all():
                return out, None
        return self._entries(v, lanes, self.values)

    def _entries(self, v: Floats, lanes: Lanes, values: Floats) -> tuple[Floats, Lanes]:
        """Entry by entry: a zero that is not stored is multiplied by nothing."""
        keep: Any = slice(None) if lanes is None else np.flatnonzero(lanes[self.rows])
        columns, n = self.columns[keep], self.shape[1]
        out = np.bincount(columns, v[self.rows[keep]] * values[keep], n).astype(np.float64, copy=False)
        if lanes is None and not self.selects:
            return out, None
        touched = np.zeros(n, np.bool_)
        touched[columns] = True
        return out, touched


def factors(chain: Chain, shape: Shape, limit: int) -> tuple[Factor, ...]:
    """The factors of a local Jacobian whose argument has `shape`, in the order in which they act on a row
    vector.

    Raises TooLargeError when they have more than `limit` nonzeros together.
    """
    found: list[Factor] = []
    for lin in chain:
        made, shape = _factor(lin, tuple(shape), limit)
        limit -= made.nonzeros
        if limit < 0:
            raise TooLargeError
        found.append(made)
    return tuple(reversed(found))


def result_shape(lin: Linear, shape: Shape) -> Shape:
    """The shape of what `lin` makes of an argument of `shape`."""
    if lin.op.elementwise:
        return shape
    shapes = [tuple(np.shape(f)) for f in lin.frozen]
    return lin.op.shape(*shapes[: lin.hole], shape, *shapes[lin.hole :], **lin.attrs)


def _factor(lin: Linear, shape: Shape, limit: int) -> tuple[Factor, Shape]:
    to = result_shape(lin, shape)
    m, n = prod(to), prod(shape)
    if lin.op.elementwise:
        if n > limit:
            raise TooLargeError
        # exact: the map is diagonal, so the image of ones is its diagonal
        d = np.ravel(np.asarray(lin(np.ones(shape)), np.float64))
        return Diagonal(d, np.ravel(lin.frozen[0]) if lin.op is MASK else None), to
    if lin.op in _COPIES or (lin.op is GATHER and lin.hole == 0):
        if m > limit:
            raise TooLargeError
        source = np.ravel(lin(np.arange(1, n + 1).reshape(shape)))
        rows = np.flatnonzero(source)
        selects = lin.op in (COMPRESS, SLICE, GATHER)
        return Matrix((m, n), rows, source[rows] - 1, np.ones(rows.size), selects=selects), to
    if lin.op is SUM or lin.op is SCATTER_ADD:
        if n > limit:
            raise TooLargeError
        rows = _summed_into(lin, to, shape)
        return Matrix((m, n), rows, np.arange(n), np.ones(n)), to
    if lin.op is CONTRACT:
        return _contraction(lin, shape, to, limit), to
    return _pushed_basis(lin, shape, to, limit), to


def _summed_into(lin: Linear, to: Shape, shape: Shape) -> Ints:
    """For each entry of the argument, the entry of the result that it is added to."""
    places = np.arange(prod(to)).reshape(to)
    if lin.op is SUM:
        return np.ravel(np.broadcast_to(np.expand_dims(places, lin.attrs["axes"]), shape))
    return np.ravel(np.take(places, lin.frozen[0], lin.attrs["axis"]))


def _contraction(lin: Linear, shape: Shape, to: Shape, limit: int) -> Matrix:
    """J[result, hole] = the frozen operand, summed over the letters that neither hole nor result has."""
    words, result = lin.attrs["spec"].split("->")
    hole, other = (words.split(",")[k] for k in (lin.hole, 1 - lin.hole))
    frozen = np.asarray(lin.frozen[0], np.float64)
    sizes = dict(zip(other + hole + result, (*frozen.shape, *shape, *to), strict=True))
    letters = "".join(dict.fromkeys(result + hole))
    if prod(sizes[c] for c in letters) > limit:
        raise TooLargeError
    extra = tuple(k for k, c in enumerate(other) if c not in letters)
    kept = "".join(c for c in other if c in letters)

    def laid(array: Any, word: str) -> Any:
        order = sorted(range(len(word)), key=lambda k: letters.index(word[k]))
        absent = tuple(k for k, c in enumerate(letters) if c not in word)
        array = np.expand_dims(np.transpose(array, order), absent)
        return np.ravel(np.broadcast_to(array, [sizes[c] for c in letters]))

    rows = laid(np.arange(prod(to)).reshape(to), result)
    columns = laid(np.arange(prod(shape)).reshape(shape), hole)
    return Matrix((prod(to), prod(shape)), rows, columns, laid(np.sum(frozen, extra), kept))


def _pushed_basis(lin: Linear, shape: Shape, to: Shape, limit: int) -> Matrix:
    """Column by column, for primitives of which nothing is known; zeros of a large matrix are dropped."""
    m, n = prod(to), prod(shape)
    if n * (n + m) > BASIS:
        raise TooLargeError
    rows, values, nonzeros = [], [], 0
    unit = np.zeros(n)
    for k in range(n):
        unit[k] = 1.0
        column = np.ravel(np.asarray(lin(unit.reshape(shape).copy()), np.float64))
        unit[k] = 0.0
        rows.append(np.arange(m) if m * n <= DENSE else np.flatnonzero(column))
        values.append(column[rows[-1]])
        nonzeros += rows[-1].size
        if nonzeros > limit:
            raise TooLargeError
    columns = np.repeat(np.arange(n), [r.size for r in rows])
    return Matrix((m, n), _concatenated(rows, np.int64), columns, _concatenated(values, np.float64))


def _concatenated(parts: Sequence[Any], dtype: type) -> Any:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)


# ---- without matrices --------------------------------------------------------------------------------------


def push_lanes(chain: Chain, t: Any, lanes: Any, *, size: bool = False) -> tuple[Any, Any]:
    """J t, and where it is not a structural zero (None: everywhere).

    For a `size` |J| t, where t >= 0 (of primitives of unknown structure |J t|, which is no more).
    """
    for lin in chain:
        if lin.op is EXPAND or (lanes is None and lin.op in (EMBED, SCATTER_ADD)):
            lanes = lin(np.ones(np.shape(t), np.bool_) if lanes is None else lanes)
        elif lin.op is MASK:
            lanes = lin.frozen[0] if lanes is None else lanes & lin.frozen[0]
        elif lanes is not None and not lin.op.elementwise:
            lanes = dependence(lin, lanes, LANES)
        t = _size_of(lin, t) if size else lin(t)
        if lanes is not None:
            t = np.where(lanes, t, 0.0)
    return t, lanes


def _size_of(lin: Linear, t: Any) -> Any:
    """|J| t; systems of equations by the absolute values of the inverse."""
    if lin.op is not SOLVE and lin.op is not SOLVE_TRIANGULAR:
        return np.abs(_with_reals(lin, np.abs)(t))
    matrix, vector = lin.frozen[0], lin.attrs["vector"]
    columns = lin._replace(attrs={**lin.attrs, "vector": False})
    inverse = np.abs(columns(np.broadcast_to(np.eye(matrix.shape[-1]), matrix.shape)))
    return (inverse @ t[..., None])[..., 0] if vector else inverse @ t


def condition(chain: Chain) -> float:
    """n |A| |A^-1|, added up over the systems that a chain solves: how many ulps of its largest entry a column is off.

    Source: N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM 2002, theorem 9.5.
    """
    total = 0.0
    for lin in chain:
        if lin.op is SOLVE or lin.op is SOLVE_TRIANGULAR:
            matrix = np.asarray(lin.frozen[0], np.float64)
            if lin.op is SOLVE_TRIANGULAR:
                matrix = np.triu(matrix) if lin.attrs["upper"] else np.tril(matrix)
            total += matrix.shape[-1] * float(np.max(np.linalg.cond(matrix, 1), initial=0.0))
    return total


def _with_reals(lin: Linear, change: Callable[[Any], Any]) -> Linear:
    """The same map with other numbers to multiply by; its conditions and indices stay."""
    return lin._replace(frozen=tuple(change(f) if np.asarray(f).dtype.kind == "f" else f for f in lin.frozen))


def either(a: Lanes, b: Lanes) -> Lanes:
    """Where a sum is not a structural zero."""
    return None if a is None or b is None else a | b
