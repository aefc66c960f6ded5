"""The parameters of a program as one vector, of which optimisers and checkpoints speak; names are views of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.types import Real, Shape

Vector = NDArray[Any]
"""All parameters, or their gradient: `[size]`, in the order of the layout."""


@dataclass(frozen=True)
class Layout:
    """Where each parameter lies in the vector, in the order of `shapes`, row by row."""

    shapes: Mapping[str, Shape]
    real: Real

    @property
    def size(self) -> int:
        """How many numbers the parameters have."""
        return sum(prod(shape) for shape in self.shapes.values())

    def views(self, vector: Vector) -> dict[str, NDArray[Any]]:
        """Each parameter as a view of `vector`: writing to it writes to the vector."""
        found, start = {}, 0
        for name, shape in self.shapes.items():
            end = start + prod(shape)
            found[name] = vector[start:end].reshape(shape)
            start = end
        return found

    def vector(self, values: Mapping[str, Any]) -> Vector:
        """The vector of these values, a copy. Raises KeyError for a missing name."""
        made = np.empty(self.size, self.real)
        for name, view in self.views(made).items():
            view[...] = values[name]
        return made
