"""Proof at run time that the gradient of a program equals its definition.

check        one comparison: an error, a tolerance, a verdict; the report
table        a report as text and as JSON
factors      local Jacobians as matrices
paths        the definition: the sum over all paths, path by path
sums         sums of many terms
differences  differences of an oracle that never sees the graph
kinks        where a program is not smooth at a point
dyadic       exact arithmetic of floats
rows         exact row vectors and matrices
edges        local Jacobians as exact matrices
rationals    one pass against all paths, exactly
local        the transposes of the primitives, edge by edge
partials     the partials of the primitives, edge by edge
exact        the checks of `--exact`
report       all comparisons for one program at one point
"""
