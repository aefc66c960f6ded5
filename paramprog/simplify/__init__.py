"""Simplification: graph to graph, the same values from fewer operations (see docs/decisions/010)."""

from paramprog.simplify.run import Simplified, simplify

__all__ = ["Simplified", "simplify"]
