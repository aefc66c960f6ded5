"""Printed gradients: the adjoint as a program that a person would have written, in the language itself or in Python.

written, operators      expressions as text, with the fewest parentheses; numbers, as literals
sites, bodies, terms    what an expression is made of: operands as they are written; equal, nodes written as others
arms, forms             the sides of branches, and which regions are expressions or statements
lanes, histories        graphs made ready: branches per lane, histories of a length known at run time only
updates                 arrays that are written as updates of their entries
statements, block       statements: what gets a name, and in which order
code                    suites of them; carried names that are assigned in place
regions, loops, entries, arrays    the statements of regions: if, for, while, comprehensions, histories
tapes                   histories of a length known at run time only
names                   names that are free
language                what both languages say in the same words: pp (with surfaces), python (with its tables)
adjoint                 what is printed: the graph of a value and its gradients
entry                   the function of both; comments that name the source
pp_file, python_file    whole files, with their declarations
"""

from paramprog.emit.source import Spelling, gradient_source

__all__ = ["Spelling", "gradient_source"]
