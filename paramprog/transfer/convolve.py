"""Convolutions: sums of products over windows, of x[c,h,w] with K[o,c,p,q].

    T(x, K, g) = sum of g[o,i,j] K[o,c,u,v] x[c, s i + u - pad, s j + v - pad]

is linear in each of the three. `conv` is its derivative in g, `conv_input` in x and `conv_kernel` in K: each takes the
other two, is linear in both, and the transpose of one in one of its arguments is another. As in machine learning the
kernel is not turned round.

The attribute `lanes` names those of x, K and g that have an axis of lanes in front, where there are many; T is then the
sum over the lanes too, so a kernel that all lanes share gets one gradient.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from paramprog.op import OPS, Depends, Lanes, Linear, Op, Sample, Sets, Surface, arithmetic
from paramprog.transfer.contract import CONTRACT
from paramprog.transfer.dependence import by_signature
from paramprog.transfer.linear import linear
from paramprog.transfer.spelling import Exact, at_least, trailing
from paramprog.types import Shape, ShapeError, Signature, Type, dims_text

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
    """[..., c, i, j, u, v]: the entries of the windows, a view of the padded images."""
    around = (*((0, 0),) * (x.ndim - 2), (pad, pad), (pad, pad))
    padded = np.pad(x, around) if pad else x
    return sliding_window_view(padded, window, (-2, -1))[..., ::stride, ::stride, :, :]


def _summed(a: Any, b: Any, spec: str, lanes: str, names: str) -> Any:
    """The contraction `spec`, with the letter z in front of each word whose array has lanes."""
    words = [f"z{w}" if name in lanes else w for w, name in zip(re.split(",|->", spec), names, strict=True)]
    return CONTRACT(a, b, spec=f"{words[0]},{words[1]}->{words[2]}", sizes=())


def _conv(x: Any, K: Any, *, size: Pair, window: Pair, stride: int, pad: int, lanes: str = "") -> Any:
    return _summed(_windows(x, size, window, stride, pad), K, "cijuv,ocuv->oij", lanes, "xKg")


def _conv_kernel(x: Any, g: Any, *, size: Pair, window: Pair, stride: int, pad: int, lanes: str = "") -> Any:
    return _summed(g, _windows(x, size, window, stride, pad), "oij,cijuv->ocuv", lanes, "gxK")


def _conv_input(g: Any, K: Any, *, size: Pair, window: Pair, stride: int, pad: int, lanes: str = "") -> Any:
    shares = _summed(K, g, "ocuv,oij->cuvij", lanes, "Kgx")  # added where each window lies
    *outer, c, _, _, h, w = shares.shape
    out = np.zeros((*outer, c, size[0] + 2 * pad, size[1] + 2 * pad), shares.dtype)
    for u in range(window[0]):
        for v in range(window[1]):
            out[..., u : u + stride * h : stride, v : v + stride * w : stride] += shares[..., u, v, :, :]
    return out[..., pad : pad + size[0], pad : pad + size[1]]


def _depends(names: str) -> Depends:
    """`names` are the arguments and the result. Entries are united in windows, where each is a product of all three.

    The margin of an image that is multiplied with what varies counts as entries.
    """

    def rule(lin: Linear, labels: Any, sets: Sets) -> Any:
        window, lanes = {k: v for k, v in lin.attrs.items() if k != "lanes"}, lin.attrs.get("lanes", "")

        def word(name: str) -> str:
            return "z" * (name in lanes) + {"x": "cijuv", "K": "ocuv", "g": "oij"}[name]

        def in_windows(name: str, array: Any) -> Any:
            return _windows(array, **window) if name == "x" else array

        hole, other, result = names[lin.hole], names[1 - lin.hole], names[2]
        shape = in_windows(other, np.broadcast_to(False, np.shape(lin.frozen[0]))).shape
        labels = in_windows(hole, labels)
        words = Signature((word(hole), word(other)), word(result), {})
        found = by_signature(words, [labels.shape, shape], 0, labels, sets)
        if result != "x":
            return found
        to = (*found.shape[: len(found.shape) - 4], *window["size"])
        places = _windows(np.arange(1, 1 + prod(to)).reshape(to), **window)
        inside = places > 0  # not in the margin
        return sets.grouped(found[inside], places[inside] - 1, prod(to)).reshape(to)

    return rule


def _lane(names: str) -> Callable[..., Any]:
    """The rule for many lanes: `names` are the arguments and the result; lanes of lanes become one axis."""

    def batch(over: Lanes, flags: Sequence[bool], *args: Any, lanes: str = "", **attrs: Any) -> Any:
        op = OPS[{"g": "conv", "x": "conv_input", "K": "conv_kernel"}[names[-1]]]
        if not lanes:
            found = "".join(n for n, f in zip(names, flags, strict=False) if f) + names[-1]
            return op(*args, lanes=found, **attrs)
        wide = [a if f else over.widen(a) for a, f in zip(args, flags, strict=True)]
        inner = next(a.shape[1] for a, n in zip(wide, names, strict=False) if n in lanes)
        one = [
            _merged(a if n in lanes else OPS["spread"](a, axes=(1,), sizes=(inner,)))
            for a, n in zip(wide, names, strict=False)
        ]
        made = op(*one, lanes="xKg", **attrs)
        shape = tuple(made.shape)
        split = OPS["reshape"](made, of=shape, to=(over.size, inner, *shape[1:]))
        return split if names[-1] in lanes else OPS["sum"](split, axes=(1,), sizes=(inner,))

    return batch


def _merged(a: Any) -> Any:
    shape = tuple(a.shape)
    return OPS["reshape"](a, of=shape, to=(shape[0] * shape[1], *shape[2:]))


# ---- shapes ------------------------------------------------------------------------------------------------------


def _fit(shape: Shape, wanted: tuple[int | None, ...], what: str) -> None:
    if len(shape) != len(wanted) or any(w not in (None, n) for n, w in zip(shape, wanted, strict=True)):
        sizes = ", ".join("any" if w is None else str(w) for w in wanted)
        raise ShapeError(f"the {what} has shape [{sizes}], not {dims_text(shape)}")


def _inner(lanes: str, **shapes: Shape) -> tuple[Shape, list[Shape]]:
    """The axis of lanes of the result and the shapes without it; `shapes` are the arguments. Raises ShapeError."""
    sizes = {shape[0] if shape else -1 for name, shape in shapes.items() if name in lanes}
    if len(sizes) > 1:
        raise ShapeError(f"numbers of lanes {' and '.join(map(str, sorted(sizes)))} differ")
    result = next(n for n in "xKg" if n not in shapes)
    outer = tuple(sizes) if result in lanes else ()
    return outer, [shape[1:] if name in lanes else shape for name, shape in shapes.items()]


def _conv_rule(
    x: Shape, K: Shape, *, size: Pair, window: Pair, stride: int, pad: int, lanes: str = ""
) -> Shape:
    outer, (x, K) = _inner(lanes, x=x, K=K)
    _fit(x, (None, *size), "image")
    _fit(K, (None, x[0], *window), "kernel")
    return (*outer, K[0], *_places(size, window, stride, pad))


def _conv_kernel_rule(
    x: Shape, g: Shape, *, size: Pair, window: Pair, stride: int, pad: int, lanes: str = ""
) -> Shape:
    outer, (x, g) = _inner(lanes, x=x, g=g)
    _fit(x, (None, *size), "image")
    _fit(g, (None, *_places(size, window, stride, pad)), "cotangent")
    return (*outer, g[0], x[0], *window)


def _conv_input_rule(
    g: Shape, K: Shape, *, size: Pair, window: Pair, stride: int, pad: int, lanes: str = ""
) -> Shape:
    outer, (g, K) = _inner(lanes, g=g, K=K)
    _fit(K, (None, None, *window), "kernel")
    _fit(g, (K[0], *_places(size, window, stride, pad)), "cotangent")
    return (*outer, K[1], *size)


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
    depends=_depends("xKg"),
    batch=_lane("xKg"),
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
    depends=_depends("gKx"),
    batch=_lane("gKx"),
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
    depends=_depends("xgK"),
    batch=_lane("xgK"),
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
