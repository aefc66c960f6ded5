"""erf: x + x p(x^2) up to 1; beyond it 1 - exp(-q(x - 1)), where q is a polynomial for -log(erfc x).

Where erf is near 1, the relative error of erfc is divided by its smallness, so q need not be precise far out.
"""

from __future__ import annotations

from paramprog.compile.vmath.family import Family
from paramprog.types import Real

CONSTANTS: dict[Real, dict[str, str]] = {
    "float64": {"ERF_HIGH": "6.0"},
    "float32": {"ERF_HIGH": "4.0f"},
}

GENERIC = """\
PP_INLINE $T pp_erf_$S($T x) {
    $T a = pp_abs_$S(x), v = pp_pick_$S(a > $ERF_HIGH, $ERF_HIGH, a), z = pp_pick_$S(a < 1.0$f, a * a, 1.0$f);
    $T far = 1.0$f - pp_exp_$S(-pp_poly_erf_far_$S(v - 1.0$f));
    return pp_sign_$S(pp_pick_$S(a < 1.0$f, pp_fma_$S(a, pp_poly_erf_$S(z), a), far), x);
}
"""

FAMILY = Family(generic=GENERIC, constants=CONSTANTS)
