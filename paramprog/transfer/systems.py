"""Linear systems: `solve`, `solve_triangular`, `inverse` and `logdet`, of the last two axes; axes before are lanes.

    x = A^-1 b     dx = A^-1 (db - dA x)     no inverse is formed: J is a product and one more system
    Y = A^-1       dY = -Y dA Y
    y = log |det A|    dy = sum of A^-T * dA, entry by entry

A solution is linear in its right side; its transpose is the system of the transposed matrix. Matrices are factored by
LU with partial pivoting, and are singular where a pivot is exactly 0.

Source: M. Giles, An extended collection of matrix derivative results for forward and reverse mode automatic
differentiation, Oxford University Computing Laboratory, 2008.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from paramprog.graph.region import ValueFault
from paramprog.op import Chain, Lanes, Linear, Op, Sample, Sets, Surface, register, to_real, trailing_axes
from paramprog.transfer.contract import CONTRACT
from paramprog.transfer.dependence import all_along, running
from paramprog.transfer.linear import LETTERS, NEG, SUM
from paramprog.transfer.map import diagonal
from paramprog.transfer.matrix import TRIANGLE, square
from paramprog.transfer.rearrange import RESHAPE, TRANSPOSE
from paramprog.transfer.spelling import Exact
from paramprog.types import Shape, ShapeError, Type, dims_text

DOMINANT = 4.0
"""With entries up to 1, matrices of 3 rows are well conditioned."""


# ---- values ------------------------------------------------------------------------------------------------------


def _singular(shape: Shape, why: str = "") -> ValueFault:
    return ValueFault("singular-matrix", f"the matrix {dims_text(shape[-2:])} is singular{why}")


def _in_floats(*arrays: Any) -> None:
    if np.result_type(*arrays).kind != "f":
        raise TypeError("systems of equations are solved in floats")


def _columns(f: Callable[[Any], Any], b: Any, vector: bool) -> Any:
    """f of b as columns, a vector being one column."""
    return f(b[..., None])[..., 0] if vector else f(b)


def _solve(A: Any, b: Any, *, transposed: bool, vector: bool) -> Any:
    _in_floats(A, b)
    matrix = np.swapaxes(A, -1, -2) if transposed else A
    try:
        return _columns(lambda columns: np.linalg.solve(matrix, columns), b, vector)
    except np.linalg.LinAlgError:
        raise _singular(A.shape) from None


def _solve_triangular(L: Any, b: Any, *, upper: bool, transposed: bool, vector: bool) -> Any:
    _in_floats(L, b)
    zeros = np.argwhere(np.diagonal(L, 0, -2, -1) == 0)
    if len(zeros):
        k = zeros[0][-1]
        raise _singular(L.shape, f": the entry [{k}, {k}] of its diagonal is 0")
    matrix = np.swapaxes(L, -1, -2) if transposed else L
    f = _by_lapack if L.ndim == 2 else _substitution
    return _columns(lambda columns: f(matrix, columns, lower=upper == transposed), b, vector)


def _by_lapack(L: Any, b: Any, *, lower: bool) -> Any:
    from scipy.linalg import solve_triangular  # half of the programs never need it

    return solve_triangular(L, b, lower=lower, check_finite=False) if b.size else np.zeros_like(b)


def _substitution(L: Any, b: Any, *, lower: bool) -> Any:
    """Row by row, for all lanes at once."""
    x = np.zeros_like(b)
    n = L.shape[-1]
    for k in range(n) if lower else range(n - 1, -1, -1):
        known = slice(0, k) if lower else slice(k + 1, n)
        rest = b[..., k : k + 1, :] - L[..., k : k + 1, known] @ x[..., known, :]
        x[..., k : k + 1, :] = rest / L[..., k : k + 1, k : k + 1]
    return x


def _inverse(A: Any) -> Any:
    try:
        return np.linalg.inv(A)
    except np.linalg.LinAlgError:
        raise _singular(A.shape, ": it has no inverse") from None


def _logdet(A: Any) -> Any:
    sign, size = np.linalg.slogdet(A)
    if np.any(sign == 0):
        raise _singular(A.shape, ": its determinant is 0")
    return size


# ---- shapes ------------------------------------------------------------------------------------------------------


def _system_rule(A: Shape, b: Shape, *, vector: bool, **_: Any) -> Shape:
    n = square(A)
    if len(b) != len(A) - vector or b[: len(A) - 1] != (*A[:-2], n):
        wanted = f"[{n}]" if vector else f"[{n}, k]"
        raise ShapeError(f"the right side of a system of {n} equations is {wanted}, not {dims_text(b)}")
    return b


def _system_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    A, b = (t.shape for t in types)
    if len(A) != 2:
        raise ShapeError(f"takes a square matrix, not {dims_text(A)}")
    n = square(A)
    if len(b) not in (1, 2) or b[0] != n:
        raise ShapeError(
            f"the right side of a system of {n} equations is [{n}] or [{n}, k], not {dims_text(b)}"
        )
    return {k: options[k] for k in ("upper", "transposed") if k in options} | {"vector": len(b) == 1}


def matrix_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    if len(types[0].shape) != 2:
        raise ShapeError(f"takes a square matrix, not {dims_text(types[0].shape)}")
    square(types[0].shape)
    return {}


def square_rule(A: Shape) -> Shape:
    square(A)
    return A


def _logdet_rule(A: Shape) -> Shape:
    square(A)
    return A[:-2]


# ---- Jacobians ---------------------------------------------------------------------------------------------------


def times(x: Any, words: str, *, hole: int) -> Linear:
    """The product of matrices, lane by lane, with `x` as one of the two: `ij,jk->ik` with letters for the lanes."""
    first, second, result = words.replace("->", ",").split(",")
    lanes = LETTERS[: len(x.shape) - len((second, first)[hole])]
    return Linear(
        CONTRACT, hole, (x,), {"spec": f"{lanes}{first},{lanes}{second}->{lanes}{result}", "sizes": ()}
    )


def swapped(rank: int) -> Linear:
    """The transpose of matrices of `rank` axes, lanes included."""
    return Linear(TRANSPOSE, attrs={"axes": (*range(rank - 2), rank - 1, rank - 2)})


def _minus_product(x: Any, *, transposed: bool, vector: bool) -> Chain:
    """dA -> -dA x, or -dA^T x."""
    word, columns = "ji" if transposed else "ij", "" if vector else "k"
    return times(x, f"{word},j{columns}->i{columns}", hole=0), Linear(NEG)


def _solve_jacobian(port: int, x: Any, A: Any, b: Any, **attrs: Any) -> Chain:
    system = Linear(SOLVE, 1, (A,), attrs)
    return (system,) if port else (*_minus_product(x, **attrs), system)


def _triangular_jacobian(port: int, x: Any, L: Any, b: Any, *, upper: bool, **attrs: Any) -> Chain:
    system = Linear(SOLVE_TRIANGULAR, 1, (L,), {"upper": upper, **attrs})
    if port:
        return (system,)
    return (Linear(TRIANGLE, attrs={"upper": upper}), *_minus_product(x, **attrs), system)


def _transposed(lin: Linear) -> Linear:
    return lin._replace(attrs={**lin.attrs, "transposed": not lin.attrs["transposed"]})


def _inverse_jacobian(port: int, Y: Any, A: Any) -> Chain:
    return times(Y, "ij,jk->ik", hole=1), times(Y, "ij,jk->ik", hole=0), Linear(NEG)


def _logdet_jacobian(port: int, y: Any, A: Any) -> Chain:
    rank, n = len(A.shape), A.shape[-1]
    turned = swapped(rank)(INVERSE(A))
    return (*diagonal(turned), Linear(SUM, attrs={"axes": (rank - 2, rank - 1), "sizes": (n, n)}))


# ---- entries, and lanes ------------------------------------------------------------------------------------------


def _solve_depends(lin: Linear, labels: Any, sets: Sets) -> Any:
    return all_along(-1 if lin.attrs["vector"] else -2)(lin, labels, sets)


def _triangular_depends(lin: Linear, labels: Any, sets: Sets) -> Any:
    axis = -1 if lin.attrs["vector"] else -2
    return running(labels, axis, sets, reverse=lin.attrs["upper"] != lin.attrs["transposed"])


def _system_batch(lanes: Lanes, flags: Sequence[bool], A: Any, b: Any, *, vector: bool, **attrs: Any) -> Any:
    """Of one matrix for all lanes the right sides are so many columns, so it is factored once."""
    op = SOLVE_TRIANGULAR if "upper" in attrs else SOLVE
    if flags[0] or len(A.shape) > 2:
        A, b = (x if wide else lanes.widen(x) for x, wide in zip((A, b), flags, strict=True))
        return op(A, b, vector=vector, **attrs)
    if vector:
        turned = swapped(2)
        return turned(op(A, turned(b), vector=False, **attrs))
    count, n, k = b.shape
    front = TRANSPOSE(b, axes=(1, 0, 2))
    columns = RESHAPE(front, of=(n, count, k), to=(n, count * k))
    found = RESHAPE(op(A, columns, vector=False, **attrs), of=(n, count * k), to=(n, count, k))
    return TRANSPOSE(found, axes=(1, 0, 2))


# ---- the primitives ----------------------------------------------------------------------------------------------


def _system(name: str, doc: str, value: Callable[..., Any], options: Mapping[str, Any], **fields: Any) -> Op:
    """Register a primitive that solves systems of its first argument."""
    first = "L" if "upper" in options else "A"
    samples = []
    for transposed in (False, True):
        for shapes, vector in (((3, 3), (3,)), True), (((3, 3), (3, 2)), False), (((2, 3, 3), (2, 3)), True):
            samples.append(Sample(shapes, {**options, "transposed": transposed, "vector": vector}))
    if "upper" in options:
        samples += [
            Sample(((3, 3), (3, 2)), {"upper": True, "transposed": t, "vector": False}) for t in (False, True)
        ]
    return register(
        Op(
            name,
            doc,
            value,
            shape_rule=_system_rule,
            kinds=to_real,
            transpose=_transposed,
            batch=_system_batch,
            surfaces=(Exact(name, doc, (first, "b"), options, _system_attrs),),
            samples=tuple(samples),
            domain=((-1.0, 1.0),),
            dominant=DOMINANT,
            **fields,
        )
    )


SOLVE: Op = _system(
    "solve",
    "the solution x of A x = b, of A^T x = b if `transposed`; b is a vector, or a matrix of right sides",
    _solve,
    {"transposed": False},
    jacobian=_solve_jacobian,
    depends=_solve_depends,
)
SOLVE_TRIANGULAR: Op = _system(
    "solve_triangular",
    "the solution x of L x = b (L^T x = b if `transposed`); of L only the lower triangle is read, or the `upper` one",
    _solve_triangular,
    {"upper": False, "transposed": False},
    jacobian=_triangular_jacobian,
    depends=_triangular_depends,
)
INVERSE: Op = register(
    Op(
        "inverse",
        "the inverse of a square matrix; for A^-1 b see `solve`",
        _inverse,
        shape_rule=square_rule,
        jacobian=_inverse_jacobian,
        lift=trailing_axes,
        surfaces=(
            Surface(
                "inverse",
                "the inverse of a square matrix; for A^-1 b see `solve`",
                ("A",),
                attrs=matrix_attrs,
            ),
        ),
        samples=(Sample(((3, 3),)), Sample(((2, 2, 2),))),
        domain=((-1.0, 1.0),),
        dominant=DOMINANT,
    )
)
LOGDET: Op = register(
    Op(
        "logdet",
        "log |det A|, the logarithm of the absolute value of the determinant",
        _logdet,
        shape_rule=_logdet_rule,
        jacobian=_logdet_jacobian,
        lift=trailing_axes,
        surfaces=(
            Surface(
                "logdet",
                "log |det A|, the logarithm of the absolute value of the determinant",
                ("A",),
                attrs=matrix_attrs,
            ),
        ),
        samples=(Sample(((3, 3),)), Sample(((2, 2, 2),))),
        domain=((-1.0, 1.0),),
        dominant=DOMINANT,
    )
)
