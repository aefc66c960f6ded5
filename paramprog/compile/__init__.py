"""Compiled execution, for what runs many times: a graph as C, or as straight NumPy code.

numpy_plan             one NumPy call an operation, into buffers that are used again
c_plan, sized_plan     C in a shared library, for one shape or for any number of samples
backend                which of them, and when compiling pays

docs/compiling.md lists the rooms on the way from a graph to C.
"""
