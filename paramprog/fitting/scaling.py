"""Inputs brought to a common scale: x' = (x - shift) / factor, entry by entry.

    standard   shift = mean,     factor = standard deviation (of the rows, divided by their number)
    minmax     shift = minimum,  factor = maximum - minimum

They are fitted on the rows of the training part only, one pair for each entry of each input, and stored with the
params. An entry that is the same in all rows has factor 1, so it becomes 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from paramprog.diagnostics import fail

Method = Literal["standard", "minmax"]
Real = NDArray[np.float64]

PREFIX = "scale/"
"""Names in a file of params: `scale/x/shift`, `scale/x/factor`."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """Input -> shift, and input -> factor, of the shape of one row of it."""

    shift: dict[str, Real]
    factor: dict[str, Real]

    @classmethod
    def fit(
        cls,
        method: Method,
        arrays: Mapping[str, NDArray[Any]],
        names: Iterable[str],
        rows: NDArray[np.int64] | None = None,
    ) -> Scaling:
        """Fitted to these rows (None: all) of arrays[name], [rows, *shape], for each of `names`.

        Raises ProgramError (data-nonfinite) for an entry whose values lie further apart than a float64 can hold.
        """
        shift: dict[str, Real] = {}
        factor: dict[str, Real] = {}
        for name in names:
            x = np.asarray(arrays[name] if rows is None else arrays[name][rows], np.float64)
            low, high = x.min(axis=0), x.max(axis=0)
            with np.errstate(over="ignore", invalid="ignore"):
                spread = high - low
                at, by = METHODS[method](x, low, spread)
            if not np.isfinite(spread).all():
                message = (
                    f"the values of `{name}` lie too far apart to be scaled: {low.min():g} to {high.max():g}"
                )
                raise fail("data-nonfinite", message)
            constant = spread == 0
            shift[name] = np.where(constant, low, at)
            factor[name] = np.where(constant | (by == 0), 1.0, by)
        return cls(shift, factor)

    def apply(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """`arrays` with the inputs that have a scale scaled: of one row, [*shape], or of many, [rows, *shape]."""
        return {
            name: (x - self.shift[name]) / self.factor[name] if name in self.shift else x
            for name, x in arrays.items()
        }

    def undo(self, name: str, scaled: NDArray[Any]) -> NDArray[Any]:
        """The inverse, for an output that predicts the input `name`."""
        restored: NDArray[Any] = scaled * self.factor[name] + self.shift[name]
        return restored

    def to_arrays(self) -> dict[str, Real]:
        """Everything by name, to be stored beside params."""
        shifts = {f"{PREFIX}{name}/shift": value for name, value in self.shift.items()}
        return shifts | {f"{PREFIX}{name}/factor": value for name, value in self.factor.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Scaling:
        """The inverse of `to_arrays`; other names are left alone.

        Raises ProgramError (values-file) for a shift without its factor, shapes that differ, numbers that are not
        finite, or a factor that is not positive.
        """
        found: dict[str, dict[str, Real]] = {"shift": {}, "factor": {}}
        for key, value in arrays.items():
            name, _, part = key.removeprefix(PREFIX).rpartition("/")
            if key.startswith(PREFIX):
                if part not in found or not name or value.dtype.kind not in "iuf":
                    raise fail(
                        "values-file", f"`{key}` is not a scale: these are {PREFIX}NAME/shift and /factor"
                    )
                found[part][name] = np.asarray(value, np.float64)
        shift, factor = found["shift"], found["factor"]
        for name in shift.keys() | factor.keys():
            if name not in shift or name not in factor or shift[name].shape != factor[name].shape:
                raise fail(
                    "values-file", f"the scale of `{name}` needs a shift and a factor of the same shape"
                )
            if not (
                np.isfinite(shift[name]).all()
                and np.isfinite(factor[name]).all()
                and (factor[name] > 0).all()
            ):
                raise fail(
                    "values-file", f"the scale of `{name}` is not made of finite numbers and positive factors"
                )
        return cls(shift, factor)


def _standard(x: Real, low: Real, spread: Real) -> tuple[Real, Real]:
    """Computed on [0, 1], where nothing overflows and little is cancelled."""
    span = np.where(spread > 0, spread, 1.0)
    unit = (x - low) / span
    return low + unit.mean(axis=0) * span, unit.std(axis=0) * span


METHODS: dict[Method, Callable[[Real, Real, Real], tuple[Real, Real]]] = {
    "standard": _standard,
    "minmax": lambda x, low, spread: (low, spread),
}
"""(rows, minimum, maximum - minimum) -> (shift, factor)."""
