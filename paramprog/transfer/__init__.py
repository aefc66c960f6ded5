"""The primitives, filed by the kind of their Jacobian. Importing this package fills `OPS`.

source     no arguments: leaves and constants
linear     y = A x; the transpose is another primitive
rearrange  linear: reshape, transpose, concat, stack
select     linear: static slices, run-time indices, lanes
contract   sums of products of two arrays: every kind of matrix product
step       piecewise constant: the Jacobian is a structural zero
map        elementwise: diagonal
pair       elementwise in two or three arguments: one diagonal each
reduce     a row of partials for each entry of the result
max        the indicator of the winner
regions    primitives with bodies
"""

from paramprog.transfer import (
    contract,
    linear,
    map,
    max,
    pair,
    rearrange,
    reduce,
    regions,
    select,
    source,
    step,
)

__all__ = [
    "contract",
    "linear",
    "map",
    "max",
    "pair",
    "rearrange",
    "reduce",
    "regions",
    "select",
    "source",
    "step",
]
