"""What the surfaces of several files share: trailing static ints of a fixed number, sizes, one axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from paramprog.op import Surface
from paramprog.types import ShapeError, Type, dims_text

Options = Mapping[str, Any]
AttrsRule = Callable[[tuple[Type, ...], Options], Mapping[str, Any]]


class Exact(Surface):
    """A surface whose usage is exact: `rest` names all trailing ints, truth values are as programs write them."""

    @property
    def usage(self) -> str:
        shown = super().usage.replace(f"{self.rest}, ...", str(self.rest))
        for name, default in self.options.items():
            if isinstance(default, bool):
                shown = shown.replace(f"{name} = {default}", f"{name} = {str(default).lower()}")
        return shown


def trailing(options: Options, *names: str) -> tuple[int, ...]:
    """The trailing static ints, one for each name. Raises ShapeError when there are more or fewer."""
    given = tuple(options["rest"])
    if len(given) != len(names):
        *first, last = [f"`{n}`" for n in names]
        wanted = f"{', '.join(first)} and {last}" if first else last
        ints = f"{len(names)} ints" if first else "one int"
        raise ShapeError(
            f"takes {ints} known at compile time, {wanted}, after the values; found {len(given)}"
        )
    return given


def at_least(least: int, **given: int) -> None:
    """Raises ShapeError, with its name, for a number that is smaller."""
    for name, value in given.items():
        if value < least:
            raise ShapeError(f"`{name}` is at least {least}, not {value}")


def checked_sizes(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes themselves. Raises ShapeError for a negative one."""
    if any(n < 0 for n in sizes):
        raise ShapeError(f"a size is negative in {dims_text(sizes)}")
    return sizes


def checked_axis(axis: int, rank: int) -> int:
    """`axis` itself. Raises ShapeError when there is no such axis."""
    if not 0 <= axis < rank:
        raise ShapeError(f"there is no axis {axis} in an array of {rank} axes")
    return axis


def one_axis(types: tuple[Type, ...], options: Options) -> int:
    """`axis = k`, which may be left out for a vector. Raises ShapeError for other arrays, and for a scalar."""
    shape = types[0].shape
    if not shape:
        raise ShapeError("takes an array; this is a scalar")
    if options["axis"] is None and len(shape) != 1:
        raise ShapeError("needs `axis = k` for an array that is not a vector")
    return checked_axis(options["axis"] or 0, len(shape))


def axis_of(*names: str) -> AttrsRule:
    """The attributes `axis`, and the options of these names as they are."""
    return lambda types, options: {"axis": one_axis(types, options)} | {n: options[n] for n in names}
