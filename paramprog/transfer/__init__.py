"""The primitives, filed by the kind of their Jacobian. Importing this package fills `OPS`.

source     no arguments: leaves and constants
linear     y = A x; the transpose is another primitive
rearrange  linear: every entry moves, as in reshape, transpose, roll, concat
select     linear: some entries, by static ranges or lanes; and their places among zeros
gather     linear: entries by indices known at run time, and their places among zeros
selected   where a condition holds, as indices
matrix     linear: the diagonal, triangles and trace of a matrix
put        linear in two arguments: entries replaced, at run-time indices
replace    linear in two arguments: entries replaced, at static ones
systems    linear in the right side: systems of equations; inverses and determinants
factor     factors of a matrix: Cholesky
contract   bilinear: sums of products of two arrays, every kind of matrix product
convolve   bilinear: sums of products over windows
step       piecewise constant: the Jacobian is a structural zero
map        elementwise: diagonal
pair       elementwise in two or three arguments: one diagonal each
reduce     a row of partials for each entry of the result
scan       a triangle, applied in one pass: running sums and products
max        the indicator of the winner, shared by those who tie
order      a selection made by the order of the entries
base       elementwise: functions that a program defines
facts      what the gradient analysis carries: structural zeros, masked values, values
branches   one of two bodies, or each on the lanes where its side holds (branch_run, branch_derivative)
tape       linear: stacks of a length known at run time only (stack)
loops      a body once for each turn
"""

from paramprog.transfer import (
    branches,
    contract,
    convolve,
    factor,
    gather,
    linear,
    loops,
    map,
    matrix,
    max,
    order,
    pair,
    put,
    rearrange,
    reduce,
    replace,
    scan,
    select,
    selected,
    source,
    step,
    systems,
    tape,
)

__all__ = [
    "branches",
    "contract",
    "convolve",
    "factor",
    "gather",
    "linear",
    "loops",
    "map",
    "matrix",
    "max",
    "order",
    "pair",
    "put",
    "rearrange",
    "reduce",
    "replace",
    "scan",
    "select",
    "selected",
    "source",
    "step",
    "systems",
    "tape",
]
