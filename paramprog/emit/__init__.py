"""Printed gradients: the adjoint as a program that a person would have written, in the language itself or in Python.

written      expressions as text, with the fewest parentheses; numbers, as literals
terms        what an expression is made of: operands as they are written; equal, nodes written as others
arms         the sides of branches
updates      arrays that are written as updates of their entries
block        statements: what gets a name, and in which order
names        names that are free
language     what both languages say in the same words: pp (with surfaces), python (with its tables)
adjoint      what is printed: the graph of a value and its gradients
entry        the function of both; comments that name the source
pp_file, python_file    whole files, with their declarations
"""

from paramprog.emit.source import Spelling, gradient_source

__all__ = ["Spelling", "gradient_source"]
