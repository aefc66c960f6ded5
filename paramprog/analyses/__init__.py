"""Analyses of graphs and traces, beside the gradient."""
