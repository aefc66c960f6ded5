"""Compiled execution: a graph as straight code that runs many times.

numpy_plan   one NumPy call an operation, into buffers that are used again
"""
