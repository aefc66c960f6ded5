"""Fitting the params of a program to the rows of a data file.

The parts know little of one another: optimisers, schedules and clipping work on one flat vector, the objective
turns a program into a function of that vector, checkpoints and the run directory keep what a run needs to go on.
"""
