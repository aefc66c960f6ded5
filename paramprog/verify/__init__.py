"""Proof at run time that the gradient of a program equals its definition.

check        one comparison: an error, a tolerance, a verdict; the report
table        a report as text and as JSON
factors      local Jacobians as matrices
paths        the definition: the sum over all paths, path by path
sums         sums of many terms
differences  differences of an oracle that never sees the graph
kinks        where a program is not smooth at a point
report       all comparisons for one program at one point
"""
