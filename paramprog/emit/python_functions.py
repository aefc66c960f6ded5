"""Functions in NumPy that are printed with a program that uses them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from paramprog.emit.python_products import TEXT as PRODUCTS
from paramprog.emit.python_tapes import TEXT as TAPES

BASICS = '''
def _sech(x):
    """1 / cosh(x)."""
    return 1.0 / np.cosh(x)


def _sigmoid(x):
    """1 / (1 + exp(-x)), without overflow and down to the smallest numbers."""
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, np.ones((), e.dtype)) / (1 + e)


def _softplus(x):
    """log(1 + exp(x))."""
    return np.logaddexp(x, np.zeros((), np.asarray(x).dtype))


def _logsigmoid(x):
    """log(1 / (1 + exp(-x)))."""
    return -np.logaddexp(-x, np.zeros((), np.asarray(x).dtype))


def _leaky_relu(x, slope):
    """x where positive, else slope * x."""
    return np.where(x > 0, x, x * np.asarray(slope, np.asarray(x).dtype))


def _guard(v, y):
    """v, but NaN where y is NaN."""
    return np.where(np.isnan(y), y, v)


def _share(a, b):
    """1 if a > b, 1/2 at a tie, else 0: the derivative of max(a, b)."""
    won = np.where(a == b, 0.5, np.where(np.isnan(a) | np.isnan(b), np.nan, np.greater(a, b)))
    return won.astype(np.result_type(a, b))


def _inside(x, lo, hi):
    """1 for lo < x < hi, else 0: the derivative of clip."""
    unknown = np.isnan(x) | np.isnan(lo) | np.isnan(hi)
    return np.where(unknown, np.nan, (lo < x) & (x < hi)).astype(np.result_type(x, lo, hi))


def _div0(a, b):
    """a / b, but 0 where b is 0: the gradient of a norm at 0."""
    return np.where(b == 0, 0, np.true_divide(a, b))


def _xdivy(x, y):
    """x / y, but 0 where x is 0: the derivative of x log y."""
    return np.where((x == 0) & ~np.isnan(y), 0, np.true_divide(x, y))


def _power_partial(x, y, dx, dy):
    """The derivative of x ** y, dx times in x and dy times in y, by Leibniz."""
    x, y = np.broadcast_arrays(x, y)
    falling = [np.polynomial.Polynomial([1.0])]
    for m in range(dx):
        falling[0] *= np.polynomial.Polynomial([-float(m), 1.0])
    for m in range(dy):
        falling.append(falling[-1].deriv())
    power, total = np.power(x, y - dx), np.zeros(x.shape, np.result_type(x, y))
    for m in range(dy + 1):
        factor = np.zeros_like(y)
        for c in falling[dy - m].coef[::-1]:
            factor = factor * y + np.asarray(c, y.dtype)
        factor = math.comb(dy, m) * factor
        vanishes = (factor == 0) | ((x == 0) & (y >= dx) & (m > 0))
        nothing = vanishes & ((x >= 0) | (m == 0))
        total = total + np.where(nothing, 0, factor * power * np.log(x) ** m)
    return np.where(np.isnan(np.power(x, y)), np.nan, total).astype(total.dtype)


def _norm(x, axes):
    """The Euclidean norm, scaled by the largest entry, so that squares neither overflow nor vanish."""
    top = np.max(np.abs(x), axes, keepdims=True, initial=0.0)
    scale = np.where((top > 0) & np.isfinite(top), top, np.ones((), x.dtype))
    return np.sqrt(np.sum(np.square(x / scale), axes)) * np.squeeze(scale, axes)


def _logsumexp(x, axes):
    """log of the sum of exp(x), shifted by the largest entry."""
    top = np.max(x, axes, keepdims=True)
    top = np.where(np.isfinite(top), top, np.zeros((), x.dtype))
    return np.log(np.sum(np.exp(x - top), axes)) + np.squeeze(top, axes)


def _rows(x, axes):
    """The entries of each result of a reduction as the last axis."""
    axes = tuple(range(x.ndim)) if axes is None else axes if isinstance(axes, tuple) else (axes,)
    moved = np.moveaxis(x, axes, range(-len(axes), 0)) if axes else x
    return axes, moved.reshape(*moved.shape[: moved.ndim - len(axes)], -1)


def _median(x, axes):
    """The middle entry in order, the mean of the two in the middle of an even number."""
    rows = np.sort(_rows(x, axes)[1], -1)
    n = rows.shape[-1]
    low, high = rows[..., (n - 1) // 2], rows[..., n // 2]
    middle = np.where(low == high, low, low * 0.5 + high * 0.5)
    return np.where(np.isnan(rows[..., -1]), rows[..., -1], middle)


def _middle(x, axes):
    """What each entry counts in the median: 1 in the middle, 1/2 each for two, else 0."""
    axes, rows = _rows(x, axes)
    n = rows.shape[-1]
    weights = np.zeros_like(rows)
    middle = np.argsort(rows, -1, kind="stable")[..., (n - 1) // 2 : n // 2 + 1]
    np.put_along_axis(weights, middle, np.asarray(1.0 / middle.shape[-1], x.dtype), -1)
    weights[np.isnan(rows).any(-1)] = np.nan
    if not axes:
        return weights.reshape(x.shape)
    moved = np.moveaxis(x, axes, range(-len(axes), 0)).shape
    return np.moveaxis(weights.reshape(moved), range(-len(axes), 0), axes)


def _argsort(x, axis, flat):
    """Where the entries of the sorted array come from, in all of x if flat."""
    order = np.argsort(x, axis, kind="stable")
    return np.take_along_axis(np.arange(x.size).reshape(x.shape), order, axis) if flat else order


def _selected(c, count):
    """The places of the entries where c holds, in order, along the last axis."""
    if np.any(np.sum(c, -1) != count):
        raise ValueError(f"the condition does not hold at {count} places")
    return np.argsort(~c, -1, kind="stable")[..., :count]


def _cumsum(x, axis, reverse):
    """The sums of the entries so far, from the last one if reverse."""
    return np.flip(np.cumsum(np.flip(x, axis), axis), axis) if reverse else np.cumsum(x, axis)


def _recurrence(a, b, axis, reverse):
    """y_k = a_k y_(k-1) + b_k along an axis; in reverse y_k = a_(k+1) y_(k+1) + b_k."""
    y = np.array(b)
    links, steps = np.moveaxis(a, axis, 0), np.moveaxis(y, axis, 0)
    n = len(steps)
    if reverse:
        for k in range(n - 2, -1, -1):
            steps[k] += links[k + 1] * steps[k + 1]
    else:
        for k in range(1, n):
            steps[k] += links[k] * steps[k - 1]
    return y


def _embed(x, shape, *where):
    """x in its place among zeros."""
    out = np.zeros(shape, np.asarray(x).dtype)
    out[where] = x
    return out


def _diagonal(x):
    """The matrix with this diagonal."""
    out = np.zeros((*x.shape, x.shape[-1]), x.dtype)
    entries = np.arange(x.shape[-1])
    out[..., entries, entries] = x
    return out


def _scatter_add(i, v, n, axis):
    """n zeros along an axis, with v added at the indices i."""
    v = np.asarray(v)
    out = np.zeros((*v.shape[:axis], n, *v.shape[axis + np.ndim(i) :]), v.dtype)
    np.add.at(out, (slice(None),) * axis + (i,), v)
    return out


def _places(i, n):
    """The indices i of each lane (the first axis), into all lanes one after the other, n entries in each."""
    return i + n * np.arange(len(i), dtype=np.int64).reshape(-1, *(1,) * (np.ndim(i) - 1))


def _spared(i, n):
    """Which of n places no index of i names."""
    found = np.ones(n, np.bool_)
    found[i] = False
    return found


def _latest(i):
    """Which of the indices i no later one repeats."""
    flat = np.ravel(i)[::-1]
    found = np.zeros(flat.size, np.bool_)
    found[np.unique(flat, return_index=True)[1]] = True
    return found[::-1].reshape(np.shape(i))


def _put(x, i, v, axis):
    """x with the entries at the indices i replaced by v; of equal indices the last counts."""
    out = np.array(x, np.result_type(x, v))
    rank = np.ndim(i)
    places = np.moveaxis(out, axis, 0)
    if rank == 0:
        places[i] = v
        return out
    values = np.moveaxis(v, range(axis, axis + rank), range(rank)).reshape(i.size, *places.shape[1:])
    latest = np.ravel(_latest(i))
    places[np.ravel(i)[latest]] = values[latest]
    return out


def _solve(A, b, transposed):
    """The solution x of A x = b, of A^T x = b if transposed."""
    return np.linalg.solve(A.T if transposed else A, b)


def _solve_triangular(L, b, upper, transposed):
    """The solution x of L x = b, of L^T x = b if transposed, by the lower or the upper triangle of L."""
    return linalg.solve_triangular(L, b, trans=int(transposed), lower=not upper)


def _symmetric(x):
    """(x + x^T) / 2."""
    return 0.5 * x + 0.5 * x.T


def _cholesky(A):
    """The lower triangular L with L L^T = (A + A^T) / 2."""
    return np.linalg.cholesky(_symmetric(A))


def _half_tril(x):
    """The lower triangle, with half of the diagonal."""
    weights = np.tril(np.ones_like(x)) - 0.5 * np.eye(len(x), dtype=x.dtype)
    return np.where(weights > 0, weights * x, np.zeros((), x.dtype))


def _windows(x, window, stride, pad):
    """The entries of the windows of an image, [c, i, j, u, v]."""
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    found = np.lib.stride_tricks.sliding_window_view(padded, window, (1, 2))
    return found[:, ::stride, ::stride]


def _conv(x, K, window, stride, pad):
    """The convolution of an image [c, h, w] with a kernel [o, c, p, q]."""
    return np.tensordot(K, _windows(x, window, stride, pad), ((1, 2, 3), (0, 3, 4)))


def _conv_kernel(x, g, window, stride, pad):
    """The transpose of _conv in the kernel."""
    return np.tensordot(g, _windows(x, window, stride, pad), ((1, 2), (1, 2)))


def _conv_input(g, K, size, window, stride, pad):
    """The transpose of _conv in the image."""
    shares = np.tensordot(K, g, ((0,), (0,)))
    h, w = g.shape[1:]
    out = np.zeros((K.shape[1], size[0] + 2 * pad, size[1] + 2 * pad), shares.dtype)
    for u in range(window[0]):
        for v in range(window[1]):
            out[:, u : u + stride * h : stride, v : v + stride * w : stride] += shares[:, u, v]
    return out[:, pad : pad + size[0], pad : pad + size[1]]
'''

TEXT = f"{BASICS.strip()}\n\n\n{PRODUCTS.strip()}\n\n\n{TAPES.strip()}\n"

FUNCTIONS: dict[str, str] = {
    part.split("(", 1)[0].removeprefix("def "): part.strip() for part in TEXT.strip().split("\n\n\n")
}
"""The text of each function by name."""

_MENTIONED = re.compile(r"(?<![\w.])_[a-z]\w*(?=\()")


def mentioned(lines: Iterable[str]) -> list[str]:
    """The names of the functions that the lines call, and of those that these call, in the order of this file."""
    pending, found = [*lines], set[str]()
    while pending:
        for name in _MENTIONED.findall(pending.pop()):
            if name in FUNCTIONS and name not in found:
                found.add(name)
                pending.append(FUNCTIONS[name].split("\n", 1)[1])
    return [name for name in FUNCTIONS if name in found]
