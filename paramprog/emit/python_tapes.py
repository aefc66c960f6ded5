"""Tapes that are printed with a program in Python: pairs (value on top, tape below), at the bottom (like what, None).

They go with those of python_functions.py.
"""

from __future__ import annotations

TEXT = '''
def _top(t, endless):
    """The value on top of a tape; below an endless one lies what it was made like."""
    if t[1] is None and not endless:
        raise IndexError("nothing is left on this tape")
    return t[0]


def _rest(t, endless):
    """A tape without the value on top."""
    if t[1] is None and not endless:
        raise IndexError("nothing is left on this tape")
    return t if t[1] is None else t[1]


def _tapes(a, b):
    """The sum of two tapes, counted from the top; below them lie zeros."""
    values = []
    while a[1] is not None and b[1] is not None:
        nested = isinstance(a[0], tuple)
        values.append(_tapes(a[0], b[0]) if nested else a[0] + b[0])
        a, b = a[1], b[1]
    found = b if a[1] is None else a
    for x in reversed(values):
        found = (x, found)
    return found
'''
