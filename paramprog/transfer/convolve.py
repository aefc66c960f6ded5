"""Convolutions: sums of products over windows, of x[c,h,w] with K[o,c,p,q].

    T(x, K, g) = sum of g[o,i,j] K[o,c,u,v] x[c, s i + u - pad, s j + v - pad]

is linear in each of the three. `conv` is its derivative in g, `conv_input` in x and `conv_kernel` in K: each takes the
other two, is linear in both, and the transpose of one in one of its arguments is another. As in machine learning the
kernel is not turned round.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from paramprog.op import Linear, Op, Sample, Surface, arithmetic
from paramprog.transfer.linear import linear
from paramprog.transfer.spelling import Exact, at_least, trailing
from paramprog.types import Shape, ShapeError, Type, dims_text

Pair = tuple[int, int]


def _places(size: Pair, window: Pair, stride: int, pad: int) -> Pair:
    """How many windows lie in an image, down and across. Raises ShapeError when there is none."""
    h, w = ((n + 2 * pad - k) // stride + 1 for n, k in zip(size, window, strict=True))
    if h < 1 or w < 1:
        raise ShapeError(
            f"a window of {window[0]} x {window[1]} does not fit into {size[0]} x {size[1]} with pad {pad}"
        )
    return h, w


def _windows(x: Any, size: Pair, window: Pair, stride: int, pad: int) -> Any:
    """[c, i, j, u, v]: the entries of the windows, a view of the padded image."""
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad))) if pad else x
    return sliding_window_view(padded, window, (1, 2))[:, ::stride, ::stride]


def _conv(x: Any, K: Any, *, size: Pair, window: Pair, stride: int, pad: int) -> Any:
    return np.tensordot(K, _windows(x, size, window, stride, pad), ((1, 2, 3), (0, 3, 4)))


def _conv_kernel(x: Any, g: Any, *, size: Pair, window: Pair, stride: int, pad: int) -> Any:
    return np.tensordot(g, _windows(x, size, window, stride, pad), ((1, 2), (1, 2)))


def _conv_input(g: Any, K: Any, *, size: Pair, window: Pair, stride: int, pad: int) -> Any:
    shares = np.tensordot(K, g, ((0,), (0,)))  # [c, u, v, i, j], added where each window lies
    h, w = g.shape[1:]
    out = np.zeros((K.shape[1], size[0] + 2 * pad, size[1] + 2 * pad), shares.dtype)
    for u in range(window[0]):
        for v in range(window[1]):
            out[:, u : u + stride * h : stride, v : v + stride * w : stride] += shares[:, u, v]
    return out[:, pad : pad + size[0], pad : pad + size[1]]


# ---- shapes ------------------------------------------------------------------------------------------------------


def _fit(shape: Shape, wanted: tuple[int | None, ...], what: str) -> None:
    if len(shape) != len(wanted) or any(w not in (None, n) for n, w in zip(shape, wanted, strict=True)):
        sizes = ", ".join("any" if w is None else str(w) for w in wanted)
        raise ShapeError(f"the {what} has shape [{sizes}], not {dims_text(shape)}")


def _conv_rule(x: Shape, K: Shape, *, size: Pair, window: Pair, stride: int, pad: int) -> Shape:
    _fit(x, (None, *size), "image")
    _fit(K, (None, x[0], *window), "kernel")
    return (K[0], *_places(size, window, stride, pad))


def _conv_kernel_rule(x: Shape, g: Shape, *, size: Pair, window: Pair, stride: int, pad: int) -> Shape:
    _fit(x, (None, *size), "image")
    _fit(g, (None, *_places(size, window, stride, pad)), "cotangent")
    return (g[0], x[0], *window)


def _conv_input_rule(g: Shape, K: Shape, *, size: Pair, window: Pair, stride: int, pad: int) -> Shape:
    _fit(K, (None, None, *window), "kernel")
    _fit(g, (K[0], *_places(size, window, stride, pad)), "cotangent")
    return (K[1], *size)


def _steps(options: Mapping[str, Any]) -> dict[str, int]:
    at_least(1, stride=options["stride"])
    at_least(0, pad=options["pad"])
    return {"stride": options["stride"], "pad": options["pad"]}


def _axes(type: Type, letters: str, what: str) -> Shape:
    """The last two sizes. Raises ShapeError when there are not as many axes as letters."""
    if len(type.shape) != len(letters):
        raise ShapeError(f"the {what} has axes [{', '.join(letters)}]; this is {dims_text(type.shape)}")
    return type.shape[-2:]


def _conv_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    size, window = _axes(types[0], "chw", "image"), _axes(types[1], "ocpq", "kernel")
    return {"size": size, "window": window, **_steps(options)}


def _conv_input_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    size = trailing(options, "h", "w")
    return {"size": size, "window": _axes(types[1], "ocpq", "kernel"), **_steps(options)}


def _conv_kernel_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    window = trailing(options, "p", "q")
    at_least(1, p=window[0], q=window[1])
    return {"size": _axes(types[0], "chw", "image"), "window": window, **_steps(options)}


# ---- the three primitives ----------------------------------------------------------------------------------------

_STEPS = {"stride": 1, "pad": 0}
_CASES: tuple[dict[str, Any], ...] = (
    {"size": (3, 4), "window": (2, 2), "stride": 1, "pad": 0},
    {"size": (4, 3), "window": (3, 2), "stride": 2, "pad": 1},
)


def _samples(rule: str) -> tuple[Sample, ...]:
    found = []
    for attrs in _CASES:
        shapes = {
            "x": (2, *attrs["size"]),
            "K": (2, 2, *attrs["window"]),
            "g": (2, *_places(attrs["size"], attrs["window"], attrs["stride"], attrs["pad"])),
        }
        found.append(Sample((shapes[rule[0]], shapes[rule[1]]), attrs))
    return tuple(found)


CONV: Op = linear(
    "conv",
    "the convolution of an image [c, h, w] with a kernel [o, c, p, q]",
    _conv,
    lambda lin: (
        Linear(CONV_KERNEL, 1, lin.frozen, lin.attrs)
        if lin.hole
        else Linear(CONV_INPUT, 0, lin.frozen, lin.attrs)
    ),
    shape_rule=_conv_rule,
    kinds=arithmetic,
    surfaces=(
        Surface(
            "conv",
            "the convolution of an image [c, h, w] with a kernel [o, c, p, q]",
            ("x", "K"),
            _STEPS,
            _conv_attrs,
        ),
    ),
    samples=_samples("xK"),
    total=True,
)
CONV_INPUT: Op = linear(
    "conv_input",
    "the transpose of conv(x, K) in x",
    _conv_input,
    lambda lin: (
        Linear(CONV_KERNEL, 0, lin.frozen, lin.attrs) if lin.hole else Linear(CONV, 0, lin.frozen, lin.attrs)
    ),
    shape_rule=_conv_input_rule,
    kinds=arithmetic,
    surfaces=(
        Exact(
            "conv_input",
            "the transpose of conv(x, K) in x : [c, h, w], for g of the shape of conv(x, K)",
            ("g", "K"),
            _STEPS,
            _conv_input_attrs,
            rest="h, w",
        ),
    ),
    samples=_samples("gK"),
    total=True,
)
CONV_KERNEL: Op = linear(
    "conv_kernel",
    "the transpose of conv(x, K) in K",
    _conv_kernel,
    lambda lin: (
        Linear(CONV, 1, lin.frozen, lin.attrs) if lin.hole else Linear(CONV_INPUT, 1, lin.frozen, lin.attrs)
    ),
    shape_rule=_conv_kernel_rule,
    kinds=arithmetic,
    surfaces=(
        Exact(
            "conv_kernel",
            "the transpose of conv(x, K) in K : [o, c, p, q], for g of the shape of conv(x, K)",
            ("x", "g"),
            _STEPS,
            _conv_kernel_attrs,
            rest="p, q",
        ),
    ),
    samples=_samples("xg"),
    total=True,
)
