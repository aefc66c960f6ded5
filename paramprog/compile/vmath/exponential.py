"""exp, expm1, sigmoid: x = k log 2 + r with |r| <= log(2) / 2, and polynomials for exp r, or for cosh r and sinh r.

Where exp is the last step, the error of the reduction is left alone; where it is not, it is carried as a tail, and one
pair of polynomials in r^2 serves expm1 (their sum) and the hyperbolic functions. (Muller, Elementary Functions,
3rd ed. 2016, ch. 11: Cody and Waite's reduction.)
"""

from __future__ import annotations

from paramprog.compile.vmath.family import Family
from paramprog.types import Real

CONSTANTS: dict[Real, dict[str, str]] = {
    "float64": {
        "LOG2E": "0x1.71547652b82fep+0",
        "LN2_HI": "0x1.62e42fefa38p-1",  # 42 bits: k * LN2_HI is exact
        "LN2_LO": "0x1.ef35793c7673p-45",
        "EXP_LOW": "-746.0",
        "EXP_HIGH": "710.0",
        "EXPM1_LOW": "-40.0",
    },
    "float32": {
        "LOG2E": "0x1.715476p+0f",
        "LN2_HI": "0x1.62e4p-1f",  # 15 bits
        "LN2_LO": "0x1.7f7d1cp-20f",
        "EXP_LOW": "-104.0f",
        "EXP_HIGH": "89.0f",
        "EXPM1_LOW": "-20.0f",
    },
}

GENERIC = """\
/* x = k log 2 + r + tail; k + $ROUND is returned */
PP_INLINE $T pp_reduce_$S($T x, $T *r, $T *tail) {
    $T m = pp_fma_$S(x, $LOG2E, $ROUND), k = m - $ROUND;
    $T a = pp_fma_$S(-k, $LN2_HI, x), b = pp_product_$S(k, $LN2_LO, tail);
    $T s = a - b;
    *tail = ((a - s) - b) - *tail;
    *r = s;
    return m;
}

/* x between two bounds; NaN stays */
PP_INLINE $T pp_clamp_$S($T x, $T low, $T high) {
    $T y = pp_pick_$S(x < low, low, x);
    return pp_pick_$S(y > high, high, y);
}

/* exp(x) but for the last factor, which is `other`, and may make it subnormal or infinite */
PP_INLINE $T pp_exp_but_one_$S($T x, $T *other) {
    $T m = pp_fma_$S(x, $LOG2E, $ROUND_EXPONENT), k = m - $ROUND_EXPONENT;
    $T r = pp_fma_$S(-k, $LN2_LO, pp_fma_$S(-k, $LN2_HI, x));
    $T p = pp_fma_$S(r * r, pp_poly_exp_$S(r), r) + 1.0$f, s = pp_halves_$S(m, other);
    return p * s;
}

PP_INLINE $T pp_exp_$S($T x) {
    $T t, y = pp_exp_but_one_$S(pp_at_most_$S(pp_at_least_$S(x, $EXP_LOW), $EXP_HIGH), &t);
    return y * t;
}

/* exp(x) = (y + tail) 2^k; k + $ROUND is returned; x is not far out */
PP_INLINE $T pp_exp_parts_$S($T x, $T xl, $T *y, $T *tail) {
    $T r, rl, m = pp_reduce_$S(x, &r, &rl), z = r * r;
    $T q = z * pp_fma_$S(r, pp_poly_sinh_$S(z), pp_poly_cosh_$S(z)), u, ul;
    u = pp_fast_sum_$S(r, q, &ul);
    *y = pp_fast_sum_$S(1.0$f, u, tail);
    *tail = *tail + pp_fma_$S(rl + xl, *y, ul);
    return m;
}

PP_INLINE $T pp_expm1_$S($T x) {
    $T v = pp_clamp_$S(x, $EXPM1_LOW, $EXP_HIGH), r, rl, m = pp_reduce_$S(v, &r, &rl), z = r * r;
    $T q = z * pp_fma_$S(r, pp_poly_sinh_$S(z), pp_poly_cosh_$S(z)) + rl;
    $T one = 1.0$f - pp_power_of_two_$S($ROUND - pp_pick_$S(m - $ROUND > 100.0$f, 100.0$f, m - $ROUND));
    $T s = pp_fast_sum_$S(one, r, &rl);
    return pp_sign_$S(pp_scale_$S(s + (rl + q), m), x);
}

/* e / (1 + e) for negative x, 1 / (1 + e) else, with e = exp(-|x|) */
PP_INLINE $T pp_sigmoid_$S($T x) {
    $T t, e = pp_exp_but_one_$S(pp_at_least_$S(-pp_abs_$S(x), $EXP_LOW), &t) * t, dl, d = pp_fast_sum_$S(1.0$f, e, &dl);
    return pp_pick_$S(x < 0.0$f, pp_quotient_$S(e, 0.0$f, d, dl), 1.0$f / d);
}
"""

FAMILY = Family(generic=GENERIC, constants=CONSTANTS)
