"""Elementwise functions in C99 for compiled programs: within 2 ulp (sech2: 3), special values as in NumPy.

    from paramprog.compile.vmath import source
    text = source(["exp", "tanh"], "float64")     # defines pp_exp_f64(double) and pp_tanh_f64(double)

The functions are `static inline`, have no branches (but for `NEAR` and `SCALAR` below), and neither read nor write
state, so that `for (i ...) y[i] = pp_exp_f64(x[i])` becomes vector code at -O3 -march=native with `FLAGS`. They do not
need -ffast-math, under which they would be wrong, and keep their promises whether or not the compiler contracts
a * b + c. Measured errors and speeds are in docs/vector_math.md.

`NEAR`: sin, cos and tan of arguments beyond 2^40 (float32: 2^20) need hundreds of digits of pi. `pp_sin_f64` calls a
function for them, and that is a branch. A loop that is to be vectorised computes `pp_sin_near_f64` and gathers
`far |= pp_sin_is_far_f64(x)`; if far is set in the end, it runs again with `pp_sin_f64`.

`SCALAR`: lgamma, digamma and polygamma are functions that are not inlined: one value at a time.

basis                   bits, blends, exact sums and products
exponential             exp, expm1, sigmoid
logarithm               log, log1p, softplus, logsigmoid, logaddexp, xlogy
reduction               multiples of pi/2 taken away
trigonometric           sin, cos, tan
inverse_trigonometric   asin, acos, atan, atan2
hyperbolic              sinh, cosh, tanh, sech, sech2 (its square), asinh, acosh, atanh
error_function          erf
power                   pow, cbrt, hypot, sqrt
gamma                   lgamma, digamma, polygamma
coefficients            of the polynomials, written by tests/make_coefficients.py
library                 the functions by name, with what they call
"""

from paramprog.compile.vmath.library import BINARY, FLAGS, NAMES, NEAR, SCALAR, source

__all__ = ["BINARY", "FLAGS", "NAMES", "NEAR", "SCALAR", "source"]
