"""The local Jacobian of an edge as exact matrices, one for each map of its chain.

An entry is a number that the map is frozen at wherever that is known from the structure of the map; a map that adds
or multiplies several of them is pushed over exact unit vectors. Transpose rules are never used.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Sequence
from math import prod
from typing import Any

import numpy as np

from paramprog.op import Chain, Linear
from paramprog.transfer.contract import CONTRACT
from paramprog.types import Shape
from paramprog.verify.dyadic import Dyadic, exact_array, exactly
from paramprog.verify.factors import TooLargeError, factors, result_shape
from paramprog.verify.rows import Entries

PUSHED = 10**8
"""Numbers touched at most when a few columns of a matrix are found by pushing unit vectors."""

EXACTLY = 5 * 10**4
"""A matrix of at most so many entries is found by pushing exact unit vectors, where floats would be rounded."""


def edge_entries(chain: Chain, shape: Shape, limit: int) -> tuple[Entries, ...]:
    """The matrices of a local Jacobian, in the order in which a row vector meets them.

    Raises TooLargeError when they have more than `limit` entries together.
    """
    found: list[Entries] = []
    for lin in chain:
        found.append(_entries(lin, shape, limit))
        limit -= found[-1].nonzeros
        if limit < 0:
            raise TooLargeError
        shape = result_shape(lin, shape)
    return tuple(reversed(found))


def edge_columns(
    chain: Chain, shape: Shape, wanted: Collection[int], limit: int
) -> tuple[tuple[Entries, ...], set[int]]:
    """The same, as far as the columns `wanted` of the whole go, and the rows that these columns reach.

    Raises TooLargeError when even that is too much.
    """
    found: list[Entries] = []
    rows = set(wanted)
    for lin in chain:
        try:
            entries, rows = _entries(lin, shape, limit).columns(rows)
        except TooLargeError:
            entries = _pushed(lin, shape, sorted(rows), limit)
            rows = {*entries.places, *entries.bad}
        found.append(entries)
        shape = result_shape(lin, shape)
    return tuple(reversed(found)), rows


def _entries(lin: Linear, shape: Shape, limit: int) -> Entries:
    if lin.op.elementwise or not _mixes(lin):
        (factor,) = factors((lin,), shape, limit)
        return Entries.of(factor)
    n, m = prod(shape), prod(result_shape(lin, shape))
    found = None
    if n * m <= EXACTLY:
        with contextlib.suppress(TypeError, AttributeError):  # a function that NumPy has for floats only
            found = _pushed(lin, shape, range(n), limit, exact=True)
    if found is None:
        (factor,) = factors((lin,), shape, limit)
        found = Entries.of(factor)
        found.rounded = True
    found.plain = False
    return found


def _mixes(lin: Linear) -> bool:
    """Whether an entry of the matrix may be a sum or a product of several frozen numbers."""
    if lin.op is CONTRACT:
        words, result = lin.attrs["spec"].split("->")
        hole, other = (words.split(",")[k] for k in (lin.hole, 1 - lin.hole))
        return not set(other) <= set(hole + result)
    return any(np.asarray(x).dtype.kind == "f" for x in lin.frozen)


def _pushed(lin: Linear, shape: Shape, wanted: Sequence[int], limit: int, *, exact: bool = False) -> Entries:
    """The columns `wanted`, each the image of a unit vector; zeros are dropped.

    Raises TooLargeError when they have more than `limit` entries, or are too many to push.
    """
    n, m = prod(shape), prod(result_shape(lin, shape))
    if len(wanted) * (m + n) > PUSHED:
        raise TooLargeError
    unit = exact_array(np.zeros(n)) if exact else np.zeros(n)
    zero, one = unit[:1].copy(), exactly(1) if exact else 1.0
    entries: list[tuple[int, int, Any]] = []
    for k in wanted:
        unit[k] = one
        column = np.ravel(lin(unit.reshape(shape).copy()))
        unit[k] = zero[0]
        entries += [(r, k, column[r]) for r in np.flatnonzero(column != 0).tolist()]
        if len(entries) > limit:
            raise TooLargeError
    return _of_numbers([(r, c, exactly(x)) for r, c, x in entries])


def _of_numbers(entries: Iterable[tuple[int, int, Any]]) -> Entries:
    """The matrix of some (row, column, number), numbers being Dyadics, or floats that are not finite."""
    entries = list(entries)
    power = min((x.power for _, _, x in entries if isinstance(x, Dyadic)), default=0)
    places: dict[int, list[tuple[int, int]]] = {}
    bad: dict[int, list[int]] = {}
    for r, c, x in entries:
        if isinstance(x, Dyadic):
            places.setdefault(r, []).append((c, x.whole << x.power - power))
        else:
            bad.setdefault(r, []).append(c)
    return Entries(places, power, selects=False, bad=bad)
