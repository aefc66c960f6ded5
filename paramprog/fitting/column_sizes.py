"""Shapes of arguments from the columns bound to them, and the dims that these determine.

A cell that is an array gives its shape. A count of columns c equals the product of the sizes of the argument,
c = s_1 * ... * s_r, and is solved if one size is unknown (a dim may stand k times: then by the k-th root). What one
argument determines may help another. Where several sizes stay unknown, the defaults of the dims are taken if their
product is c.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import NamedTuple

from paramprog.data.table import Kind, Table, listed
from paramprog.diagnostics import ProgramError, fail

Shape = tuple[int, ...]


class Wanted(NamedTuple):
    """An argument of the entry function.

    A size is a number if it is known, the name of a dim that the data may bind, or None for an expression of such dims.
    """

    kind: Kind
    dims: tuple[int | str | None, ...]
    has_default: bool

    def __str__(self) -> str:
        return (
            f"{self.kind}[{', '.join('?' if d is None else str(d) for d in self.dims)}]"
            if self.dims
            else self.kind
        )


class Found(NamedTuple):
    """What is bound to an argument: columns of scalars, or one column whose cells have a shape."""

    columns: list[str]
    shape: Shape


def solve(
    table: Table, wanted: Mapping[str, Wanted], found: Mapping[str, Found], defaults: Mapping[str, int | None]
) -> tuple[dict[str, Shape], dict[str, int]]:
    """The shape of each argument in `found`, and the sizes of dims.

    Raises ProgramError (data-width) when columns and sizes do not fit, or leave sizes undetermined.
    """
    known = Sizes(table, wanted, found)
    pending = [name for name in found if not known.exact(name)]
    while pending:
        left = [name for name in pending if not known.counted(name)]
        if len(left) == len(pending):
            known.guess(left[0], defaults)
            left = left[1:]
        pending = left
    return known.shapes, known.sizes


class Sizes:
    """What is known so far; `by` says which argument gave a dim its size."""

    def __init__(self, table: Table, wanted: Mapping[str, Wanted], found: Mapping[str, Found]) -> None:
        self.table, self.wanted, self.found = table, wanted, found
        self.shapes: dict[str, Shape] = {}
        self.sizes: dict[str, int] = {}
        self.by: dict[str, str] = {}

    def exact(self, name: str) -> bool:
        """Take the shape of cells that are arrays, or of a scalar; False for columns to be counted."""
        dims, (columns, shape) = self.wanted[name].dims, self.found[name]
        if not shape and dims:
            return False
        if len(shape) != len(dims):
            raise self._misfit(name, f"the cells of `{columns[0]}` have shape {list(shape)}")
        if len(columns) != 1:
            raise self._misfit(name, f"{self._columns(name)} bound to it")
        for dim, size in zip(dims, shape, strict=True):
            self._agree(name, dim, size)
        self.shapes[name] = shape
        return True

    def counted(self, name: str) -> bool:
        """Solve for the one unknown size; False if there are several."""
        dims, count = self.wanted[name].dims, len(self.found[name].columns)
        unknown = [d for d in dims if self._size(d) is None]
        if len(set(unknown)) > 1 or unknown.count(None) > 1:
            return False
        rest = prod(size for d in dims if (size := self._size(d)) is not None)
        size = round((count / rest) ** (1 / len(unknown))) if unknown and rest else 0
        if rest * size ** len(unknown) != count:
            raise self._misfit(name, f"{self._columns(name)} bound to it{self._reasons(dims)}")
        if unknown and unknown[0] is not None:
            self._agree(name, unknown[0], size)
        self.shapes[name] = tuple(size if (s := self._size(d)) is None else s for d in dims)
        return True

    def guess(self, name: str, defaults: Mapping[str, int | None]) -> None:
        """Take the defaults of the dims that are unknown, which then must fit."""
        dims, count = self.wanted[name].dims, len(self.found[name].columns)
        sizes = [s if (s := self._size(d)) is not None or d is None else defaults.get(str(d)) for d in dims]
        if None in sizes or prod(s for s in sizes if s is not None) != count:
            unknown = [d for d in dims if isinstance(d, str) and self._size(d) is None]
            hint = f"give sizes, as in --dim {unknown[0]}=N" if unknown else None
            message = f"`{name}` is {self.wanted[name]}, and {count} columns do not determine its sizes"
            raise fail("data-width", message, self.table.header(), hint)
        for dim, size in zip(dims, sizes, strict=True):
            assert size is not None
            self._agree(name, dim, size)
        self.shapes[name] = tuple(s for s in sizes if s is not None)

    def _size(self, dim: int | str | None) -> int | None:
        return self.sizes.get(dim) if isinstance(dim, str) else dim

    def _agree(self, name: str, dim: int | str | None, size: int) -> None:
        known = self._size(dim)
        if known is not None and known != size:
            shape = list(self.found[name].shape)
            raise self._misfit(name, f"the cells of its column have shape {shape}{self._reasons((dim,))}")
        if isinstance(dim, str) and known is None:
            self.sizes[dim], self.by[dim] = size, name

    def _reasons(self, dims: tuple[int | str | None, ...]) -> str:
        """Which dims have which size, and why."""
        given = [d for d in dict.fromkeys(dims) if isinstance(d, str) and d in self.by]
        return "".join(f"; {d} = {self.sizes[d]} by the columns of `{self.by[d]}`" for d in given)

    def _columns(self, name: str) -> str:
        columns = self.found[name].columns
        return f"{len(columns)} columns are" if len(columns) > 1 else f"one column, `{columns[0]}`, is"

    def _misfit(self, name: str, what: str) -> ProgramError:
        message = f"`{name}` is {self.wanted[name]}, and {what}"
        columns = self.found[name].columns
        those = f"they are {listed(columns)}; " if len(columns) > 1 else ""
        hint = f"{those}bind as many as it has entries, as in --bind {name}=COLUMNS"
        return fail("data-width", message, self.table.header(), hint)
