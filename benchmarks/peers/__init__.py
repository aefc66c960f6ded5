"""How each library makes a step: ours, jax, torch, autograd, casadi, and C by hand."""
