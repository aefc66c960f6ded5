"""Exact arithmetic of floats: every float is a whole number times a power of two, and so are sums and
products.

Two representations. `scaled` turns an array into whole numbers with one common power of two, so that a row
times a matrix is products and sums of ints, and powers are only added; the rows of the path sum use it.
`Dyadic` is one number with a power of its own; arrays of them (dtype object) go through NumPy, and so through
the primitives that are linear: the gradient analysis itself, as it is, computes exactly on them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

DIGITS = {"float64": 53, "float32": 24}
"""Bits of a number, by dtype."""

LOWEST = {"float64": -1074, "float32": -149}
"""The exponent of the smallest number, by dtype."""

HIGHEST = {"float64": 1023, "float32": 127}
"""Numbers from 2 to this power on may be infinite, by dtype."""


class Dyadic:
    """`whole` * 2**`power`. With ints, floats and its like: + - * and comparisons, without rounding.

    An operation with an infinity or a NaN gives what it gives for floats, where 0 * infinity is NaN.
    """

    __slots__ = ("power", "whole")
    __hash__ = None  # type: ignore[assignment]

    shape: tuple[int, ...] = ()
    """What NumPy takes out of an array is a number without axes, as its own scalars are."""

    dtype = np.dtype(object)

    def __init__(self, whole: int, power: int = 0) -> None:
        self.whole, self.power = whole, power

    def __repr__(self) -> str:
        return f"Dyadic({self.whole}, {self.power})"

    def __add__(self, other: Any) -> Any:
        if type(other) is not Dyadic:
            other = exactly(other)
            if type(other) is float:
                return other
        gap = self.power - other.power
        if gap >= 0:
            return Dyadic((self.whole << gap) + other.whole, other.power)
        return Dyadic(self.whole + (other.whole << -gap), self.power)

    __radd__ = __add__

    def __mul__(self, other: Any) -> Any:
        if type(other) is not Dyadic:
            other = exactly(other)
            if type(other) is float:
                return other * ((self.whole > 0) - (self.whole < 0))
        return Dyadic(self.whole * other.whole, self.power + other.power)

    __rmul__ = __mul__

    def __neg__(self) -> Dyadic:
        return Dyadic(-self.whole, self.power)

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __abs__(self) -> Dyadic:
        return Dyadic(abs(self.whole), self.power)

    def __eq__(self, other: object) -> bool:
        other = exactly(other)
        return isinstance(other, Dyadic) and bool((self - other).whole == 0)

    def __bool__(self) -> bool:
        return self.whole != 0

    def __float__(self) -> float:
        """The nearest float, even at ties; infinity beyond the largest."""
        return rounded(self.whole, self.power)

    def as_integer_ratio(self) -> tuple[int, int]:
        """Numerator and denominator, in lowest terms."""
        if not self.whole:
            return 0, 1
        zeros = (self.whole & -self.whole).bit_length() - 1
        whole, power = self.whole >> zeros, self.power + zeros
        return (whole << power, 1) if power >= 0 else (whole, 1 << -power)


def exactly(x: Any) -> Any:
    """A number as a Dyadic; infinities and NaN as floats."""
    while isinstance(x, np.ndarray):  # an array of objects may hold arrays without axes
        x = x[()].item() if x.dtype != object else x[()]
    if type(x) is Dyadic:
        return x
    if isinstance(x, int | np.integer | np.bool_):
        return Dyadic(int(x))
    x = float(x)
    if not math.isfinite(x):
        return x
    whole, below = x.as_integer_ratio()
    return Dyadic(whole, 1 - below.bit_length())


def exact_array(values: Any) -> Any:
    """An array of dtype object with the same numbers, as Dyadics."""
    values = np.asarray(values)
    out = np.empty(values.shape, object)
    for k, x in enumerate(values.ravel().tolist()):
        out.flat[k] = exactly(x)
    return out


def scaled(values: Any) -> tuple[list[int], int]:
    """Whole numbers and one power of two, the largest possible, so that values = whole * 2**power.

    The values are finite. 0 and 1 stay 0 and 1 as far as the other values allow.
    """
    fraction, power = np.frexp(np.asarray(values, np.float64))
    whole = np.ldexp(fraction, 53).astype(np.int64)
    # the lowest bit that is set, as a power
    lowest = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    some = whole != 0
    if not some.any():
        return [0] * whole.size, 0
    whole >>= np.where(some, lowest, 0)
    power = np.where(some, power - 53 + lowest, 0)
    common = int(power[some].min())
    shift = np.where(some, power - common, 0)
    if int(shift.max()) + 53 <= 62:
        return (whole << shift).tolist(), common
    return [w << s for w, s in zip(whole.tolist(), shift.tolist(), strict=True)], common


def rounded(whole: int, power: int) -> float:
    """The nearest float to whole * 2**power, even at ties; infinity beyond the largest."""
    if power > 1100:
        return _infinity(whole) if whole else 0.0
    try:
        # the quotient of two ints is rounded once, subnormals too
        return whole / (1 << -power) if power < 0 else float(whole << power)
    except OverflowError:
        return _infinity(whole)


def _infinity(sign: int) -> float:
    return math.inf if sign > 0 else -math.inf


def ulps(found: float, whole: int, power: int, real: str = "float64", top: int | None = None) -> float:
    """|found - whole * 2**power| in units in the last place: the distance of floats (of dtype `real`) around
    the exact number, or just below 2**top. Infinite for a `found` that is no number, or not 0 where the exact
    number is (without `top`).
    """
    if math.isinf(found) and abs(whole).bit_length() + power > HIGHEST[real] and (found > 0) == (whole > 0):
        return 0.0  # beyond the largest float, as it should be
    if not math.isfinite(found) or (not whole and found and top is None):
        return math.inf
    difference = Dyadic(whole, power) - exactly(found)
    if not difference.whole:
        return 0.0
    above = abs(whole).bit_length() + power if top is None else top
    unit = max(above - DIGITS[real], LOWEST[real])
    return rounded(abs(difference.whole), difference.power - unit)
