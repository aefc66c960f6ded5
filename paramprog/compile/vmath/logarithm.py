"""log, log1p and what is made of them: x = 2^k (1 + f), log(1 + f) = 2 artanh(s) with s = f / (2 + f).

As log(1 + f) = f - s (f - R(s^2)), the leading part f is exact and s may be rounded. (Muller, Elementary Functions,
3rd ed. 2016, ch. 11.)
"""

from __future__ import annotations

from paramprog.compile.vmath.family import Family
from paramprog.types import Real

CONSTANTS: dict[Real, dict[str, str]] = {
    "float64": {
        "ROOT_HALF": "UINT64_C(0x3fe6a09e667f3bcd)",
        "FRACTION": "UINT64_C(0x000fffffffffffff)",
        "INTEGER": "0x1p52",
        "SUBNORMAL": "0x1p54",
        "SUBNORMAL_K": "54.0",
        "LOG1P_HUGE": "0x1p54",
        "LN2": "0x1.62e42fefa39efp-1",
    },
    "float32": {
        "ROOT_HALF": "UINT32_C(0x3f3504f3)",
        "FRACTION": "UINT32_C(0x007fffff)",
        "INTEGER": "0x1p23f",
        "SUBNORMAL": "0x1p25f",
        "SUBNORMAL_K": "25.0f",
        "LOG1P_HUGE": "0x1p25f",
        "LN2": "0x1.62e430p-1f",
    },
}

GENERIC = """\
/* x = 2^k m, with m in [sqrt(1/2), sqrt(2)); x is positive and normal */
PP_INLINE $T pp_split_$S($T x, $T *m) {
    $U u = pp_bits_$S(x) - $ROOT_HALF;
    *m = pp_real_$S((u & $FRACTION) + $ROOT_HALF);
    return pp_real_$S(((u + $ONE + (($U)1 << $MANTISSA)) >> $MANTISSA) | pp_bits_$S($INTEGER))
           - ($INTEGER + (($T)$BIAS + 1.0$f));
}

/* k log 2 + log(1 + f) + c */
PP_INLINE $T pp_log_sum_$S($T k, $T f, $T c) {
    $T s = f / (2.0$f + f), w = s * s, h = 0.5$f * f * f;
    $T r = s * pp_fma_$S(w, pp_poly_log_$S(w), h);
    return pp_fma_$S(k, $LN2_HI, -((h - (r + pp_fma_$S(k, $LN2_LO, c))) - f));
}

PP_INLINE $T pp_log_$S($T x) {
    int small = x < $TINY;
    $T m, k = pp_split_$S(pp_pick_$S(small, x * $SUBNORMAL, x), &m);
    $T y = pp_log_sum_$S(pp_pick_$S(small, k - $SUBNORMAL_K, k), m - 1.0$f, 0.0$f);
    y = pp_pick_$S(x > 0.0$f, y, pp_pick_$S(x == 0.0$f, -INFINITY, NAN));
    return pp_pick_$S(x < INFINITY, y, x);
}

/* log(1 + x + xl) + more log 2, for 1 + x normal, positive and finite; xl is small beside x */
PP_INLINE $T pp_log1p_parts_$S($T x, $T xl, $T more) {
    $T c, u = pp_sum_$S(1.0$f, x, &c), m, k = pp_split_$S(u, &m);
    $T f = pp_pick_$S(k == 0.0$f, x, m - 1.0$f);
    $T s = f / (2.0$f + f), w = s * s, h = 0.5$f * f * f;
    $T r = s * pp_fma_$S(w, pp_poly_log_$S(w), h);
    /* 1 / u = 2^-k (1 - s) / (1 + s), near enough for a correction */
    $T back = pp_real_$S($ONE + pp_bits_$S(m) - pp_bits_$S(u));
    c = (pp_pick_$S(k == 0.0$f, 0.0$f, c) + xl) * back;
    c = pp_pick_$S(x < $LOG1P_HUGE, c, 0.0$f);
    c = c - c * (s * (2.0$f - 2.0$f * s + 2.0$f * w));
    k = k + more;
    return pp_fma_$S(k, $LN2_HI, -((h - (r + pp_fma_$S(k, $LN2_LO, c))) - f));
}

PP_INLINE $T pp_log1p_$S($T x) {
    $T y = pp_sign_$S(pp_log1p_parts_$S(x, 0.0$f, 0.0$f), x);
    y = pp_pick_$S(x > -1.0$f, y, pp_pick_$S(x == -1.0$f, -INFINITY, NAN));
    return pp_pick_$S(x < INFINITY, y, x);
}

/* log(1 + exp(d + dl)) for d <= 0 */
PP_INLINE $T pp_log1p_exp_$S($T d, $T dl) {
    $T t, e = pp_exp_but_one_$S(pp_at_least_$S(d, $EXP_LOW), &t) * t;
    return pp_log1p_parts_$S(e, e * dl, 0.0$f);
}

PP_INLINE $T pp_softplus_$S($T x) {
    return pp_pick_$S(x < 0.0$f, 0.0$f, x) + pp_log1p_exp_$S(-pp_abs_$S(x), 0.0$f);
}

PP_INLINE $T pp_logsigmoid_$S($T x) { return -pp_softplus_$S(-x); }

PP_INLINE $T pp_logaddexp_$S($T a, $T b) {
    $T high = pp_pick_$S(a > b, a, b), low = pp_pick_$S(a > b, b, a), dl;
    $T d = pp_sum_$S(low, -high, &dl), y = high + pp_log1p_exp_$S(d, pp_pick_$S(d > -INFINITY, dl, 0.0$f));
    y = pp_pick_$S(a == b, a + $LN2, y);
    return pp_pick_$S((a != a) | (b != b), a + b, y);
}

/* x log y, but 0 where x is 0 */
PP_INLINE $T pp_xlogy_$S($T x, $T y) {
    return pp_pick_$S((x == 0.0$f) & (y == y), 0.0$f, x * pp_log_$S(y));
}
"""

FAMILY = Family(generic=GENERIC, constants=CONSTANTS)
