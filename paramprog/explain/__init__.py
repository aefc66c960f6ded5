"""Explanations of programs and their gradients: paths, uses, drawings. Text from programs leaves it escaped."""
